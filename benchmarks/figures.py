"""What measured numbers mean. Pure."""

from __future__ import annotations

import math
from collections.abc import Sequence


def percentile(ordered: Sequence[int], percent: float) -> int:
    """Return the nearest-rank percentile of ordered values, 0 of none."""
    if not ordered:
        return 0
    rank = math.ceil(len(ordered) * percent / 100)
    return ordered[max(rank, 1) - 1]
