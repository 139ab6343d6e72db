"""Events on their way to a server: in the background, and never in anybody's way."""

from __future__ import annotations

import asyncio
import contextlib
import json
import time
from collections.abc import AsyncIterator

import pytest
from tests.helpers.kubeclient.following import access_to, opened
from tests.helpers.kubeclient.server import Asked, Cut, answer, scripted, status
from tests.helpers.objects import build_service
from tests.helpers.patience import PATIENCE

from kubeclient.io import events
from kubeclient.io.client import APIClient
from kubeclient.io.events import EventPoster

WEB = build_service("web", "shop")


@contextlib.asynccontextmanager
async def running(client: APIClient) -> AsyncIterator[EventPoster]:
    poster = EventPoster(client, "kube-proxy", "node-1", clock=time.time)
    task = asyncio.create_task(poster.run())
    try:
        yield poster
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def test_events_are_posted_in_order_and_counted() -> None:
    arrived = asyncio.Event()

    async def script(asked: Asked) -> AsyncIterator[bytes]:
        yield answer({})
        if asked.number == 3:
            arrived.set()

    async with scripted(script) as server, opened(access_to(server.url)) as client, running(client) as poster:
        for reason in ("First", "Second", "First", "First"):
            poster.event(WEB, "Normal", reason, "so it is")
        async with asyncio.timeout(PATIENCE):
            await arrived.wait()
        assert [(each.method, json.loads(each.body).get("reason")) for each in server.asked] == [
            ("POST", "First"),
            ("POST", "Second"),
            ("PATCH", None),
        ]
        assert server.asked[2].headers["content-type"] == "application/merge-patch+json"


async def test_a_server_that_is_away_is_asked_again_and_one_that_refuses_is_not(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(events, "RETRY_SECONDS", 0.0)
    last = asyncio.Event()

    async def script(asked: Asked) -> AsyncIterator[bytes]:
        if asked.number == 1:
            raise Cut
        yield answer({}) if asked.number == 2 else answer(status(403, "Forbidden", "events is forbidden"), 403)
        if asked.number == 4:
            last.set()

    async with scripted(script) as server, opened(access_to(server.url)) as client, running(client) as poster:
        for reason in ("First", "Second", "Third"):
            poster.event(WEB, "Normal", reason, "so it is")
        async with asyncio.timeout(PATIENCE):
            await last.wait()
            while poster.lost < 2:
                await asyncio.sleep(0.001)
        assert [json.loads(each.body)["reason"] for each in server.asked] == ["First", "First", "Second", "Third"]
        assert poster.problem == "events is forbidden"


async def test_too_many_events_are_dropped_and_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(events, "QUEUE_LIMIT", 2)
    async with opened(access_to("http://127.0.0.1:1")) as client:
        poster = EventPoster(client, "kube-proxy", "node-1", clock=time.time)
        for reason in ("First", "Second", "Third"):
            poster.event(WEB, "Normal", reason, "so it is")
        assert (poster.lost, poster.problem) == (1, "too many events wait for the server")
