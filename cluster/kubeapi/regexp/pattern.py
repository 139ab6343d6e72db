r"""``go_regexp``: a pattern of Go, matched by Python's re where that is surely quick, else by ``linear``. Pure.

Python's re goes back and tries again, which may take a time exponential in the text for ``(a+)+b``. Python's own parser
reads a pattern; what Go's syntax has not (lookarounds, references to groups) is refused, as Go does.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property, lru_cache
from re import _constants as op  # type: ignore[attr-defined]
from re import _parser  # type: ignore[attr-defined]
from typing import Any

from kubeapi.regexp.linear import Linear
from kubeapi.regexp.programs import MANY, program_of

_GO = re.compile(r"(\\.)|(\[\^?\]?(?:\\.|\[:\^?\w+:\]|[^\]\\])*\])|\$", re.DOTALL)
_IN_CLASS = re.compile(r"(\\.)|\[:(\w+):\]|[\[&~|]", re.DOTALL)
_POSIX = {
    "alnum": "0-9A-Za-z",
    "alpha": "A-Za-z",
    "ascii": r"\x00-\x7f",
    "blank": r"\t ",
    "cntrl": r"\x00-\x1f\x7f",
    "digit": "0-9",
    "graph": "!-\\~",
    "lower": "a-z",
    "print": " -\\~",
    "upper": "A-Z",
    "word": "0-9A-Za-z_",
    "punct": r"!-/:-@\[-`{-\~",
    "space": r"\t\n\v\f\r ",
    "xdigit": "0-9A-Fa-f",
}
_STEPS = 1 << 22
"""Steps that Python's re may need for a text, at most: some hundredths of a second."""


@dataclass(frozen=True, eq=False)
class Pattern:
    """A pattern; ``quick_length`` is the length of the longest text that Python's re may be given."""

    compiled: re.Pattern[str]
    tree: Any
    quick_length: int

    @cached_property
    def _linear(self) -> Linear:
        return Linear(program_of(self.tree))

    def matches(self, text: str) -> bool:
        """Tell whether the pattern is found in a text."""
        return self._search(text) is not None

    def find(self, text: str) -> str:
        """Return the first text that the pattern matches, "" if there is none."""
        span = self._search(text)
        return "" if span is None else text[span[0] : span[1]]

    def find_all(self, text: str) -> Iterator[str]:
        """Yield the texts that the pattern matches, one after the other; no empty one right behind another."""
        last = -1
        for start, end in self._spans(text):
            if (start, end) != (last, last):
                yield text[start:end]
            last = end

    def _spans(self, text: str) -> Iterator[tuple[int, int]]:
        if len(text) <= self.quick_length:
            yield from (each.span() for each in self.compiled.finditer(text))
            return
        at = 0
        while at <= len(text) and (span := self._linear.search(text, at)) is not None:
            yield span
            at = span[1] + (span[0] == span[1])

    def _search(self, text: str) -> tuple[int, int] | None:
        if len(text) <= self.quick_length:
            found = self.compiled.search(text)
            return found.span() if found is not None else None
        return self._linear.search(text)


@lru_cache(maxsize=256)
def go_regexp(pattern: str) -> Pattern:
    r"""Return a pattern of Go; ValueError if it cannot be read. In Go $ is the end of the text alone, as \z is."""
    translated = _GO.sub(_translated, pattern)
    try:
        tree, compiled = _parser.parse(translated, re.ASCII), re.compile(translated, re.ASCII)
    except (re.error, OverflowError, RecursionError) as error:
        raise ValueError(str(error)) from None
    has_nested, count = _repeats(tree)
    exponent = count + (not _is_anchored(tree))
    return Pattern(compiled, tree, _quick_length(exponent, has_nested=has_nested))


def _translated(found: re.Match[str]) -> str:
    if found[2]:
        return f"[{_IN_CLASS.sub(_in_class, found[2][1:-1])}]"
    return r"\Z" if found[0] in ("\\z", "$") else found[0]


def _in_class(found: re.Match[str]) -> str:
    """Return a part of a character class: a named class as ranges, and what Python may read in another way escaped."""
    if found[2]:
        return _POSIX.get(found[2], found[0])
    return found[0] if found[1] else f"\\{found[0]}"


def _quick_length(exponent: int, *, has_nested: bool) -> int:
    """Return how long a text may be that is tried ``length ** exponent`` times, or 2 ** length."""
    return _STEPS.bit_length() - 1 if has_nested else int(_STEPS ** (1 / max(exponent, 1)))


def _is_anchored(tree: Any) -> bool:
    return bool(tree) and tree[0][0] is op.AT and tree[0][1] in (op.AT_BEGINNING, op.AT_BEGINNING_STRING)


def _repeats(tree: Any) -> tuple[bool, int]:
    """Return whether a repeat has choices in it, and how many repeats there are; ValueError for what Go has not."""
    has_nested, count = False, 0
    for code, argument in tree:
        if code in _UNKNOWN:
            raise ValueError("invalid or unsupported Perl syntax")
        is_repeat = code in (op.MAX_REPEAT, op.MIN_REPEAT) and argument[1] >= MANY
        for each in _inside(code, argument):
            is_nested, inner_count = _repeats(each)
            has_nested = has_nested or is_nested or (is_repeat and _has_choice(each))
            count += inner_count
        count += is_repeat
    return has_nested, count


def _has_choice(tree: Any) -> bool:
    return any(
        code is op.BRANCH
        or (code in (op.MAX_REPEAT, op.MIN_REPEAT) and argument[0] != argument[1])
        or any(map(_has_choice, _inside(code, argument)))
        for code, argument in tree
    )


_UNKNOWN = frozenset((op.ASSERT, op.ASSERT_NOT, op.GROUPREF, op.GROUPREF_EXISTS, op.ATOMIC_GROUP, op.POSSESSIVE_REPEAT))


def _inside(code: Any, argument: Any) -> list[Any]:
    if code in (op.MAX_REPEAT, op.MIN_REPEAT):
        return [argument[2]]
    if code is op.BRANCH:
        return list(argument[1])
    return [argument[-1]] if code is op.SUBPATTERN else []
