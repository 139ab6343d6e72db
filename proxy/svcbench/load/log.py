"""What the generator notes of each request: a row of numbers, and the bytes in which rows come from its process. Pure.

A row takes 32 bytes, so a million requests take 32 MB. Names (of outcomes and pods) are noted once, as numbers.
"""

from __future__ import annotations

import json
import struct
from array import array
from collections.abc import Iterator
from typing import Any, NamedTuple

from svcbench.outcomes import ANSWERED, REFUSED, TIMED_OUT

NAMES = (ANSWERED, TIMED_OUT, REFUSED)
"""The first names, by number: outcomes that the generator itself must know."""
UNNAMED = 0
"""The number in ``pod`` of an answer that names no pod."""

_COLUMNS = (("due", "d"), ("began", "d"), ("ended", "d"), ("connection", "I"), ("outcome", "H"), ("pod", "H"))
_ROW_BYTES = sum(array(kind).itemsize for _, kind in _COLUMNS)
FRAME = struct.Struct("!cI")
"""A frame's kind and the length of what follows."""


class Rows:
    """Columns, one item for each request, in the order in which they ended.

    ``due`` (intended start), ``began`` and ``ended`` are seconds from the start of the run; ``connection`` numbers the
    connections from 0, ``outcome`` and ``pod`` are numbers of names.
    """

    __slots__ = ("began", "connection", "due", "ended", "outcome", "pod")

    def __init__(self) -> None:
        self.due = array("d")
        self.began = array("d")
        self.ended = array("d")
        self.connection = array("I")
        self.outcome = array("H")
        self.pod = array("H")

    def __len__(self) -> int:
        return len(self.due)

    def extend(self, other: Rows) -> None:
        """Append the rows of another one."""
        for name, _ in _COLUMNS:
            getattr(self, name).extend(getattr(other, name))

    def tobytes(self) -> bytes:
        """Return the columns one after the other."""
        return b"".join(getattr(self, name).tobytes() for name, _ in _COLUMNS)

    @classmethod
    def frombytes(cls, content: bytes) -> Rows:
        """Return the rows that ``tobytes`` wrote on the same machine."""
        rows, count, at = cls(), len(content) // _ROW_BYTES, 0
        for name, kind in _COLUMNS:
            column: array[Any] = getattr(rows, name)
            end = at + count * array(kind).itemsize
            column.frombytes(content[at:end])
            at = end
        return rows


class Ended(NamedTuple):
    """How a run ended: after how many seconds arrivals ended, and whether it was interrupted.

    ``lag`` is the encoded histogram of how much later than scheduled requests were begun, without the warm-up.
    """

    seconds: float
    is_partial: bool
    lag: str


def frame(kind: bytes, content: bytes) -> bytes:
    """Return one frame: R rows, N names (JSON), C local ports of new connections, E how it ended (JSON)."""
    return FRAME.pack(kind, len(content)) + content


class Frames:
    """Collects what arrives of frames."""

    def __init__(self) -> None:
        self._pending = b""

    def feed(self, content: bytes) -> Iterator[tuple[bytes, bytes]]:
        """Yield the kind and content of each frame that is whole now."""
        self._pending += content
        while len(self._pending) >= FRAME.size:
            kind, length = FRAME.unpack_from(self._pending)
            end = FRAME.size + length
            if len(self._pending) < end:
                return
            yield kind, self._pending[FRAME.size : end]
            self._pending = self._pending[end:]


class Log:
    """Everything that has come from a generator; ``ports`` are the connections' local ports by their numbers."""

    def __init__(self) -> None:
        self.rows = Rows()
        self.names: list[str] = []
        self.ports = array("H")
        self.ended: Ended | None = None

    def take(self, kind: bytes, content: bytes) -> Rows | None:
        """Take a frame in; returns its rows if it has some."""
        match kind:
            case b"R":
                rows = Rows.frombytes(content)
                self.rows.extend(rows)
                return rows
            case b"N":
                self.names += json.loads(content)
            case b"C":
                self.ports.frombytes(content)
            case b"E":
                self.ended = Ended(*json.loads(content))
        return None
