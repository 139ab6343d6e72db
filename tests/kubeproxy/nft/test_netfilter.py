"""What the kernel's answers to a transaction mean; a fake socket says what a kernel rarely does."""

from __future__ import annotations

import errno
import struct
from socket import SocketType
from typing import cast

import pytest

from kubehost.netlink import ERROR
from kubeproxy.nft.io.netfilter import NetfilterSocket
from kubeproxy.nft.netlink.forms import V4
from kubeproxy.nft.netlink.messages import new_chain, new_table

MESSAGES = [new_table(V4), new_chain(V4, "services", None)]


class FakeSocket:
    """Takes everything, and answers each transaction with errors by the number of the message, -1 for its frame."""

    def __init__(self, *answers: tuple[int, int]) -> None:
        self._answers = answers
        self._packets: list[bytes] = []

    def setsockopt(self, *_option: int) -> None:
        """Do nothing."""

    def getsockopt(self, *_option: int) -> int:
        """Return a buffer of 64 KiB."""
        return 1 << 16

    def bind(self, _address: tuple[int, int]) -> None:
        """Do nothing."""

    def send(self, content: bytes) -> int:
        """Note the answers to a transaction."""
        (first,) = struct.unpack_from("=I", content, 8)
        for index, number in self._answers:
            body = struct.pack("=i", -number) + bytes(16)
            self._packets.append(struct.pack("=IHHII", 16 + len(body), ERROR, 0, first + 1 + index, 0) + body)
        return len(content)

    def recv(self, _size: int) -> bytes:
        """Return the next answer."""
        if not self._packets:
            raise BlockingIOError
        return self._packets.pop(0)


def transact(*answers: tuple[int, int]) -> dict[int, OSError]:
    sock = NetfilterSocket(cast(SocketType, FakeSocket(*answers)))
    return {each.message: each.error for each in sock.transact(MESSAGES)}


def test_an_acknowledgement_of_the_last_message_is_that_of_all() -> None:
    assert transact((1, 0)) == {}


def test_a_refused_message_is_named() -> None:
    (refused,) = transact((0, errno.EEXIST), (1, 0)).items()
    assert refused[0] == 0
    assert isinstance(refused[1], FileExistsError)
    assert refused[1].strerror == "table kube-proxy: File exists"


def test_what_is_wrong_with_all_of_it_is_nobodys_refusal() -> None:
    with pytest.raises(PermissionError, match="netfilter: Operation not permitted"):
        transact((-1, errno.EPERM))


def test_a_kernel_that_does_not_answer_is_an_error() -> None:
    with pytest.raises(OSError, match="does not answer"):
        transact()


def test_what_the_socket_cannot_take_is_not_sent() -> None:
    sock = NetfilterSocket(cast(SocketType, FakeSocket((1, 0))))
    sock.capacity = 10
    with pytest.raises(OSError, match="Message too long"):
        sock.transact(MESSAGES)
