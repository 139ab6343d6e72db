"""Completion indexes of an Indexed Job: a set of numbers, as text ``0-2,5`` (pkg/controller/job/indexed_job_utils.go).

Reading ignores what is malformed, as the controller does; ``indexes_fault`` says what is wrong with a text
(pkg/apis/batch/validation). The text is a few intervals, however many indexes there are. Pure.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import NamedTuple

from kubeapi.validation.faults import go_value

_NUMBER = re.compile(r"[+-]?[0-9]+")


class Interval(NamedTuple):
    """All indexes from ``first`` to ``last``."""

    first: int
    last: int


@dataclass(frozen=True, slots=True)
class Indexes:
    """A set of indexes as intervals in ascending order, with a gap between each two."""

    intervals: tuple[Interval, ...] = ()

    def __contains__(self, index: int) -> bool:
        """Tell whether the set has an index."""
        place = bisect_left(self.intervals, index, key=lambda each: each.last)
        return place < len(self.intervals) and self.intervals[place].first <= index

    def __str__(self) -> str:
        """Return the set as text: ``0-2,5``."""
        return ",".join(_interval_text(each) for each in self.intervals)

    @property
    def total(self) -> int:
        """How many indexes there are."""
        return sum(each.last - each.first + 1 for each in self.intervals)

    def merged(self, other: Indexes) -> Indexes:
        """Return the indexes that are in one of the two sets."""
        joined: list[Interval] = []
        for each in sorted((*self.intervals, *other.intervals)):
            if joined and each.first <= joined[-1].last + 1:
                joined[-1] = Interval(joined[-1].first, max(joined[-1].last, each.last))
            else:
                joined.append(each)
        return Indexes(tuple(joined))

    def common(self, other: Indexes) -> int:
        """Return how many indexes both sets have."""
        return self.total + other.total - self.merged(other).total

    def missing(self, limit: int) -> Iterator[int]:
        """Yield the indexes below ``limit`` that are not in the set, in ascending order."""
        candidate = 0
        for each in self.intervals:
            yield from range(candidate, min(each.first, limit))
            candidate = max(candidate, each.last + 1)
        yield from range(candidate, limit)


def indexes_of(numbers: Iterable[int]) -> Indexes:
    """Return the set of some numbers."""
    return Indexes(tuple(Interval(each, each) for each in sorted(set(numbers)))).merged(Indexes())


def read_indexes(text: str, completions: int) -> Indexes:
    """Return the indexes of a text that are below ``completions``; malformed parts are ignored."""
    found: list[Interval] = []
    for part in text.split(",") if text else ():
        limits = part.split("-")
        if not all(_NUMBER.fullmatch(each) for each in limits[:2]):
            continue
        first = int(limits[0])
        if first >= completions:
            break
        last = min(int(limits[1]), completions - 1) if len(limits) > 1 else first
        found.append(Interval(first, last))
    return Indexes(tuple(found)).merged(Indexes())


def _interval_text(interval: Interval) -> str:
    first, last = interval
    if first == last:
        return str(first)
    return f"{first},{last}" if last == first + 1 else f"{first}-{last}"


class CountedIndexes(NamedTuple):
    """How many indexes a text names, and what is wrong with it, "" if nothing is."""

    total: int
    fault: str = ""


def count_indexes(text: str, completions: int) -> CountedIndexes:
    """Return how many indexes below ``completions`` a text names; 0 for a malformed one (validateIndexesFormat)."""
    total, previous = 0, None
    for part in text.split(",") if text else ():
        interval = _parse_interval(part, completions)
        if isinstance(interval, str):
            return CountedIndexes(0, interval)
        if previous is not None and previous >= interval.first:
            return CountedIndexes(0, f"non-increasing order, previous: {previous}, current: {interval.first}")
        total += interval.last - interval.first + 1
        previous = interval.last
    return CountedIndexes(total)


def overlap_fault(completed: str, failed: str, completions: int) -> str:
    """Return which index is both completed and failed, "" if none is."""
    done = _well_formed(completed, completions)
    for each in _well_formed(failed, completions).intervals:
        for other in done.intervals:
            if other.first <= each.last and each.first <= other.last:
                return f"failedIndexes and completedIndexes overlap at index: {max(other.first, each.first)}"
    return ""


def _well_formed(text: str, completions: int) -> Indexes:
    parts = (_parse_interval(each, completions) for each in text.split(",")) if text else ()
    return Indexes(tuple(each for each in parts if not isinstance(each, str)))


def _parse_interval(text: str, completions: int) -> Interval | str:
    """Return an interval, or what is wrong with its text."""
    limits = text.split("-")
    if len(limits) > 2:
        rule = "violates the requirement that an index interval can have at most two parts separated by '-'"
        return f"the fragment {go_value(text)} {rule}"
    numbers = []
    for each in limits:
        if not _NUMBER.fullmatch(each):
            return f"cannot convert string to integer for index: {go_value(each)}"
        if int(each) >= completions:
            return f"too large index: {go_value(each)}"
        numbers.append(int(each))
    if len(numbers) == 2 and numbers[0] >= numbers[1]:
        return f"non-increasing order, previous: {numbers[0]}, current: {numbers[1]}"
    return Interval(numbers[0], numbers[-1])
