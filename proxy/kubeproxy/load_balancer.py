"""Which endpoint a new connection gets: session affinity first, then the Service port's algorithm.

Holds what outlives a change of the rules: rotations, pins. Pure: clock and random source are passed in. Follows
``pkg/proxy/userspace/loadbalancer.go`` and services' ``sessionAffinity``.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import NamedTuple

from kubeproxy.affinity import AffinityTable
from kubeproxy.balancers import BALANCERS, Balancer, Rng
from kubeproxy.counters import ProxyCounters
from kubeproxy.rules import PortRule
from kubeproxy.types import Endpoint, ServicePortName


class _Port(NamedTuple):
    algorithm: str
    balancer: Balancer
    endpoints: dict[str, Endpoint]
    affinity_seconds: int


class LoadBalancer:
    """Chooses for every Service port of one proxy."""

    def __init__(self, default: str, counters: ProxyCounters, *, clock: Callable[[], float], rng: Rng) -> None:
        if default not in BALANCERS:
            raise ValueError(unknown_balancer(default))
        self._default = default
        self._counters = counters
        self._clock = clock
        self._rng = rng
        self._affinity = AffinityTable()
        self._ports: dict[ServicePortName, _Port] = {}

    def update(self, service: ServicePortName, rule: PortRule | None) -> None:
        """Obey ``rule`` from now on, None when the Service port is gone."""
        usable = rule.usable if rule else ()
        endpoints = {each.address: each for each in usable}
        self._affinity.update(service, endpoints)
        self._counters.update(service, endpoints)
        before = self._ports.pop(service, None)
        if rule is None:
            return
        wanted = rule.service_port.balancer
        algorithm = wanted if wanted in BALANCERS else self._default
        if before is not None and before.algorithm == algorithm:
            balancer = before.balancer
        else:
            balancer = BALANCERS[algorithm](self._rng, self._load_of(service))
        balancer.update(usable)
        self._ports[service] = _Port(algorithm, balancer, endpoints, rule.service_port.affinity_seconds)

    def next_endpoint(self, service: ServicePortName, client: str, avoid: Collection[str] = ()) -> Endpoint | None:
        """Return the endpoint for a new connection from the address ``client``, None if there is none.

        ``avoid`` has the addresses where this connection has failed already; it resets the client's pin.
        """
        port = self._ports.get(service)
        if port is None:
            return None
        if not port.affinity_seconds:
            return port.balancer.pick(avoid)
        now = self._clock()
        pinned = None if avoid else self._affinity.lookup(service, client, now, port.affinity_seconds)
        endpoint = port.endpoints[pinned] if pinned else port.balancer.pick(avoid)
        if endpoint is not None:
            self._affinity.pin(service, client, endpoint.address, now, port.affinity_seconds)
        return endpoint

    def _load_of(self, service: ServicePortName) -> Callable[[Endpoint], int]:
        ports = self._counters.ports

        def load(endpoint: Endpoint) -> int:
            counters = ports.get(service, {}).get(endpoint.address)
            return counters.active if counters else 0

        return load


def unknown_balancer(name: str) -> str:
    """Return the message that refuses an algorithm nobody knows."""
    return f"unknown balancer {name!r}: supported values: {', '.join(sorted(BALANCERS))}"
