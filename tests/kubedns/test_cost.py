"""What a query costs, counted and not timed: system calls, calls of functions, and the objects that stay."""

from __future__ import annotations

import contextlib
import gc
import ipaddress
import random
import socket
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from types import FrameType

import dnslib
import pytest
from tests.helpers.kubedns.objects import cluster
from tests.helpers.kubedns.server import HOST
from tests.helpers.kubedns.zone import zone_of
from tests.helpers.patience import PATIENCE

from kubedns.config import DNSConfig
from kubedns.handler import Handler
from kubedns.io.connections import Reply
from kubedns.io.datagrams import Datagrams
from kubedns.names import wire_of
from kubedns.packets.queries import write_query
from kubedns.responder import Pending, Responder
from kubedns.types import QType
from kubehost.io import datagrams, segments
from kubehost.io.datagrams import SLOTS

SHOP = "shop.svc.cluster.local"

CALLS_KEPT, CALLS_BURST = 4, 32
"""Functions of Python and C for each query that is kept (two to find it, its length, one to find what leaves with it),
and for all of a burst."""

COLD = {
    "a cluster IP": (f"cart.{SHOP}", QType.A, 135),
    "a headless Service": (f"db.{SHOP}", QType.A, 165),
    "an endpoint": (f"blue.cart.{SHOP}", QType.A, 150),
    "a port": (f"_http._tcp.cart.{SHOP}", QType.SRV, 205),
    "an address": ("20.0.96.10.in-addr.arpa", QType.PTR, 155),
    "a pod": ("10-244-0-1.shop.pod.cluster.local", QType.A, 135),
    "no address of that family": (f"cart.{SHOP}", QType.AAAA, 150),
    "no such Service": (f"missing.{SHOP}", QType.A, 145),
    "a search path's miss": (f"www.example.com.{SHOP}", QType.A, 150),
    "an alias": (f"inside.{SHOP}", QType.A, 195),
    "a name outside": ("www.example.com", QType.A, 100),
}
"""Questions, and how many functions of Python and C each may call, about half more than it does, so that a helper
can be extracted; dnslib takes over two hundred to read a query alone."""


def responding() -> Responder:
    return Responder(Handler(zone_of(cluster()), DNSConfig(), ["192.0.2.53"]), random.Random(1).random)


def later(pending: Pending, _reply: Reply) -> None:
    raise AssertionError(f"everything must be answered at once: {pending}")


class Bench:
    """Datagrams on a socket, and a client with a socket of its own."""

    def __init__(self, server: socket.socket, client: socket.socket) -> None:
        self.datagrams = Datagrams(server, responding(), later)
        self._client = client
        client.connect(server.getsockname())
        client.settimeout(PATIENCE)

    def ask(self, *questions: bytes) -> None:
        """Let datagrams wait; loopback has delivered them by the time that they are sent."""
        for each in questions:
            self._client.send(each)

    def replies(self, count: int) -> list[bytes]:
        return [self._client.recv(4096) for _ in range(count)]

    def answer(self, *questions: bytes) -> list[bytes]:
        self.ask(*questions)
        self.datagrams.drain()
        return self.replies(len(questions))


@pytest.fixture
def bench() -> Iterator[Bench]:
    with contextlib.ExitStack() as stack:
        server, client = (stack.enter_context(socket.socket(socket.AF_INET, socket.SOCK_DGRAM)) for _ in range(2))
        server.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
        server.bind((HOST, 0))
        yield Bench(server, client)


def questions(count: int, name: str = f"cart.{SHOP}", qtype: int = QType.A) -> list[bytes]:
    return [write_query(ident, wire_of(name), qtype, 1232) for ident in range(count)]


def calls(do: Callable[[], object]) -> Counter[str]:
    """Count the functions of Python and C that are called, by name."""
    found: Counter[str] = Counter()

    def note(frame: FrameType, event: str, argument: object) -> None:
        if event == "call":
            found[frame.f_code.co_name] += 1
        elif event == "c_call":
            found[getattr(argument, "__qualname__", "")] += 1

    sys.setprofile(note)
    try:
        do()
    finally:
        sys.setprofile(None)
    return found


