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
from kubeapi.regexp.syntax import python_pattern

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
        at = 0
        while at <= len(text) and (span := self._search(text, at)) is not None:
            yield span
            at = span[1] + (span[0] == span[1])

    def _search(self, text: str, at: int = 0) -> tuple[int, int] | None:
        if len(text) <= self.quick_length:
            found = self.compiled.search(text, at)
            return found.span() if found is not None else None
        return self._linear.search(text, at)


@lru_cache(maxsize=256)
def go_regexp(pattern: str) -> Pattern:
    """Return a pattern of Go; ValueError if it cannot be read."""
    translated = python_pattern(pattern)
    try:
        tree, compiled = _parser.parse(translated, re.ASCII), re.compile(translated, re.ASCII)
    except (re.error, OverflowError, RecursionError) as error:
        raise ValueError(str(error)) from None
    has_nested, count = _repeats(tree)
    exponent = count + (not _is_anchored(tree))
    return Pattern(compiled, tree, _quick_length(exponent, has_nested=has_nested))


def _quick_length(exponent: int, *, has_nested: bool) -> int:
    """Return how long a text may be that is tried ``length ** exponent`` times, or 2 ** length."""
    return _STEPS.bit_length() - 1 if has_nested else int(_STEPS ** (1 / max(exponent, 1)))


def _is_anchored(tree: Any) -> bool:
    if not tree:
        return False
    code, argument = tree[0]
    return _is_anchored(argument[-1]) if code is op.SUBPATTERN else argument is op.AT_BEGINNING_STRING


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
