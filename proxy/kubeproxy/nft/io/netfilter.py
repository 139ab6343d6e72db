"""A socket to netfilter in the cluster's network: transactions of nf_tables, and questions to conntrack.

The agent makes it, so the network and its user namespace are the socket's; this process, which owns that namespace,
may use it. A transaction is one message to the kernel, which the socket's buffer bounds: a user namespace may not go
beyond net.core.wmem_max (SO_SNDBUFFORCE is refused). Answers are there when send() returns.
"""

from __future__ import annotations

import contextlib
import errno
import os
import socket
from collections.abc import Iterator, Sequence
from socket import SocketType
from typing import NamedTuple

from kubehost.io.netlink import error_of
from kubehost.io.places import HostPlace
from kubehost.netlink import DONE, ERROR, Message, Reply, frame, read_frames
from kubehost.network import Network
from kubeproxy.nft.netlink.messages import batch, size_of

FAMILY, KIND, PROTOCOL = int(socket.AF_NETLINK), int(socket.SOCK_RAW), 12
"""NETLINK_NETFILTER."""
_WANTED_BYTES = 32 << 20
_MOST_BYTES = 4 << 20
"""The kernel keeps a transaction as a list, where each rule looks for its sets: 10,000 Services took 25 s in one of
them, and 7 s in seven."""
_SPARE_BYTES = 4096
"""For what frames a transaction."""
_SOL_NETLINK, _ADD_MEMBERSHIP, _CAP_ACK, _EXT_ACK = 270, 1, 10, 11
_RECEIVED_BYTES = 1 << 16


class Refusal(NamedTuple):
    """The kernel does not do the ``message``, by its index, of a transaction, so it does none of it."""

    message: int
    error: OSError


class NetfilterSocket:
    """Owns ``sock``. OSError if the kernel has no netfilter, or refuses."""

    def __init__(self, sock: SocketType) -> None:
        self._sock = sock
        self._sequence = 0
        for option in (socket.SO_SNDBUF, 32):  # SO_SNDBUFFORCE
            with contextlib.suppress(OSError):
                sock.setsockopt(socket.SOL_SOCKET, option, _WANTED_BYTES)
        with contextlib.suppress(OSError):
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _WANTED_BYTES)
        for option in (_CAP_ACK, _EXT_ACK):
            sock.setsockopt(_SOL_NETLINK, option, 1)
        sock.bind((0, 0))
        self.capacity = min(sock.getsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF), _MOST_BYTES) - _SPARE_BYTES
        """Bytes of the largest transaction."""

    def fileno(self) -> int:
        """Return the descriptor."""
        return self._sock.fileno()

    def close(self) -> None:
        """Close the socket."""
        self._sock.close()

    def join(self, group: int) -> None:
        """Receive the messages of a group."""
        self._sock.setsockopt(_SOL_NETLINK, _ADD_MEMBERSHIP, group)

    def transact(self, messages: Sequence[Message]) -> list[Refusal]:
        """Have the kernel do all messages, or none of them; return which it refuses. OSError if it cannot be asked."""
        if size_of(messages) > self.capacity:
            raise OSError(errno.EMSGSIZE, os.strerror(errno.EMSGSIZE))
        first = self._sequence + 1
        self._sequence += len(messages) + 2
        self._send(batch(messages, first))
        answers = {each.sequence - first - 1: each for each in self._answers() if each.type == ERROR}
        # What is wrong with the whole transaction, a missing privilege for instance, is said of its first message.
        of_all = answers.pop(-1, None)
        if of_all is not None and (error := _error(of_all, "netfilter")) is not None:
            raise error
        if not answers:
            raise OSError(errno.ENOTCONN, "the kernel does not answer")
        found = ((index, _error(reply, messages[index].subject)) for index, reply in answers.items())
        return [Refusal(index, error) for index, error in found if error is not None]

    def request(self, message: Message) -> Iterator[bytes]:
        """Ask one question and yield the bodies of the answers; OSError of the kernel's."""
        self._sequence += 1
        self._send(frame(message, self._sequence))
        for reply in self._answers():
            if reply.sequence != self._sequence:
                continue
            if reply.type == ERROR:
                if (error := _error(reply, message.subject)) is not None:
                    raise error
            elif reply.type != DONE:
                yield reply.body

    def receive(self) -> Iterator[tuple[int, bytes]]:
        """Yield type and body of the messages that wait; OSError ENOBUFS if some were lost."""
        return ((each.type, each.body) for each in self._answers())

    def _send(self, content: bytes) -> None:
        sent = self._sock.send(content)
        if sent != len(content):
            raise OSError(errno.EIO, f"{sent} of {len(content)} bytes were taken")

    def _answers(self) -> Iterator[Reply]:
        while True:
            try:
                content = self._sock.recv(_RECEIVED_BYTES)
            except BlockingIOError:
                return
            yield from read_frames(content)


def open_netfilter(network: Network) -> NetfilterSocket:
    """Return a new socket to netfilter in the network of the cluster's pods; OSError, ENETDOWN before there is one."""
    place = next((each for each in network.places if not isinstance(each, HostPlace)), None)
    if place is None:
        raise OSError("pods have no networks of their own")
    sock = place.socket(FAMILY, KIND, PROTOCOL)
    try:
        return NetfilterSocket(sock)
    except OSError:
        sock.close()
        raise


def _error(reply: Reply, subject: str) -> OSError | None:
    """Return the kernel's error as the class of its number, FileNotFoundError for instance; None without one."""
    error = error_of(reply, subject)
    return None if error is None else OSError(error.errno, error.strerror)
