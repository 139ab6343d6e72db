"""Every byte arrives, whoever ends first and whoever is slow: real sockets on both sides, and a hash of what each said.

A peer that stalls reads no more until the other one can send no more, or has ended: so the kernel's buffers are full,
and ends arrive while bytes lie before them.

IP plan: Service 127.97.0.7, endpoint 127.245.0.7, port 20080.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import random
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import NamedTuple

import pytest
from hypothesis import Phase, example, given, settings
from hypothesis import strategies as st
from tests.helpers.kubeproxy.cluster import Cluster, cluster, connect, service, slice_of, until

VIP, ENDPOINT, PORT = "127.97.0.7", "127.245.0.7", 20080
PATIENCE = 30.0
"""Bound of a conversation, in seconds."""
TURNS = 100
"""Of the event loop, at most, that a stall goes on when the other peer is quiet: the proxy and the kernel fill up."""
MIB = 1024 * 1024
CLOSE_WAIT = "08"
"""TCP_CLOSE_WAIT of net/tcp_states.h, as /proc/net/tcp prints it."""
UPGRADE = b"GET / HTTP/1.1\r\nHost: web\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n"
SWITCHED = b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n"


class Plan(NamedTuple):
    """What a peer does: says ``size`` bytes, stalls so often while it hears, ends when it has said or heard all."""

    size: int
    stalls: int
    ends_last: bool


DOWNLOAD = (Plan(4, 0, False), Plan(12 * MIB, 0, False))
"""By the client and the endpoint; the sheet's own case."""


class Peer:
    """One side of a conversation; ``is_quiet`` while it cannot send, or has no more to say."""

    def __init__(self, sock: socket.socket, plan: Plan, rng: random.Random) -> None:
        self.sock = sock
        self.plan = plan
        self.words = rng.randbytes(plan.size)
        self.heard = hashlib.sha256()
        self.heard_all = asyncio.Event()
        self.is_quiet = False
        self._rng = rng

    async def converse(self, other: Peer) -> None:
        """Say and hear everything, and end."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._say())
            tasks.create_task(self._hear(other))

    async def _say(self) -> None:
        loop, rest = asyncio.get_running_loop(), memoryview(self.words)
        while rest:
            try:
                rest = rest[self.sock.send(rest[: self._rng.randrange(1, 256 * 1024)]) :]
            except BlockingIOError:
                self.is_quiet = True
                await until_writable(loop, self.sock)
                self.is_quiet = False
            await asyncio.sleep(0)
        if self.plan.ends_last:
            self.is_quiet = True
            await self.heard_all.wait()
        self.sock.shutdown(socket.SHUT_WR)
        self.is_quiet = True

    async def _hear(self, other: Peer) -> None:
        loop, heard = asyncio.get_running_loop(), 0
        pauses = sorted(self._rng.randrange(other.plan.size + 1) for _ in range(self.plan.stalls))
        while True:
            while pauses and heard >= pauses[0]:
                pauses.pop(0)
                await until(lambda: other.is_quiet)
                for _ in range(self._rng.randrange(TURNS)):
                    await asyncio.sleep(0)
            chunk = await loop.sock_recv(self.sock, 64 * 1024)
            if not chunk:
                self.heard_all.set()
                return
            self.heard.update(chunk)
            heard += len(chunk)


async def until_writable(loop: asyncio.AbstractEventLoop, sock: socket.socket) -> None:
    writable = asyncio.Event()
    loop.add_writer(sock, writable.set)
    try:
        await writable.wait()
    finally:
        loop.remove_writer(sock)


Greet = Callable[[socket.socket, socket.socket], Awaitable[None]]


async def say_nothing(client: socket.socket, endpoint: socket.socket) -> None:
    """Begin as TCP does."""


async def upgrade(client: socket.socket, endpoint: socket.socket) -> None:
    """Begin as a WebSocket does."""
    loop = asyncio.get_running_loop()
    head = b""
    while b"\r\n\r\n" not in head:
        head += await loop.sock_recv(endpoint, 4096)
    await loop.sock_sendall(endpoint, SWITCHED)
    answer = b""
    while b"\r\n\r\n" not in answer:
        answer += await loop.sock_recv(client, 1)


@contextlib.asynccontextmanager
async def connected(protocol: str) -> AsyncIterator[tuple[Cluster, socket.socket, socket.socket]]:
    """Run a proxy between a client and an endpoint, and yield their sockets."""
    loop = asyncio.get_running_loop()
    ports = [{"port": PORT, **({"appProtocol": "http"} if protocol == "http" else {})}]
    with contextlib.closing(socket.create_server((ENDPOINT, PORT))) as listener:
        listener.setblocking(False)
        async with cluster(service(cluster_ip=VIP, ports=ports), slice_of("web", [ENDPOINT])) as c:
            with contextlib.closing(await connect(VIP)) as client:
                if protocol == "http":
                    await loop.sock_sendall(client, UPGRADE)
                endpoint, _ = await loop.sock_accept(listener)
                with contextlib.closing(endpoint):
                    if protocol == "http":
                        await upgrade(client, endpoint)
                    yield c, client, endpoint


def sockets_in_close_wait() -> list[str]:
    """The sockets of this process whose peer has ended and that nobody has closed."""
    own = set()
    for each in Path("/proc/self/fd").iterdir():
        with contextlib.suppress(OSError):
            own.add(str(each.readlink()))
    lines = [line.split() for line in Path("/proc/self/net/tcp").read_text().splitlines()[1:]]
    return [" ".join(each[1:4]) for each in lines if each[3] == CLOSE_WAIT and f"socket:[{each[9]}]" in own]


async def converse(protocol: str, plans: tuple[Plan, Plan], seed: int) -> None:
    rng = random.Random(seed)
    async with connected(protocol) as (c, near, far), asyncio.timeout(PATIENCE):
        client, endpoint = Peer(near, plans[0], rng), Peer(far, plans[1], rng)
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(client.converse(endpoint))
            tasks.create_task(endpoint.converse(client))
        assert client.heard.digest() == hashlib.sha256(endpoint.words).digest()
        assert endpoint.heard.digest() == hashlib.sha256(client.words).digest()
        await until(lambda: c.plane.connections() == 0)
        near.close()
        far.close()
        assert not sockets_in_close_wait()


plans = st.builds(
    Plan,
    size=st.one_of(st.integers(0, 100), st.integers(0, 12 * MIB)),
    stalls=st.integers(0, 40),
    ends_last=st.booleans(),
)


@pytest.mark.parametrize("protocol", ["tcp", "http"])
@given(
    both=st.tuples(plans, plans).filter(lambda both: not (both[0].ends_last and both[1].ends_last)),
    seed=st.integers(0, 1000),
)
@example(both=(Plan(4, 40, False), Plan(12 * MIB, 0, True)), seed=1)
@example(both=(Plan(12 * MIB, 0, True), Plan(0, 40, False)), seed=2)
@example(both=(Plan(12 * MIB, 40, False), Plan(12 * MIB, 40, False)), seed=3)
@settings(max_examples=8, phases=(Phase.explicit, Phase.generate))  # a hang is not made smaller
def test_every_byte_arrives_whoever_ends_first_and_whoever_is_slow(
    protocol: str, both: tuple[Plan, Plan], seed: int
) -> None:
    asyncio.run(converse(protocol, both, seed))
