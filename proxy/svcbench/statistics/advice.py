"""How many blocks, and how long ones, would tell more. Pure.

After Kalibera and Jones, "Rigorous Benchmarking in Reasonable Time" (ISMM 2013): the repetitions at each level follow
from what varies there and what a repetition costs there.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import ceil, fsum, log, sqrt

from svcbench.statistics.bootstrap import LEAST_BLOCKS, Estimate

SMALLEST_EFFECT = 0.05
"""The difference that a comparison should be able to tell, unless its user names another."""
MOST_BLOCKS = 1_000


def blocks_to_tell(ratio: Estimate, effect: float = SMALLEST_EFFECT) -> int | None:
    """Return how many blocks make the interval of a ratio so narrow that a difference of ``effect`` shows.

    The width shrinks with the root of the number of blocks. None where there is no interval yet, or where more than
    a thousand would be needed: such a difference is not to be told by repetition.
    """
    if ratio.low is None or ratio.high is None or ratio.low <= 0:
        return None
    half = (log(ratio.high) - log(ratio.low)) / 2
    needed = max(LEAST_BLOCKS, ceil(ratio.blocks * (half / log(1 + effect)) ** 2))
    return needed if needed <= MOST_BLOCKS else None


def best_seconds(blocks: Sequence[Sequence[float]], between: float) -> int | None:
    """Return how many seconds a block should measure, for the most certain result in the same whole time.

    ``blocks`` has a figure for each second of each block, such as its mean latency; ``between`` is how many seconds a
    block costs besides: change of the algorithm, warm-up, drain. The answer is the root of (cost of a block x variance
    between seconds) over (cost of a second x variance between blocks), 3.2 of the paper. None where it cannot be told:
    fewer than two blocks of two seconds, or nothing that varies between blocks.
    """
    usable = [block for block in blocks if len(block) > 1]
    if len(usable) < 2:
        return None
    seconds = fsum(len(block) for block in usable) / len(usable)
    within = fsum(_variance(block) for block in usable) / len(usable)
    across = _variance([fsum(block) / len(block) for block in usable]) - within / seconds
    if across <= 0:
        return None
    return max(1, ceil(sqrt(between * within / across)))


def _variance(values: Sequence[float]) -> float:
    mean = fsum(values) / len(values)
    return fsum((each - mean) ** 2 for each in values) / (len(values) - 1)
