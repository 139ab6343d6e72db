"""Times drawn from a distribution, many at once. Pure: the random source and what is replayed are passed in."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from math import exp, log
from random import Random

from kubeapi.backends.model import Distribution
from kubeapi.backends.scanner import LONGEST
from kubeapi.serialization.duration import parse_seconds

_BLOCK = 256
"""Times that are drawn at once, which costs half of what they cost one by one."""

Replayed = Mapping[str, Sequence[float]]
"""The times in each file that a model replays, in seconds, by its path."""


class ReplayError(ValueError):
    """A file of times cannot be used; the text says which line, and why."""


def times(distribution: Distribution, rng: Random, replayed: Replayed) -> Callable[[], float]:
    """Return what draws the next time, in seconds. A replay begins anywhere and goes round."""
    return _drawn(distribution, rng, replayed).__next__


def _drawn(distribution: Distribution, rng: Random, replayed: Replayed) -> Iterator[float]:
    if distribution.name == "replay":
        file = replayed[distribution.path]
        first = int(rng.random() * len(file))
        yield from file[first:]
        while True:
            yield from file
    draw = _BLOCKS[distribution.name]
    while True:
        yield from draw(rng, *distribution.parameters)


def _constant(_rng: Random, time: float) -> list[float]:
    return [time] * _BLOCK


def _exponential(rng: Random, mean: float) -> list[float]:
    random = rng.random
    return [-mean * log(1.0 - random()) for _ in range(_BLOCK)]


def _lognormal(rng: Random, median: float, sigma: float) -> list[float]:
    gauss = rng.gauss
    return [median * exp(gauss(0.0, sigma)) for _ in range(_BLOCK)]


def _normal(rng: Random, mean: float, deviation: float) -> list[float]:
    gauss = rng.gauss
    return [max(0.0, gauss(mean, deviation)) for _ in range(_BLOCK)]


def _uniform(rng: Random, low: float, high: float) -> list[float]:
    random, width = rng.random, high - low
    return [low + width * random() for _ in range(_BLOCK)]


def _pareto(rng: Random, least: float, shape: float) -> list[float]:
    random, power = rng.random, -1.0 / shape
    return [least * (1.0 - random()) ** power for _ in range(_BLOCK)]


_BLOCKS: Mapping[str, Callable[..., list[float]]] = {
    "constant": _constant,
    "exponential": _exponential,
    "lognormal": _lognormal,
    "normal": _normal,
    "uniform": _uniform,
    "pareto": _pareto,
}


def parse_times(text: str, path: str) -> list[float]:
    """Return the times of a file for replay, one a line, in seconds or as a duration; ReplayError.

    Empty lines and those that begin with # are left out.
    """
    found = []
    for number, line in enumerate(text.splitlines(), 1):
        word = line.strip()
        if not word or word.startswith("#"):
            continue
        seconds = parse_seconds(word)
        if seconds is None or seconds > LONGEST:
            message = f"{path}:{number}: {word!r} is no time such as 0.167, 167ms or 900us"
            raise ReplayError(message)
        found.append(seconds)
    if not found:
        message = f"{path}: has no times; write one a line, such as 167ms"
        raise ReplayError(message)
    return found
