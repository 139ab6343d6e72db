"""What a request costs, counted and not timed: calls to the kernel, and fields that are looked at one by one."""

from __future__ import annotations

import asyncio
import random
import re
import socket
from collections import Counter, deque
from typing import cast

import pytest
from tests.helpers.direct_network import DirectNetwork
from tests.helpers.kubeproxy.http import OK, WEB, A, B, Turns

from kubeapi.failures import Failures
from kubeproxy.dependencies import ProxyDependencies
from kubeproxy.http import grammar, heads
from kubeproxy.telemetry.counters import ProxyCounters
from kubeproxy.types import Destination, Route
from kubeproxy.userspace.http.io.conversation import HttpConversation
from kubeproxy.userspace.http.io.front import HttpFront
from kubeproxy.userspace.http.io.port import Origin
from kubeproxy.userspace.parts import DataPlaneParts
from kubeproxy.userspace.poller import READABLE, EventHandler, Poller

GET = b"GET /a HTTP/1.1\r\nHost: web\r\nAccept: */*\r\nX-Request-Id: %d\r\n\r\n"
POST = b"POST /a HTTP/1.1\r\nHost: web\r\nContent-Length: 5\r\n\r\nhello"
ONE_EACH_WAY = Counter(client_recv=1, client_send=1, upstream_recv=1, upstream_send=1)


class Sockets:
    """The kernel: sockets, connections that succeed at once, and a poller that is told what has come; counts calls."""

    def __init__(self) -> None:
        self.calls: Counter[str] = Counter()
        self.handlers: dict[int, EventHandler] = {}
        self.upstreams: list[FakeSocket] = []

    def connect(self, target: tuple[str, int], client: str) -> tuple[FakeSocket, int]:
        del target, client
        self.calls["connect"] += 1
        self.upstreams.append(FakeSocket(self, "upstream", 100 + len(self.upstreams)))
        return self.upstreams[-1], 0

    def register(self, fd: int, events: int, handler: EventHandler) -> None:
        assert events == READABLE
        self.calls["poller"] += 1
        self.handlers[fd] = handler

    def ask(self, fd: int, before: int, wanted: int, handler: EventHandler) -> int:
        del fd, before, handler
        self.calls["poller"] += 1
        return wanted


class FakeSocket:
    """A socket whose peer takes everything; what the peer says is put into ``inbox``."""

    def __init__(self, sockets: Sockets, side: str, fd: int) -> None:
        self._sockets = sockets
        self._side = side
        self._fd = fd
        self.inbox: deque[bytes] = deque()
        self.outbox = b""

    def fileno(self) -> int:
        return self._fd

    def recv_into(self, buffer: memoryview) -> int:
        self._count("recv")
        if not self.inbox:
            raise BlockingIOError
        received = self.inbox.popleft()
        buffer[: len(received)] = received
        return len(received)

    def send(self, message: bytes) -> int:
        self._count("send")
        self.outbox += message
        return len(message)

    def getsockopt(self, *option: int) -> bytes:
        assert option == (socket.IPPROTO_TCP, socket.TCP_INFO, 1)
        self._count("getsockopt")
        return b"\x01"

    def hears(self, *segments: bytes) -> None:
        """Let the peer say this, each segment an event of its own."""
        for segment in segments:
            self.inbox.append(segment)
            self._sockets.handlers[self._fd].on_event(READABLE)

    def _count(self, call: str) -> None:
        self._sockets.calls[f"{self._side}_{call}"] += 1


@pytest.fixture
def sockets(monkeypatch: pytest.MonkeyPatch) -> Sockets:
    kernel = Sockets()
    monkeypatch.setattr("kubeproxy.userspace.http.io.upstream.connect", kernel.connect)
    return kernel


def client_of(sockets: Sockets, *endpoints: str) -> FakeSocket:
    """Return the client's socket at a front with these endpoints."""
    loop = cast(asyncio.AbstractEventLoop, None)  # no dial waits
    dependencies = ProxyDependencies(DirectNetwork(), lambda: 0.0, random.Random(1), Failures())
    parts = DataPlaneParts(loop, dependencies, Turns(*endpoints), ProxyCounters(), ceiling=1000)
    parts.poller = cast(Poller, sockets)
    front = HttpFront(parts)
    client = FakeSocket(sockets, "client", 1)
    destination, route = Destination("10.96.0.1", 80, "TCP"), Route(WEB, "", is_local=False)
    origin = Origin("10.0.0.9", 40000, destination, route)
    HttpConversation(front.shared, front.port(WEB), cast(socket.socket, client), origin)
    return client


def exchange(sockets: Sockets, client: FakeSocket, *request: bytes, at: int = 0) -> Counter[str]:
    """Return what one request costs that is answered by the endpoint ``at``."""
    sockets.calls.clear()
    client.outbox = b""
    client.hears(*request)
    sockets.upstreams[at].hears(OK)
    assert client.outbox == OK
    return Counter(sockets.calls)


def test_a_request_on_kept_connections_is_one_read_and_one_write_on_each_side(sockets: Sockets) -> None:
    client = client_of(sockets, A)
    assert exchange(sockets, client, GET % 0) == ONE_EACH_WAY + Counter(connect=1, poller=1)
    assert [exchange(sockets, client, GET % number) for number in range(1, 4)] == [ONE_EACH_WAY] * 3


def test_so_it_is_when_endpoints_take_turns(sockets: Sockets) -> None:
    client = client_of(sockets, A, B)
    for turn in range(2):
        exchange(sockets, client, GET % turn, at=turn)
    assert [exchange(sockets, client, GET % turn, at=turn % 2) for turn in range(2, 6)] == [ONE_EACH_WAY] * 4


def test_what_could_not_be_repeated_costs_a_look_at_the_kept_connection(sockets: Sockets) -> None:
    client = client_of(sockets, A)
    assert exchange(sockets, client, POST) == ONE_EACH_WAY + Counter(connect=1, poller=1)
    assert exchange(sockets, client, POST) == ONE_EACH_WAY + Counter(upstream_getsockopt=1)


def test_a_head_or_body_in_pieces_costs_their_reads_and_writes_and_no_call_of_the_poller(sockets: Sockets) -> None:
    client = client_of(sockets, A)
    exchange(sockets, client, GET % 0)
    assert exchange(sockets, client, b"GET / HT", b"TP/1.1\r\nHost: web\r\n\r\n") == ONE_EACH_WAY + Counter(
        client_recv=1
    )
    in_pieces = exchange(sockets, client, POST[:-5], b"he", b"llo")
    assert in_pieces == ONE_EACH_WAY + Counter(client_recv=2, upstream_send=2, upstream_getsockopt=1)
    assert sockets.upstreams[0].outbox.endswith(b"\r\n\r\nhello")


def test_only_lines_that_are_new_are_taken_apart(sockets: Sockets, monkeypatch: pytest.MonkeyPatch) -> None:
    looked_at: list[bytes] = []

    class Field:
        def fullmatch(self, line: bytes) -> re.Match[bytes] | None:
            looked_at.append(line)
            return field.fullmatch(line)

    heads._plain.clear()
    field = grammar.FIELD
    client = client_of(sockets, A)
    exchange(sockets, client, GET % 100_000)
    monkeypatch.setattr(grammar, "FIELD", Field())
    exchange(sockets, client, GET % 100_001)
    exchange(sockets, client, GET % 100_000)
    assert looked_at == [b"X-Request-Id: 100001"]
