"""R1: one of eleven backends is slow for half of a minute."""

from __future__ import annotations

from collections.abc import Iterator

from svcbench.reproduce.figure import Figure, Measure, Reproduction, Setup
from svcbench.reproduce.scenarios import evenly, service
from svcbench.results import Run
from svcbench.simulation.measuring import simulate

_SLOW = "normal(167ms, 5ms); at 15s..45s: 2s"
MODELS = (_SLOW, *["normal(167ms, 5ms)"] * 10)
RATE, SECONDS = 1000, 60
_RATE_ON_SOCKETS = 400
"""Where two cores carry the pods, the proxy and the generator."""
_DEADLINE = 1_000_000
ALGORITHMS = {
    "round robin": ("round_robin", "", 95.30, 95.60, "95 %"),
    "least loaded (all)": ("least_connections", "", 99.3, 99.7, "99 %"),
    "least loaded (two)": ("least_request", "", 99.3, 99.7, "99 %"),
    "peak EWMA (two)": ("peak_ewma", "", 99.85, 100.0, "99.9 %"),
    "peak EWMA (all)": ("peak_ewma", '{"full_scan": true}', 99.85, 100.0, "99.9 %"),
}
"""By their names in the publication: algorithm, options, and the band of the answers within a second."""


def figures_of(name: str, run: Run) -> Iterator[Figure]:
    """Yield what a run with one of the algorithms says."""
    _, _, low, high, published = ALGORITHMS[name]
    within = 100 * run.corrected.share_within(_DEADLINE)
    yield Figure(f"{name}: answered within 1 s", published, within, low, high, "%")
    if "EWMA" in name:
        yield Figure(f"{name}: p99.9", "210 ms", run.corrected.percentile(99.9) / 1000, 0, 250, "ms")


def _figures(is_thorough: bool) -> Iterator[Figure]:
    # By Little's law the shares do not depend on the rate, as long as many requests are under way.
    arrivals = evenly(RATE if is_thorough else RATE / 2, SECONDS)
    for name, (algorithm, options, *_) in ALGORITHMS.items():
        yield from figures_of(name, simulate(service(algorithm, MODELS, arrivals, options)))


def _on_sockets(measure: Measure) -> Iterator[Figure]:
    for name, (algorithm, options, *_) in ALGORITHMS.items():
        yield from figures_of(name, measure(Setup(algorithm, MODELS, _RATE_ON_SOCKETS, SECONDS, options)))


SLOW_BACKEND = Reproduction(
    "R1",
    "one slow backend of eleven",
    "Linkerd, Beyond Round Robin: Load Balancing for Latency (2016)",
    _figures,
    "Nobody gives up: a second is counted afterwards, so a slow request is under way for its two seconds. By theory "
    "round robin gives 1 - 30/60/11 = 95.45 %.",
    _on_sockets,
)
