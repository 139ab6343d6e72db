"""What each balancing algorithm costs: a pick among 10 and among 10,000 endpoints, its tables, its memory.

In this process, without sockets. The backends have a connection each, so that nothing is as in a quiet Service, and
probes are answered before the next pick. A pick is the best of some rounds, in which both sizes take turns. Four rows
have no algorithm: ``loop`` is what the measurement costs, and the others what the processor's caches do to a large
number: ``one drawn`` reads a backend of a list by chance, ``one in turn`` the next of a shuffled list, ``two drawn``
the loads of two by chance. A ratio is judged by that of the last one: the goal is 1.5 times as much. A stall is how
long the event loop stands still while tables for 1,000 endpoints are made.
"""

from __future__ import annotations

import gc
import random
import time
import tracemalloc
from collections.abc import Callable, Iterator, Mapping
from itertools import count, cycle
from timeit import timeit

from kubeapi.balancing import read_options
from kubeproxy.balancers import BALANCERS, NAMES, Asking, Backend, Balancer, Inputs, OwnTurns, Tell, own_load
from kubeproxy.telemetry.counters import EndpointCounters
from kubeproxy.types import Destination, Endpoint, ServicePortName

FEW, MANY, TABLES = 10, 10_000, 1_000
LOOP, ONE, TURN, TWO = "loop", "one drawn", "one in turn", "two drawn"
BARE = (LOOP, ONE, TURN, TWO)
PREFIX = "picks"
_ROUNDS = 5
_ROUND_SECONDS = 0.02
_TRIALS = 3
"""Of which the best is what a table costs by itself, without the collection of garbage."""
_PORT = ServicePortName("default", "web", "", "TCP")
_ASKS = [
    Asking(f"10.1.{number >> 8}.{number & 255}", Destination("10.96.0.1", 80, "TCP"), 40000 + number, f"key-{number}")
    for number in range(997)
]

Act = Callable[[], object]
_DONE = object()


def picks(tell: Callable[[str], None]) -> dict[str, float]:
    """Return the figures by ``picks/NAME/FIGURE``: ns of a pick by size, ms, and bytes per endpoint."""
    asks = cycle(_ASKS)
    found = _named(LOOP, _times(lambda: next(asks), lambda: next(asks)))
    for name, bare in ((ONE, _one_drawn), (TURN, _one_in_turn), (TWO, _two_drawn)):
        found |= _named(name, _times(bare(_backends(FEW)), bare(_backends(MANY))))
    for name in NAMES:
        tell(f"picks of {name}")
        found |= _named(name, _measure(name))
    return found


def _named(name: str, figures: Mapping[str, float]) -> dict[str, float]:
    return {f"{PREFIX}/{name}/{figure}": value for figure, value in figures.items()}


def _measure(name: str) -> dict[str, float]:
    backends = _backends(MANY)
    tracemalloc.start()
    many = _ready(name, backends)
    taken, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    times = _times(_ready(name, _backends(FEW)), many)
    return {**times, "stall": _stall(name) * 1000, "bytes": taken / MANY}


def _backends(size: int) -> list[Backend]:
    endpoints = [Endpoint(f"10.{number >> 16}.{number >> 8 & 255}.{number & 255}", 80) for number in range(size)]
    return [Backend(each, EndpointCounters(_PORT, each.address), size) for each in endpoints]


_A_MINUTE_EACH = {"aperture"}
"""Algorithms that look at how loads were for a while: to them connections come a minute apart. Picks read no clock."""


def _ready(name: str, backends: list[Backend]) -> Act:
    """Return the next pick of an algorithm whose backends have a connection each."""
    algorithm, asked = BALANCERS[name], dict[Backend, Tell]()
    clock = count(0.0, 60.0).__next__ if name in _A_MINUTE_EACH else time.monotonic
    inputs = Inputs(random.Random(1), own_load, OwnTurns(), clock, asked.__setitem__)
    made = algorithm(inputs, read_options("", algorithm.options))
    made.update(backends)
    made.pick(_ASKS[0])
    for each in backends:
        each.counters.active += 1
        if made.follows:
            made.opened(each)
            made.answered(each, 0.01)
    asks = cycle(_ASKS)
    return _answering(made, asks, asked) if asked else lambda: made.pick(next(asks))


