"""Times as Go's time.Parse reads them by the two layouts of the API, with its error messages. Pure."""

from __future__ import annotations

import re
from calendar import monthrange
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import NamedTuple, NoReturn

SECOND_LAYOUT = "2006-01-02T15:04:05Z07:00"
"""The layout of metav1.Time (RFC 3339): a fraction of a second is read, and is lost when it is written."""
MICRO_LAYOUT = "2006-01-02T15:04:05.000000Z07:00"
"""The layout of metav1.MicroTime: exactly six digits of a second, in what is read too."""
LAYOUTS = {"Time": SECOND_LAYOUT, "MicroTime": MICRO_LAYOUT}

_CYCLE_YEARS, _CYCLE_SECONDS = 400, 146097 * 86400  # after which the calendar repeats itself
_BASE, _BASE_SECOND = datetime(2000, 1, 1, tzinfo=UTC), 946684800
_FIRST_SECOND, _LAST_SECOND = -62135596800, 253402300799  # of the years 1 and 9999
_TWO_DIGITS = re.compile(r"\d\d", re.ASCII)
_NUMBERS = (
    ("", "2006", re.compile(r"\d{4}", re.ASCII), "", range(10000)),
    ("-", "01", _TWO_DIGITS, "month", range(1, 13)),
    ("-", "02", _TWO_DIGITS, "", range(100)),  # whether the month has that day is looked at last
    ("T", "15", re.compile(r"\d\d?", re.ASCII), "hour", range(24)),
    (":", "04", _TWO_DIGITS, "minute", range(60)),
    (":", "05", _TWO_DIGITS, "second", range(60)),
)
_FRACTION = re.compile(r"[.,]\d+", re.ASCII)
_MICROSECONDS = re.compile(r"[.,]\d{6}", re.ASCII)
_ZONE = re.compile(r"Z|([+-])(\d\d):(\d\d)", re.ASCII)


class GoTime(NamedTuple):
    """A moment, and the offset from UTC in seconds with which it was written."""

    second: int
    """Since the epoch."""
    nanosecond: int
    offset: int

    def text(self, layout: str) -> str:
        """Return the moment in UTC, as the API writes it."""
        cycles, seconds = divmod(self.second - _BASE_SECOND, _CYCLE_SECONDS)
        date = _BASE + timedelta(seconds=seconds)
        fraction = f".{self.nanosecond // 1000:06d}" if layout == MICRO_LAYOUT else ""
        return f"{date.year + cycles * _CYCLE_YEARS:04d}-{date:%m-%dT%H:%M:%S}{fraction}Z"


def read_time(text: str, layout: str = SECOND_LAYOUT) -> GoTime:
    """Return the moment that a text is; ValueError with the message of Go if it is none."""
    reader = _Reader(text, layout)
    year, month, day, hour, minute, second = (reader.number(*number) for number in _NUMBERS)
    nanosecond = reader.nanosecond()
    offset = reader.offset()
    if reader.rest:
        raise ValueError(f"parsing time {_quoted(text)}: extra text: {_quoted(reader.rest)}")
    cycles, years = divmod(year - _BASE.year, _CYCLE_YEARS)
    if not 1 <= day <= monthrange(_BASE.year + years, month)[1]:
        raise ValueError(f"parsing time {_quoted(text)}: day out of range")
    since = datetime(_BASE.year + years, month, day, hour, minute, second, tzinfo=UTC) - _BASE
    seconds = since // timedelta(seconds=1) + cycles * _CYCLE_SECONDS + _BASE_SECOND
    return GoTime(seconds - offset, nanosecond, offset)


@lru_cache(maxsize=1024)
def canonical_time(text: str, layout: str) -> str | None:
    """Return a time as the API writes it, None for Go's zero time (null); ValueError if it is none.

    Go writes years that it cannot read again, such as 10000; here they are refused.
    """
    time = read_time(text, layout)
    if not _FIRST_SECOND <= time.second <= _LAST_SECOND:
        raise ValueError(f"parsing time {_quoted(text)}: year outside of range [1,9999]")
    return None if (time.second, time.nanosecond) == (_FIRST_SECOND, 0) else time.text(layout)


class _Reader:
    """Reads a text from left to right; ``rest`` is what is left of it."""

    def __init__(self, text: str, layout: str) -> None:
        self._text, self._layout, self.rest = text, layout, text

    def number(self, literal: str, element: str, pattern: re.Pattern[str], name: str, allowed: range) -> int:
        if not self.rest.startswith(literal):
            self._refuse(literal)
        self.rest = self.rest.removeprefix(literal)
        number = int(self._take(pattern, element)[0])
        if number not in allowed:
            self._refuse_range(name)
        return number

    def nanosecond(self) -> int:
        if self._layout == MICRO_LAYOUT:
            return int(self._take(_MICROSECONDS, ".000000")[0][1:]) * 1000
        if not _FRACTION.match(self.rest):
            return 0
        return int(self._take(_FRACTION, "")[0][1:10].ljust(9, "0"))

    def offset(self) -> int:
        found = self._take(_ZONE, "Z07:00")
        if not found[1]:
            return 0
        hours, minutes = int(found[2]), int(found[3])
        if hours > 24:  # as Go has it: some write offsets of 24 hours or of 60 minutes
            self._refuse_range("time zone offset hour")
        if minutes > 60:
            self._refuse_range("time zone offset minute")
        return (hours * 60 + minutes) * (-60 if found[1] == "-" else 60)

    def _take(self, pattern: re.Pattern[str], element: str) -> re.Match[str]:
        found = pattern.match(self.rest)
        if found is None:
            self._refuse(element)
        self.rest = self.rest[found.end() :]
        return found

    def _refuse(self, element: str) -> NoReturn:
        said = f"parsing time {_quoted(self._text)} as {_quoted(self._layout)}"
        raise ValueError(f"{said}: cannot parse {_quoted(self.rest)} as {_quoted(element)}")

    def _refuse_range(self, name: str) -> NoReturn:
        raise ValueError(f"parsing time {_quoted(self._text)}: {name} out of range")


def _quoted(text: str) -> str:
    """Return a text as Go's time.quote writes it: every octet that is no ASCII letter in hexadecimal."""
    octets = text.encode("utf-8", "surrogatepass")
    return '"' + "".join(_octet(octet) for octet in octets) + '"'


def _octet(octet: int) -> str:
    if octet in b'"\\':
        return "\\" + chr(octet)
    return chr(octet) if 0x20 <= octet < 0x80 else f"\\x{octet:02x}"
