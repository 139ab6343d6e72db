"""What a TCP connection costs, counted and not timed: calls of epoll, calls of functions, and the objects that stay.

Nothing runs by itself: loopback hands over what is sent before send() returns, so a turn of the poller finds it.

IP plan: Service 127.97.0.9, endpoint 127.245.0.9, clients 127.0.0.1, port 20080.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import random
import socket
import sys
import tracemalloc
from collections import Counter
from collections.abc import Iterator
from types import FrameType
from typing import Any

import pytest
from tests.helpers.direct_network import DirectNetwork
from tests.helpers.patience import PATIENCE

from kubeapi.failures import Failures
from kubeproxy.dependencies import ProxyDependencies
from kubeproxy.loadbalancing.loadbalancer import LoadBalancer
from kubeproxy.rules import port_rule
from kubeproxy.rules.nodes import Nodes
from kubeproxy.telemetry.counters import ProxyCounters
from kubeproxy.telemetry.recent import ConnectionRecord, RecentConnections
from kubeproxy.types import Destination, Endpoint, Route, ServicePort, ServicePortName
from kubeproxy.userspace.parts import DataPlaneParts
from kubeproxy.userspace.tcp.io.connection import Connection
from kubeproxy.userspace.tcp.io.front import TcpFront

VIP, ENDPOINT, PORT = "127.97.0.9", "127.245.0.9", 20080
WEB = ServicePortName("default", "web", "http", "TCP")
DESTINATION, ROUTE = Destination(VIP, PORT, "TCP"), Route(WEB, "", is_local=False)

MOST_CALLS = 165
"""A bound, not a goal: a connection with one question and its answer takes about 115 calls of Python and C."""

MOST_CALLS_TOLD = 30
"""How much more an algorithm that follows its endpoints may cost; it takes 20 to 45 calls, with the bound's room."""

MOST_CALLS_A_CHUNK = 12
"""The handler is found and called, and it receives, sends and measures; and the poller's own calls."""

MOST_BYTES = 1600
"""A bound for a connection that is open and says nothing, all told in this process; it takes about 1,200."""


class CountedEpoll:
    """The poller's epoll, with its calls counted by name."""

    def __init__(self, epoll: Any) -> None:
        self._epoll = epoll
        self.calls: Counter[str] = Counter()

    def __getattr__(self, name: str) -> Any:
        self.calls[name] += 1
        return getattr(self._epoll, name)


class Ground:
    """A proxy's connections between a client and an endpoint that are both played by the test."""

    def __init__(self, stack: contextlib.ExitStack, algorithm: str = "random") -> None:
        self._stack = stack
        loop = stack.enter_context(contextlib.closing(asyncio.new_event_loop()))
        counters = ProxyCounters()
        balancer = LoadBalancer(algorithm, counters, clock=lambda: 1000.0, rng=random.Random(1))
        port = ServicePort(WEB, ("", 1), (VIP,), PORT)
        balancer.update(WEB, port_rule(port, (Endpoint(ENDPOINT, PORT),), Nodes()))
        dependencies = ProxyDependencies(DirectNetwork(), lambda: 1000.0, random.Random(1), Failures())
        parts = DataPlaneParts(loop, dependencies, balancer, counters, ceiling=sys.maxsize)
        parts.recent = RecentConnections(lambda: 1000.0, capacity=1)
        self.poller, self.front = parts.poller, TcpFront(parts)
        self.poller.attach(loop)
        stack.callback(self.poller.close)
        self.door, self._endpoint = self._listen(VIP), self._listen(ENDPOINT)

    def _listen(self, address: str) -> socket.socket:
        sock = self._stack.enter_context(contextlib.closing(socket.socket()))
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.bind((address, PORT))
        sock.listen(128)
        sock.settimeout(PATIENCE)
        return sock

    def client(self, words: bytes) -> tuple[socket.socket, socket.socket]:
        """Return a client that has said something, and the proxy's socket of it."""
        client = socket.create_connection((VIP, PORT), timeout=PATIENCE)
        client.sendall(words)
        return client, self.door.accept()[0]

    def accept(self, sock: socket.socket) -> socket.socket:
        """Have the proxy take a client over, and return the endpoint's socket of it."""
        self.front.accept(sock, "127.0.0.1", 40000, DESTINATION, ROUTE)
        return self._endpoint.accept()[0]

    def turn(self) -> None:
        """Have the poller handle what has come."""
        self.poller._turn()


