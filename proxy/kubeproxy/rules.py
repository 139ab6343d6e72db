"""What the data plane obeys: for every destination who owns it, for every Service port where its traffic goes.

``Rules`` is immutable; the proxy swaps one reference. ``compile_rules`` compiles only the Services that changed and
shares the rest with the rules before. ``Rules.trace`` says what would happen to a packet, and why. Pure; never binds,
never picks one endpoint among several. Follows ``pkg/proxy`` of k8s.io/kubernetes: REJECT when nothing is there
(a TCP client sees ECONNREFUSED), the older Service keeps an address that two claim.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from kubeapi.meta import ObjectKey
from kubeproxy.topology import Categorized
from kubeproxy.types import Destination, Endpoint, ListenerKind, ServicePort, ServicePortName

PROXIED_PROTOCOLS = frozenset({"TCP"})


class Claim(NamedTuple):
    """A Service port's wish for a destination; the smallest ``age`` gets it."""

    age: tuple[str, int]
    service: ServicePortName
    kind: ListenerKind


class Listener(NamedTuple):
    """A destination with its owner. It is bound only while there are endpoints, so that clients are refused else."""

    destination: Destination
    kind: ListenerKind
    service: ServicePortName
    has_endpoints: bool


class Packet(NamedTuple):
    """A new connection's first packet."""

    source: str
    destination: Destination


class Forward(NamedTuple):
    """The packet goes to one of ``endpoints``."""

    service: ServicePortName
    kind: ListenerKind
    endpoints: tuple[Endpoint, ...]
    reason: str


class Reject(NamedTuple):
    """The client is told at once that nobody answers: ECONNREFUSED."""

    reason: str


class Drop(NamedTuple):
    """The client is told nothing."""

    reason: str


Verdict = Forward | Reject | Drop


@dataclass(frozen=True, slots=True)
class PortRule:
    """One Service port with the endpoints that it may use and the destinations that it asks for."""

    service_port: ServicePort
    endpoints: Categorized
    destinations: tuple[tuple[Destination, ListenerKind], ...]

    @property
    def usable(self) -> tuple[Endpoint, ...]:
        """The endpoints that new connections may get: the cluster-wide list, else that of the policy Local."""
        return self.endpoints.cluster or self.endpoints.local


@dataclass(frozen=True, slots=True)
class Rules:
    """All of it at one moment. Treat the mappings as read-only."""

    ports: Mapping[ServicePortName, PortRule] = field(default_factory=dict)
    claims: Mapping[Destination, tuple[Claim, ...]] = field(default_factory=dict)
    by_service: Mapping[ObjectKey, tuple[ServicePortName, ...]] = field(default_factory=dict)

    def listener(self, destination: Destination) -> Listener | None:
        """Return what should listen at ``destination``, None if no Service wants it."""
        claims = self.claims.get(destination)
        if not claims:
            return None
        owner = claims[0]
        usable = self.ports[owner.service].usable
        return Listener(destination, owner.kind, owner.service, bool(usable))

    def trace(self, packet: Packet) -> Verdict:
        """Return what becomes of a packet, with the reason in words."""
        claims = self.claims.get(packet.destination)
        if not claims:
            return Reject(f"no Service has {packet.destination}")
        owner = claims[0]
        rule = self.ports[owner.service]
        usable = rule.usable
        if usable:
            return Forward(owner.service, owner.kind, usable, f"{owner.kind} of {owner.service}")
        return Reject(f"{owner.service} has no endpoints")


def destinations_of(
    service_port: ServicePort, node_addresses: Iterable[str]
) -> tuple[tuple[Destination, ListenerKind], ...]:
    """Return the destinations that a Service port asks for, each once; the first kind that names one wins."""
    protocol = service_port.name.protocol
    if protocol not in PROXIED_PROTOCOLS:
        return ()
    wanted: dict[Destination, ListenerKind] = {}
    for kind, addresses, port in (
        (ListenerKind.CLUSTER_IP, service_port.cluster_ips, service_port.port),
        (ListenerKind.NODE_PORT, node_addresses if service_port.node_port else (), service_port.node_port),
        (ListenerKind.EXTERNAL_IP, service_port.external_ips, service_port.port),
        (ListenerKind.LOAD_BALANCER, service_port.load_balancer_ips, service_port.port),
    ):
        for address in addresses:
            if ":" not in address:
                wanted.setdefault(Destination(address, port, protocol), kind)
    return tuple(wanted.items())


class Compiled(NamedTuple):
    """New rules, with what differs from the old: destinations to look at again and Service ports, gone or changed."""

    rules: Rules
    destinations: tuple[Destination, ...]
    ports: tuple[ServicePortName, ...]


def compile_rules(old: Rules, changed: Mapping[ObjectKey, tuple[PortRule, ...]]) -> Compiled:
    """Return ``old`` with the Services in ``changed`` replaced; () means that the Service is gone.

    What a change leaves as it is, is shared: the endpoints' usual change copies one mapping of references.
    """
    pairs = _pairs(old, changed)
    ports = dict(old.ports)
    for name, (_, after) in pairs.items():
        if after is None:
            del ports[name]
        else:
            ports[name] = after
    by_service: Mapping[ObjectKey, tuple[ServicePortName, ...]] = old.by_service
    names = {service: tuple(rule.service_port.name for rule in rules) for service, rules in changed.items()}
    if any(by_service.get(service, ()) != each for service, each in names.items()):
        by_service = {service: each for service, each in {**by_service, **names}.items() if each}
    destinations = dict.fromkeys(to for pair in pairs.values() for rule in pair if rule for to, _ in rule.destinations)
    return Compiled(Rules(ports, _claims(old.claims, pairs), by_service), tuple(destinations), tuple(pairs))


_Pair = tuple[PortRule | None, PortRule | None]
"""A Service port's rule before and after."""


def _pairs(old: Rules, changed: Mapping[ObjectKey, tuple[PortRule, ...]]) -> dict[ServicePortName, _Pair]:
    pairs: dict[ServicePortName, _Pair] = {}
    for service, rules in changed.items():
        after = {rule.service_port.name: rule for rule in rules}
        for name in dict.fromkeys((*old.by_service.get(service, ()), *after)):
            pairs[name] = (old.ports.get(name), after.get(name))
    return pairs


def _claims(
    old: Mapping[Destination, tuple[Claim, ...]], pairs: Mapping[ServicePortName, _Pair]
) -> Mapping[Destination, tuple[Claim, ...]]:
    """Return ``old`` with the claims of the changed Service ports replaced."""
    changed = [(name, pair) for name, pair in pairs.items() if _claims_of(pair[0]) != _claims_of(pair[1])]
    if not changed:
        return old
    claims = dict(old)
    for name, (before, after) in changed:
        for _, destination in _claims_of(before):
            left = tuple(each for each in claims[destination] if each.service != name)
            if left:
                claims[destination] = left
            else:
                del claims[destination]
        for claim, destination in _claims_of(after):
            claims[destination] = tuple(sorted([*claims.get(destination, ()), claim]))
    return claims


def _claims_of(rule: PortRule | None) -> list[tuple[Claim, Destination]]:
    if rule is None:
        return []
    port = rule.service_port
    return [(Claim(port.age, port.name, kind), destination) for destination, kind in rule.destinations]
