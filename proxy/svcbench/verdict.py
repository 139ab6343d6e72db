"""Whether a run may be believed, and whether it keeps its objectives. Pure.

A load generator that is late measures itself (Nighthawk and wrk2 say so in their documentation): a run whose achieved
rate is below 99 % of the offered one, or whose 99th percentile of lag is above a millisecond, is invalid.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from kubeapi.serialization.duration import parse_duration
from svcbench.results import Run

LEAST_ACHIEVED = 0.99
MOST_LAG = 1000
"""Microseconds."""
_PERCENT = re.compile(r"(\d+(?:\.\d+)?)%")
_PERCENTILE = re.compile(r"p(\d+(?:\.\d+)?)")


def invalidities(run: Run) -> list[str]:
    """Return why the figures of a run are not to be believed, nothing where they are."""
    return list(_invalidities(run))


def _invalidities(run: Run) -> Iterator[str]:
    generator = run.generator
    if run.is_partial:
        yield f"it was interrupted after {run.seconds:.1f} s"
    if not run.requests:
        yield "no request was due"
    if run.loop == "open" and generator.achieved_rate < LEAST_ACHIEVED * run.offered_rate:
        share = 100 * generator.achieved_rate / run.offered_rate
        yield (
            f"the generator began {generator.achieved_rate:.0f} requests/s of {run.offered_rate:.0f} ({share:.1f} %, "
            f"want {100 * LEAST_ACHIEVED:.0f} %)"
        )
    if generator.lag_p99 > MOST_LAG:
        yield f"the generator was late: p99 of its lag is {generator.lag_p99 / 1000:.1f} ms, want at most 1 ms"
    if generator.refused:
        yield f"{generator.refused} connections never opened"


@dataclass(frozen=True)
class Objective:
    """One of ``--slo``: a percentile in microseconds (``percent`` is its number), or the share of errors (None)."""

    percent: float | None
    bound: float

    def broken(self, run: Run) -> str:
        """Return what a run has instead, "" if it keeps the objective."""
        if self.percent is None:
            share = run.error_share
            return f"errors are {100 * share:.3g} %, want at most {100 * self.bound:g} %" if share > self.bound else ""
        value = run.corrected.percentile(self.percent)
        if value <= self.bound:
            return ""
        return f"p{self.percent:g} is {value / 1000:.3g} ms, want at most {self.bound / 1000:g} ms"


def read_objectives(text: str) -> tuple[Objective, ...]:
    """Read ``p99=50ms,errors=0.1%``; ValueError says what is wrong."""
    return tuple(_objective(each.strip()) for each in text.split(","))


def _objective(text: str) -> Objective:
    name, _, bound = text.partition("=")
    if name == "errors" and (found := _PERCENT.fullmatch(bound)) and float(found[1]) <= 100:
        return Objective(None, float(found[1]) / 100)
    of = _PERCENTILE.fullmatch(name)
    if of and 0 < float(of[1]) <= 100 and (seconds := parse_duration(bound)) is not None:
        return Objective(float(of[1]), round(seconds * 1e6, 3))
    message = f'{text!r}: write an objective like "p99=50ms" (us, ms or s) or "errors=0.1%"'
    raise ValueError(message)


def broken_objectives(run: Run, objectives: tuple[Objective, ...]) -> list[str]:
    """Return what is broken of the objectives, in their order."""
    return [said for each in objectives if (said := each.broken(run))]
