"""Whether values are drawn from a distribution: the test of Kolmogorov and Smirnov."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import exp, pi


def kolmogorov_smirnov(values: Sequence[float], cumulative: Callable[[float], float]) -> float:
    """Return the p-value of values that should be drawn from the distribution with a cumulative function."""
    count = len(values)
    places = [cumulative(value) for value in sorted(values)]
    distance = max(max((rank + 1) / count - place, place - rank / count) for rank, place in enumerate(places))
    return kolmogorov_tail(distance, count)


def exponential(rate: float) -> Callable[[float], float]:
    """Return the cumulative function of the gaps of a Poisson process with ``rate`` arrivals per unit of time."""
    return lambda gap: 1 - exp(-rate * max(0.0, gap))


def kolmogorov_tail(distance: float, count: int) -> float:
    """Return the probability that ``count`` draws are at least so far from the distribution that they are drawn from.

    ``distance`` is the largest one of the two cumulative distributions. Kolmogorov's limit with Stephens' correction
    for small samples (Journal of the Royal Statistical Society B 32, 1970): good from 5 draws on.
    """
    root = count**0.5
    x = distance * (root + 0.12 + 0.11 / root)
    if x < 1.18:
        # The other series of the same function: this one has enough terms with three where the usual has not.
        inner = sum(exp(-((2 * number - 1) ** 2) * pi * pi / (8 * x * x)) for number in (1, 2, 3)) if x > 0.04 else 0.0
        return 1 - (2 * pi) ** 0.5 / x * inner if inner else 1.0
    return max(0.0, 2 * sum((-1.0) ** (number - 1) * exp(-2 * number * number * x * x) for number in (1, 2, 3, 4)))
