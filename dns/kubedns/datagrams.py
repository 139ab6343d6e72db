"""Datagrams in bulk: one recvmmsg(2) and one sendmmsg(2) for all that are waiting, in place of two calls for each.

What a packet means is not known here: a ``Server`` responds at once, later or not at all. The arrays are made once,
with every pointer in them. A response goes out from where its query came in, behind the id that is there already and
to the address that the kernel wrote: at best a query costs a slice, a call and a slice, and no object but the slice.
"""

from __future__ import annotations

import contextlib
import ctypes
import functools
import mmap
import socket
import struct
from collections.abc import Sequence

from kubedns.config import Address
from kubedns.responder import Pending
from kubedns.sockets import Server
from kubehost.mmsg import IOVec, Message, receive_messages, send_messages

MAX_DATAGRAMS = 64
"""Datagrams answered for each wake-up; then the rest of the loop has its turn."""

MAX_DATAGRAM = 4096
"""Bytes of a query, and of a response that goes out with the others."""

_PRIVATE = mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS
"""Of a datagram's room: a slice of an mmap is made of bytes at once, that of a bytearray by way of another one."""

_ADDRESS = {socket.AF_INET: struct.Struct(">2xH4s8x"), socket.AF_INET6: struct.Struct(">2xH4x16s4x")}
"""struct sockaddr_in and sockaddr_in6, whole: port and address."""


_MESSAGE = ctypes.sizeof(Message)
_INTEGERS = _MESSAGE // 4
"""From one message to the next, in unsigned integers."""
_LENGTH = Message.length.offset // 4


class _Messages:
    """Messages for ``rooms``, each as large as its room, and for the addresses from ``names`` on.

    Reading a field of a ctypes array costs more than the rest of a query. So there are views: of the messages as
    unsigned ``integers``, of their vectors as ``vector_words``, two for each.
    """

    def __init__(self, rooms: Sequence[mmap.mmap], names: int, name_size: int) -> None:
        count = len(rooms)
        vectors, messages = bytearray(count * ctypes.sizeof(IOVec)), bytearray(count * _MESSAGE)
        self._vectors = (IOVec * count).from_buffer(vectors)
        self._messages = (Message * count).from_buffer(messages)
        self.place = ctypes.addressof(self._messages)
        for index, (vector, message) in enumerate(zip(self._vectors, self._messages, strict=True)):
            vector.base, vector.length = ctypes.addressof(ctypes.c_char.from_buffer(rooms[index])), MAX_DATAGRAM
            message.header.name, message.header.name_length = names + index * name_size, name_size
            message.header.vectors, message.header.vector_count = ctypes.addressof(vector), 1
        self.integers = memoryview(messages).cast("I")
        self.vector_words = memoryview(vectors).cast("P")


class Datagrams:
    """Answers what comes to a socket, for a ``server``. The socket is its owner's to close."""

    def __init__(self, sock: socket.socket, server: Server) -> None:
        self._socket = sock
        self._server = server
        self._address = _ADDRESS[sock.family]
        self._name_size = self._address.size
        self._names = ctypes.create_string_buffer(MAX_DATAGRAMS * self._name_size)
        self._rooms = [mmap.mmap(-1, MAX_DATAGRAM, _PRIVATE) for _ in range(MAX_DATAGRAMS)]
        names = ctypes.addressof(self._names)
        self._received = _Messages(self._rooms, names, self._name_size)
        self._sent = _Messages(self._rooms, names, self._name_size)

    def drain(self) -> None:
        """Answer the datagrams that are waiting, up to a bound; what a full send buffer refuses is lost, as UDP may."""
        received = self._received
        count = receive_messages(self._socket.fileno(), received.place, MAX_DATAGRAMS, socket.MSG_DONTWAIT, None)
        kept, lengths, sizes, begin = self._server.kept, received.integers, self._sent.vector_words, 0
        for index, room in enumerate(self._rooms[: max(count, 0)]):
            question = room[2 : lengths[index * _INTEGERS + _LENGTH]]
            response = kept(question)
            if response is None:
                response = self._respond(index, room[:2], question)
            size = 2 + len(response or b"")
            if response is None or size > MAX_DATAGRAM:
                self._send(begin, index)
                begin = index + 1
                if response:
                    _send_one(self._socket, self._client(index), room[:2] + response)
                continue
            room[2:size] = response
            sizes[2 * index + 1] = size
        self._send(begin, count)

    def _respond(self, index: int, ident: bytes, question: bytes) -> bytes | None:
        """Return the response without its id; None if there is none or it comes later."""
        response = self._server.respond_anew(ident + question, question, is_tcp=False)
        if isinstance(response, bytes):
            return response[2:]
        if isinstance(response, Pending):
            self._server.respond_later(response, functools.partial(_send_one, self._socket, self._client(index)))
        return None

    def _client(self, index: int) -> Address:
        """Return who sent a datagram, for a response that does not go out from its place."""
        port, packed = self._address.unpack_from(self._names, index * self._name_size)
        return socket.inet_ntop(self._socket.family, packed), port

    def _send(self, begin: int, end: int) -> None:
        """Send responses from one on; one that the kernel does not take is left out, not those behind it."""
        while begin < end:
            place = self._sent.place + begin * _MESSAGE
            begin += max(1, send_messages(self._socket.fileno(), place, end - begin, socket.MSG_DONTWAIT))


def _send_one(sock: socket.socket, client: Address, reply: bytes | None) -> None:
    if reply is not None:
        with contextlib.suppress(OSError):
            sock.sendto(reply, client)
