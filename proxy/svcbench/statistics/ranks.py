"""Percentiles of values that are all at hand. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from math import ceil


def nearest_rank(ascending: Sequence[int], percent: float) -> int:
    """Return the smallest value that at least ``percent`` of all do not pass, 0 without values.

    A rank is rounded up, after the last digits of a float's error are cut off: 99.9 % of 1000 values is the 999th.
    """
    return ascending[max(1, ceil(round(len(ascending) * percent / 100, 6))) - 1] if ascending else 0
