"""The pickers of simulated clients: the live proxy's balancers, each with backends that count its requests alone."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from random import Random
from typing import NamedTuple, cast

from kubelet.servers.backend.behaviour import Arrive
from kubeproxy.balancers import BALANCERS, Ask, Asking, Backend, Inputs, OwnTurns, Probe, compose, own_load
from kubeproxy.telemetry.counters import EndpointCounters
from kubeproxy.types import Destination, Endpoint, ServicePortName
from svcbench.simulation.scenario import Scenario

_PORT_NAME = ServicePortName("default", "simulation", "http", "TCP")
_SERVICE = Destination("10.96.0.1", 80, "TCP")
_FIRST_CLIENT_PORT = 32768
_PORTS = 28_000


class SimulatedBackend(Backend):
    """A backend as one client sees it: ``number`` is its pod's in the scenario, ``arrive`` its pod's behaviour."""

    __slots__ = ("arrive", "number")

    def __init__(self, endpoint: Endpoint, among: int, number: int, arrive: Arrive) -> None:
        super().__init__(endpoint, EndpointCounters(_PORT_NAME, endpoint.address), among)
        self.number = number
        self.arrive = arrive


class Given(NamedTuple):
    """What the pickers of all clients have in common; ``endpoints`` and ``behaviours`` are in the order of the pods."""

    scenario: Scenario
    endpoints: Sequence[Endpoint]
    behaviours: Sequence[Arrive]
    clock: Callable[[], float]
    probe: Probe


def simulated_endpoints(scenario: Scenario) -> list[Endpoint]:
    """Return the endpoints of a scenario, at addresses that ascend with its pods, as the live proxy's are sorted."""
    return [
        Endpoint(f"10.244.{number // 200 + 100}.{number % 200 + 10}", 8080, weight=pod.weight)
        for number, pod in enumerate(scenario.pods, 200)
    ]


def simulated_asks(scenario: Scenario) -> list[Asking]:
    """Return what requests ask, if it is not the same for all of a client: those of all keys, or of all sources."""
    if scenario.keys:
        return [Asking(_source(0), _SERVICE, _FIRST_CLIENT_PORT, str(number)) for number in range(scenario.keys)]
    return [Asking(_source(number), _SERVICE, _FIRST_CLIENT_PORT) for number in range(scenario.sources)]


def _source(number: int) -> str:
    return f"10.{245 + number // 62_500 % 10}.{number // 250 % 250}.{number % 250 + 1}"


class Picker:
    """One client: its algorithm, and what it asks."""

    __slots__ = ("ask", "backends", "balancer", "pick")

    def __init__(self, given: Given, number: int) -> None:
        scenario, count = given.scenario, len(given.endpoints)
        parts = zip(given.endpoints, given.behaviours, strict=True)
        self.backends = [SimulatedBackend(endpoint, count, at, arrive) for at, (endpoint, arrive) in enumerate(parts)]
        inputs = Inputs(Random(f"picker {scenario.seed} {number}"), own_load, OwnTurns(), given.clock, given.probe)
        options = scenario.options
        if int(options.get("peers", 1)) > 1:  # clients that know of each other: each has its number (aperture)
            options = {**options, "peer": number % int(options["peers"])}
        self.balancer = compose(BALANCERS[scenario.algorithm], inputs, options)
        self.balancer.update(self.backends)
        # A balancer returns what it was given.
        self.pick = cast(Callable[[Ask], SimulatedBackend | None], self.balancer.pick)
        self.ask = Asking(_source(number), _SERVICE, _FIRST_CLIENT_PORT + number % _PORTS)
