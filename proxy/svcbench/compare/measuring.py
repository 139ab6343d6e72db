"""Makes the trials of a comparison, one after the other. The runner, of sockets or simulation, is passed in."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from svcbench.compare.comparison import Comparison, gathered
from svcbench.compare.contenders import Contender
from svcbench.compare.plan import Trial, plan
from svcbench.results import Run

RunTrial = Callable[[Trial], Run]
"""Measures one trial, drained before and after: nothing of another trial is under way. A partial run ends it all."""


def compare(
    contenders: Sequence[Contender], blocks: int, seed: int, run: RunTrial, tell: Callable[[Trial, int], None]
) -> Comparison:
    """Return the comparison; that of the finished blocks where a run was interrupted, or what is around it.

    ``tell`` is called before each trial, with how many there are in all.
    """
    trials = plan(contenders, blocks, seed)
    done: list[tuple[Trial, Run]] = []
    for trial in trials:
        try:
            tell(trial, len(trials))
            found = run(trial)
        except KeyboardInterrupt:
            break
        done.append((trial, found))
        if found.is_partial:
            break
    return gathered(done, blocks, seed, [each.label for each in contenders])
