"""Datagrams in bulk: one recvmmsg(2) for all that wait at a socket, one sendmmsg(2) for all that leave by it.

Python's ``socket`` has neither. Knows nothing of flows. All pointers are set once, when the arrays are made; what
changes from one datagram to the next is a length and an address, both through views, since a field of a ctypes array
costs more than the rest of a datagram. An address stays as the kernel wrote it: who needs words asks ``address_of``.
"""

from __future__ import annotations

import ctypes
import mmap
import socket
import struct
from collections.abc import Callable, Iterable
from typing import cast

from kubehost.mmsg import IOVec, Message, last_error, receive_messages, send_messages

DATAGRAM_BYTES = 64 * 1024
"""The longest datagram, 65507 bytes by IPv4 and 65527 by IPv6, fits."""

SLOTS = 64
"""Datagrams of one call."""

NAME_BYTES = 28
"""struct sockaddr_in6; an IPv4 address has zeros behind its 16 bytes."""

_NAMES: dict[int, struct.Struct] = {
    socket.AF_INET: struct.Struct(">2xH4s20x"),
    socket.AF_INET6: struct.Struct(">2xH4x16s4x"),
}
"""Port and address in struct sockaddr_in and sockaddr_in6."""

_VECTOR, _MESSAGE = ctypes.sizeof(IOVec), ctypes.sizeof(Message)


class Batch:
    """SLOTS datagrams that were received, from sockets of one family, or are to be sent.

    ``rooms`` has their bytes. Memory where nobody has written yet is not in use.
    """

    def __init__(self) -> None:
        memory = mmap.mmap(-1, SLOTS * DATAGRAM_BYTES)
        room, base = memoryview(memory), ctypes.addressof(ctypes.c_char.from_buffer(memory))
        self.rooms = tuple(room[at : at + DATAGRAM_BYTES] for at in range(0, SLOTS * DATAGRAM_BYTES, DATAGRAM_BYTES))
        self._places = tuple(slice(at, at + NAME_BYTES) for at in range(0, SLOTS * NAME_BYTES, NAME_BYTES))
        names, vectors, messages = (bytearray(SLOTS * size) for size in (NAME_BYTES, _VECTOR, _MESSAGE))
        array = (ctypes.c_char * len(names)).from_buffer(names)
        self._name = cast(Callable[[slice], bytes], array.__getitem__)
        structs = (IOVec * SLOTS).from_buffer(vectors), (Message * SLOTS).from_buffer(messages)
        for index, (vector, message) in enumerate(zip(*structs, strict=True)):
            vector.base, vector.length = base + index * DATAGRAM_BYTES, DATAGRAM_BYTES
            message.header.name = ctypes.addressof(array) + index * NAME_BYTES
            message.header.name_length = NAME_BYTES
            message.header.vectors, message.header.vector_count = ctypes.addressof(vector), 1
        self._first = ctypes.addressof(structs[1])
        self._name_bytes = memoryview(names)
        self._sizes = memoryview(vectors).cast("P")[1::2]
        self._lengths = memoryview(messages).cast("I")[Message.length.offset // 4 :: _MESSAGE // 4]

    def receive(self, sock: socket.socket) -> Iterable[tuple[int, memoryview, bytes]]:
        """Take what waits, up to SLOTS; return for each datagram its length, its room, and who sent it.

        One call, and no second one to learn that nothing is left; BlockingIOError where nothing was.
        """
        count = receive_messages(sock.fileno(), self._first, SLOTS, socket.MSG_DONTWAIT, None)
        if count < 0:
            raise last_error()
        return zip(self._lengths[:count].tolist(), self.rooms, map(self._name, self._places), strict=False)

    def address(self, slot: int, name: bytes, size: int) -> None:
        """Have the first ``size`` bytes of a room go to ``name``."""
        self._name_bytes[self._places[slot]] = name
        self._sizes[slot] = size

    def send(self, sock: socket.socket, begin: int, end: int) -> list[int]:
        """Send the datagrams in the slots from ``begin`` to before ``end``; return those that the kernel refused."""
        refused = []
        while begin < end:
            count = send_messages(sock.fileno(), self._first + begin * _MESSAGE, end - begin, socket.MSG_DONTWAIT)
            if count <= 0:
                refused.append(begin)
                count = 1
            begin += count
        return refused


def address_of(family: int, name: bytes) -> tuple[str, int]:
    """Return address and port of a ``name``, which the kernel wrote for a socket of ``family``."""
    port, packed = _NAMES[family].unpack(name)
    return socket.inet_ntop(family, packed), port
