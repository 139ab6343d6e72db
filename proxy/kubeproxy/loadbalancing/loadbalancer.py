"""Which endpoint a new connection gets: session affinity first, then the Service port's algorithm.

Holds what outlives a change of the rules: rotations, pins. Pure: clock and random source are passed in. Follows
``pkg/proxy/userspace/loadbalancer.go`` and services' ``sessionAffinity``.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Protocol

from kubeproxy.balancers import (
    BALANCERS,
    Ask,
    Backend,
    Balancer,
    Inputs,
    OwnTurns,
    Probe,
    Rng,
    Work,
    ask_nobody,
    at_once,
    compose,
    own_load,
    watch,
)
from kubeproxy.loadbalancing.affinity import AffinityTable
from kubeproxy.loadbalancing.algorithms import Algorithm, algorithm_of, unknown_balancer
from kubeproxy.loadbalancing.cookies import session_id
from kubeproxy.loadbalancing.routestates import PortState, RouteState
from kubeproxy.rules import PortRule
from kubeproxy.telemetry.counters import ProxyCounters
from kubeproxy.types import Choice, Endpoint, Route, ServicePortName


class Shared(Protocol):
    """What the processes of one proxy share, so that they balance as one."""

    def inputs(self, route: Route) -> Inputs:
        """Return what an algorithm on ``route`` may use."""
        ...


Closed = Callable[[Route, Ask], Collection[str]]
"""Returns the endpoints (``ip:port``) of a route to which NetworkPolicies let nothing from a client."""


class LoadBalancer:
    """Chooses for every Service port of every node's proxy; a route gets its rotation when it is first used.

    Its owner sets ``probe``, by which algorithms ask endpoints for their load, ``work``, which builds large tables, and
    ``closed`` where NetworkPolicies hold.
    """

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
        self.probe: Probe = ask_nobody
        self.work: Work = at_once
        self.closed: Closed | None = None
        self._default = default
        self._counters = counters
        self._clock = clock
        self._rng = rng
        self._shared = shared
        self._affinity = AffinityTable()
        self._ports: dict[ServicePortName, PortState] = {}

    def update(self, port_name: ServicePortName, rule: PortRule | None) -> None:
        """Choose by ``rule`` from now on, None when the Service port is gone."""
        reachable = rule.reachable() if rule else {}
        self._affinity.update(port_name, reachable, rule.service_port.affinity_seconds if rule else 0)
        self._counters.update(port_name, reachable)
        before = self._ports.pop(port_name, None)
        if rule is None:
            if before is not None:
                self._forget(before)
            return
        wanted = rule.service_port
        is_sticky = bool(wanted.affinity_seconds or wanted.affinity_cookie)
        port = PortState(algorithm_of(wanted, self._default), rule, {}, is_sticky)
        self._ports[port_name] = port
        if before is not None and before.algorithm != port.algorithm:
            self._forget(before)
            before = None
        # There is a table before the first client comes; other routes with the same endpoints take it over.
        first = (Route(port_name, "", is_local=False),) if BALANCERS[port.algorithm.name].shares_tables else ()
        routes: dict[Route, RouteState | None] = dict.fromkeys(first)
        for route, state in (routes | (before.routes if before is not None else {})).items():
            self._renew(port, route, state)

    def next_endpoint(self, route: Route, ask: Ask, avoid: Collection[str] = ()) -> Choice | None:
        """Return the endpoint for a new connection, flow or request, None if there is none.

        ``avoid`` has the addresses (``ip:port``) where this connection has failed already; it resets the client's pin.
        """
        port = self._ports.get(route.port_name)
        if port is None:
            return None
        state = port.routes.get(route) or self._renew(port, route, None)
        if self.closed is not None:
            avoid = (*avoid, *self.closed(route, ask))
        if not port.is_sticky:
            backend = state.balancer.pick(ask, avoid)
            return None if backend is None else backend.choice
        return self._choose_sticky(state, ask, avoid)

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
        """Return the address that ``client`` is pinned to and for how many seconds more, None without a pin."""
        state = self._state(route)
        if state is None or not self._ports[route.port_name].rule.service_port.affinity_seconds:
            return None
        now = self._clock()
        address = self._affinity.lookup(state.route, client, now)
        backend = state.backends.get(address) if address else None
        if address is None or backend is None or state.balancer.left_out(backend):
            return None
        return address, self._affinity.seconds_left(state.route, client, now)

    def upcoming(self, route: Route, ask: Ask) -> Endpoint | None:
        """Return the endpoint that ``ask`` would get on a route now; for ``tracing``: the rotation does not move on.

        None while the route is unused, and when chance decides.
        """
        balancer = self.balancer(route)
        backend = balancer.upcoming(ask) if balancer is not None else None
        return backend.endpoint if backend else None

    def balancer(self, route: Route) -> Balancer | None:
        """Return what chooses on a route, None while the route is unused; for ``tracing``, which takes no turn."""
        state = self._state(route)
        return state.balancer if state else None

    def is_unused(self, route: Route) -> bool:
        """Tell for ``tracing`` if no endpoint was chosen on a route yet; False if processes balance as one."""
        port = self._ports.get(route.port_name)
        return self._shared is None and (port is None or route not in port.routes)

    def left_out(self, route: Route, address: str) -> str:
        """Return why the algorithm gives the endpoint ``address`` nothing now, "" if that may get something."""
        state = self._state(route)
        backend = state.backends.get(address) if state else None
        return state.balancer.left_out(backend) if state and backend else ""

    def has(self, port_name: ServicePortName) -> bool:
        """Tell whether it chooses for a Service port."""
        return port_name in self._ports

    def algorithm(self, port_name: ServicePortName) -> Algorithm:
        """Return the algorithm that chooses for a known Service port."""
        return self._ports[port_name].algorithm

    def _state(self, route: Route) -> RouteState | None:
        port = self._ports.get(route.port_name)
        return port.routes.get(route) if port else None

    def _choose_sticky(self, state: RouteState, ask: Ask, avoid: Collection[str]) -> Choice | None:
        """Return the endpoint by cookie or by pin, of weight 0 too but not ejected, else by the algorithm."""
        now, client, balancer = self._clock(), ask.client, state.balancer
        backend = state.sessions.get(ask.session)
        by_cookie = backend is not None and backend.address not in avoid and not balancer.left_out(backend)
        if not by_cookie:
            pinned = None if avoid else self._affinity.lookup(state.route, client, now)
            backend = state.backends.get(pinned) if pinned else None
        is_pinned = backend is not None and (by_cookie or not balancer.left_out(backend))
        backend = backend if is_pinned else balancer.pick(ask, avoid)
        if backend is None:
            return None
        self._affinity.pin(state.route, client, backend.address, now)
        if not is_pinned:
            return backend.choice
        algorithm = backend.choice.algorithm
        return Choice(backend.endpoint, True, len(state.backends), balancer.follows, by_cookie, algorithm)

    def _renew(self, port: PortState, route: Route, before: RouteState | None) -> RouteState:
        """Give a route the endpoints of ``port``; ``before`` is what it had so far, None if it is new."""
        if before is None:
            wanted, inputs = port.algorithm, self._inputs(route)
            before = RouteState(route, compose(BALANCERS[wanted.name], inputs, dict(wanted.options)), {}, {})
        backends = self._backends(port, before)
        sessions = {}
        if port.rule.service_port.affinity_cookie:
            sessions = {session_id(route.port_name, address): each for address, each in backends.items()}
        state = port.routes[route] = before._replace(backends=backends, sessions=sessions)
        state.balancer.update(tuple(state.backends.values()))
        if state.balancer.follows:
            watch(state.balancer, state.backends.values(), before.backends.values())
        return state

    def _backends(self, port: PortState, before: RouteState) -> dict[str, Backend]:
        """Return the backends of a route in the order of their addresses, those that stay as the same objects."""
        usable, name, is_followed = port.rule.usable(before.route), port.algorithm.name, before.balancer.follows
        among = sum(1 for each in usable if each.weight)
        backends = {}
        for each in usable:
            address = each.address
            counters = self._counters.endpoint(port.rule.service_port.name, address)
            backend = before.backends.get(address)
            if backend is None or backend.counters is not counters:
                backend = Backend(each, counters, among, name, is_followed=is_followed)
            elif backend.endpoint != each or backend.choice.among != among:
                backend.renew(each, among, name, is_followed=is_followed)
            backends[address] = backend
        return backends

    def _forget(self, port: PortState) -> None:
        """Tell the algorithms of a Service port nothing any more."""
        for state in port.routes.values():
            if state.balancer.follows:
                watch(state.balancer, (), state.backends.values())

    def _inputs(self, route: Route) -> Inputs:
        if self._shared is not None:
            return self._shared.inputs(route)._replace(probe=self.probe, work=self.work)
        return Inputs(self._rng, own_load, OwnTurns(), self._clock, self.probe, self.work)
