"""Whether counts are such as a rule would give: chi-square. Pure.

A test is asked for before the data is seen, once; a report gives its p-value and leaves the level to its reader. Counts
that are evener than chance (of a rotation) give a p-value near 1, which is no fault.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import fsum
from typing import NamedTuple

from svcbench.statistics.distributions import chi_square_tail

LEAST_EXPECTED = 5
"""Below this expected count in a cell the chi-square distribution is no good approximation (Cochran 1954)."""


class Fit(NamedTuple):
    """A test's statistic, its degrees of freedom, and its p-value.

    ``is_valid`` is false where there is too little data for the p-value to be trusted.
    """

    statistic: float
    freedom: int
    p: float
    is_valid: bool = True


def chi_square(counts: Sequence[int], weights: Sequence[float] | None = None) -> Fit:
    """Test whether each of ``counts`` is as large as its share of the weights says; without weights all are alike."""
    expected = _expected(counts, weights)
    statistic = fsum((count - mean) ** 2 / mean for count, mean in zip(counts, expected, strict=True) if mean)
    return _judged(statistic, counts, expected)


def _expected(counts: Sequence[int], weights: Sequence[float] | None) -> list[float]:
    shares = [1.0] * len(counts) if weights is None else list(weights)
    if len(shares) != len(counts):
        raise ValueError(f"{len(counts)} counts have {len(shares)} weights")
    if any(share < 0 for share in shares) or any(count < 0 for count in counts):
        raise ValueError("counts and weights are not negative")
    total, whole = sum(counts), fsum(shares)
    return [total * share / whole if whole else 0.0 for share in shares]


def _judged(statistic: float, counts: Sequence[int], expected: Sequence[float]) -> Fit:
    """Turn a statistic into a fit. What came where nothing may come (weight 0) makes any p-value 0."""
    cells = [mean for mean in expected if mean]
    freedom = max(0, len(cells) - 1)
    if any(count and not mean for count, mean in zip(counts, expected, strict=True)):
        return Fit(float("inf"), freedom, 0.0)
    p = chi_square_tail(statistic, freedom) if freedom else 1.0
    return Fit(statistic, freedom, p, bool(cells) and min(cells) >= LEAST_EXPECTED)
