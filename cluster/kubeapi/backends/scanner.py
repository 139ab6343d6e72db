"""Reads words, times and numbers of a text from left to right, and says where something else is. Pure."""

from __future__ import annotations

import re

from kubeapi.serialization.duration import parse_duration

_DURATION = re.compile(r"(?:\d+\.?\d*|\.\d+)(?:us|µs|ms|s|m)(?![a-zA-Z])")
_NUMBER = re.compile(r"\d+(?:\.(?!\.)\d*)?|\.\d+")
_COUNT = re.compile(r"\d+")
_WORD = re.compile(r"[a-z]+")
_PATH = re.compile(r"[^);\s][^);]*")
LONGEST = 3600.0
"""Seconds; a time that is longer is a slip of the pen."""
_MOST = 1_000_000


class ModelError(ValueError):
    """The text says no behaviour; the message has the position (from 1 on) and what is expected there."""


class Scanner:
    """Reads a text; ``at`` is the offset of what comes next, behind spaces."""

    def __init__(self, text: str) -> None:
        self._text = text
        self.at = 0
        self._skip()

    @property
    def is_over(self) -> bool:
        """Whether nothing comes any more."""
        return self.at >= len(self._text)

    def take(self, literal: str) -> bool:
        """Skip what is written so; False if something else comes."""
        if not self._text.startswith(literal, self.at):
            return False
        self.at += len(literal)
        self._skip()
        return True

    def need(self, literal: str) -> None:
        """Skip what must be written so."""
        if not self.take(literal):
            raise self.expected(f'"{literal}"')

    def word(self) -> str:
        """Skip small letters and return them, "" if none come."""
        return self._match(_WORD)

    def path(self) -> str:
        """Skip the path of a file, up to a bracket or semicolon, and return it."""
        path = self._match(_PATH).rstrip()
        if not path:
            raise self.expected("the path of a file with one time a line")
        return path

    def has_duration(self) -> bool:
        """Tell whether a time comes."""
        return _DURATION.match(self._text, self.at) is not None

    def duration(self) -> float:
        """Skip a time and return its seconds."""
        at = self.at
        seconds = parse_duration(self._match(_DURATION))
        if seconds is None:
            raise self.expected("a time such as 20ms or 1.5s")
        if seconds > LONGEST:
            raise self.fault(f"a time must be at most {LONGEST:g}s", at)
        return seconds

    def number(self, expected: str, least: float, most: float = _MOST) -> float:
        """Skip a number between ``least`` and ``most`` and return it."""
        return self._bounded(_NUMBER, expected, (least, most))

    def count(self, expected: str, least: int) -> int:
        """Skip a whole number of at least ``least`` and return it."""
        return int(self._bounded(_COUNT, expected, (least, _MOST)))

    def fault(self, what: str, at: int) -> ModelError:
        """Return what is wrong at an offset."""
        return ModelError(f"position {at + 1}: {what}")

    def expected(self, what: str) -> ModelError:
        """Return that something else must come."""
        found = self._text[self.at : self.at + 20]
        shown = f'"{found}"' if found else "the end"
        return self.fault(f"expected {what}, found {shown}", self.at)

    def _bounded(self, pattern: re.Pattern[str], expected: str, bounds: tuple[float, float]) -> float:
        at, text = self.at, self._match(pattern)
        if not text:
            raise self.expected(expected)
        if not bounds[0] <= float(text) <= bounds[1]:
            raise self.fault(f"must be between {bounds[0]:g} and {bounds[1]:.0f}, inclusive", at)
        return float(text)

    def _match(self, pattern: re.Pattern[str]) -> str:
        found = pattern.match(self._text, self.at)
        if found is None:
            return ""
        self.at = found.end()
        self._skip()
        return found[0]

    def _skip(self) -> None:
        while self._text[self.at : self.at + 1].isspace():
            self.at += 1
