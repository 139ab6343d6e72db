"""Made-up comparisons: runs with pods and seconds, seeded, so that reports have something to show."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from random import Random

from tests.helpers.svcbench import run_of

from svcbench.compare.comparison import Comparison
from svcbench.histogram import Histogram
from svcbench.results import PodFigures, Run, Second

PODS = ("web-6b7f-abcde", "web-6b7f-fghij", "web-6b7f-klmno")
SECONDS, RATE = 5, 40


def run_with_pods(algorithm: str, seed: int, scale: float = 1.0, pods: Sequence[str] = PODS) -> Run:
    """Return a run with lognormal latencies of about ``scale`` times 20 ms, on pods by chance."""
    rng = Random(f"{algorithm} {seed}")
    luck = Random(seed).lognormvariate(0, 0.2)
    took = [int(20_000 * scale * luck * rng.lognormvariate(0, 0.4)) for _ in range(SECONDS * RATE)]
    to = [rng.choice(pods) for _ in took]
    seconds = [Histogram(took[at * RATE : (at + 1) * RATE]) for at in range(SECONDS)]
    return replace(
        run_of(took, algorithm),
        seconds=float(SECONDS),
        warmup=1.0,
        offered_rate=float(RATE),
        generator=replace(run_of(took).generator, achieved_rate=float(RATE)),
        seconds_series=tuple(
            Second(at, RATE, 0, each.percentile(50), each.percentile(99)) for at, each in enumerate(seconds)
        ),
        pods={pod: _pod(pod, took, to) for pod in pods},
        command="kubesvc bench svc/web --rate 100/s --duration 5",
    )


def _pod(pod: str, took: Sequence[int], to: Sequence[str]) -> PodFigures:
    mine = [at for at, name in enumerate(to) if name == pod]
    windows = Counter(at // RATE for at in mine)
    latency = Histogram([took[at] for at in mine])
    return PodFigures(len(mine), 0, 7, latency, tuple(windows[at] for at in range(SECONDS)))


def comparison_of(
    scales: Mapping[str, float], blocks: int = 10, planned: int | None = None, pods: Sequence[str] = PODS
) -> Comparison:
    """Return a comparison of algorithms whose latencies are the named multiples of each other."""
    return Comparison(
        tuple(scales),
        tuple(
            {label: run_with_pods(label, block, scale, pods) for label, scale in scales.items()}
            for block in range(blocks)
        ),
        blocks if planned is None else planned,
        3,
    )
