"""Messages between the processes of one proxy: objects in their order, over a pair of Unix sockets.

A message is a pickle with its length before it, and may bring a file descriptor along (unix(7), SCM_RIGHTS). Both ends
are of one program, and no other process has the pair, so pickles are trusted. Never blocks: what the socket does not
take waits in memory.
"""

from __future__ import annotations

import asyncio
import os
import pickle
import socket
import struct
from collections import deque
from collections.abc import Callable
from socket import SocketType
from typing import Any

from kubehost.io import passing

_HEAD = struct.Struct("=QB")
"""The length of the pickle in bytes, and whether a descriptor comes with it."""
_READ_BYTES = 256 * 1024

Receive = Callable[[Any, int], None]
"""Called with a message and its descriptor, which the receiver owns from then on; -1 without one."""


def pickled(message: object) -> bytes:
    """Return a message for ``Channel.send_pickle``."""
    return pickle.dumps(message, pickle.HIGHEST_PROTOCOL)


def receive(sock: socket.socket) -> Any:
    """Wait for one message on a blocking socket; EOFError when the other end is gone."""
    length, _ = _HEAD.unpack(_receive_exactly(sock, _HEAD.size))
    return pickle.loads(_receive_exactly(sock, length))  # noqa: S301  our own process'


def _receive_exactly(sock: socket.socket, count: int) -> bytes:
    received = bytearray()
    while len(received) < count:
        part = sock.recv(count - len(received))
        if not part:
            raise EOFError("the other end of the channel is gone")
        received += part
    return bytes(received)


class Channel:
    """One end, on the running event loop. ``ended`` is called once when the other end is gone."""

    def __init__(
        self, loop: asyncio.AbstractEventLoop, sock: socket.socket, receive: Receive, ended: Callable[[], None]
    ) -> None:
        self._loop = loop
        self._sock = sock
        self._receive = receive
        self._ended = ended
        self._unsent: deque[tuple[memoryview, SocketType | None]] = deque()
        self._received = bytearray()
        self._descriptors: deque[int] = deque()
        sock.setblocking(False)
        loop.add_reader(sock.fileno(), self._read)

    def send(self, message: object, along: SocketType | None = None) -> None:
        """Send a message; ``along`` stays the caller's; if it is closed before it was sent, the message is dropped.

        Nothing happens when the other end is gone.
        """
        self.send_pickle(pickled(message), along)

    def send_pickle(self, text: bytes, along: SocketType | None = None) -> None:
        """Send a message that was pickled before, for several receivers."""
        if self._sock.fileno() < 0:
            return
        self._unsent.append((memoryview(_HEAD.pack(len(text), along is not None) + text), along))
        if len(self._unsent) == 1:
            self._write()

    def close(self) -> None:
        """Close the socket, and every received descriptor that no message has claimed."""
        if self._sock.fileno() < 0:
            return
        self._loop.remove_reader(self._sock.fileno())
        self._loop.remove_writer(self._sock.fileno())
        self._sock.close()
        for descriptor in self._descriptors:
            os.close(descriptor)
        self._descriptors.clear()
        self._unsent.clear()

    def _write(self) -> None:
        while self._unsent:
            rest, along = self._unsent[0]
            if along is not None and along.fileno() < 0:
                self._unsent.popleft()
                continue
            try:
                sent = socket.send_fds(self._sock, [rest], [] if along is None else [along.fileno()])
            except BlockingIOError:
                self._loop.add_writer(self._sock.fileno(), self._write)
                return
            except OSError:
                self._end()
                return
            if sent < len(rest):
                self._unsent[0] = rest[sent:], None
            else:
                self._unsent.popleft()
        self._loop.remove_writer(self._sock.fileno())

    def _read(self) -> None:
        try:
            # The kernel never joins the bytes of two messages that each bring descriptors (net/unix/af_unix.c).
            received, descriptors = passing.receive(self._sock, _READ_BYTES, 1)
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
