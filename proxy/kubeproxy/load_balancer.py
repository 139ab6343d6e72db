"""Which endpoint a new connection gets: session affinity first, then the Service port's algorithm.

Holds what outlives a change of the rules: rotations, pins. Pure: clock and random source are passed in. Follows
``pkg/proxy/userspace/loadbalancer.go`` and services' ``sessionAffinity``.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import NamedTuple, Protocol

from kubeproxy.affinity import AffinityTable
from kubeproxy.balancers import BALANCERS, Balancer, Inputs, OwnTurns, Rng
from kubeproxy.counters import ProxyCounters
from kubeproxy.rules import PortRule
from kubeproxy.types import Choice, Endpoint, Route, ServicePort, ServicePortName


class Shared(Protocol):
    """What the processes of one proxy share, so that they balance as one."""

    def inputs(self, route: Route) -> Inputs:
        """Return what an algorithm on ``route`` may use."""
        ...


class _RouteState(NamedTuple):
    """The algorithm of one route with its endpoints by address.

    ``route`` is the one with which it was made: pins use it as their key, so that all of them share one object.
    ``choices`` are made once per endpoint, because most connections get a choice without a pin.
    """

    route: Route
    balancer: Balancer
    endpoints: dict[str, Endpoint]
    choices: dict[Endpoint, Choice]


class _Port(NamedTuple):
    algorithm: str
    rule: PortRule
    routes: dict[Route, _RouteState]


class LoadBalancer:
    """Chooses for every Service port of every node's proxy; a route gets its rotation when it is first used."""

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
        """Choose by ``rule`` from now on, None when the Service port is gone."""
        reachable = rule.reachable() if rule else {}
        self._affinity.update(port_name, reachable, rule.service_port.affinity_seconds if rule else 0)
        self._counters.update(port_name, reachable)
        before = self._ports.pop(port_name, None)
        if rule is None:
            return
        port = _Port(algorithm_of(rule.service_port, self._default), rule, {})
        self._ports[port_name] = port
        if before is not None and before.algorithm == port.algorithm:
            for route, state in before.routes.items():
                self._renew(port, route, state.balancer)

    def next_endpoint(self, route: Route, client: str, avoid: Collection[str] = ()) -> Choice | None:
        """Return the endpoint for a new connection from the address ``client``, None if there is none.

        ``avoid`` has the addresses (``ip:port``) where this connection has failed already; it resets the client's pin.
        """
        port = self._ports.get(route.port_name)
        if port is None:
            return None
        state = port.routes.get(route) or self._renew(port, route, None)
        seconds = port.rule.service_port.affinity_seconds
        if not seconds:
            endpoint = state.balancer.pick(avoid)
            return None if endpoint is None else state.choices[endpoint]
        return self._choose_sticky(state, client, avoid)

    def detour(self, route: Route) -> Route | None:
        """Return a route that still has endpoints in place of ``route``, which has none; None if there is none.

        For connections that were made before the type or a traffic policy of the Service changed: they keep their
        endpoint. HTTP requests may use any endpoint of the Service port; those on the same node are preferred.
        """
        port = self._ports.get(route.port_name)
        anywhere = (Route(route.port_name, "", is_local) for is_local in (False, True))
        routes = (route._replace(is_local=not route.is_local), *anywhere)
        return next((each for each in routes if port is not None and port.rule.usable(each)), None)

    def pinned(self, route: Route, client: str) -> tuple[str, float] | None:
        """Return the address that ``client`` is pinned to and for how many seconds more; for ``tracing``.

        Changes nothing. None when the client has no pin.
        """
        port = self._ports.get(route.port_name)
        seconds = port.rule.service_port.affinity_seconds if port else 0
        state = port.routes.get(route) if port else None
        if not seconds or state is None:
            return None
        now = self._clock()
        address = self._affinity.lookup(state.route, client, now)
        if address is None or address not in state.endpoints:
            return None
        return address, self._affinity.seconds_left(state.route, client, now)

    def upcoming(self, route: Route) -> Endpoint | None:
        """Return the endpoint that the next connection on a route gets; for ``tracing``: the rotation does not move on.

        None while the route is unused, and when chance decides.
        """
        port = self._ports.get(route.port_name)
        state = port.routes.get(route) if port else None
        return state.balancer.upcoming() if state else None

    def is_unused(self, route: Route) -> bool:
        """Tell whether no endpoint has been chosen on a route yet; for ``tracing``.

        False if processes balance as one: another one may have chosen.
        """
        port = self._ports.get(route.port_name)
        return self._shared is None and (port is None or route not in port.routes)

    def algorithm(self, port_name: ServicePortName) -> str:
        """Return the name of the algorithm that chooses for a Service port, "" if the port is unknown."""
        port = self._ports.get(port_name)
        return port.algorithm if port else ""

    def _choose_sticky(self, state: _RouteState, client: str, avoid: Collection[str]) -> Choice | None:
        now = self._clock()
        pinned = None if avoid else self._affinity.lookup(state.route, client, now)
        endpoint = state.endpoints.get(pinned) if pinned else None
        is_pinned = endpoint is not None
        if endpoint is None:
            endpoint = state.balancer.pick(avoid)
        if endpoint is None:
            return None
        self._affinity.pin(state.route, client, endpoint.address, now)
        return Choice(endpoint, is_pinned, len(state.endpoints))

    def _renew(self, port: _Port, route: Route, balancer: Balancer | None) -> _RouteState:
        """Give a route the endpoints of ``port``; ``balancer`` is the one that it had before, None for a new one."""
        if balancer is None:
            balancer = BALANCERS[port.algorithm](self._inputs(route))
        usable = port.rule.usable(route)
        balancer.update(usable)
        endpoints = {each.address: each for each in usable}
        choices = {each: Choice(each, False, len(endpoints)) for each in usable}
        state = port.routes[route] = _RouteState(route, balancer, endpoints, choices)
        return state

    def _inputs(self, route: Route) -> Inputs:
        if self._shared is not None:
            return self._shared.inputs(route)
        return Inputs(self._rng, self._load_of(route.port_name), OwnTurns())

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
    """Return the message that refuses an unknown algorithm."""
    return f"unknown balancer {name!r}: supported values: {', '.join(sorted(BALANCERS))}"
