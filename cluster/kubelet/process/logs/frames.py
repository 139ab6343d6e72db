"""The CRI log format: ``<RFC 3339 with nanoseconds> <stdout|stderr> <F|P> <content>``. Pure.

Follows k8s.io/cri-api and containerd's ``logger.go``: a line longer than 16 KiB is cut into partial (P) pieces, the
last of which is full (F). All lines of one chunk carry the time at which it was read.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import NamedTuple

MAX_PIECE = 16 * 1024
"""Longest content of one log line in bytes (containerd's ``max_container_log_line_size``)."""


class Framer:
    """Turns one stream's bytes into log lines; keeps an unfinished line until the rest comes."""

    def __init__(self, stream: str) -> None:
        self._stream = stream.encode()
        self._rest = b""

    def feed(self, chunk: bytes, now_ns: int) -> bytes:
        """Return the log lines that ``chunk`` completes."""
        buffered = self._rest + chunk
        complete, newline, self._rest = buffered.rpartition(b"\n")
        full, partial = self._prefix(now_ns, b"F"), self._prefix(now_ns, b"P")
        framed = self._lines(complete, full, partial) if newline else b""
        while len(self._rest) >= MAX_PIECE:
            framed += partial + self._rest[:MAX_PIECE] + b"\n"
            self._rest = self._rest[MAX_PIECE:]
        return framed

    def finish(self, now_ns: int) -> bytes:
        """Return the rest of a stream that did not end with a newline, as a partial line."""
        rest, self._rest = self._rest, b""
        return self._prefix(now_ns, b"P") + rest + b"\n" if rest else b""

    def _lines(self, complete: bytes, full: bytes, partial: bytes) -> bytes:
        if len(complete) <= MAX_PIECE:
            return full + complete.replace(b"\n", b"\n" + full) + b"\n"
        return b"".join(self._line(line, full, partial) for line in complete.split(b"\n"))

    @staticmethod
    def _line(line: bytes, full: bytes, partial: bytes) -> bytes:
        pieces = []
        while len(line) > MAX_PIECE:
            pieces.append(partial + line[:MAX_PIECE] + b"\n")
            line = line[MAX_PIECE:]
        return b"".join(pieces) + full + line + b"\n"

    def _prefix(self, now_ns: int, tag: bytes) -> bytes:
        return format_nanoseconds(now_ns).encode() + b" " + self._stream + b" " + tag + b" "


class LogLine(NamedTuple):
    """One line of a log file."""

    timestamp: str
    stream: str
    is_partial: bool
    content: bytes

    def render(self, *, timestamps: bool, at_line_start: bool) -> bytes:
        """Return the line as ``kubectl logs`` shows it."""
        prefix = f"{self.timestamp} ".encode() if timestamps and at_line_start else b""
        return prefix + self.content + (b"" if self.is_partial else b"\n")


def parse_line(line: bytes) -> LogLine | None:
    """Read one line of a log file, without its newline; None for a line that a full disk has cut."""
    words = line.split(b" ", 3)
    if len(words) != 4 or words[2] not in (b"F", b"P") or words[1] not in (b"stdout", b"stderr"):
        return None
    return LogLine(words[0].decode("latin-1"), words[1].decode(), words[2] == b"P", words[3])


def format_nanoseconds(now_ns: int) -> str:
    """Return nanoseconds since the epoch as RFC 3339 with nine decimals."""
    seconds, rest = divmod(now_ns, 1_000_000_000)
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%S}.{rest:09d}Z"
