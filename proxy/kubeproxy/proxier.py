"""What must change when the cluster changes: new rules, and the listeners to open and to close.

Keeps the trackers and the rules in force; ``sync`` makes the next rules from what has changed. Pure: ``server`` binds
and closes. Follows ``syncProxyRules`` of k8s.io/kubernetes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from enum import Enum
from typing import NamedTuple

from kubeapi.meta import ObjectKey
from kubeproxy.config import ProxyConfig
from kubeproxy.rules import Listener, PortRule, Rules, compile_rules, port_rule
from kubeproxy.rules.nodes import Nodes
from kubeproxy.trackers import (
    EndpointsChangeTracker,
    IngressTracker,
    NodeTracker,
    PodTracker,
    PolicyTracker,
    ServiceChangeTracker,
)
from kubeproxy.types import Destination, ServicePortName, is_ingress


class ListenerAction(Enum):
    """What to do with a listener's socket."""

    OPEN = "open"
    UPDATE = "update"
    CLOSE = "close"


class ListenerChange(NamedTuple):
    """One listener to open, to update without touching its connections, or to close; closes come first."""

    action: ListenerAction
    listener: Listener


class Conflict(NamedTuple):
    """``loser`` claims a destination that ``owner``, which belongs to an older Service, has."""

    destination: Destination
    owner: ServicePortName
    loser: ServicePortName

    def __str__(self) -> str:
        return f"Port conflict detected on port {self.destination}. {self.owner} vs {self.loser}"


class _Step(NamedTuple):
    """What one compilation has changed."""

    ports: tuple[ServicePortName, ...]
    listeners: tuple[ListenerChange, ...]
    conflicts: tuple[Conflict, ...]


class Sync(NamedTuple):
    """The result of one step: ``ports`` are the Service ports that are new, changed or gone, ``conflicts`` new ones."""

    rules: Rules
    ports: tuple[ServicePortName, ...]
    listeners: tuple[ListenerChange, ...]
    conflicts: tuple[Conflict, ...]
    service_changes: int
    endpoint_changes: int


Lost = Callable[[ObjectKey, Exception], None]
"""Called with a Service that cannot be compiled, and the error."""


def _fail(_service: ObjectKey, error: Exception) -> None:
    raise error


_USUAL = ProxyConfig()


class Proxier:
    """The rules in force, and how they follow the cluster.

    A Service that cannot be compiled keeps its old rules and is reported to ``lost``; the others get new ones.
    """

    def __init__(self, config: ProxyConfig = _USUAL, lost: Lost = _fail) -> None:
        self._lost = lost
        self.services = ServiceChangeTracker(config.default_balancer_options)
        self.endpoints = EndpointsChangeTracker()
        self.nodes = NodeTracker(config)
        self.pods = PodTracker()
        self.policies = PolicyTracker(config.policy_servers)
        self.ingresses = IngressTracker()
        self.rules = Rules()

    def sync(self) -> Sync:
        """Compile what has changed since the last call and swap the rules."""
        services, endpoints = self.services.take_changes(), self.endpoints.take_changes()
        changed = services | (endpoints & self.services.ports.keys()) | self.pods.take_changes()
        changed |= self.ingresses.take_changes(services)
        old = self.rules
        nodes = self.nodes.nodes
        if nodes != old.nodes:
            changed |= self.services.ports.keys() | self.pods.keys
        else:
            nodes = old.nodes
        steps = list(self._steps(sorted(changed), nodes))
        if self.policies.take_changes():
            self.rules = self.rules._replace(policies=self.policies.policies)
        return Sync(
            rules=self.rules,
            ports=tuple(each for step in steps for each in step.ports),
            listeners=tuple(each for step in steps for each in step.listeners),
            conflicts=tuple(each for step in steps for each in step.conflicts),
            service_changes=len(services),
            endpoint_changes=len(endpoints),
        )

    def _steps(self, changed: Sequence[ObjectKey], nodes: Nodes) -> Iterator[_Step]:
        """Compile all Services in one step; when one fails, halve until only the Services that fail are left out."""
        try:
            step = self._step(changed, nodes)
        except Exception as error:
            if len(changed) > 1:
                half = len(changed) // 2
                yield from self._steps(changed[:half], nodes)
                yield from self._steps(changed[half:], nodes)
            elif changed:
                self._lost(changed[0], error)
            else:
                raise
        else:
            yield step

    def _step(self, changed: Sequence[ObjectKey], nodes: Nodes) -> _Step:
        old = self.rules
        compiled = compile_rules(old, {key: self._port_rules(key, nodes) for key in changed}, nodes)
        new, destinations = compiled.rules, compiled.destinations
        step = _Step(compiled.ports, listener_changes(old, new, destinations), new_conflicts(old, new, destinations))
        self.rules = new
        return step

    def _port_rules(self, service: ObjectKey, nodes: Nodes) -> tuple[PortRule, ...]:
        ports = self.services.ports.get(service)
        if is_ingress(service):
            return self.ingresses.rules(service, self.services.ports)
        if not ports:
            return self.pods.rules(service, nodes)
        endpoints = self.endpoints.endpoints(service)
        return tuple(port_rule(each, endpoints.get(each.name.within_service, ()), nodes) for each in ports)


def listener_changes(old: Rules, new: Rules, destinations: Sequence[Destination]) -> tuple[ListenerChange, ...]:
    """Return what to close, then what to open or update, among ``destinations``; () for listeners that stay the same.

    A listener without endpoints is closed. One that stays with its Service port keeps its socket.
    """
    closes: list[ListenerChange] = []
    opens: list[ListenerChange] = []
    for destination in destinations:
        before, after = _bound(old, destination), _bound(new, destination)
        if before is not None and (after is None or after.port_name != before.port_name):
            closes.append(ListenerChange(ListenerAction.CLOSE, before))
        if after is not None and (before is None or after.port_name != before.port_name):
            opens.append(ListenerChange(ListenerAction.OPEN, after))
        elif after is not None and after != before:
            opens.append(ListenerChange(ListenerAction.UPDATE, after))
    return (*closes, *opens)


def new_conflicts(old: Rules, new: Rules, destinations: Sequence[Destination]) -> tuple[Conflict, ...]:
    """Return the conflicts about ``destinations`` that the old rules did not have."""
    known = set(_conflicts(old, destinations))
    return tuple(each for each in _conflicts(new, destinations) if each not in known)


def _conflicts(rules: Rules, destinations: Sequence[Destination]) -> Iterator[Conflict]:
    for destination in destinations:
        claims = rules.claims_of(destination)
        for loser in claims[1:]:
            yield Conflict(destination, claims[0].port_name, loser.port_name)


def _bound(rules: Rules, destination: Destination) -> Listener | None:
    listener = rules.listener(destination)
    return listener if listener is not None and listener.has_endpoints else None
