"""Datagrams that leave together arrive one by one, each at its peer, whatever the kernel can do."""

from __future__ import annotations

import contextlib
import ctypes
import errno
import mmap
import socket
from collections.abc import Iterator, Sequence

import pytest
from tests.helpers.kubeproxy.udp import udp_client

from kubehost.io import segments
from kubehost.io.binding import socket_family
from kubehost.io.datagrams import SLOTS, Batch, Destinations, copying_rooms, send_messages
from kubehost.io.segments import FEWEST, PAUSE, SEGMENT_LIMIT, Group, Segments

HERE, PORT = "127.82.8.1", 20055
PER_PEER = 16


class Server:
    """Answers each datagram with as many bytes of its first one as its text says."""

    def __init__(self, sock: socket.socket, address: str) -> None:
        self.sock = sock
        destinations = Destinations(sock, SLOTS) if address in ("0.0.0.0", "::") else None
        self._batch = Batch(copying_rooms(SLOTS, 4096), destinations)
        self.segments = Segments(self._batch, SLOTS, destinations)

    def answer(self) -> int:
        """Answer what waits, and return how many datagrams that were."""
        batch = self._batch
        count = batch.receive(self.sock)
        for slot in range(count):
            letter, size = batch.rooms[slot][:1], int(batch.rooms[slot][1 : batch.lengths[slot]])
            batch.rooms[slot][:size] = letter * size
            batch.sizes[slot] = size
        self.segments.send(self.sock, 0, count)
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


def test_datagrams_of_other_sizes_leave_beside_them(sent: list[int]) -> None:
    sizes: Sequence[int] = (*[70] * 8, *[90] * 8, 0, 5, SEGMENT_LIMIT, 4000, 4000)
    with serving() as server, udp_client((HERE, PORT)) as client:
        for _ in range(2):  # and again from the same slots
            expected = ask(client, *sizes)
            server.answer()
            assert sorted(read(client, len(sizes))) == sorted(expected)
    assert sent == [7, 7]


@pytest.mark.parametrize(("address", "asked"), [("0.0.0.0", "127.82.8.9"), ("::", "::1")])
def test_they_come_from_the_address_that_was_asked(address: str, asked: str, sent: list[int]) -> None:
    with serving(address) as server, udp_client((asked, PORT)) as client:
        expected = ask(client, *[80] * PER_PEER)
        server.answer()
        assert read(client, PER_PEER) == expected
    assert sent == [1]


def test_where_every_peer_asks_once_they_leave_as_they_are_and_few_batches_are_looked_at(
    sent: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    looked: list[int] = []
    groups = Segments._groups

    def look(found: Segments[mmap.mmap], begin: int, end: int) -> list[Group]:
        looked.append(end)
        return groups(found, begin, end)

    monkeypatch.setattr(Segments, "_groups", look)
    with serving() as server, contextlib.ExitStack() as stack:
        clients = [stack.enter_context(udp_client((HERE, PORT))) for _ in range(FEWEST)]
        for _ in range(PAUSE + 2):
            expected = [ask(each, 50) for each in clients]
            server.answer()
            assert [read(each, 1) for each in clients] == expected
    assert (len(looked), sent) == (2, [])


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
