"""What algorithms are given in tests: backends with loads in hand, a seeded source of chance, a clock."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence

from kubeapi.balancing import read_options
from kubeproxy.balancers import (
    BALANCERS,
    Ask,
    Asking,
    Backend,
    Balancer,
    Inputs,
    Load,
    OwnTurns,
    Turns,
    all_options,
    compose,
    own_load,
)
from kubeproxy.telemetry.counters import EndpointCounters
from kubeproxy.types import Destination, Endpoint, ServicePortName

WEB = ServicePortName("default", "web", "http", "TCP")
ASK: Ask = Asking("127.0.0.1", Destination("127.96.0.20", 80, "TCP"))
"""Anybody's connection."""


def backends(*weights: int, active: Sequence[int] = ()) -> list[Backend]:
    """Return backends at 127.245.0.1:80, .2 and so on with these weights, each with so many connections.

    The next after .255 is 127.245.1.0.
    """
    endpoints = [
        Endpoint(f"127.245.{number >> 8}.{number & 255}", 80, weight=each) for number, each in enumerate(weights, 1)
    ]
    made = [Backend(each, EndpointCounters(WEB, each.address), len(weights)) for each in endpoints]
    for each, count in zip(made, active, strict=False):
        each.counters.active = count
    return made


def inputs(
    seed: int = 0, *, load: Load = own_load, turns: Turns | None = None, clock: Callable[[], float] = float
) -> Inputs:
    """Return what an algorithm is given; a rotation of its own unless one is shared."""
    return Inputs(random.Random(seed), load, turns or OwnTurns(), clock)


def balancer(name: str, options: str = "", given: Inputs | None = None) -> Balancer:
    """Return an algorithm by its name, with options as the annotation has them."""
    algorithm = BALANCERS[name]
    return compose(algorithm, given or inputs(), read_options(options, all_options(algorithm)))


def picked(algorithm: Balancer, count: int, among: Sequence[Backend], ask: Ask = ASK) -> list[int]:
    """Return the numbers (from 1 on) of the next ``count`` backends, 0 for none; nothing is opened."""
    numbers = {each: number for number, each in enumerate(among, 1)}
    picks = (algorithm.pick(ask) for _ in range(count))
    return [numbers[each] if each else 0 for each in picks]


def opened(algorithm: Balancer, backend: Backend) -> None:
    """Count a connection that begins, and tell the algorithm if it follows them."""
    backend.counters.active += 1
    if algorithm.follows:
        algorithm.opened(backend)


def closed(algorithm: Balancer, backend: Backend) -> None:
    """Count a connection that ends, and tell the algorithm if it follows them."""
    backend.counters.active -= 1
    if algorithm.follows:
        algorithm.closed(backend)
