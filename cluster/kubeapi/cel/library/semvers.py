"""Semantic versions (apiserver ``library/semverlib.go``). Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, ClassVar

from kubeapi.cel.declarations import Function, define, type_named
from kubeapi.cel.faults import EvaluationError
from kubeapi.cel.types import Type

_NUMBER = r"(0|[1-9]\d*)"
_PART = r"(?:0|[1-9]\d*|\d*[a-zA-Z-][0-9a-zA-Z-]*)"
_VERSION = re.compile(
    rf"{_NUMBER}\.{_NUMBER}\.{_NUMBER}(?:-({_PART}(?:\.{_PART})*))?(?:\+[0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*)?", re.ASCII
)


@dataclass(frozen=True, slots=True)
class Semver:
    """A version, as what it is ordered by."""

    numbers: tuple[int, ...]
    order: tuple[Any, ...]
    cel_type: ClassVar[Type] = type_named("semver")


def _read(text: str, is_normalized: bool = False) -> Semver:
    if is_normalized:
        core, mark, rest = re.match(r"v?([^+-]*)([+-]?)(.*)", text, re.DOTALL).groups()  # type: ignore[union-attr]
        numbers = [each.lstrip("0") or "0" if each.isdigit() else each for each in core.split(".")]
        text = ".".join([*numbers, "0", "0"][: max(3, len(numbers))]) + mark + rest
    found = _VERSION.fullmatch(text)
    if found is None:
        raise EvaluationError("No Major.Minor.Patch elements found")
    numbers_ = tuple(int(found[index]) for index in (1, 2, 3))
    parts = tuple(
        (0, int(each), "") if each.isdigit() else (1, 0, each) for each in (found[4] or "").split(".") if each
    )
    return Semver(numbers_, (*numbers_, not parts, parts))


def _is_semver(text: str, is_normalized: bool = False) -> bool:
    try:
        _read(text, is_normalized)
    except EvaluationError:
        return False
    return True


SEMVERS: tuple[Function, ...] = (
    define("semver", "(string) semver | (string, bool) semver", _read),
    define("isSemver", "(string) bool | (string, bool) bool", _is_semver),
    define("isGreaterThan", "semver.(semver) bool", lambda one, other: one.order > other.order),
    define("isLessThan", "semver.(semver) bool", lambda one, other: one.order < other.order),
    define(
        "compareTo", "semver.(semver) int", lambda one, other: (one.order > other.order) - (one.order < other.order)
    ),
    define("major", "semver.() int", lambda one: one.numbers[0]),
    define("minor", "semver.() int", lambda one: one.numbers[1]),
    define("patch", "semver.() int", lambda one: one.numbers[2]),
)
