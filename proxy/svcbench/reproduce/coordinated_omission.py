"""R6: what a generator does not see that waits for answers before it asks again."""

from __future__ import annotations

from collections.abc import Iterator

from svcbench.reproduce.figure import Figure, Measure, Reproduction, Setup
from svcbench.reproduce.scenarios import evenly, service
from svcbench.results import Run
from svcbench.simulation.measuring import simulate

MODEL = "1ms; gc every 29s: 1400ms"
"""It stands still once, from second 27.6 to second 29."""
RATE, SECONDS, CONNECTIONS = 2000, 30, 100
_RATE_ON_SOCKETS = 500


def figures_of(run: Run) -> Iterator[Figure]:
    """Yield what a run says."""
    corrected, uncorrected = run.corrected.percentile(99) / 1000, run.uncorrected.percentile(99) / 1000
    yield Figure("p99 from when requests were due", "1.27 s; by theory 1.10 s", corrected, 900, 1400, "ms")
    yield Figure("p99 from when they were sent", "5 ms", uncorrected, 0, 50, "ms")
    yield Figure("how many times larger", "200", corrected / uncorrected, 50, unit="x")


def _figures(_is_thorough: bool) -> Iterator[Figure]:
    scenario = service("round_robin", (MODEL,), evenly(RATE, SECONDS), connections=CONNECTIONS)
    yield from figures_of(simulate(scenario))


def _on_sockets(measure: Measure) -> Iterator[Figure]:
    # As many connections as in the publication for each request per second.
    connections = CONNECTIONS * _RATE_ON_SOCKETS // RATE
    yield from figures_of(measure(Setup("round_robin", (MODEL,), _RATE_ON_SOCKETS, SECONDS, connections=connections)))


COORDINATED_OMISSION = Reproduction(
    "R6", "coordinated omission: one stop of 1.4 s", "wrk2, README (Gil Tene)", _figures, on_sockets=_on_sockets
)
