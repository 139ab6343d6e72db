"""Datagrams that leave together arrive one by one, each at its peer, whatever the kernel can do."""

from __future__ import annotations

import contextlib
import ctypes
import errno
import socket
from collections import Counter
from collections.abc import Iterator, Sequence

import pytest
from tests.helpers.kubeproxy.udp import udp_client
from tests.helpers.patience import PATIENCE

from kubehost.io import segments
from kubehost.io.binding import socket_family
from kubehost.io.datagrams import SLOTS, Batch, Destinations, copying_rooms, send_messages
from kubehost.io.segments import FEWEST, SEGMENT_LIMIT, WORTH, Segments

HERE, PORT = "127.82.8.1", 20055
PER_PEER = 16


class Server:
    """Answers each datagram with as many bytes of its first one as its text says."""

    def __init__(self, sock: socket.socket, address: str) -> None:
        self.sock = sock
        destinations = Destinations(sock, SLOTS) if address in ("0.0.0.0", "::") else None
        self._batch = Batch(copying_rooms(SLOTS, 4096), destinations)
        self.segments = Segments(self._batch, sock.family, destinations)

    def answer(self, parts: int = 1) -> int:
        """Answer what waits, in so many parts, and return how many datagrams that were."""
        batch = self._batch
        count = batch.receive(self.sock)
        for slot in range(count):
            letter, size = batch.rooms[slot][:1], int(batch.rooms[slot][1 : batch.lengths[slot]])
            batch.rooms[slot][:size] = letter * size
            batch.sizes[slot] = size
        for part in range(parts):
            self.segments.send(self.sock, count * part // parts, count * (part + 1) // parts)
        return count


@contextlib.contextmanager
def serving(address: str = HERE) -> Iterator[Server]:
    with socket.socket(socket_family(address), socket.SOCK_DGRAM | socket.SOCK_NONBLOCK) as sock:
        sock.bind((address, PORT))
        yield Server(sock, address)


def ask(client: socket.socket, *sizes: int, begin: str = "a") -> list[bytes]:
    """Ask for datagrams of these sizes, and return them."""
    for number, size in enumerate(sizes):
        client.send(b"%c%d" % (ord(begin) + number % 20, size))
    return [bytes([ord(begin) + number % 20]) * size for number, size in enumerate(sizes)]


def read(client: socket.socket, count: int) -> list[bytes]:
    return [client.recv(4096) for _ in range(count)]


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many messages each call has sent."""
    counts: list[int] = []

    def send(descriptor: int, place: int, count: int, flags: int) -> int:
        counts.append(count)
        return int(send_messages(descriptor, place, count, flags))

    monkeypatch.setattr(segments, "send_messages", send)
    return counts


@pytest.mark.parametrize("address", [HERE, "::1"])
def test_what_one_peer_asks_for_leaves_together_and_arrives_one_by_one(address: str, sent: list[int]) -> None:
    with serving(address) as server, udp_client((address, PORT)) as one, udp_client((address, PORT)) as two:
        expected = [ask(each, *[80] * PER_PEER, begin=begin) for each, begin in ((one, "a"), (two, "A"))]
        assert server.answer() == 2 * PER_PEER
        assert [read(each, PER_PEER) for each in (one, two)] == expected
        assert sent == [2]


@pytest.mark.parametrize(
    ("sizes", "messages"),
    [
        ((70, 70, 70, 90, 90), 2),  # 90 90 70, 70 70
        ((90, 20, 70, 30, 80), 3),  # 90 80, 70 30, 20
        ((0, 80, 0, 80), 3),
        ((SEGMENT_LIMIT, SEGMENT_LIMIT + 1, 4000, 80), 3),
        ((4000,) * 4, 4),
        ((0,) * 4, 4),
    ],
)
def test_a_smaller_datagram_leaves_behind_larger_ones(sizes: Sequence[int], messages: int, sent: list[int]) -> None:
    with serving() as server, udp_client((HERE, PORT)) as client:
        for _ in range(2):  # and again from the same slots
            expected = ask(client, *sizes)
            server.answer()
            assert sorted(read(client, len(sizes))) == sorted(expected)
    assert sent == [messages, messages]


def test_a_part_of_a_batch_leaves_without_the_others(sent: list[int]) -> None:
    with serving() as server, udp_client((HERE, PORT)) as client:
        expected = ask(client, 80, 70, 80, 70, 60, 50, 60, 50)
        server.answer(parts=2)
        assert sorted(read(client, 8)) == sorted(expected)
    assert sent == [2, 2]


@pytest.mark.parametrize("address", ["::", f"::ffff:{HERE}"])
def test_peers_with_one_port_at_different_addresses_get_their_own(address: str, sent: list[int]) -> None:
    with serving(address) as server, contextlib.ExitStack() as stack:
        clients = [stack.enter_context(socket.socket(socket.AF_INET, socket.SOCK_DGRAM)) for _ in range(2)]
        for number, each in enumerate(clients):
            each.settimeout(PATIENCE)
            each.bind((f"127.82.8.{number + 2}", PORT + 1))
            each.connect((HERE, PORT))
        expected = [ask(each, *[80] * PER_PEER, begin=begin) for each, begin in zip(clients, "aA", strict=True)]
        server.answer()
        assert [read(each, PER_PEER) for each in clients] == expected
    assert sent == [2]


@pytest.mark.parametrize(("address", "asked"), [("0.0.0.0", "127.82.8.9"), ("::", "::1")])
def test_they_come_from_the_address_that_was_asked(address: str, asked: str, sent: list[int]) -> None:
    with serving(address) as server, udp_client((asked, PORT)) as client:
        expected = ask(client, *[80] * PER_PEER)
        server.answer()
        assert read(client, PER_PEER) == expected
    assert sent == [1]


@pytest.mark.parametrize("address", ["0.0.0.0", "::"])
def test_each_comes_from_the_address_that_was_asked_by_a_peer_that_asks_several(address: str, sent: list[int]) -> None:
    places = [(f"127.82.8.{number}", PORT) for number in (2, 3)]
    with serving(address) as server, socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
        client.settimeout(PATIENCE)
        for _ in range(PER_PEER):
            for place in places:
                client.sendto(b"a80", place)
        server.answer()
        assert Counter(client.recvfrom(4096)[1] for _ in range(2 * PER_PEER)) == dict.fromkeys(places, PER_PEER)
    assert sent == [2]


@pytest.mark.parametrize(("count", "asked"), [(FEWEST, 1), (FEWEST, WORTH), (1, FEWEST - 1)])
def test_where_peers_ask_for_little_at_once_it_leaves_as_it_is(count: int, asked: int, sent: list[int]) -> None:
    with serving() as server, contextlib.ExitStack() as stack:
        clients = [stack.enter_context(udp_client((HERE, PORT))) for _ in range(count)]
        expected = [ask(each, *[50] * asked) for each in clients]
        server.answer()
        assert [read(each, asked) for each in clients] == expected
    assert sent == []


@pytest.mark.parametrize("code", [errno.EIO, errno.EINVAL])
def test_where_the_kernel_cannot_do_it_each_datagram_leaves_alone(code: int, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: int) -> int:
        ctypes.set_errno(code)
        return -1

    with serving() as server, udp_client((HERE, PORT)) as client:
        with monkeypatch.context() as patch:
            patch.setattr(segments, "send_messages", refuse)
            expected = ask(client, *[80] * PER_PEER)
            server.answer()
        assert read(client, PER_PEER) == expected
        assert server.segments.is_refused
        expected = ask(client, *[80] * PER_PEER)
        server.answer()
        assert read(client, PER_PEER) == expected
