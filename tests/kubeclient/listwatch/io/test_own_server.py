"""kubesvc's own API server, followed over HTTP."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Any

import pytest
from tests.helpers.kubeapi.objects import service
from tests.helpers.kubeapiserver.client import APIClient as Handlers
from tests.helpers.kubeapiserver.server import TOKEN, Door, served
from tests.helpers.kubeclient.following import access_to, followed, opened
from tests.helpers.patience import PATIENCE

from kubeapi.scheme import EVENTS, SERVICES
from kubeapi.status import StatusError
from kubeapiserver.messages import Answer, Request
from kubeclient.io.client import APIClient
from kubeclient.io.events import EventPoster
from kubeclient.listwatch import paging
from kubeclient.listwatch.io import follower
from kubeclient.listwatch.selection import Selection


@contextlib.asynccontextmanager
async def cluster(**options: Any) -> AsyncIterator[tuple[Handlers, Door, APIClient]]:
    handlers = Handlers(**options)
    async with (
        served(handlers.api.handle, store=handlers.registry.store) as door,
        opened(access_to(str(door.client._base_url).rstrip("/"), token=TOKEN)) as client,
    ):
        yield handlers, door, client


@pytest.mark.parametrize("is_streamed", [True, False], ids=["streamed", "in-pages"])
async def test_objects_are_listed_and_watched(monkeypatch: pytest.MonkeyPatch, is_streamed: bool) -> None:
    if not is_streamed:
        monkeypatch.setattr(follower, "knows_no_initial_events", lambda _: True)
        monkeypatch.setattr(follower, "begin", refuse)
    async with cluster() as (handlers, _, client):
        for name in ("a", "b"):
            handlers.registry.create(SERVICES, service(name))
        async with followed(client, selections={SERVICES: Selection(namespace="default")}) as found:
            await found.until(lambda each: each.names == ["a", "b", "kubernetes"])
            handlers.registry.create(SERVICES, service("c"))
            handlers.registry.delete(SERVICES, "default", "a")
            await found.until(lambda each: each.names == ["b", "c", "kubernetes"])
            assert all(each["kind"] == "Service" for each in found.informer.cache.values())


async def test_a_list_in_pages_is_whole_whatever_happens_meanwhile(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(follower, "begin", refuse)
    monkeypatch.setattr(paging, "PAGE_ITEMS", 2)
    monkeypatch.setattr(paging, "FEWEST_ITEMS", 2)
    monkeypatch.setattr(paging, "PAGE_BYTES", 1)
    async with cluster(history_limit=3) as (handlers, door, client):
        for number in range(5):
            handlers.registry.create(SERVICES, service(f"s{number}"))
        asked: list[str] = []

        def handle(request: Request) -> Answer:
            asked.append(request.get("continue"))
            answer = handlers.api.handle(request)
            if len(asked) == 2:
                # So much that the first page's version is no longer there.
                for number in range(5, 12):
                    handlers.registry.create(SERVICES, service(f"s{number}"))
            return answer

        door.listener._handler._handle = handle
        async with followed(client, selections={SERVICES: Selection(namespace="default")}) as found:
            await found.until(lambda each: len(each.names) == 13)
            assert [bool(each) for each in asked[:4]] == [False, True, True, False]


async def test_events_are_written_and_counted() -> None:
    async with cluster() as (handlers, _, client):
        written = handlers.registry.create(SERVICES, service("web"))
        poster = EventPoster(client, "kube-proxy", "node-1", clock=handlers.clock)
        task = asyncio.create_task(poster.run())
        for _ in range(2):
            poster.event(written, "Warning", "Odd", "it is odd")
        async with asyncio.timeout(PATIENCE):
            while not (found := handlers.registry.store.list(EVENTS)) or "series" not in found[0]:
                await asyncio.sleep(0.001)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        assert (len(found), found[0]["series"]["count"], found[0]["reason"]) == (1, 2, "Odd")
        assert found[0]["involvedObject"]["uid"] == written["metadata"]["uid"]
        assert (poster.lost, poster.problem) == (0, "")


async def refuse(*_: object) -> None:
    raise StatusError(422, "Invalid", "sendInitialEvents is forbidden for watch")


async def test_only_what_is_selected_is_followed() -> None:
    selection = Selection("!service.kubernetes.io/headless", namespace="default")
    async with cluster() as (handlers, _, client):
        handlers.registry.create(
            SERVICES, service("hidden", metadata={"labels": {"service.kubernetes.io/headless": ""}})
        )
        handlers.registry.create(SERVICES, service("seen"))
        async with followed(client, selections={SERVICES: selection}) as found:
            await found.until(lambda each: each.names == ["kubernetes", "seen"])


async def test_an_object_is_written_and_a_refusal_has_the_servers_words() -> None:
    async with cluster() as (_, _, client):
        path = "/api/v1/namespaces/default/services"
        written = await client.request("POST", path, body=service("web"))
        assert written["spec"]["clusterIP"]
        with pytest.raises(StatusError, match='services "web" already exists') as refused:
            await client.request("POST", path, body=service("web"))
        assert (refused.value.code, refused.value.reason) == (409, "AlreadyExists")
        assert (await client.get(f"{path}/web"))["metadata"]["uid"] == written["metadata"]["uid"]
