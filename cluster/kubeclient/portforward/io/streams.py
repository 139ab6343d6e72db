"""The two streams of a forwarded connection, as kubectl opens them: one for bytes, and one for why it failed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from kubeapi.streaming.io.multiplexer import Multiplexer
from kubeapi.streaming.owner import StreamOwner
from kubeapi.streaming.portforward import DATA, ERROR, PortStream

ERROR_BYTES = 4096
"""What is kept of the text of an error stream."""


class Forwarded(Protocol):
    """A connection that is to be forwarded: a socket, or a tunnel."""

    def begin(self, wire: Multiplexer, request: str) -> None:
        """Open the streams with this number, and pass on what has come."""
        ...

    def abort(self) -> None:
        """End with a reset: there is no connection to the API server."""
        ...


def open_streams(wire: Multiplexer, port: int, request: str, errors: ErrorStream, owner: StreamOwner) -> int:
    """Open both streams to a port of the pod, and return the number of the one for bytes."""
    wire.end(wire.open(PortStream(ERROR, port, request).headers(), errors))
    return wire.open(PortStream(DATA, port, request).headers(), owner)


class ErrorStream:
    """The owner of an error stream: ``refuse`` is called with its text, if there is one."""

    carries_data = False

    def __init__(self, refuse: Callable[[str], None]) -> None:
        self._refuse = refuse
        self._text = b""
        self.has_ended = False

    def received(self, content: bytes) -> None:
        """Keep it."""
        self._text = (self._text + content)[:ERROR_BYTES]

    def ended(self) -> None:
        """Tell the text."""
        self.has_ended = True
        if self._text:
            self._refuse(self._text.decode("utf-8", "replace"))

    def broken(self, reason: str) -> None:
        """Nothing: the data stream ends as well."""

    def pause(self) -> None:
        """Nothing: nothing is sent."""

    def resume(self) -> None:
        """Nothing."""
