"""R2: the power of two choices: balls into bins, and the supermarket model."""

from __future__ import annotations

import math
from collections.abc import Iterator
from itertools import pairwise

from svcbench.reproduce.figure import Figure, Measure, Reproduction, Setup
from svcbench.reproduce.scenarios import Bins, by_chance, service
from svcbench.simulation.measuring import simulate

_QUEUES = 100
_MEAN = 0.001
_TOLERANCE = 0.03
_ORDER = {
    "random": ("random", ""),
    "round robin": ("round_robin", ""),
    "two choices": ("least_request", ""),
    "three choices": ("least_request", '{"choices": 3}'),
    "join the idle queue": ("join_idle_queue", ""),
    "the shortest queue": ("least_connections", ""),
}
"""From the slowest to the fastest, by their names here."""


def two_choices_time(load: float) -> float:
    """Return the mean time in the system by the formula, in mean service times, for many queues."""
    return sum(math.pow(load, 2**i - 2) for i in range(1, 12))


def _figures(is_thorough: bool) -> Iterator[Figure]:
    yield from _balls(is_thorough)
    times: dict[tuple[str, float], float] = {}
    for load in (0.5, 0.7, 0.8, 0.9) if is_thorough else (0.7, 0.9):
        names = _ORDER if load == 0.9 else ["two choices"]
        for name in names:
            times[name, load] = _mean_time(name, load, is_thorough=is_thorough)
        formula = two_choices_time(load)
        low, high = formula * (1 - _TOLERANCE), formula * (1 + _TOLERANCE)
        yield Figure(
            f"two choices at load {load:g}: mean time", f"{formula:.4f}", times["two choices", load], low, high
        )
    for slower, faster in pairwise(_ORDER):
        ratio = times[slower, 0.9] / times[faster, 0.9]
        # Of the last two the theory says only that neither is much slower.
        least = 0.98 if faster == "the shortest queue" else 1.0
        yield Figure(f"at load 0.9: {slower} / {faster}", "above 1", ratio, least, unit="x")


def _mean_time(name: str, load: float, *, is_thorough: bool) -> float:
    algorithm, options = _ORDER[name]
    # At a high load a queue takes long to settle, and two times of one queue depend on each other.
    requests = (600_000 if is_thorough else 90_000) * (load if name == "two choices" else 0.3)
    seconds = requests * _MEAN / _QUEUES / load
    schedule = by_chance(load * _QUEUES / _MEAN, seconds)
    models = [f"exponential({_MEAN * 1000:g}ms); slots 1"] * _QUEUES
    run = simulate(service(algorithm, models, schedule, options, warmup=seconds / 8))
    return run.corrected.mean / 1_000_000 / _MEAN


def _balls(is_thorough: bool) -> Iterator[Figure]:
    bands = {4096: ((5, 8), (2, 4)), 65536: ((6, 10), (3, 4))}
    for count in bands if is_thorough else (4096,):
        for algorithm, choices, (low, high) in zip(("random", "least_request"), (1, 2), bands[count], strict=True):
            bins = Bins(algorithm, count)
            bins.throw(count)
            what = f"{count} balls into as many bins, {choices} choice{'s' * (choices > 1)}: the fullest"
            published = "ln n / ln ln n" if choices == 1 else "ln ln n / ln 2 + O(1)"
            yield Figure(what, published, max(bins.counts), low, high)


def _on_sockets(measure: Measure) -> Iterator[Figure]:
    load, queues, mean = 0.7, 10, 0.04
    models = [f"exponential({mean * 1000:g}ms); slots 1"] * queues
    times = {}
    for name in ("random", "round robin", "two choices"):
        run = measure(Setup(_ORDER[name][0], models, load * queues / mean, 60, is_poisson=True))
        times[name] = run.corrected.mean / 1_000_000 / mean
        yield Figure(f"{name} at load {load:g}, {queues} queues: mean time", "", times[name])
    yield Figure(
        "two choices / random",
        f"{two_choices_time(load) * (1 - load):.2f}",
        times["two choices"] / times["random"],
        0,
        0.65,
        "x",
    )
    yield Figure("two choices / round robin", "below 1", times["two choices"] / times["round robin"], 0, 0.95, "x")


TWO_CHOICES = Reproduction(
    "R2",
    "the power of two choices",
    "M. Mitzenmacher, The Power of Two Choices in Randomized Load Balancing (1996)",
    _figures,
    "Times are in mean service times, of 100 queues with exponential service and Poisson arrivals.",
    _on_sockets,
)
