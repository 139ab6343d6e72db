"""Batches of datagrams over real sockets: what arrives, from whom, and what the kernel refuses."""

from __future__ import annotations

import contextlib
import os
import socket
from collections.abc import Iterator

import pytest
from tests.helpers.kubeproxy.udp import udp_client

from kubehost.io.binding import socket_family
from kubehost.io.datagrams import NAME_BYTES, SLOTS, Batch, address_of, copying_rooms, viewing_rooms

HERE, PORT = "127.82.7.1", 20054


def batch_of(size: int = 64 * 1024) -> Batch[memoryview]:
    return Batch(viewing_rooms(SLOTS, size))


def udp_socket(address: str) -> socket.socket:
    return socket.socket(socket_family(address), socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)


@contextlib.contextmanager
def listening(address: str = HERE) -> Iterator[socket.socket]:
    with udp_socket(address) as sock:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 * 1024 * 1024)
        sock.bind((address, PORT))
        yield sock


def received(batch: Batch[memoryview], sock: socket.socket) -> list[tuple[bytes, tuple[str, int]]]:
    return [
        (bytes(room[:size]), address_of(sock.family, name)) for size, room, name in batch.received(batch.receive(sock))
    ]


@pytest.mark.parametrize("address", ["127.82.7.1", "::1"])
def test_what_waits_is_taken_with_its_sender_by_one_call(address: str) -> None:
    with listening(address) as sock, udp_client((address, PORT)) as one, udp_client((address, PORT)) as two:
        for client, datagram in ((one, b"first"), (two, b""), (one, b"third")):
            client.send(datagram)
        first, second = one.getsockname()[:2], two.getsockname()[:2]
        assert received(batch_of(), sock) == [(b"first", first), (b"", second), (b"third", first)]


def test_a_batch_is_used_again_and_again_also_for_datagrams_of_other_lengths() -> None:
    batch, datagrams = batch_of(), [os.urandom(size) for size in (65507, 3, 0, 9000)]
    with listening() as sock, udp_client((HERE, PORT)) as client:
        for each in datagrams:
            client.send(each)
            assert received(batch, sock) == [(each, client.getsockname())]


def test_what_does_not_fit_waits_for_the_next_call() -> None:
    batch = batch_of()
    with listening() as sock, udp_client((HERE, PORT)) as client:
        for number in range(SLOTS + 1):
            client.send(b"%d" % number)
        assert [int(datagram) for datagram, _ in received(batch, sock)] == list(range(SLOTS))
        assert [datagram for datagram, _ in received(batch, sock)] == [b"%d" % SLOTS]


def test_where_nothing_waits_the_kernel_says_so_as_python_would() -> None:
    with listening() as sock, pytest.raises(BlockingIOError):
        batch_of().receive(sock)


def test_a_closed_socket_is_an_error() -> None:
    with listening() as sock:
        pass
    with pytest.raises(OSError, match="Bad file descriptor"):
        batch_of().receive(sock)
    assert batch_of().send(sock, 0, 2) == [0, 1]


@pytest.mark.parametrize("address", ["127.82.7.1", "::1"])
def test_what_the_kernel_refuses_is_told_and_those_behind_it_are_sent(address: str) -> None:
    inbox, outbox = batch_of(), batch_of()
    with listening(address) as sock, udp_client((address, PORT)) as client:
        client.send(b"?")
        ((_, _, name),) = inbox.received(inbox.receive(sock))
        for slot, to in enumerate((name, bytes(NAME_BYTES), name, name)):
            outbox.rooms[slot][:2] = b"%02d" % slot
            outbox.address(slot, to, 2 if slot != 2 else 65535)
        assert outbox.send(sock, 0, 4) == [1, 2]
        assert [client.recv(10), client.recv(10)] == [b"00", b"03"]
        with pytest.raises(BlockingIOError):
            client.recv(10)


def test_a_part_of_a_batch_may_leave_by_each_socket() -> None:
    inbox, outbox = batch_of(), batch_of()
    with listening() as sock, udp_socket(HERE) as other, udp_client((HERE, PORT)) as client:
        client.send(b"?")
        inbox.receive(sock)
        name = inbox.name(0)
        other.bind((HERE, PORT + 1))
        with udp_socket(HERE) as stranger:
            stranger.bind(("127.82.9.2", 0))
            stranger.sendto(b"?", (HERE, PORT + 1))
            inbox.receive(other)
            its_name = inbox.name(0)
            for slot in range(4):
                outbox.rooms[slot][:1] = b"%d" % slot
                outbox.address(slot, name if slot < 3 else its_name, 1)
            assert outbox.send(sock, 1, 3) == outbox.send(other, 3, 4) == []
            assert [client.recv(10), client.recv(10)] == [b"1", b"2"]
            assert stranger.recvfrom(10) == (b"3", (HERE, PORT + 1))


@pytest.mark.parametrize("address", ["127.82.7.1", "::1"])
def test_answers_leave_from_the_rooms_of_their_questions_and_do_not_shorten_them(address: str) -> None:
    batch = Batch(copying_rooms(SLOTS, 16))
    with listening(address) as sock, udp_client((address, PORT)) as one, udp_client((address, PORT)) as two:
        for question in (b"a longer one", b"?"):
            for client in (one, two):
                client.send(question)
            assert [room[:size] for size, room, _ in batch.received(batch.receive(sock))] == [question, question]
            for slot in range(2):
                batch.rooms[slot][:2] = b"%02d" % slot
                batch.sizes[slot] = 2
            assert batch.send(sock, 0, 2) == []
            assert (one.recv(20), two.recv(20)) == (b"00", b"01")
