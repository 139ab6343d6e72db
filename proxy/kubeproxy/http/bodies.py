"""Where a body ends: by length, by chunks or with the connection (RFC 9112 6 and 7).

``feed`` takes what has come and returns how many bytes of it belong to the body; they are passed on as they are. The
chunked coding is read strictly: only the extensions that the RFC allows, and no bare LF in any line; in answers such
mistakes are corrected instead.
"""

from __future__ import annotations

from typing import Protocol

from kubeproxy.http import grammar
from kubeproxy.http.heads import CHUNKED, UNTIL_END

CHUNK_LINE_BYTES = 4096
"""A chunk's line with its extensions, or one trailer field."""

TRAILER_BYTES = 16 * 1024
"""All lines that are no chunk's: trailers, and a body of nothing but extensions (hyper's limit for those)."""

FORBIDDEN_TRAILERS = frozenset((b"content-length", b"transfer-encoding", b"host", b"trailer"))
"""Fields that frame or route, which a trailer must not bring (RFC 9110 6.5.1)."""


class BadBody(Exception):
    """A body breaks the chunked grammar; the message says how."""


class Body(Protocol):
    """The rest of a message after its head."""

    is_complete: bool

    def feed(self, received: memoryview) -> int:
        """Return how many bytes of ``received`` belong to the body; raise BadBody."""
        ...


class Length:
    """A body of a known length."""

    __slots__ = ("_remaining", "is_complete")

    def __init__(self, length: int) -> None:
        self._remaining = length
        self.is_complete = not length

    def feed(self, received: memoryview) -> int:
        """Count down."""
        count = min(len(received), self._remaining)
        self._remaining -= count
        self.is_complete = not self._remaining
        return count


class UntilEnd:
    """A body that ends with its connection; its owner knows when that is."""

    __slots__ = ("is_complete",)

    def __init__(self) -> None:
        self.is_complete = False

    def feed(self, received: memoryview) -> int:
        """Take everything."""
        return len(received)


class Chunked:
    """A body in chunks. ``payload``, when given, collects what the chunks contain, for clients of HTTP/1.0."""

    __slots__ = ("_after_chunk", "_extra", "_in_trailers", "_line", "_remaining", "is_complete", "payload")

    def __init__(self, payload: list[bytes] | None = None) -> None:
        self.is_complete = False
        self.payload = payload
        self._remaining = 0
        self._line = b""
        self._after_chunk = False
        self._in_trailers = False
        self._extra = 0

    def feed(self, received: memoryview) -> int:
        """Follow the chunks."""
        position, end = 0, len(received)
        while position < end and not self.is_complete:
            if self._remaining:
                step = min(self._remaining, end - position)
                if self.payload is not None:
                    self.payload.append(bytes(received[position : position + step]))
                self._remaining -= step
                position += step
            else:
                position = self._take_line(received, position)
        return position

    def _take_line(self, received: memoryview, position: int) -> int:
        piece = bytes(received[position : position + CHUNK_LINE_BYTES])
        end = piece.find(b"\n") + 1
        line = self._line + (piece[:end] if end else piece)
        if len(line) > CHUNK_LINE_BYTES or (self._after_chunk and not b"\r\n".startswith(line)):
            raise BadBody("too long a line between chunks" if len(line) > CHUNK_LINE_BYTES else "no CRLF after a chunk")
        if not end:
            self._line = line
            return position + len(piece)
        self._line = b""
        if not line.endswith(b"\r\n"):
            raise BadBody("bare LF between chunks")
        self._read_line(line[:-2])
        return position + end

    def _read_line(self, line: bytes) -> None:
        if self._after_chunk:
            self._after_chunk = False
        elif self._in_trailers:
            self._read_trailer(line)
        else:
            self._read_size(line)

    def _read_size(self, line: bytes) -> None:
        match = grammar.CHUNK_SIZE.fullmatch(line)
        if match is None:
            raise BadBody("invalid chunk size")
        self._count(len(line) - len(match[1]))
        self._remaining = int(match[1], 16)
        self._after_chunk = bool(self._remaining)
        self._in_trailers = not self._remaining

    def _read_trailer(self, line: bytes) -> None:
        if not line:
            self.is_complete = True
            return
        match = grammar.FIELD.fullmatch(line)
        if match is None or match[1].lower() in FORBIDDEN_TRAILERS:
            raise BadBody("invalid trailer")
        self._count(len(line))

    def _count(self, extra: int) -> None:
        self._extra += extra
        if self._extra > TRAILER_BYTES:
            raise BadBody("too many chunk extensions or trailers")


class AnswerChunks(Chunked):
    """The chunks of an answer, corrected for the client where the endpoint is not strict.

    HAProxy and nginx both take lines that end with a bare LF and white space behind a size. A trailer that frames or
    routes is left out (RFC 9110 6.5.1).
    """

    __slots__ = ("_pieces", "_position")

    def __init__(self, *, strips: bool) -> None:
        super().__init__([] if strips else None)
        self._pieces: list[bytes | memoryview] = []
        self._position = 0

    def take(self, received: memoryview) -> tuple[int, bytes | memoryview]:
        """Return how many bytes belong to the body, and what the client is sent; raise BadBody."""
        self._position = 0
        count = self.feed(received)
        if self.payload is not None:
            told = b"".join(self.payload)
            self.payload.clear()
            return count, told
        if not self._pieces:
            return count, received[:count]
        told = b"".join((*self._pieces, received[self._position : count]))
        self._pieces.clear()
        return count, told

    def _take_line(self, received: memoryview, position: int) -> int:
        if self._after_chunk and not self._line and bytes(received[position : position + 2]) == b"\r\n":
            self._after_chunk = False
            return position + 2
        piece = bytes(received[position : position + CHUNK_LINE_BYTES])
        end = piece.find(b"\n") + 1
        held, line = self._line, self._line + (piece[:end] if end else piece)
        if len(line) > CHUNK_LINE_BYTES or (self._after_chunk and line not in _LINE_ENDS):
            raise BadBody("too long a line between chunks" if len(line) > CHUNK_LINE_BYTES else "no CRLF after a chunk")
        stop = position + (end or len(piece))
        if not end:  # a line is passed on when it is whole
            self._line = line
            self._replace(received, position, stop, b"")
            return stop
        self._line = b""
        said = line[:-2] if line.endswith(b"\r\n") else line[:-1]
        if not self._in_trailers:
            said = said.rstrip(b"\t ")
        is_left_out = self._in_trailers and said.partition(b":")[0].lower() in FORBIDDEN_TRAILERS
        if not is_left_out:
            self._read_line(said)
        told = b"" if is_left_out else said + b"\r\n"
        if held or told != line:
            self._replace(received, position, stop, told)
        return stop

    def _replace(self, received: memoryview, begin: int, end: int, told: bytes) -> None:
        self._pieces += (received[self._position : begin], told)
        self._position = end


_LINE_ENDS = (b"\r\n", b"\n", b"\r")
"""The end of a line, or its beginning."""

NO_BODY = Length(0)
"""For the many messages without one; feeding it changes nothing."""


def body_of(length: int) -> Body:
    """Return the body that a head announces."""
    if not length:
        return NO_BODY
    if length == CHUNKED:
        return Chunked()
    return UntilEnd() if length == UNTIL_END else Length(length)
