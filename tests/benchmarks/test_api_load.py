from __future__ import annotations

import asyncio
import json
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from aiohttp import web
from benchmarks.api_load import COMMON, MERGE, Server, Watchers, Writer, cpu_seconds, load, resident_bytes

ADDRESS = "127.37.0.2"


class FakeAPI:
    """Takes patches of Services and tells every watcher of each, without TLS."""

    def __init__(self) -> None:
        self.patched: list[str] = []
        self.told: list[asyncio.Queue[bytes]] = []
        self.strangers = 0

    @asynccontextmanager
    async def serving(self) -> AsyncIterator[Server]:
        app = web.Application()
        app.router.add_get(COMMON, self._list_or_watch)
        app.router.add_patch(COMMON + "/{name}", self._patch)
        runner = web.AppRunner(app, shutdown_timeout=0.1)
        await runner.setup()
        site = web.TCPSite(runner, ADDRESS, 0)
        await site.start()
        try:
            yield Server(f"http://{ADDRESS}:{runner.addresses[0][1]}", "secret")
        finally:
            await runner.cleanup()

    async def _patch(self, request: web.Request) -> web.Response:
        body = await request.json()
        is_known = request.headers["Authorization"] == "Bearer secret" and request.content_type == MERGE
        if not is_known or not body["metadata"]["annotations"]["bench"]:
            self.strangers += 1
        self.patched.append(request.match_info["name"])
        for each in self.told:
            each.put_nowait(json.dumps({"type": "MODIFIED"}).encode() + b"\n")
        return web.json_response({})

    async def _list_or_watch(self, request: web.Request) -> web.StreamResponse:
        if "watch" not in request.query:
            return web.json_response({"metadata": {"resourceVersion": "7"}})
        assert request.query["resourceVersion"] == "7"
        queue: asyncio.Queue[bytes] = asyncio.Queue()
        self.told.append(queue)
        answer = web.StreamResponse()
        await answer.prepare(request)
        while True:
            await answer.write(await queue.get())


async def test_services_are_patched_in_turn_and_every_latency_is_kept() -> None:
    api = FakeAPI()
    async with api.serving() as server, server.session() as session:
        latencies = await Writer(session, ["a", "b"]).write(5)

    assert api.patched == ["a", "b", "a", "b", "a"]
    assert api.strangers == 0
    assert len(latencies) == 5
    assert min(latencies) > 0


async def test_watchers_are_waited_for_until_all_have_seen_every_event() -> None:
    api = FakeAPI()
    async with api.serving() as server, server.session() as session:
        watchers = Watchers(session)
        async with watchers.watching(3):
            await Writer(session, ["a"]).write(4)
            await watchers.wait_until_told(4)
            assert len(api.told) == 3


async def test_a_whole_load_gives_every_figure() -> None:
    api = FakeAPI()
    async with api.serving() as server:
        seen = await load(server, ["a"], os.getpid(), writes=3, watchers=2, events=2)

    assert len(api.patched) == 3 + 3 + 2 + 2
    assert len(seen["latencies"]) == 3
    assert seen["watchedBytes"] > 0
    assert seen["deliveryCPUSeconds"] >= 0


def test_a_process_is_measured_by_what_the_kernel_says_of_it() -> None:
    assert cpu_seconds(os.getpid()) > 0
    assert resident_bytes(os.getpid()) > 1_000_000


def test_a_kubeconfig_without_a_good_certificate_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "kubeconfig"
    cluster = {"server": "https://127.37.0.2:1", "certificate-authority-data": "bm9uZQ=="}
    file.write_text(json.dumps({"clusters": [{"cluster": cluster}], "users": [{"user": {"token": "t"}}]}))

    with pytest.raises(OSError, match=r"(?i)certificate|PEM|data"):
        Server.of(file)
