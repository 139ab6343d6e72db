"""Messages between the processes of one proxy: objects in their order, over a pair of Unix sockets.

A message is a pickle with its length before it, and may bring a file descriptor along (unix(7), SCM_RIGHTS). Both ends
are of one program, the pair is nobody else's, so pickles are trusted. Never blocks: what the socket does not take waits
in memory.
"""

from __future__ import annotations

import asyncio
import os
import pickle
import socket
import struct
from collections import deque
from collections.abc import Callable
from typing import Any

_HEAD = struct.Struct("=QB")
"""The length of the pickle in bytes, and whether a descriptor comes with it."""
_READ_BYTES = 256 * 1024

Receive = Callable[[Any, int], None]
"""Takes a message and its descriptor, which the receiver owns from then on; -1 without one."""


def receive(sock: socket.socket) -> tuple[Any, int]:
    """Wait for one message on a blocking socket; EOFError when the other end is gone."""
    head, descriptors, _, _ = socket.recv_fds(sock, _HEAD.size, 1)
    if len(head) < _HEAD.size:
        raise EOFError("the other end of the channel is gone")
    length, _ = _HEAD.unpack(head)
    pickled = bytearray()
    while len(pickled) < length:
        received = sock.recv(length - len(pickled))
        if not received:
            raise EOFError("the other end of the channel is gone")
        pickled += received
    return pickle.loads(pickled), descriptors[0] if descriptors else -1  # noqa: S301  our own process'


class Channel:
    """One end, on the running event loop. ``ended`` is called once when the other end is gone."""

    def __init__(
        self, loop: asyncio.AbstractEventLoop, sock: socket.socket, receive: Receive, ended: Callable[[], None]
    ) -> None:
        self._loop = loop
        self._sock = sock
        self._receive = receive
        self._ended = ended
        self._unsent: deque[tuple[memoryview, int]] = deque()
        self._received = bytearray()
        self._descriptors: deque[int] = deque()
        sock.setblocking(False)
        loop.add_reader(sock.fileno(), self._read)

    def send(self, message: object, descriptor: int = -1) -> None:
        """Send a message; ``descriptor`` stays the caller's. Nothing happens when the other end is gone."""
        self.send_pickle(pickle.dumps(message, pickle.HIGHEST_PROTOCOL), descriptor)

    def send_pickle(self, pickled: bytes, descriptor: int = -1) -> None:
        """Send what many get and is pickled once."""
        if self._sock.fileno() < 0:
            return
        has_descriptor = descriptor >= 0
        head = _HEAD.pack(len(pickled), has_descriptor)
        self._unsent.append((memoryview(head + pickled), os.dup(descriptor) if has_descriptor else -1))
        if len(self._unsent) == 1:
            self._write()

    def close(self) -> None:
        """Send and receive no more."""
        if self._sock.fileno() < 0:
            return
        self._loop.remove_reader(self._sock.fileno())
        self._loop.remove_writer(self._sock.fileno())
        self._sock.close()
        for descriptor in (*self._descriptors, *(each for _, each in self._unsent if each >= 0)):
            os.close(descriptor)
        self._descriptors.clear()
        self._unsent.clear()

    def _write(self) -> None:
        while self._unsent:
            rest, descriptor = self._unsent[0]
            try:
                sent = socket.send_fds(self._sock, [rest], [descriptor] if descriptor >= 0 else [])
            except BlockingIOError:
                self._loop.add_writer(self._sock.fileno(), self._write)
                return
            except OSError:
                self._end()
                return
            if descriptor >= 0:
                os.close(descriptor)
            if sent < len(rest):
                self._unsent[0] = rest[sent:], -1
            else:
                self._unsent.popleft()
        self._loop.remove_writer(self._sock.fileno())

    def _read(self) -> None:
        try:
            # The kernel never joins the bytes of two messages that each bring descriptors (net/unix/af_unix.c).
            received, descriptors, _, _ = socket.recv_fds(self._sock, _READ_BYTES, 1)
        except BlockingIOError:
            return
        except OSError:
            self._end()
            return
        self._descriptors += descriptors
        if not received:
            self._end()
            return
        self._received += received
        self._deliver()

    def _deliver(self) -> None:
        at = 0
        while len(self._received) - at >= _HEAD.size:
            length, has_descriptor = _HEAD.unpack_from(self._received, at)
            end = at + _HEAD.size + length
            if len(self._received) < end:
                break
            message = pickle.loads(memoryview(self._received)[at + _HEAD.size : end])  # noqa: S301  our own process'
            at = end
            self._receive(message, self._descriptors.popleft() if has_descriptor else -1)
            if self._sock.fileno() < 0:
                return
        del self._received[:at]

    def _end(self) -> None:
        self.close()
        self._ended()
