"""Datagrams in bulk: one recvmmsg(2) for all that wait at a socket, one sendmmsg(2) for all that leave by it.

Python's ``socket`` has neither. All pointers are set once, when the arrays are made. From one datagram to the next only
a length or an address changes, both through views: reading a field of a ctypes array costs more than the rest of a
datagram. An address stays as the kernel wrote it, until ``address_of`` makes text of it.
"""

from __future__ import annotations

import ctypes
import mmap
import os
import socket
import struct
from collections.abc import Callable, Iterable, Iterator, Sequence
from socket import SocketType
from typing import Generic, TypeVar, cast

from kubehost.addresses import Address

SLOTS = 64
"""Datagrams of one call."""

NAME_BYTES = 32
"""A struct sockaddr_in6, 28 bytes, in whole words; an IPv4 address has zeros behind its 16 bytes."""

_NAME = struct.Struct(f"{NAME_BYTES}s")
_NAMES: dict[int, struct.Struct] = {
    socket.AF_INET: struct.Struct(">2xH4s24x"),
    socket.AF_INET6: struct.Struct(">2xH4x16s8x"),
}
"""Port and address in struct sockaddr_in and sockaddr_in6."""


_HEADER_BYTES = 16
"""struct cmsghdr (cmsg(3))."""

_PACKET_INFO: dict[int, tuple[int, int, int, int, int]] = {
    socket.AF_INET: (socket.IPPROTO_IP, 8, 8, 12, 0),
    socket.AF_INET6: (socket.IPPROTO_IPV6, 49, 50, 20, 16),
}
"""By family: level, the option that turns it on, its type, its bytes, and where in them the interface's index is.

IP_PKTINFO of ip(7) and IPV6_RECVPKTINFO of ipv6(7): the address that a datagram was sent to, and comes back from.
"""


class _IOVec(ctypes.Structure):
    """A struct iovec (readv(2)): the address of some bytes, and their number."""

    _fields_ = (("base", ctypes.c_void_p), ("length", ctypes.c_size_t))


class _Header(ctypes.Structure):
    """A struct msghdr (recvmsg(2))."""

    _fields_ = (
        ("name", ctypes.c_void_p),
        ("name_length", ctypes.c_uint),
        ("vectors", ctypes.c_void_p),
        ("vector_count", ctypes.c_size_t),
        ("control", ctypes.c_void_p),
        ("control_length", ctypes.c_size_t),
        ("flags", ctypes.c_int),
    )


class _Message(ctypes.Structure):
    """A struct mmsghdr: a header, and the length of the message that was received or sent (recvmmsg(2))."""

    _fields_ = (("header", _Header), ("length", ctypes.c_uint))


_libc = ctypes.CDLL(None, use_errno=True)

receive_messages = _libc.recvmmsg
"""Takes descriptor, address of the messages, their count, flags and None; returns how many came, -1 for an error."""
receive_messages.argtypes = (ctypes.c_int, ctypes.c_void_p, ctypes.c_uint, ctypes.c_int, ctypes.c_void_p)

send_messages = _libc.sendmmsg
"""Takes descriptor, address of the messages, their count and flags; returns how many went, -1 if not even the first."""
send_messages.argtypes = (ctypes.c_int, ctypes.c_void_p, ctypes.c_uint, ctypes.c_int)


def _last_error() -> OSError:
    """Return the error of the last call."""
    number = ctypes.get_errno()
    return OSError(number, os.strerror(number))


VECTOR_BYTES, MESSAGE_BYTES = ctypes.sizeof(_IOVec), ctypes.sizeof(_Message)

Room = TypeVar("Room", bound=mmap.mmap | memoryview)
"""Of an mmap a slice is bytes, copied once; of a memoryview it is a view, for bytes that are only passed on."""


