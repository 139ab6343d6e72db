"""Datagrams in bulk: one recvmmsg(2) and one sendmmsg(2) for all that are waiting, in place of two calls for each.

What a packet means is not known here: a ``Server`` responds at once, later or not at all. Clients' addresses stay as
the kernel wrote them, and the arrays are made once, with every pointer in them: at best a query costs a slice, a call
and a slice. On a busy server this saves a fifth of the processor time of a query.
"""

from __future__ import annotations

import contextlib
import ctypes
import functools
import socket
import struct
from typing import cast

from kubedns.config import Address
from kubedns.responder import Pending
from kubedns.sockets import Server

MAX_DATAGRAMS = 64
"""Datagrams answered for each wake-up; then the rest of the loop has its turn."""

MAX_DATAGRAM = 4096
"""Bytes of a query, and of a response that goes out with the others."""

_ADDRESS = {socket.AF_INET: struct.Struct(">2xH4s8x"), socket.AF_INET6: struct.Struct(">2xH4x16s4x")}
"""struct sockaddr_in and sockaddr_in6, whole: port and address."""


class _IOVec(ctypes.Structure):
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
    """A struct mmsghdr: with how long the message was (recvmmsg(2))."""

    _fields_ = (("header", _Header), ("length", ctypes.c_uint))


_libc = ctypes.CDLL(None)
_receive = _libc.recvmmsg
_receive.argtypes = (ctypes.c_int, ctypes.c_void_p, ctypes.c_uint, ctypes.c_int, ctypes.c_void_p)
_send = _libc.sendmmsg
_send.argtypes = (ctypes.c_int, ctypes.c_void_p, ctypes.c_uint, ctypes.c_int)


_MESSAGE = ctypes.sizeof(_Message)
_INTEGERS, _WORDS = _MESSAGE // 4, _MESSAGE // ctypes.sizeof(ctypes.c_void_p)
"""From one message to the next, in unsigned integers and in words."""
_LENGTH = _Message.length.offset // 4


class _Messages:
    """MAX_DATAGRAMS messages, each with ``room`` of its own; ``names`` has their addresses, of one size.

    Reading a field of a ctypes array costs more than the rest of a query. So there are views: of the messages as
    unsigned ``integers`` and as ``words``, of the vectors as ``vector_words``, two for each.
    """

    def __init__(self, names: int, name_size: int) -> None:
        self.room = bytearray(MAX_DATAGRAMS * MAX_DATAGRAM)
        vectors, messages = bytearray(MAX_DATAGRAMS * ctypes.sizeof(_IOVec)), bytearray(MAX_DATAGRAMS * _MESSAGE)
        room = ctypes.addressof(ctypes.c_char.from_buffer(self.room))
        self._vectors = (_IOVec * MAX_DATAGRAMS).from_buffer(vectors)
        self._messages = (_Message * MAX_DATAGRAMS).from_buffer(messages)
        self.place = ctypes.addressof(self._messages)
        for index, (vector, message) in enumerate(zip(self._vectors, self._messages, strict=True)):
            vector.base, vector.length = room + index * MAX_DATAGRAM, MAX_DATAGRAM
            message.header.name, message.header.name_length = names + index * name_size, name_size
            message.header.vectors, message.header.vector_count = ctypes.addressof(vector), 1
        self.integers = memoryview(messages).cast("I")
        self.words = memoryview(messages).cast("P")
        self.vector_words = memoryview(vectors).cast("P")


class Datagrams:
    """Answers what comes to a socket, for a ``server``. The socket is its owner's to close."""

    def __init__(self, sock: socket.socket, server: Server) -> None:
        self._socket = sock
        self._server = server
        self._address = _ADDRESS[sock.family]
        self._name_size = self._address.size
        self._names = ctypes.create_string_buffer(MAX_DATAGRAMS * self._name_size)
        self._first_name = ctypes.addressof(self._names)
        self._received = _Messages(self._first_name, self._name_size)
        self._sent = _Messages(self._first_name, self._name_size)

    def drain(self) -> None:
        """Answer the datagrams that are waiting, up to a bound; what a full send buffer refuses is lost, as UDP may."""
        received = self._received
        count = _receive(self._socket.fileno(), received.place, MAX_DATAGRAMS, socket.MSG_DONTWAIT, None)
        if count <= 0:
            return
        respond, packets, lengths = self._server.respond, received.room, received.integers
        room, names, words = self._sent.room, self._sent.words, self._sent.vector_words
        ready = 0
        for index in range(count):
            at = index * MAX_DATAGRAM
            response = respond(bytes(packets[at : at + lengths[index * _INTEGERS + _LENGTH]]), is_tcp=False)
            if type(response) is not bytes or len(response) > MAX_DATAGRAM:
                if response is not None:
                    self._answer_alone(index, cast(bytes | Pending, response))
                continue
            to, size = ready * MAX_DATAGRAM, len(response)
            room[to : to + size] = response
            words[2 * ready + 1] = size
            names[ready * _WORDS] = self._first_name + index * self._name_size
            ready += 1
        self._flush(ready)

    def _flush(self, count: int) -> None:
        """Send the first ``count`` responses; one that the kernel does not take is left out, not those behind it."""
        sent = 0
        while sent < count:
            place = self._sent.place + sent * _MESSAGE
            sent += max(1, _send(self._socket.fileno(), place, count - sent, socket.MSG_DONTWAIT))

    def _answer_alone(self, index: int, response: bytes | Pending) -> None:
        """Send a response that is large, or that comes later when its client's place in the array is another's."""
        port, packed = self._address.unpack_from(self._names, index * self._name_size)
        client = socket.inet_ntop(self._socket.family, packed), port
        reply = functools.partial(_send_one, self._socket, client)
        if isinstance(response, bytes):
            reply(response)
        else:
            self._server.respond_later(response, reply)


def _send_one(sock: socket.socket, client: Address, reply: bytes | None) -> None:
    if reply is not None:
        with contextlib.suppress(OSError):
            sock.sendto(reply, client)
