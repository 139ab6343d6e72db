"""What each balancing algorithm costs: a pick among 10 and among 10,000 endpoints, its tables, its memory.

In this process, without sockets. The backends have a connection each, so that nothing is as in a quiet Service. A pick
is the best of some rounds; ``loop`` is what the measurement itself costs, a call of a function that does nothing.
"""

from __future__ import annotations

import random
import time
import tracemalloc
from collections.abc import Callable, Mapping
from itertools import cycle
from timeit import timeit

from kubeapi.balancing import read_options
from kubeproxy.balancers import BALANCERS, NAMES, Asking, Backend, Balancer, Inputs, OwnTurns, own_load
from kubeproxy.counters import EndpointCounters
from kubeproxy.types import Destination, Endpoint, ServicePortName

SIZES = (10, 10_000)
LOOP = "loop"
PREFIX = "picks"
_ROUNDS = 5
_ROUND_SECONDS = 0.02
_PORT = ServicePortName("default", "web", "", "TCP")
_ASKS = [
    Asking(f"10.1.{n >> 8}.{n & 255}", Destination("10.96.0.1", 80, "TCP"), 40000 + n, f"key-{n}") for n in range(997)
]


def picks(tell: Callable[[str], None]) -> dict[str, float]:
    """Return the figures by ``picks/NAME/SIZE/UNIT``: ns of a pick, ms until the first one, bytes per endpoint."""
    asks = cycle(_ASKS)
    found = {f"{PREFIX}/{LOOP}/{size}/ns": _nanoseconds(lambda: next(asks)) for size in SIZES}
    for name in NAMES:
        tell(f"picks of {name}")
        for size in SIZES:
            found |= {f"{PREFIX}/{name}/{size}/{unit}": value for unit, value in _measure(name, size).items()}
    return found


def _measure(name: str, size: int) -> dict[str, float]:
    backends = _backends(size)
    tracemalloc.start()
    algorithm = _ready(name, backends)
    taken, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    began = time.perf_counter()
    algorithm = _ready(name, backends)
    built = time.perf_counter() - began
    _load(algorithm, backends)
    asks = cycle(_ASKS)
    return {"ns": _nanoseconds(lambda: algorithm.pick(next(asks))), "ms": built * 1000, "bytes": taken / size}


def _backends(size: int) -> list[Backend]:
    endpoints = [Endpoint(f"10.{n >> 16}.{n >> 8 & 255}.{n & 255}", 80) for n in range(size)]
    return [Backend(each, EndpointCounters(_PORT, each.address), size) for each in endpoints]


def _ready(name: str, backends: list[Backend]) -> Balancer:
    algorithm = BALANCERS[name]
    inputs = Inputs(random.Random(1), own_load, OwnTurns(), time.monotonic)
    made = algorithm(inputs, read_options("", algorithm.options))
    made.update(backends)
    made.pick(_ASKS[0])
    return made


def _load(algorithm: Balancer, backends: list[Backend]) -> None:
    for each in backends:
        each.counters.active += 1
        if algorithm.follows:
            algorithm.opened(each)
            algorithm.answered(each, 0.01)


def _nanoseconds(act: Callable[[], object]) -> float:
    """Return the time of a call, the best of some rounds that are each long enough to be measured."""
    number = 1
    while timeit(act, number=number) < _ROUND_SECONDS:
        number *= 4
    return min(timeit(act, number=number) for _ in range(_ROUNDS)) / number * 1e9


def costs_of(figures: Mapping[str, float]) -> list[tuple[str, ...]]:
    """Return the header and a row for each algorithm of what ``picks`` has measured; () without figures."""
    names = list(dict.fromkeys(each.split("/")[1] for each in figures if each.startswith(f"{PREFIX}/")))
    return [_HEADER, *(_row(name, figures) for name in names)] if names else []


_HEADER = (
    "algorithm",
    *(f"ns at {size:,}" for size in SIZES),
    "ratio",
    f"ms to build for {SIZES[-1]:,}",
    f"bytes per endpoint at {SIZES[-1]:,}",
    "cost",
)


def _row(name: str, figures: Mapping[str, float]) -> tuple[str, ...]:
    few, many = (figures[f"{PREFIX}/{name}/{size}/ns"] for size in SIZES)
    if name == LOOP:
        return name, f"{few:,.0f}", f"{many:,.0f}", "", "", "", ""
    built, taken = (figures[f"{PREFIX}/{name}/{SIZES[-1]}/{unit}"] for unit in ("ms", "bytes"))
    cost = BALANCERS[name].card.cost if name in BALANCERS else ""
    return name, f"{few:,.0f}", f"{many:,.0f}", f"{many / few:.2g}", f"{built:,.1f}", f"{taken:,.0f}", cost
