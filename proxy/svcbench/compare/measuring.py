"""Makes the trials of a comparison, one after the other. The runner, of sockets or simulation, is passed in."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from svcbench.compare.comparison import INTERRUPTED, Comparison, gathered
from svcbench.compare.contenders import Contender
from svcbench.compare.plan import Trial, plan
from svcbench.results import Run

RunTrial = Callable[[Trial], Run]
"""Measures one trial, drained before and after: nothing of another trial is under way. A partial run ends it all."""


class TrialError(Exception):
    """A trial could not be made; says why. The blocks before it stay."""


def compare(
    contenders: Sequence[Contender], blocks: int, seed: int, run: RunTrial, tell: Callable[[Trial, int], None]
) -> Comparison:
    """Return the comparison; that of the finished blocks where a trial failed, or Ctrl-C came in it or beside it.

    ``tell`` is called before each trial, with how many there are in all.
    """
    trials = plan(contenders, blocks, seed)
    done: list[tuple[Trial, Run]] = []
    reason = ""
    for trial in trials:
        try:
            tell(trial, len(trials))
            found = run(trial)
        except KeyboardInterrupt:
            reason = INTERRUPTED
        except TrialError as error:
            reason = f"{trial.contender.label} in block {trial.block + 1}: {error}"
        else:
            done.append((trial, found))
            reason = INTERRUPTED if found.is_partial else ""
        if reason:
            break
    return replace(gathered(done, blocks, seed, [each.label for each in contenders]), reason=reason)
