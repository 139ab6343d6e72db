"""Latencies in buckets: HdrHistogram's layout with three significant digits, kept sparse. Pure.

A value is a whole number of microseconds; what is read back is at most 0.1 % above it. Two histograms merge by adding
their counts, and are then exactly what one histogram of all values would be. The layout is that of
org.HdrHistogram.Histogram(1, highest, 3): values below 2048 have a bucket each, every doubling above has 1024.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

SIGNIFICANT_DIGITS = 3
_SUB_BITS = 11
"""Bits of a value that are kept: 2048 is the least power of two that tells apart 2 * 10^3 values."""
_HALF_BITS = _SUB_BITS - 1


class Bucket(NamedTuple):
    """The values from ``low`` to ``high``, both included; ``values`` is how many there are."""

    low: int
    high: int
    values: int


def places_of(values: Iterable[int]) -> list[int]:
    """Return the place of each value, none of them negative, in HdrHistogram's array of counts."""
    bits, half = _SUB_BITS, _HALF_BITS
    return [
        (shift << half) + (value >> shift) if (shift := value.bit_length() - bits) > 0 else value for value in values
    ]


def bounds_of(index: int) -> tuple[int, int]:
    """Return the least and the greatest value of a place."""
    shift = max(0, (index >> _HALF_BITS) - 1)
    low = (index - (shift << _HALF_BITS)) << shift
    return low, low + (1 << shift) - 1


class Histogram:
    """Counts of values by place; as large as there are different places, 100 bytes each."""

    __slots__ = ("counts",)

    def __init__(self, values: Iterable[int] = ()) -> None:
        self.counts: Counter[int] = Counter()
        """By the place of a value (``places_of``); none is 0."""
        for value, count in Counter(values).items():
            self.record(value, count)

    @classmethod
    def from_counts(cls, counts: Mapping[int, int]) -> Histogram:
        """Return the histogram with these counts by place."""
        made = cls()
        made.counts.update({index: count for index, count in counts.items() if count})
        return made

    def record(self, value: int, count: int = 1) -> None:
        """Add a value, ``count`` times; a negative one counts as 0."""
        shift = value.bit_length() - _SUB_BITS
        index = (shift << _HALF_BITS) + (value >> shift) if shift > 0 else max(0, value)
        self.counts[index] += count

    def add(self, other: Histogram) -> None:
        """Add all values of another one."""
        self.counts.update(other.counts)

    @property
    def count(self) -> int:
        """How many values there are."""
        return self.counts.total()

    @property
    def lowest(self) -> int:
        """The least value's lower bound, 0 without values."""
        return bounds_of(min(self.counts))[0] if self.counts else 0

    @property
    def highest(self) -> int:
        """The greatest value's upper bound, 0 without values."""
        return bounds_of(max(self.counts))[1] if self.counts else 0

    @property
    def mean(self) -> float:
        """The mean, each value taken as the middle of its bucket; 0 without values."""
        total = self.count
        return sum((low + high) / 2 * values for low, high, values in self.buckets()) / total if total else 0.0

    @property
    def deviation(self) -> float:
        """The standard deviation (of all values, not of a sample), taken like the mean; 0 without values."""
        total, mean = self.count, self.mean
        squares = (((low + high) / 2 - mean) ** 2 * values for low, high, values in self.buckets())
        return math.sqrt(sum(squares) / total) if total else 0.0

    def buckets(self) -> Iterator[Bucket]:
        """Yield the buckets that have values, in ascending order."""
        for index in sorted(self.counts):
            low, high = bounds_of(index)
            yield Bucket(low, high, self.counts[index])

    def percentile(self, percent: float) -> int:
        """Return the upper bound of the value at the nearest rank, 0 without values.

        A rank is rounded up, after the last digits of a float's error are cut off: 99.9 % of 1000 values is the 999th.
        """
        return self.percentiles((percent,))[0]

    def percentiles(self, percents: Iterable[float]) -> list[int]:
        """Return several percentiles, which are in ascending order, in one pass."""
        total, seen, high, found = self.count, 0, 0, []
        buckets = self.buckets()
        for percent in percents:
            rank = max(1, math.ceil(round(total * percent / 100, 6)))
            while seen < min(rank, total):
                _, high, count = next(buckets)
                seen += count
            found.append(high)
        return found

    def share_within(self, value: int) -> float:
        """Return the share of values that are surely not above ``value``, 1.0 without values."""
        total = self.count
        return sum(count for _, high, count in self.buckets() if high <= value) / total if total else 1.0

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Histogram) and self.counts == other.counts

    __hash__ = None  # type: ignore[assignment]  # it changes

    def __repr__(self) -> str:
        p50, p99 = self.percentiles((50.0, 99.0))
        return f"Histogram({self.count} values, p50 {p50} us, p99 {p99} us)"