class Batch(Generic[Room]):
    """A place for a datagram in each of ``rooms``: received, or to be sent, or received and answered in place.

    Sending and receiving have message headers of their own on the same rooms and the same addresses. So an answer goes
    back to the sender without a copy of the address, and its length does not shorten the room of the next datagram.
    ``lengths`` has the length of what was received in each slot, ``sizes`` the length of what is to be sent, and
    ``vectors`` the struct iovec of that. ``ports`` has the first 8 bytes of each sender's name: its port and, of IPv4,
    its address.
    """

    def __init__(self, rooms: Sequence[Room], destinations: Destinations | None = None) -> None:
        self.rooms = tuple(rooms)
        self._slots = len(self.rooms)
        self._destinations = destinations
        self._places = tuple(slice(at, at + NAME_BYTES) for at in range(0, self._slots * NAME_BYTES, NAME_BYTES))
        names = bytearray(self._slots * NAME_BYTES)
        array = (ctypes.c_char * len(names)).from_buffer(names)
        self._name = cast(Callable[[slice], bytes], array.__getitem__)
        self._name_bytes = memoryview(names)
        self._names_at = ctypes.addressof(array)
        self.ports = self._name_bytes.cast("Q")[:: NAME_BYTES // 8]
        self._received, self._sent = (_Headers(self.rooms, self._names_at, destinations) for _ in range(2))
        self._received_at, self._sent_at = self._received.address, self._sent.address
        self.lengths, self.sizes, self.vectors = self._received.lengths, self._sent.sizes, self._sent.vectors

    def receive(self, sock: SocketType) -> int:
        """Receive what waits, as far as there are rooms, from the first slot on; return how many datagrams came.

        One call, and no second one to learn that nothing is left; BlockingIOError where nothing waits.
        """
        count: int = receive_messages(sock.fileno(), self._received_at, self._slots, socket.MSG_DONTWAIT, None)
        if count < 0:
            raise _last_error()
        if self._destinations is not None:
            self._destinations.forget_interfaces()
        return count

    def received(self, count: int) -> Iterable[tuple[int, Room, bytes]]:
        """Return of each of ``count`` datagrams that were received: its length, its room, and its sender's name."""
        return zip(self.lengths[:count].tolist(), self.rooms, map(self._name, self._places), strict=False)

    def name(self, slot: int) -> bytes:
        """Return the address in a slot as the kernel writes it."""
        return self._name(self._places[slot])

    def names(self, end: int) -> Iterator[tuple[bytes]]:
        """Yield the addresses in the slots before ``end``."""
        return _NAME.iter_unpack(self._name_bytes[: end * NAME_BYTES])

    def name_address(self, slot: int) -> int:
        """Return where in memory the address in a slot is."""
        return self._names_at + slot * NAME_BYTES

    def address(self, slot: int, name: bytes, size: int) -> None:
        """Address the first ``size`` bytes of a room to ``name``; an answer in place needs only its ``sizes``."""
        self._name_bytes[self._places[slot]] = name
        self.sizes[slot] = size

    def send(self, sock: SocketType, begin: int, end: int) -> list[int]:
        """Send the datagrams in the slots from ``begin`` to before ``end``; return those that the kernel refused."""
        refused = []
        while begin < end:
            count = send_messages(
                sock.fileno(), self._sent_at + begin * MESSAGE_BYTES, end - begin, socket.MSG_DONTWAIT
            )
            if count <= 0:  # the first one failed; those behind it may still leave
                refused.append(begin)
                count = 1
            begin += count
        return refused


class Destinations:
    """Of a socket that is bound to every address: where each datagram was sent to, so that its answer comes from there.

    As the kernel writes it, and as it takes it back. Without the interface, the answer goes where the routes lead.
    ``sources`` has, of IPv4, the address that each answer comes from, in 8 bytes.
    """

    def __init__(self, sock: SocketType, slots: int) -> None:
        level, option, self._type, size, index = _PACKET_INFO[sock.family]
        sock.setsockopt(level, option, 1)
        self._level, self._size = level, size
        self.room = _HEADER_BYTES + -(-size // 8) * 8
        self._bytes = bytearray(slots * self.room)
        self.address = ctypes.addressof((ctypes.c_char * len(self._bytes)).from_buffer(self._bytes))
        self._interfaces = memoryview(self._bytes).cast("I")[(_HEADER_BYTES + index) // 4 :: self.room // 4]
        self._none = memoryview(bytes(4 * slots)).cast("I")
        self.sources = memoryview(self._bytes).cast("Q")[_HEADER_BYTES // 8 :: self.room // 8]

    def forget_interfaces(self) -> None:
        """Keep of what was received the addresses alone."""
        self._interfaces[:] = self._none

    def each(self, end: int) -> Iterator[tuple[bytes]]:
        """Yield what the kernel has written in the slots before ``end``."""
        return struct.iter_unpack(f"{self.room}s", self._bytes[: end * self.room])

    def written(self, slot: int) -> bytes:
        """Return what the kernel has written in a slot."""
        return bytes(self._bytes[slot * self.room : (slot + 1) * self.room])

    def ancillary(self, slot: int) -> list[tuple[int, int, bytes]]:
        """Return what makes an answer to the datagram in a slot come from where that was sent to (``sendmsg``)."""
        begin = slot * self.room + _HEADER_BYTES
        return [(self._level, self._type, bytes(self._bytes[begin : begin + self._size]))]


class _Headers(Generic[Room]):
    """The message headers of one direction: ``rooms``, and addresses from ``names`` on. Owns the memory."""

    def __init__(self, rooms: Sequence[Room], names: int, destinations: Destinations | None) -> None:
        vectors, messages = bytearray(len(rooms) * VECTOR_BYTES), bytearray(len(rooms) * MESSAGE_BYTES)
        structs = (_IOVec * len(rooms)).from_buffer(vectors), (_Message * len(rooms)).from_buffer(messages)
        for index, (vector, message) in enumerate(zip(*structs, strict=True)):
            vector.base, vector.length = ctypes.addressof(ctypes.c_char.from_buffer(rooms[index])), len(rooms[index])
            message.header.name, message.header.name_length = names + index * NAME_BYTES, NAME_BYTES
            message.header.vectors, message.header.vector_count = ctypes.addressof(vector), 1
            if destinations is not None:
                # The kernel writes its length here: the same, as each datagram has this one piece.
                message.header.control = destinations.address + index * destinations.room
                message.header.control_length = destinations.room
        self.address = ctypes.addressof(structs[1])
        self.sizes = memoryview(vectors).cast("P")[1::2]
        view = memoryview(vectors)
        self.vectors = [view[at : at + VECTOR_BYTES] for at in range(0, len(vectors), VECTOR_BYTES)]
        self.lengths = memoryview(messages).cast("I")[_Message.length.offset // 4 :: MESSAGE_BYTES // 4]


def copying_rooms(count: int, size: int) -> list[mmap.mmap]:
    """Return rooms of which a slice is bytes at once; that of a bytearray is copied twice on the way to bytes."""
    return [mmap.mmap(-1, size, mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS) for _ in range(count)]


def viewing_rooms(count: int, size: int) -> list[memoryview]:
    """Return rooms of which a slice is a view. Memory that was never written to is not in use."""
    memory = memoryview(mmap.mmap(-1, count * size))
    return [memory[at : at + size] for at in range(0, count * size, size)]


def address_of(family: int, name: bytes) -> Address:
    """Return address and port of a ``name`` that the kernel wrote for a socket of ``family``."""
    port, packed = _NAMES[family].unpack(name)
    return socket.inet_ntop(family, packed), port
