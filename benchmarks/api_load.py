"""The API's load generator: writes, and watchers of them, as a process of its own that talks only HTTPS.

    python -m benchmarks.api_load KUBECONFIG SERVICE... --pid PID [--writes 1000] [--watchers 100] [--events 200]

Every write is a merge patch of one Service, sent when the last is answered: its latency is that of one client.
Then the same number of writes is made without and with watchers, and what the server's process takes more of the CPU
is what the watchers cost. Prints one JSON object.
"""

from __future__ import annotations

import argparse
import asyncio
import base64
import contextlib
import itertools
import json
import os
import ssl
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
import uvloop
import yaml

COMMON = "/api/v1/namespaces/default/services"
MERGE = "application/merge-patch+json"
SECONDS = 60.0
"""Bound of each part of the load."""


@dataclass(frozen=True)
class Server:
    """Where the API is, as a kubeconfig tells it."""

    url: str
    token: str
    context: ssl.SSLContext | bool = True

    @classmethod
    def of(cls, kubeconfig: Path) -> Server:
        """Read a kubeconfig with one cluster and one user."""
        told = yaml.safe_load(kubeconfig.read_text())
        cluster, user = told["clusters"][0]["cluster"], told["users"][0]["user"]
        authority = base64.b64decode(cluster["certificate-authority-data"]).decode()
        return cls(cluster["server"], user["token"], ssl.create_default_context(cadata=authority))

    def session(self) -> aiohttp.ClientSession:
        """Return a session with as many connections as are needed; the caller closes it."""
        connector = aiohttp.TCPConnector(limit=0, ssl=self.context)
        headers = {"Authorization": f"Bearer {self.token}"}
        timeout = aiohttp.ClientTimeout(total=None, sock_connect=SECONDS)
        return aiohttp.ClientSession(self.url, connector=connector, headers=headers, timeout=timeout)


class Writer:
    """Patches Services in turn, each time with something new."""

    def __init__(self, session: aiohttp.ClientSession, services: Sequence[str]) -> None:
        self._session = session
        self._services = services
        self._numbers = itertools.count()

    async def write(self, count: int) -> list[int]:
        """Make ``count`` writes one after the other and return their latencies in microseconds."""
        latencies = []
        async with asyncio.timeout(SECONDS):
            for _ in range(count):
                number = next(self._numbers)
                body = json.dumps({"metadata": {"annotations": {"bench": f"{os.getpid()}-{number}"}}})
                path = f"{COMMON}/{self._services[number % len(self._services)]}"
                begin = time.perf_counter()
                async with self._session.patch(path, data=body, headers={"Content-Type": MERGE}) as answer:
                    await answer.read()
                    answer.raise_for_status()
                latencies.append(round((time.perf_counter() - begin) * 1e6))
        return latencies


class Watchers:
    """Clients that watch all Services, and count what they are told."""

    def __init__(self, session: aiohttp.ClientSession) -> None:
        self._session = session
        self._told: list[int] = []
        self._has_changed = asyncio.Event()

    @asynccontextmanager
    async def watching(self, count: int) -> AsyncIterator[None]:
        """Have ``count`` watches for the length of the block; it begins when all are connected."""
        async with self._session.get(COMMON, params={"limit": "1"}) as answer:
            version = (await answer.json())["metadata"]["resourceVersion"]
        self._told = [0] * count
        async with contextlib.AsyncExitStack() as stack, asyncio.TaskGroup() as group:
            query = {"watch": "true", "resourceVersion": version}
            answers = [await stack.enter_async_context(self._session.get(COMMON, params=query)) for _ in range(count)]
            tasks = [group.create_task(self._count(each, answer)) for each, answer in enumerate(answers)]
            yield
            for task in tasks:
                task.cancel()

    async def _count(self, watcher: int, answer: aiohttp.ClientResponse) -> None:
        async for chunk in answer.content.iter_any():
            self._told[watcher] += chunk.count(b"\n")
            self._has_changed.set()

    async def wait_until_told(self, events: int) -> None:
        """Return once every watcher has seen so many events; TimeoutError."""
        async with asyncio.timeout(SECONDS):
            while min(self._told) < events:
                self._has_changed.clear()
                await self._has_changed.wait()


def cpu_seconds(pid: int) -> float:
    """Return what a process has taken of the CPUs so far."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def resident_bytes(pid: int) -> int:
    """Return the memory that a process has in use."""
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


async def load(
    server: Server, services: Sequence[str], pid: int, *, writes: int, watchers: int, events: int
) -> dict[str, Any]:
    """Put the load on and return what was seen of it."""
    async with server.session() as session:
        writer = Writer(session, services)
        await writer.write(min(writes, 20))
        latencies = await writer.write(writes)
        idle_memory = resident_bytes(pid)
        begin = cpu_seconds(pid)
        await writer.write(events)
        alone = cpu_seconds(pid) - begin
        watching = Watchers(session)
        async with watching.watching(watchers):
            begin = cpu_seconds(pid)
            await writer.write(events)
            await watching.wait_until_told(events)
            watched = cpu_seconds(pid) - begin
            memory = resident_bytes(pid)
    return {
        "latencies": latencies,
        "writeCPUSeconds": alone / events,
        "deliveryCPUSeconds": max(watched - alone, 0.0) / (events * watchers),
        "idleBytes": idle_memory,
        "watchedBytes": memory,
    }


def main() -> None:
    """Put the load on and print the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("kubeconfig", type=Path)
    parser.add_argument("services", nargs="+")
    parser.add_argument("--pid", type=int, required=True, help="the server's process")
    parser.add_argument("--writes", type=int, default=1000)
    parser.add_argument("--watchers", type=int, default=100)
    parser.add_argument("--events", type=int, default=200)
    options = parser.parse_args()
    server = Server.of(options.kubeconfig)
    figures = load(
        server,
        options.services,
        options.pid,
        writes=options.writes,
        watchers=options.watchers,
        events=options.events,
    )
    print(json.dumps(uvloop.run(figures)))


if __name__ == "__main__":
    main()
