"""In which order trials are made. Pure and seeded.

A block has one trial of each algorithm, all with the same arrivals, in an order by chance. What changes slowly on the
machine meets all of them: each second block has the order of the one before it backwards, so that a linear drift
cancels out.
"""

from __future__ import annotations

from collections.abc import Sequence
from random import Random
from typing import NamedTuple

from svcbench.compare.contenders import Contender

BLOCKS = 10
"""Unless another number is asked for: from ten blocks on an interval holds what it says."""


class Trial(NamedTuple):
    """One run of a comparison: the ``number``-th, from 0; ``seed`` is that of the arrivals, the same within a block."""

    number: int
    block: int
    contender: Contender
    seed: int


def plan(contenders: Sequence[Contender], blocks: int, seed: int) -> tuple[Trial, ...]:
    """Return all trials in the order of measurement."""
    rng = Random(seed)
    order, found = list(contenders), []
    for block in range(blocks):
        if block % 2:
            order.reverse()
        else:
            rng.shuffle(order)
        found += [(block, contender, seed + block) for contender in order]
    return tuple(Trial(number, *each) for number, each in enumerate(found))
