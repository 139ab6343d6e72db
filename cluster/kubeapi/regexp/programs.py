"""A parsed pattern as a program for ``linear``: characters, choices, places (Thompson's construction). Pure."""

from __future__ import annotations

import re
from collections.abc import Callable
from re import _constants as op  # type: ignore[attr-defined]
from typing import Any, NamedTuple

MANY = 8
"""A repeat of up to so many times counts as one without an end where time is estimated."""
_LARGEST = 20_000
_CATEGORIES = {
    op.CATEGORY_DIGIT: r"[0-9]",
    op.CATEGORY_NOT_DIGIT: r"[^0-9]",
    op.CATEGORY_SPACE: r"[\t\n\f\r ]",
    op.CATEGORY_NOT_SPACE: r"[^\t\n\f\r ]",
    op.CATEGORY_WORD: r"[0-9A-Za-z_]",
    op.CATEGORY_NOT_WORD: r"[^0-9A-Za-z_]",
}
Takes = Callable[[str], bool]
"""Tells whether a character fits."""


class Step(NamedTuple):
    """One step: a character (``takes``), a choice (``ways``, the better first), a place (``at``), or the end."""

    takes: Takes | None = None
    ways: tuple[int, ...] = ()
    at: str = ""


END = Step()


def program_of(tree: Any) -> list[Step]:
    """Return the program of a parsed pattern; ValueError for one that is too large."""
    steps: list[Step] = []
    _Compiler(steps, bool(tree.state.flags & re.IGNORECASE), bool(tree.state.flags & re.DOTALL)).sequence(tree)
    return [*steps, END]


class _Compiler:
    def __init__(self, steps: list[Step], ignores_case: bool, dot_is_all: bool) -> None:
        self._steps = steps
        self._ignores_case = ignores_case
        self._dot_is_all = dot_is_all

    def sequence(self, tree: Any) -> None:
        for code, argument in tree:
            if len(self._steps) > _LARGEST:
                raise ValueError("expression is too large")
            self._part(code, argument)

    def _part(self, code: Any, argument: Any) -> None:
        if code is op.SUBPATTERN:
            _, added, removed, inner = argument
            ignores = (self._ignores_case or bool(added & re.IGNORECASE)) and not removed & re.IGNORECASE
            is_all = (self._dot_is_all or bool(added & re.DOTALL)) and not removed & re.DOTALL
            _Compiler(self._steps, ignores, is_all).sequence(inner)
        elif code is op.BRANCH:
            self._branch(list(argument[1]))
        elif code in (op.MAX_REPEAT, op.MIN_REPEAT):
            self._repeat(*argument, is_greedy=code is op.MAX_REPEAT)
        elif code is op.AT:
            self._steps.append(Step(at=str(argument)))
        else:
            self._steps.append(Step(self._takes(code, argument)))

    def _branch(self, ways: list[Any]) -> None:
        jumps: list[int] = []
        for index, each in enumerate(ways):
            fork = len(self._steps)
            if index < len(ways) - 1:
                self._steps.append(END)
            self.sequence(each)
            if index < len(ways) - 1:
                jumps.append(len(self._steps))
                self._steps.append(END)
                self._steps[fork] = Step(ways=(fork + 1, len(self._steps)))
        for each in jumps:
            self._steps[each] = Step(ways=(len(self._steps),))

    def _repeat(self, least: int, most: Any, tree: Any, *, is_greedy: bool) -> None:
        for _ in range(least):
            self.sequence(tree)
        if most is op.MAXREPEAT:
            fork = len(self._steps)
            self._steps.append(END)
            self.sequence(tree)
            self._steps.append(Step(ways=(fork,)))
            self._steps[fork] = self._fork(fork + 1, len(self._steps), is_greedy=is_greedy)
            return
        forks: list[int] = []
        for _ in range(int(most) - least):
            forks.append(len(self._steps))
            self._steps.append(END)
            self.sequence(tree)
        for each in forks:
            self._steps[each] = self._fork(each + 1, len(self._steps), is_greedy=is_greedy)

    def _fork(self, inside: int, after: int, *, is_greedy: bool) -> Step:
        return Step(ways=(inside, after) if is_greedy else (after, inside))

    def _takes(self, code: Any, argument: Any) -> Takes:
        flags = re.ASCII | (re.IGNORECASE if self._ignores_case else 0)
        if code is op.ANY:
            return (lambda _: True) if self._dot_is_all else (lambda each: each != "\n")
        one = re.compile(_one_of(code, argument), flags)
        return lambda each: one.match(each) is not None


def _one_of(code: Any, argument: Any) -> str:
    """Return the pattern of one character."""
    if code is op.LITERAL:
        return re.escape(chr(argument))
    if code is op.NOT_LITERAL:
        return f"[^{re.escape(chr(argument))}]"
    is_negated = argument[0][0] is op.NEGATE
    members = argument[1:] if is_negated else argument
    one = "|".join(map(_member, members)) or "(?!)"
    return rf"(?!{one})[\s\S]" if is_negated else one


def _member(member: Any) -> str:
    code, argument = member
    if code is op.RANGE:
        return f"[{re.escape(chr(argument[0]))}-{re.escape(chr(argument[1]))}]"
    if code is op.CATEGORY:
        return _CATEGORIES[argument]
    return re.escape(chr(argument))
