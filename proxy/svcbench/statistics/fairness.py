"""How evenly requests were spread over pods, over the whole run and from second to second. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from math import fsum, sqrt
from typing import NamedTuple

from svcbench.statistics.fits import Fit, chi_square


class Spread(NamedTuple):
    """How evenly a run was spread over its pods.

    ``jain`` is 1 where all have the same and 1/n where one has all; ``jain_of_chance`` is what a fair die would give.
    ``max_over_mean`` is the busiest pod's share over the fair one. ``variation`` is the coefficient of variation among
    the pods within a window of a second, averaged over the windows: what is even over a run may be uneven at every
    moment.
    """

    jain: float
    jain_of_chance: float
    max_over_mean: float
    variation: float | None
    fit: Fit


def jain(shares: Sequence[float]) -> float:
    """Return Jain's index (sum x)^2 / (n sum x^2) of shares; 1 where there is nothing to share."""
    squares = fsum(each * each for each in shares)
    return fsum(shares) ** 2 / (len(shares) * squares) if squares else 1.0


def jain_of_chance(pods: int, requests: int) -> float:
    """Return about what Jain's index is if each of ``requests`` goes to any of ``pods`` by chance: 1/(1 + (n-1)/m)."""
    return 1 / (1 + (pods - 1) / requests) if requests else 1.0


def max_over_mean(shares: Sequence[float]) -> float:
    """Return the largest share over the mean; 1 where there is nothing to share."""
    total = fsum(shares)
    return max(shares) * len(shares) / total if total else 1.0


def variation(shares: Sequence[float]) -> float:
    """Return the coefficient of variation, the standard deviation (of all, not of a sample) over the mean."""
    count, total = len(shares), fsum(shares)
    if not total:
        return 0.0
    mean = total / count
    return sqrt(fsum((each - mean) ** 2 for each in shares) / count) / mean


def variation_in_windows(windows: Sequence[Sequence[float]]) -> float | None:
    """Return the mean of the variation among pods within each window that has requests, None if none has.

    ``windows`` has for each window how many requests each pod got in it.
    """
    found = [variation(window) for window in windows if any(window)]
    return fsum(found) / len(found) if found else None


def transposed(per_pod: Sequence[Sequence[int]]) -> list[list[int]]:
    """Return the counts of each window over pods from those of each pod over windows; a short list ends in zeros."""
    length = max((len(counts) for counts in per_pod), default=0)
    return [[counts[at] if at < len(counts) else 0 for counts in per_pod] for at in range(length)]


def spread(counts: Sequence[int], windows: Sequence[Sequence[int]], weights: Sequence[float]) -> Spread | None:
    """Return how evenly requests were spread over pods in proportion to their weights; None without any with a weight.

    ``windows`` are the counts of each pod over the seconds. A pod with weight 0 is no part of what is even, but what it
    got spoils the fit.
    """
    weighted = [at for at, weight in enumerate(weights) if weight]
    if not weighted:
        return None
    shares = [counts[at] / weights[at] for at in weighted]
    in_seconds = transposed([windows[at] for at in weighted])
    return Spread(
        jain(shares),
        jain_of_chance(len(shares), sum(counts)),
        max_over_mean(shares),
        variation_in_windows(
            [[count / weights[at] for at, count in zip(weighted, each, strict=True)] for each in in_seconds]
        ),
        chi_square(counts, weights),
    )