@pytest.fixture
def ground() -> Iterator[Ground]:
    with contextlib.ExitStack() as stack:
        yield Ground(stack)


def converse(ground: Ground) -> None:
    """One whole connection: a question, its answer and the endpoint's end, and then the client's."""
    client, sock = ground.client(b"question")
    with ground.accept(sock) as endpoint:
        assert endpoint.recv(100) == b"question"
        endpoint.sendall(b"answer")
    with client:
        ground.turn()
        assert client.recv(100) == b"answer"
        assert client.recv(100) == b""
    ground.turn()


def test_a_connection_is_registered_twice_and_changed_once(ground: Ground, monkeypatch: pytest.MonkeyPatch) -> None:
    epoll = CountedEpoll(ground.poller._epoll)
    monkeypatch.setattr(ground.poller, "_epoll", epoll)
    for _ in range(10):
        converse(ground)
    assert {name: count for name, count in epoll.calls.items() if name != "poll"} == {"register": 20, "modify": 10}
    assert not ground.front.connections


def count_calls(act: Any) -> Counter[str]:
    """Return how often each function of Python and C is called meanwhile."""
    calls: Counter[str] = Counter()

    def note(frame: FrameType, event: str, arg: Any) -> None:
        if event == "call":
            calls[frame.f_code.co_qualname] += 1
        elif event == "c_call":
            calls[arg.__qualname__] += 1

    sys.setprofile(note)
    try:
        act()
    finally:
        sys.setprofile(None)
    return calls


def calls_of_a_connection(ground: Ground) -> Counter[str]:
    """Return the calls of one with a question and its answer, from the client on to both ends."""
    converse(ground)
    calls: Counter[str] = Counter()
    client, sock = ground.client(b"question")
    calls += count_calls(lambda: ground.front.accept(sock, "127.0.0.1", 40000, DESTINATION, ROUTE))
    (connection,) = ground.front.connections
    assert connection.relay.is_connected
    with ground._endpoint.accept()[0] as endpoint:
        assert endpoint.recv(100) == b"question"
        endpoint.sendall(b"answer")
    with client:
        calls += count_calls(ground.turn)
        assert client.recv(100) == b"answer"
    calls += count_calls(ground.turn)
    assert not ground.front.connections
    return calls


def test_a_connection_takes_few_calls(ground: Ground) -> None:
    calls = calls_of_a_connection(ground)
    assert calls.total() <= MOST_CALLS, calls


@pytest.mark.parametrize("algorithm", ["least_connections", "peak_ewma", "join_idle_queue"])
def test_what_an_algorithm_is_told_takes_few_calls_more(algorithm: str) -> None:
    with contextlib.ExitStack() as stack:
        calls = calls_of_a_connection(Ground(stack, algorithm))
    assert calls.total() <= MOST_CALLS + MOST_CALLS_TOLD, calls


def test_a_chunk_takes_few_calls(ground: Ground) -> None:
    client, sock = ground.client(b"question")
    endpoint = ground.accept(sock)
    with client, endpoint:
        ground.turn()
        empty = count_calls(ground.turn).total()
        client.sendall(b"more")
        calls = count_calls(ground.turn)
        assert calls.total() - empty <= MOST_CALLS_A_CHUNK, calls
    ground.turn()


def test_a_connection_that_is_over_leaves_nothing_to_the_garbage_collector(ground: Ground) -> None:
    converse(ground)
    gc.collect()
    gc.disable()
    try:
        for _ in range(100):
            converse(ground)
        left = Counter(type(each) for each in gc.get_objects())
    finally:
        gc.enable()
    assert left[Connection] == 0
    assert left[ConnectionRecord] == 1


def test_an_idle_connection_takes_little_memory(ground: Ground) -> None:
    converse(ground)
    with contextlib.ExitStack() as stack:
        waiting = [ground.client(b"question") for _ in range(50)]
        tracemalloc.start()
        try:
            for client, sock in waiting:
                ground.front.accept(sock, "127.0.0.1", 40000, DESTINATION, ROUTE)
                stack.enter_context(client)
            used, _ = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
        assert len(ground.front.connections) == 50
        assert used / 50 <= MOST_BYTES
        ground.front.reset_all()
