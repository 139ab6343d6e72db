"""Times drawn from a distribution, many at once. Pure: the random source and what is replayed are passed in."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from math import exp, log
from random import Random

from kubeapi.backends.model import Distribution

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
    """Return the times of a file for replay, one in seconds, or with ms or us behind it, a line; ReplayError.

    Empty lines and those that begin with # are left out.
    """
    found = []
    for number, line in enumerate(text.splitlines(), 1):
        word = line.strip()
        if not word or word.startswith("#"):
            continue
        seconds = _seconds(word)
        if seconds is None:
            message = f"{path}:{number}: {word!r} is no time such as 0.167, 167ms or 900us"
            raise ReplayError(message)
        found.append(seconds)
    if not found:
        message = f"{path}: has no times; write one a line, such as 167ms"
        raise ReplayError(message)
    return found


def _seconds(word: str) -> float | None:
    for unit, factor in (("us", 1e-6), ("ms", 1e-3), ("s", 1.0), ("", 1.0)):
        if word.endswith(unit):
            try:
                seconds = float(word.removesuffix(unit)) * factor
            except ValueError:
                return None
            return seconds if 0 <= seconds <= 3600 else None
    return None
