"""Whether counts and times are such as a rule would give: chi-square, G, Kolmogorov and Smirnov. Pure.

A test is asked for before the data is seen, once; a report gives its p-value and leaves the level to its reader. Counts
that are evener than chance (of a rotation) give a p-value near 1, which is no fault.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import exp, fsum, log
from typing import NamedTuple

from svcbench.statistics.distributions import chi_square_tail, kolmogorov_tail

LEAST_EXPECTED = 5
"""Below this expected count in a cell the chi-square distribution is no good approximation (Cochran 1954)."""


class Fit(NamedTuple):
    """A test's statistic, its degrees of freedom (of Kolmogorov's test: draws), and its p-value.

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


def g_test(counts: Sequence[int], weights: Sequence[float] | None = None) -> Fit:
    """Test the same by the ratio of likelihoods: 2 sum O ln(O/E)."""
    expected = _expected(counts, weights)
    pairs = zip(counts, expected, strict=True)
    return _judged(2 * fsum(count * log(count / mean) for count, mean in pairs if count and mean), counts, expected)


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


def kolmogorov_smirnov(values: Sequence[float], cumulative: Callable[[float], float]) -> Fit:
    """Test whether values are drawn from the distribution with the cumulative function ``cumulative``."""
    count = len(values)
    if not count:
        return Fit(0.0, 0, 1.0, False)
    places = [cumulative(value) for value in sorted(values)]
    distance = max(max((rank + 1) / count - place, place - rank / count) for rank, place in enumerate(places))
    return Fit(distance, count, kolmogorov_tail(distance, count), count >= LEAST_EXPECTED)


def exponential(rate: float) -> Callable[[float], float]:
    """Return the cumulative function of the gaps of a Poisson process with ``rate`` arrivals per unit of time."""
    return lambda gap: 1 - exp(-rate * max(0.0, gap))
