"""An HTTP front on its own, with scripted endpoints and raw clients, for stories of requests.

Addresses are of 127.81.0.0/16: the Service 127.81.0.1, endpoints 127.81.1.x, port 20080. Clients come from 127.0.0.1.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
import socket
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Collection
from dataclasses import dataclass, field

from tests.helpers.direct_network import DirectNetwork
from tests.helpers.kubeproxy.cluster import connect, serving, until
from tests.helpers.patience import PATIENCE

from kubeapi.failures import Failures
from kubeproxy.balancers import Ask
from kubeproxy.dependencies import ProxyDependencies
from kubeproxy.telemetry.counters import ProxyCounters
from kubeproxy.telemetry.recent import ConnectionRecord, RecentConnections
from kubeproxy.types import Choice, Destination, Endpoint, Route, ServicePortName
from kubeproxy.userspace.http.config import HttpConfig
from kubeproxy.userspace.http.io.conversation import HttpConversation
from kubeproxy.userspace.http.io.front import HttpFront
from kubeproxy.userspace.parts import DataPlaneParts
from kubeproxy.userspace.poller import READABLE

VIP, A, B = "127.81.0.1", "127.81.1.1", "127.81.1.2"
PORT = 20080
WEB = ServicePortName("default", "web", "http", "TCP")
GET = b"GET / HTTP/1.1\r\nHost: web\r\n\r\n"
POST = b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\n"
"""A POST without its body of five bytes."""
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


class Turns:
    """A load balancer whose endpoints take turns."""

    def __init__(self, *addresses: str) -> None:
        self.endpoints = [Endpoint(each, PORT) for each in addresses]
        self._count = 0

    def next_endpoint(self, route: Route, ask: Ask, avoid: Collection[str] = ()) -> Choice | None:
        """Return the next endpoint that is not to be avoided."""
        del route, ask
        candidates = [each for each in self.endpoints if each.address not in avoid] or self.endpoints
        if not candidates:
            return None
        self._count += 1
        return Choice(candidates[(self._count - 1) % len(candidates)], is_pinned=False)

    def detour(self, route: Route) -> None:
        """Return no other way: every route leads to the same endpoints."""


@dataclass
class Running:
    """A front that listens at VIP; ``now`` is its clock."""

    front: HttpFront
    turns: Turns
    now: list[float]
    recent: RecentConnections
    clients: list[socket.socket] = field(default_factory=list)

    async def connect(self) -> Talk:
        """Connect as a client."""
        sock = await connect(VIP, PORT)
        self.clients.append(sock)
        return Talk(sock)

    async def ask(self, request: bytes = GET, *, is_head: bool = False) -> Reply:
        """Ask one thing on a connection of its own."""
        talk = await self.connect()
        await talk.send(request)
        return await talk.answer(is_head=is_head)

    def pass_time(self, seconds: float) -> None:
        """Let time go by and the time-outs be looked at."""
        self.now[0] += seconds
        self.front.sweep()

    def read_ahead(self) -> int:
        """Return how many bytes of the only client wait to be understood."""
        (connection,) = self.front.connections
        assert isinstance(connection, HttpConversation)
        return len(connection._reader.inbox)

    def last_record(self) -> ConnectionRecord:
        """Return the newest record."""
        return self.recent.records()[-1]


@dataclass
class Reply:
    """An answer as a client has read it; the body is without its chunks."""

    status: int
    head: bytes
    body: bytes

    def field(self, name: str) -> str | None:
        """Return a header's value."""
        for line in self.head.split(b"\r\n")[1:]:
            key, _, value = line.partition(b":")
            if key.decode().lower() == name.lower():
                return value.strip().decode()
        return None


class Talk:
    """A client's connection, read with a bound on every wait."""

    def __init__(self, sock: socket.socket) -> None:
        self.sock = sock
        self.inbox = b""

    async def send(self, message: bytes) -> None:
        """Send everything."""
        async with asyncio.timeout(PATIENCE):
            await asyncio.get_running_loop().sock_sendall(self.sock, message)

    def end(self) -> None:
        """Say no more."""
        self.sock.shutdown(socket.SHUT_WR)

    async def receive(self) -> bytes:
        """Return what comes next, b"" at the end."""
        async with asyncio.timeout(PATIENCE):
            return await asyncio.get_running_loop().sock_recv(self.sock, 65536)

    async def until_end(self) -> bytes:
        """Return everything up to the end."""
        received = self.inbox
        while chunk := await self.receive():
            received += chunk
        return received

    async def line_end(self, mark: bytes) -> bytes:
        """Return everything up to and with ``mark``."""
        while mark not in self.inbox:
            chunk = await self.receive()
            if not chunk:
                raise EOFError(self.inbox)
            self.inbox += chunk
        taken, self.inbox = (
            self.inbox[: self.inbox.index(mark) + len(mark)],
            self.inbox[self.inbox.index(mark) + len(mark) :],
        )
        return taken

    async def exactly(self, count: int) -> bytes:
        """Return ``count`` bytes."""
        while len(self.inbox) < count:
            chunk = await self.receive()
            if not chunk:
                raise EOFError(self.inbox)
            self.inbox += chunk
        taken, self.inbox = self.inbox[:count], self.inbox[count:]
        return taken

    async def answer(self, *, is_head: bool = False) -> Reply:
        """Return the next answer."""
        head = await self.line_end(b"\r\n\r\n")
        reply = Reply(int(head.split(b" ")[1]), head, b"")
        length = reply.field("content-length")
        if is_head or reply.status in (101, 100, 103, 204, 304):
            return reply
        if reply.field("transfer-encoding") == "chunked":
            while size := int((await self.line_end(b"\r\n")).split(b";")[0], 16):
                reply.body += (await self.exactly(size + 2))[:-2]
            while await self.line_end(b"\r\n") != b"\r\n":
                pass
        elif length is not None:
            reply.body = await self.exactly(int(length))
        else:
            reply.body, self.inbox = await self.until_end(), b""
        return reply


