"""Scenarios and single picks in few words."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from kubeapi.backends.reading import read_backend
from kubeapi.balancing import read_options
from kubeproxy.balancers import BALANCERS, Asking, all_options, ask_nobody
from svcbench.arrivals import Profile, constant
from svcbench.simulation.pickers import Given, Picker, SimulatedBackend, simulated_endpoints
from svcbench.simulation.scenario import Scenario, SimulatedPod


def service(
    algorithm: str,
    models: Sequence[str],
    schedule: Profile,
    options: str = "",
    weights: Sequence[int] = (),
    **more: Any,
) -> Scenario:
    """Return the scenario of a Service whose pods behave as ``models`` say; ``more`` are its other fields."""
    shares = weights or [1] * len(models)
    read = {model: read_backend(model) for model in set(models)}
    pods = [
        SimulatedPod(f"pod-{number}", read[model], weight)
        for number, (model, weight) in enumerate(zip(models, shares, strict=True), 1)
    ]
    return Scenario(pods, algorithm, schedule, read_options(options, all_options(BALANCERS[algorithm])), **more)


def evenly(rate: float, seconds: float) -> Profile:
    """Return arrivals that are evenly spaced."""
    return Profile(constant(rate, seconds))


def by_chance(rate: float, seconds: float) -> Profile:
    """Return the arrivals of a Poisson process."""
    return Profile(constant(rate, seconds), True)


class Bins:
    """One picker and backends that never answer: every pick stays in its bin."""

    def __init__(self, algorithm: str, count: int, options: str = "", seed: int = 1) -> None:
        scenario = service(algorithm, ["1ms"] * count, evenly(1, 1), options, seed=seed)
        # Nothing ever comes to these backends, so that they share one behaviour.
        endpoints = simulated_endpoints(scenario)
        given = Given(scenario, endpoints, [lambda now: (now, 200)] * count, float, ask_nobody)
        self._picker = Picker(given, 0)
        self._ask = self._picker.ask
        self.counts = [0] * count

    def throw(self, balls: int) -> None:
        """Pick a backend for so many requests, each with a key of its own."""
        for number in range(balls):
            self.keep(self.pick(number))

    def pick(self, number: int) -> SimulatedBackend:
        """Return the backend of the request with a number."""
        backend = self._picker.pick(
            Asking(f"10.{number >> 16 & 255}.{number >> 8 & 255}.{number & 255}", *self._ask[1:3])
        )
        assert backend is not None
        return backend

    def keep(self, backend: SimulatedBackend) -> None:
        """Let a request stay with a backend."""
        self.counts[backend.number] += 1
        backend.counters.active += 1
        if self._picker.balancer.follows:
            self._picker.balancer.opened(backend)
