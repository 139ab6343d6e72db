"""Which endpoint a new connection gets: session affinity first, then the Service port's algorithm.

Holds what outlives a change of the rules: rotations, pins. Pure: clock and random source are passed in. Follows
``pkg/proxy/userspace/loadbalancer.go`` and services' ``sessionAffinity``.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import NamedTuple, Protocol

from kubeproxy.affinity import AffinityTable
from kubeproxy.balancers import BALANCERS, Balancer, Chance, OwnTurns, Rng
from kubeproxy.counters import ProxyCounters
from kubeproxy.rules import PortRule
from kubeproxy.types import Choice, Endpoint, Route, ServicePort, ServicePortName


class Shared(Protocol):
    """What the processes of one proxy share, so that they balance as one."""

    def chance(self, route: Route) -> Chance:
        """Return what an algorithm on ``route`` asks."""
        ...


class _Way(NamedTuple):
    """What one route of a Service port has of its own: its rotation, and itself, so that all its pins share one key.

    ``choices`` are those without a pin, made once: a new connection is not worth a new one.
    """

    route: Route
    balancer: Balancer
    endpoints: dict[str, Endpoint]
    choices: dict[Endpoint, Choice]


class _Port(NamedTuple):
    algorithm: str
    rule: PortRule
    ways: dict[Route, _Way]


class LoadBalancer:
    """Chooses for every Service port of every node's proxy; rotations are made when a route is first used."""

    def __init__(
        self,
        default: str,
        counters: ProxyCounters,
        *,
        clock: Callable[[], float],
        rng: Rng,
        shared: Shared | None = None,
    ) -> None:
        if default not in BALANCERS:
            raise ValueError(unknown_balancer(default))
        self._default = default
        self._counters = counters
        self._clock = clock
        self._rng = rng
        self._shared = shared
        self._affinity = AffinityTable()
        self._ports: dict[ServicePortName, _Port] = {}

    def update(self, port_name: ServicePortName, rule: PortRule | None) -> None:
        """Obey ``rule`` from now on, None when the Service port is gone."""
        candidates = rule.candidates() if rule else {}
        self._affinity.update(port_name, candidates, rule.service_port.affinity_seconds if rule else 0)
        self._counters.update(port_name, candidates)
        before = self._ports.pop(port_name, None)
        if rule is None:
            return
        port = _Port(algorithm_of(rule.service_port, self._default), rule, {})
        self._ports[port_name] = port
        if before is not None and before.algorithm == port.algorithm:
            for route, way in before.ways.items():
                self._renew(port, route, way.balancer)

    def next_endpoint(self, route: Route, client: str, avoid: Collection[str] = ()) -> Choice | None:
        """Return the endpoint for a new connection from the address ``client``, None if there is none.

        ``avoid`` has the addresses where this connection has failed already; it resets the client's pin.
        """
        port = self._ports.get(route.port_name)
        if port is None:
            return None
        way = port.ways.get(route) or self._renew(port, route, None)
        seconds = port.rule.service_port.affinity_seconds
        if not seconds:
            endpoint = way.balancer.pick(avoid)
            return None if endpoint is None else way.choices[endpoint]
        return self._sticky(way, client, avoid)

    def detour(self, route: Route) -> Route | None:
        """Return the way of a connection that goes on although ``route`` leads nowhere any more, None if there is none.

        A change of the type or of a traffic policy concerns new connections; one that was made keeps its endpoint. To
        HTTP requests any endpoint of the Service port is as good: its own node's first.
        """
        port = self._ports.get(route.port_name)
        anywhere = (Route(route.port_name, "", is_local) for is_local in (False, True))
        ways = (route._replace(is_local=not route.is_local), *anywhere)
        return next((each for each in ways if port is not None and port.rule.usable(each)), None)

    def pinned(self, route: Route, client: str) -> tuple[str, float] | None:
        """Return where ``client`` is pinned and the seconds for which that holds on; for ``trace``, changes nothing."""
        port = self._ports.get(route.port_name)
        seconds = port.rule.service_port.affinity_seconds if port else 0
        way = port.ways.get(route) if port else None
        if not seconds or way is None:
            return None
        now = self._clock()
        address = self._affinity.lookup(way.route, client, now)
        if address is None or address not in way.endpoints:
            return None
        return address, self._affinity.seconds_left(way.route, client, now)

    def upcoming(self, route: Route) -> Endpoint | None:
        """Return whom the rotation of a route would choose now, for ``trace``: it does not move on.

        None when nobody has come this way yet, or when chance decides.
        """
        port = self._ports.get(route.port_name)
        way = port.ways.get(route) if port else None
        return way.balancer.upcoming() if way else None

    def algorithm(self, port_name: ServicePortName) -> str:
        """Return the name of the algorithm that chooses for a Service port, "" if it is not there."""
        port = self._ports.get(port_name)
        return port.algorithm if port else ""

    def _sticky(self, way: _Way, client: str, avoid: Collection[str]) -> Choice | None:
        now = self._clock()
        pinned = None if avoid else self._affinity.lookup(way.route, client, now)
        endpoint = way.endpoints.get(pinned) if pinned else None
        is_pinned = endpoint is not None
        if endpoint is None:
            endpoint = way.balancer.pick(avoid)
        if endpoint is None:
            return None
        self._affinity.pin(way.route, client, endpoint.address, now)
        return Choice(endpoint, is_pinned, len(way.endpoints))

    def _renew(self, port: _Port, route: Route, balancer: Balancer | None) -> _Way:
        if balancer is None:
            balancer = BALANCERS[port.algorithm](self._chance(route))
        usable = port.rule.usable(route)
        balancer.update(usable)
        endpoints = {each.address: each for each in usable}
        choices = {each: Choice(each, False, len(endpoints)) for each in usable}
        way = port.ways[route] = _Way(route, balancer, endpoints, choices)
        return way

    def _chance(self, route: Route) -> Chance:
        if self._shared is not None:
            return self._shared.chance(route)
        return Chance(self._rng, self._load_of(route.port_name), OwnTurns())

    def _load_of(self, port_name: ServicePortName) -> Callable[[Endpoint], int]:
        ports = self._counters.ports

        def load(endpoint: Endpoint) -> int:
            counters = ports.get(port_name, {}).get(endpoint.address)
            return counters.active if counters else 0

        return load


def algorithm_of(service_port: ServicePort, default: str) -> str:
    """Return the name of the algorithm that chooses for a Service port."""
    return service_port.balancer if service_port.balancer in BALANCERS else default


def unknown_balancer(name: str) -> str:
    """Return the message that refuses an algorithm nobody knows."""
    return f"unknown balancer {name!r}: supported values: {', '.join(sorted(BALANCERS))}"