def _answering(algorithm: Balancer, asks: Iterator[Asking], asked: dict[Backend, Tell]) -> Act:
    """Return the next pick, before which the backends that were asked answer: some have more to do than others."""
    loads = cycle([(number % 7, number % 5 / 100) for number in range(1, 36)])

    def pick() -> object:
        now = time.monotonic()
        for backend, tell in asked.items():
            tell(backend, next(loads), now)
        asked.clear()
        return algorithm.pick(next(asks))

    return pick


def _one_drawn(backends: list[Backend]) -> Act:
    draw, size = random.Random(1).random, len(backends)
    return lambda: backends[int(draw() * size)].choice


def _one_in_turn(backends: list[Backend]) -> Act:
    random.Random(1).shuffle(backends)
    turns = cycle(backends)
    return lambda: next(turns).choice


def _two_drawn(backends: list[Backend]) -> Act:
    draw, size = random.Random(1).random, len(backends)

    def pick() -> Backend:
        one, other = backends[int(draw() * size)], backends[int(draw() * size)]
        return one if one.counters.active <= other.counters.active else other

    return pick


def _stall(name: str) -> float:
    """Return the seconds of a processor of what takes longest: the update, a step of the table's, or the first pick."""
    gc.collect()
    return min(_longest(name) for _ in range(_TRIALS))


def _longest(name: str) -> float:
    longest = 0.0

    def timed(act: Act) -> object:
        nonlocal longest
        began = time.thread_time()
        done = act()
        longest = max(longest, time.thread_time() - began)
        return done

    steps: list[Iterator[None]] = []
    algorithm, backends = BALANCERS[name], _backends(TABLES)
    inputs = Inputs(random.Random(1), own_load, OwnTurns(), time.monotonic, work=steps.append)
    made = algorithm(inputs, read_options("", algorithm.options))
    timed(lambda: made.update(backends))
    for each in steps:
        while timed(lambda each=each: next(each, _DONE)) is not _DONE:  # type: ignore[misc]  # bound at once
            pass
    timed(lambda: made.pick(_ASKS[0]))
    return longest


def _times(few: Act, many: Act) -> dict[str, float]:
    """Return the ns of a call of each, the best of rounds that are each long enough to be measured."""
    acts = {f"ns@{FEW}": few, f"ns@{MANY}": many}
    numbers = {name: _enough(act) for name, act in acts.items()}
    rounds = [{name: timeit(act, number=numbers[name]) for name, act in acts.items()} for _ in range(_ROUNDS)]
    return {name: min(each[name] for each in rounds) / numbers[name] * 1e9 for name in acts}


def _enough(act: Act) -> int:
    number = 1
    while timeit(act, number=number) < _ROUND_SECONDS:
        number *= 4
    return number


def costs_of(figures: Mapping[str, float]) -> list[tuple[str, ...]]:
    """Return the header and a row for each algorithm of what ``picks`` has measured; [] without figures."""
    names = list(dict.fromkeys(each.split("/")[1] for each in figures if each.startswith(f"{PREFIX}/")))
    return [_HEADER, *(_row(name, figures) for name in names)] if names else []


_HEADER = (
    "algorithm",
    f"ns at {FEW:,}",
    f"ns at {MANY:,}",
    "ratio",
    f"ratio over that of {TWO}",
    f"ms of a stall at {TABLES:,}",
    f"bytes per endpoint at {MANY:,}",
    "cost",
)


def _row(name: str, figures: Mapping[str, float]) -> tuple[str, ...]:
    few, many = (figures[f"{PREFIX}/{name}/ns@{size}"] for size in (FEW, MANY))
    bare = [figures.get(f"{PREFIX}/{TWO}/ns@{size}", 0.0) for size in (FEW, MANY)]
    judged = f"{many / few * bare[0] / bare[1]:.2g}" if all(bare) and name not in BARE else ""
    times = name, f"{few:,.0f}", f"{many:,.0f}", f"{many / few:.2g}", judged
    if name in BARE:
        return *times, "", "", ""
    stall, taken = (figures[f"{PREFIX}/{name}/{figure}"] for figure in ("stall", "bytes"))
    return *times, f"{stall:,.1f}", f"{taken:,.0f}", BALANCERS[name].card.cost if name in BALANCERS else ""