class _Door:
    def __init__(self, front: HttpFront, sock: socket.socket, at: ServicePortName) -> None:
        self._front = front
        self._sock = sock
        self._at = at

    def abandon(self) -> None:
        raise AssertionError("the poller has given up a listening socket")

    def on_event(self, events: int) -> None:
        del events
        with contextlib.suppress(BlockingIOError):
            while True:
                sock, (client, port) = self._sock.accept()
                sock.setblocking(False)
                number = 443 if self._at.port == "https" else 80
                self._front.accept(
                    sock,
                    client,
                    port,
                    Destination("10.96.0.1", number, "TCP"),
                    Route(self._at, "node-1", is_local=False),
                )


@contextlib.asynccontextmanager
async def http_front(
    *addresses: str, config: HttpConfig | None = None, at: ServicePortName = WEB
) -> AsyncIterator[Running]:
    """Run a front with endpoints at ``addresses``; time stands still but for ``pass_time``. ``at`` is its port."""
    now, counters, turns = [1000.0], ProxyCounters(), Turns(*addresses)
    dependencies = ProxyDependencies(DirectNetwork(), lambda: now[0], random.Random(7), Failures())
    parts = DataPlaneParts(asyncio.get_running_loop(), dependencies, turns, counters, ceiling=sys.maxsize)
    poller, front = parts.poller, HttpFront(parts, config)
    poller.attach(parts.loop)
    counters.update(WEB, [each.address for each in turns.endpoints])
    running = Running(front, turns, now, parts.recent)
    with contextlib.closing(socket.socket()) as sock:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.setblocking(False)
        sock.bind((VIP, PORT))
        sock.listen(128)
        poller.register(sock.fileno(), READABLE, _Door(front, sock, at))
        try:
            yield running
        finally:
            front.reset_all()
            for client in running.clients:
                client.close()
            poller.unregister(sock.fileno())
            poller.close()
    assert counters.active == 0
    assert all(each.active == 0 for endpoints in counters.ports.values() for each in endpoints.values())


Script = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@contextlib.asynccontextmanager
async def endpoint(address: str, script: Script) -> AsyncIterator[None]:
    """Run an endpoint that does with each connection what ``script`` says."""
    async with serving(address, PORT, script):
        yield


@dataclass
class Pod:
    """An endpoint that answers every request with ``answer`` and keeps what it was told."""

    address: str
    answer: bytes = b""
    heads: list[bytes] = field(default_factory=list)
    bodies: list[bytes] = field(default_factory=list)
    connections: int = 0

    def __post_init__(self) -> None:
        if not self.answer:
            name = self.address.encode()
            self.answer = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(name), name)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer request after request."""
        self.connections += 1
        with contextlib.suppress(asyncio.IncompleteReadError):
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                self.heads.append(head)
                self.bodies.append(await read_body(reader, head))
                writer.write(self.answer)
                await writer.drain()

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[Pod]:
        """Serve."""
        async with endpoint(self.address, self.serve):
            yield self


async def hang(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Listen and never answer."""
    del writer
    while await reader.read(65536):
        pass
    await asyncio.Event().wait()


async def read_body(reader: asyncio.StreamReader, head: bytes) -> bytes:
    """Return a request's body as it is on the wire."""
    lowered = head.lower()
    if b"\r\ntransfer-encoding: chunked" in lowered:
        body = line = await reader.readuntil(b"\r\n")
        while size := int(line.split(b";")[0], 16):
            body += await reader.readexactly(size + 2)
            line = await reader.readuntil(b"\r\n")
            body += line
        while line != b"\r\n":
            line = await reader.readuntil(b"\r\n")
            body += line
        return body
    _, found, rest = lowered.partition(b"\r\ncontent-length:")
    return await reader.readexactly(int(rest.split(b"\r\n")[0])) if found else b""


__all__ = ["until"]
