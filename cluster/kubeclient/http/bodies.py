"""The body of an answer, from the bytes that come after its head. Pure. RFC 9112 6 and 7, RFC 1952.

What a server says against these rules is a ConnectionError, as is the end of a connection in the middle.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Iterator
from typing import Protocol

from kubeclient.http.messages import Answer

PIECE_BYTES = 1 << 20
"""What is inflated at a time: a few bytes may be the gzip of very many."""
LINE_LIMIT = 4096
"""Bytes of the line before a chunk, and of a trailer."""
_SIZE = re.compile(rb"([0-9A-Fa-f]{1,12})[ \t]*(?:;.*)?", re.DOTALL)
_CUT = "it ends in the middle of an answer"
_NO_CONTENT = (204, 304)


class Framing(Protocol):
    """Where a body ends. ``excess`` is whether bytes have come after its end."""

    is_over: bool
    excess: bool

    def feed(self, content: bytes) -> bytes:
        """Return the content in some bytes."""
        ...

    def end(self) -> None:
        """Know that the connection has ended before the body was over."""
        ...


class Sized:
    """A body of so many bytes."""

    def __init__(self, size: int) -> None:
        self._left = size
        self.is_over = not size
        self.excess = False

    def feed(self, content: bytes) -> bytes:
        """Return the content in some bytes."""
        self.excess = len(content) > self._left
        found = content[: self._left] if self.excess else content
        self._left -= len(found)
        self.is_over = not self._left
        return found

    def end(self) -> None:
        """Raise ConnectionResetError."""
        raise ConnectionResetError(_CUT)


class UntilClose:
    """A body that ends with its connection."""

    def __init__(self) -> None:
        self.is_over = False
        self.excess = True

    def feed(self, content: bytes) -> bytes:
        """Return the content in some bytes: all."""
        return content

    def end(self) -> None:
        """Be over."""
        self.is_over = True


class Chunked:
    """A body in chunks; extensions of chunks and trailers are read over."""

    def __init__(self) -> None:
        self.is_over = False
        self.excess = False
        self._left = 0
        """Bytes of the present chunk."""
        self._line = b""
        """The beginning of a line."""
        self._read_line = self._size

    def feed(self, content: bytes) -> bytes:
        """Return the content in some bytes."""
        found, at = [], 0
        content, self._line = self._line + content, b""
        while not self.is_over:
            if self._left:
                found.append(content[at : at + self._left])
                at += len(found[-1])
                self._left -= len(found[-1])
            end = content.find(b"\r\n", at)
            if self._left or end < 0:
                break
            self._read_line(content[at:end])
            at = end + 2
        self._hold(content[at:])
        return b"".join(found)

    def end(self) -> None:
        """Raise ConnectionResetError."""
        raise ConnectionResetError(_CUT)

    def _hold(self, rest: bytes) -> None:
        self.excess = self.is_over and bool(rest)
        if len(rest) > LINE_LIMIT and not self.is_over:
            raise ConnectionError(f"a line between the chunks of an answer has more than {LINE_LIMIT} bytes")
        self._line = rest

    def _size(self, line: bytes) -> None:
        size = _SIZE.fullmatch(line)
        if size is None:
            raise ConnectionError(f"an answer in chunks has a chunk of the size {line[:50]!r}")
        self._left = int(size[1], 16)
        self._read_line = self._after if self._left else self._trailer

    def _after(self, line: bytes) -> None:
        if line:
            raise ConnectionError("an answer in chunks has a chunk of more bytes than it says")
        self._read_line = self._size

    def _trailer(self, line: bytes) -> None:
        self.is_over = not line


class Body:
    """The body of one answer: ``feed`` it what comes from the connection until it ``is_over``."""

    def __init__(self, answer: Answer) -> None:
        self._framing = _framing(answer)
        coding = answer.headers.get("content-encoding", "identity").lower()
        if coding not in ("gzip", "x-gzip", "identity"):
            raise ConnectionError(f"the answer is encoded as {coding[:50]!r}, which was not asked for")
        self._inflate = _gzip() if coding != "identity" else None
        self._keeps = "close" not in re.split(r"[\s,]+", answer.headers.get("connection", "").lower())

    @property
    def is_over(self) -> bool:
        """Whether all has come."""
        return self._framing.is_over

    @property
    def leaves_connection(self) -> bool:
        """Whether the connection is as new after it: all has come, nothing more, and the server keeps it open."""
        return self.is_over and self._keeps and not self._framing.excess

    def feed(self, content: bytes) -> Iterator[bytes]:
        """Yield the content in some bytes of the connection, b"" for its end, in pieces of up to PIECE_BYTES or so."""
        if not content:
            self._framing.end()
        found = self._framing.feed(content)
        if self._inflate is None:
            if found:
                yield found
            return
        try:
            yield from self._inflated(found)
        except zlib.error as error:
            raise ConnectionError(f"the gzip of the answer is broken: {error}") from None
        if self.is_over and not self._inflate.eof:
            raise ConnectionResetError(_CUT)

    def _inflated(self, content: bytes) -> Iterator[bytes]:
        assert self._inflate is not None
        is_more = bool(content)
        while is_more:
            if self._inflate.eof:
                self._inflate = _gzip()  # members may follow each other
            found = self._inflate.decompress(content, PIECE_BYTES)
            has_ended = self._inflate.eof
            content = self._inflate.unused_data if has_ended else self._inflate.unconsumed_tail
            is_more = bool(content) or (len(found) == PIECE_BYTES and not has_ended)
            if found:
                yield found


def _gzip() -> zlib._Decompress:
    return zlib.decompressobj(16 + zlib.MAX_WBITS)


def _framing(answer: Answer) -> Framing:
    coding, length = (answer.headers.get(name, "") for name in ("transfer-encoding", "content-length"))
    if answer.status in _NO_CONTENT:
        return Sized(0)
    if coding:
        if coding.lower() != "chunked":
            raise ConnectionError(f"the answer is transferred as {coding[:50]!r}, not in chunks")
        return Chunked()
    if not length:
        return UntilClose()
    if not (length.isascii() and length.isdigit() and len(length) < 16):
        raise ConnectionError(f"the answer says to have {length[:50]!r} bytes")
    return Sized(int(length))