def refused(*_arguments: object, **_options: object) -> None:
    raise AssertionError("this costs too much for a query")


@pytest.mark.parametrize(("is_kept", "lengths"), [(True, 1), (False, 2)], ids=["kept", "asked for the first time"])
def test_a_burst_is_taken_with_one_system_call_and_answered_with_one(
    is_kept: bool, lengths: int, bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    if is_kept:
        burst = questions(SLOTS)
        bench.answer(*burst)
    else:
        burst = [questions(1, f"missing-{each}.{SHOP}")[0] for each in range(SLOTS)]
    counts: list[tuple[str, int]] = []
    real_receive, real_send = datagrams.receive_messages, datagrams.send_messages

    def receive(descriptor: int, place: int, count: int, flags: int, timeout: None) -> int:
        counts.append(("received", int(real_receive(descriptor, place, count, flags, timeout))))
        return counts[-1][1]

    def send(descriptor: int, place: int, count: int, flags: int) -> int:
        counts.append(("sent", int(real_send(descriptor, place, count, flags))))
        return counts[-1][1]

    monkeypatch.setattr(datagrams, "receive_messages", receive)
    for module in (datagrams, segments):
        monkeypatch.setattr(module, "send_messages", send)
    replies = bench.answer(*burst)
    assert counts == [("received", SLOTS), ("sent", lengths)]  # those of one length leave as one
    assert sorted(each[:2] for each in replies) == sorted(each[:2] for each in burst)


def test_silence_splits_a_burst_and_costs_no_other_answer(bench: Bench) -> None:
    burst = questions(9)
    burst[0] = burst[4] = burst[8] = b"\0\0\x80" + bytes(9)
    bench.ask(*burst)
    bench.datagrams.drain()
    assert [each[1] for each in bench.replies(6)] == [1, 2, 3, 5, 6, 7]


def test_a_kept_answer_costs_one_call_and_no_reading(bench: Bench) -> None:
    burst = questions(SLOTS)
    bench.answer(*burst)
    bench.ask(*burst)
    found = calls(bench.datagrams.drain)
    assert found["kept"] == SLOTS
    assert sum(found.values()) <= CALLS_KEPT * SLOTS + CALLS_BURST, found


@pytest.mark.parametrize(("name", "qtype", "most"), COLD.values(), ids=COLD)
def test_a_question_that_is_new_costs_few_calls(name: str, qtype: int, most: int) -> None:
    answering = responding()
    (packet,) = questions(1, name, qtype)
    found = calls(lambda: answering.respond_anew(packet, packet[2:], is_tcp=False))
    assert sum(found.values()) <= most, found


@pytest.mark.parametrize(("name", "qtype"), [each[:2] for each in COLD.values()], ids=COLD)
def test_a_question_that_is_new_meets_no_library(name: str, qtype: int, monkeypatch: pytest.MonkeyPatch) -> None:
    answering = responding()
    for owner in (dnslib.DNSRecord, dnslib.DNSLabel, dnslib.DNSHeader, dnslib.buffer.Buffer):
        monkeypatch.setattr(owner, "__init__", refused)
    for address in (ipaddress.IPv4Address, ipaddress.IPv6Address):
        monkeypatch.setattr(address, "__init__", refused)
    for packet in questions(3, name, qtype):
        assert isinstance(answering.respond(packet, is_tcp=False), bytes)


def test_nothing_is_left_behind_of_a_kept_answer(bench: Bench) -> None:
    burst = questions(SLOTS)
    for _ in range(3):
        bench.answer(*burst)
    gc.collect()
    before = sys.getallocatedblocks()
    for _ in range(20):
        bench.answer(*burst)
    assert sys.getallocatedblocks() - before < SLOTS


def test_of_a_question_that_is_new_only_a_mark_is_left_behind() -> None:
    answering = responding()
    packets = [questions(1, f"missing-{each}.{SHOP}")[0] for each in range(2000)]
    answering.respond(packets[0], is_tcp=False)
    gc.collect()
    before = sys.getallocatedblocks()
    for packet in packets[1:]:
        answering.respond(packet, is_tcp=False)
    assert sys.getallocatedblocks() - before < 1.1 * len(packets)
