"""How often one has to ask so that chance decides nothing: once in a million million runs, in place of every gate."""

from __future__ import annotations

import math

UNLIKELY = 1e-12


def enough(endpoints: int) -> int:
    """Return after how many choices, each of one of so many endpoints by chance, none of them is missing."""
    if endpoints < 2:
        return 1
    return math.ceil(math.log(UNLIKELY / endpoints) / math.log(1 - 1 / endpoints))
