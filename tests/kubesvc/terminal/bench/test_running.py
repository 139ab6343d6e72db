"""Lines that tell of a run under way, where there is no terminal."""

from __future__ import annotations

from typing import cast

from kubesvc.bench.progress import Progress, Sight
from kubesvc.terminal.bench.running import _Teller
from svcbench.load.log import Log, Rows

SIGHT = Sight(0.0, 10.0, False, 4, 0, 400.0, 1, 1, 1, {})


class Elapsing:
    """A run of which a bit more has passed each time it is looked at."""

    def __init__(self, *elapsed: float) -> None:
        self._elapsed = iter(elapsed)

    def add(self, rows: Rows) -> None:
        """Learn rows."""

    def sight(self, log: Log, now: float) -> Sight:
        del log, now
        return SIGHT._replace(elapsed=next(self._elapsed))


def test_nothing_is_told_of_the_first_second_however_late_the_load_began() -> None:
    told: list[float] = []
    run = cast(Progress, Elapsing(0.01, 0.9, 1.2))
    teller = _Teller(run, float("-inf"), lambda sight: told.append(sight.elapsed))
    for _ in range(3):
        teller(Log(), Rows())
    assert told == [1.2]
