"""A netlink socket: requests in batches, each with its own result.

The kernel works on a request while it is sent, so nothing here waits for anybody else.
"""

from __future__ import annotations

import os
import socket
import struct
from collections.abc import Iterable, Sequence
from itertools import islice
from typing import Self

from kubehost.netlink import DONE, ERROR, Message, Reply, frame, read_attributes, read_frames

NETLINK_ROUTE, NETLINK_NETFILTER = 0, 12
_SOL_NETLINK, _CAP_ACK, _EXT_ACK = 270, 10, 11
_EXTENDED_TEXT = 1
_HAS_EXTENDED = 0x200
_RECEIVE = 256 * 1024
BATCH = 64
"""Requests of one send: the acknowledgements of more could overflow a socket's usual buffer (212,992 bytes)."""


class NetlinkError(OSError):
    """The kernel refused a request; the text names it, and has the kernel's own explanation if there is one."""


class NetlinkSocket:
    """A socket of the network namespace in which it is made; ``sock`` is one that was made elsewhere."""

    def __init__(self, protocol: int = NETLINK_ROUTE, sock: socket.socket | None = None) -> None:
        self.sock = sock or socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC, protocol)
        for option in (_CAP_ACK, _EXT_ACK):
            self.sock.setsockopt(_SOL_NETLINK, option, 1)
        self._sequence = 0

    def request(self, messages: Iterable[Message]) -> None:
        """Send requests with ACK; NetlinkError of the first refused one, after which the rest of its batch was done."""
        remaining = iter(messages)
        while batch := list(islice(remaining, BATCH)):
            self._request(batch)

    def _request(self, batch: Sequence[Message]) -> None:
        first = self._sequence + 1
        self._sequence += len(batch)
        self.sock.send(b"".join(frame(each, first + number) for number, each in enumerate(batch)))
        waiting = len(batch)
        refused: NetlinkError | None = None
        while waiting:
            for reply in read_frames(self.sock.recv(_RECEIVE)):
                if reply.type == ERROR and first <= reply.sequence < first + len(batch):
                    waiting -= 1
                    refused = refused or error_of(reply, batch[reply.sequence - first].subject)
        if refused is not None:
            raise refused

    def dump(self, message: Message) -> list[Reply]:
        """Send a request for a list; return its messages. NetlinkError."""
        self._sequence += 1
        self.sock.send(frame(message, self._sequence))
        found: list[Reply] = []
        while True:
            for reply in read_frames(self.sock.recv(_RECEIVE)):
                if reply.sequence != self._sequence:
                    continue
                if reply.type == ERROR and (error := error_of(reply, message.subject)) is not None:
                    raise error
                if reply.type in (DONE, ERROR):
                    return found
                found.append(reply)

    def __enter__(self) -> Self:
        """Return the socket, which is closed at the end of the context."""
        return self

    def __exit__(self, *_error: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the socket."""
        self.sock.close()


def error_of(reply: Reply, subject: str) -> NetlinkError | None:
    """Return the error of a message of type ERROR, None for an acknowledgement."""
    number = -struct.unpack_from("=i", reply.body)[0]
    if not number:
        return None
    # With CAP_ACK the kernel returns only the header of the request (16 bytes) before its explanation.
    extended = read_attributes(reply.body, 20) if reply.flags & _HAS_EXTENDED else ()
    said = next((value.rstrip(b"\0").decode() for kind, value in extended if kind == _EXTENDED_TEXT), "")
    text = os.strerror(number) + (f" ({said})" if said else "")
    return NetlinkError(number, f"{subject}: {text}")
