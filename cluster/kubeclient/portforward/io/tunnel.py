"""A forwarded connection without a socket of its own: its reader moves the bytes itself.

It behaves as a socket does: it takes bytes until it is full, keeps what its reader does not want yet, and passes ends
and resets on in both directions. Implements kubeproxy's ``Tunnel``.
"""

from __future__ import annotations

import errno
import os
from typing import Protocol

from kubeapi.streaming.io.multiplexer import Multiplexer
from kubeapi.streaming.owner import BACKLOG_HIGH
from kubeclient.portforward.io.forwarder import PodForwarder
from kubeclient.portforward.io.streams import ErrorStream, open_streams

EARLY_BYTES = 64 * 1024
"""What is taken before there is a connection to the API server."""


class Reader(Protocol):
    """What the tunnel tells; kubeproxy's ``TunnelReader``, which has more words."""

    def on_bytes(self, content: bytes) -> None:
        """Take bytes from the pod."""
        ...

    def on_end(self) -> None:
        """Know that the pod sends no more."""
        ...

    def on_room(self) -> None:
        """Know that bytes are taken again."""
        ...

    def on_reset(self) -> None:
        """Know that the connection is lost."""
        ...


class Tunnel:
    """One connection, to be forwarded to a port of the pod; ``reader`` closes it, unless it was told of a reset."""

    carries_data = True

    def __init__(self, forwarder: PodForwarder, port: int, reader: Reader) -> None:
        self._forwarder = forwarder
        self._port = port
        self._reader: Reader | None = reader
        self._wire: Multiplexer | None = None
        self._stream = 0
        self._errors = ErrorStream(self._refuse)
        self._early = b""
        self._kept = bytearray()
        """From the pod, while the reader wants nothing."""
        self._is_read = True
        self._is_shut = self._is_full = self._has_refused = self._has_ended = False
        forwarder.forward(self)

    # What the reader calls.

    def send(self, content: bytes | bytearray | memoryview, flags: int = 0, /) -> int:
        """Take bytes and return how many, none while it is full; BrokenPipeError when the pod takes no more."""
        del flags
        wire = self._wire
        if self._has_ended and self._errors.has_ended:
            # Without an error stream the server takes no more bytes (kubelet, and kubectl).
            raise BrokenPipeError(errno.EPIPE, os.strerror(errno.EPIPE))
        if wire is not None and not self._is_full:
            wire.send(self._stream, bytes(content))
            return len(content)
        taken = b"" if wire is not None else bytes(content[: EARLY_BYTES - len(self._early)])
        self._early += taken
        self._has_refused = len(taken) < len(content)
        return len(taken)

    def shut(self) -> None:
        """Send no more."""
        self._is_shut = True
        if self._wire is not None:
            self._wire.end(self._stream)

    def read(self, is_read: bool) -> None:
        """Tell the reader what has come and what comes, or keep it."""
        self._is_read = is_read
        if is_read and self._kept:
            content = bytes(self._kept)
            self._kept.clear()
            if self._wire is not None:
                self._wire.unstall(self._stream)
            if self._reader is not None:
                self._reader.on_bytes(content)
        self._tell_end()

    def close(self, *, is_reset: bool) -> None:
        """Close it, as a socket is closed."""
        if self._reader is None:
            return
        if not is_reset:
            self.shut()
        self._end()

    # What the forwarder and the multiplexer call.

    def begin(self, wire: Multiplexer, request: str) -> None:
        """Open the streams, and pass on what has come."""
        self._wire = wire
        self._stream = open_streams(wire, self._port, request, self._errors, self)
        if self._early:
            wire.send(self._stream, self._early)
            self._early = b""
        if self._is_shut:
            wire.end(self._stream)
        if not self._is_full:
            self.resume()

    def abort(self) -> None:
        """Reset: there is no connection to the API server."""
        reader = self._reader
        if reader is not None:
            self._end()
            reader.on_reset()

    def received(self, content: bytes) -> None:
        """Hand bytes on, or keep them; what is kept too long stalls the connection."""
        if self._is_read and not self._kept and self._reader is not None:
            self._reader.on_bytes(content)
            return
        self._kept += content
        if len(self._kept) >= BACKLOG_HIGH and self._wire is not None:
            self._wire.stall(self._stream)

    def ended(self) -> None:
        """Pass the pod's end on."""
        self._has_ended = True
        self._tell_end()

    def broken(self, reason: str) -> None:
        """Reset."""
        del reason
        self.abort()

    def pause(self) -> None:
        """Take no more bytes."""
        self._is_full = True

    def resume(self) -> None:
        """Take bytes again."""
        self._is_full = False
        if self._has_refused and self._reader is not None:
            self._has_refused = False
            self._reader.on_room()

    def _refuse(self, reason: str) -> None:
        """Reset, as the pod cannot be reached or has reset the connection."""
        del reason
        self.abort()

    def _tell_end(self) -> None:
        if self._has_ended and self._is_read and not self._kept and self._reader is not None:
            self._is_read = False
            self._reader.on_end()

    def _end(self) -> None:
        self._reader = None
        if self._wire is not None:
            self._wire.reset(self._stream)
        self._forwarder.over(self, self._wire)
