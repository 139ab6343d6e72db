"""What the data plane obeys: for every destination who owns it, for every Service port where its traffic goes.

``Rules`` is immutable; the proxy swaps one reference. ``compile_rules`` compiles only the Services that changed and
shares the rest with the rules before. ``Rules.trace`` says what would happen to a packet, and why. Pure; never binds,
never picks one endpoint among several. Follows ``pkg/proxy`` of k8s.io/kubernetes: REJECT when nothing is there
(a TCP client sees ECONNREFUSED), the older Service keeps an address that two claim.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from typing import NamedTuple

from kubeapi.meta import ObjectKey
from kubeproxy.rules.nodes import Entry, Nodes
from kubeproxy.rules.sourcefilter import SourceFilter
from kubeproxy.rules.topology import Categorized, categorize_endpoints, differs_by_node
from kubeproxy.types import Destination, Endpoint, ListenerKind, Route, ServicePort, ServicePortName, family_of


class Claim(NamedTuple):
    """A Service port's wish for a destination; the smallest ``age`` gets it."""

    age: tuple[str, int]
    port_name: ServicePortName
    kind: ListenerKind


class Listener(NamedTuple):
    """A destination with its owner. It is bound only while there are endpoints, so that clients are refused else.

    ``source_filter`` is None when everybody is heard, as usual. ``is_sticky``: a client's connections belong together.
    """

    destination: Destination
    kind: ListenerKind
    port_name: ServicePortName
    has_endpoints: bool
    is_http: bool
    source_filter: SourceFilter | None
    is_sticky: bool = False


class Packet(NamedTuple):
    """A new connection's first packet."""

    source: str
    destination: Destination


class Forward(NamedTuple):
    """The packet goes to one of ``endpoints``."""

    route: Route
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
    """One Service port with its endpoints, those that each node may use, and the destinations that it asks for.

    ``by_node`` is empty when the node makes no difference.
    """

    service_port: ServicePort
    endpoints: tuple[Endpoint, ...]
    anywhere: Categorized
    by_node: Mapping[str, Categorized]
    destinations: tuple[tuple[Destination, ListenerKind], ...]

    @property
    def has_any(self) -> bool:
        """Whether anybody could serve; else clients are rejected."""
        return self.anywhere.has_any

    def at(self, node: str) -> Categorized:
        """Return what ``node`` may use."""
        return self.by_node.get(node, self.anywhere)

    def usable(self, route: Route) -> tuple[Endpoint, ...]:
        """Return the endpoints that new connections on ``route`` may get."""
        found = self.at(route.node)
        return found.local if route.is_local else found.cluster

    def candidates(self) -> dict[str, Endpoint]:
        """Return by address the endpoints that some route may use."""
        lists = {id(each): each for each in (self.anywhere, *self.by_node.values())}.values()
        return {endpoint.address: endpoint for each in lists for part in each[:2] for endpoint in part}

    def serving(self) -> set[str]:
        """Return the addresses of the endpoints that still serve; UDP flows to others are cut (conntrack cleanup)."""
        return {each.address for each in self.endpoints if each.is_serving}

    def is_confined(self, kind: ListenerKind, entry: Entry) -> bool:
        """Tell whether a traffic policy Local holds for who enters so.

        The node itself and its pods short-circuit the external policy: neither policy applies to them.
        """
        if kind is ListenerKind.CLUSTER_IP:
            return self.service_port.internal_traffic_policy == "Local"
        return not entry.is_inside and self.service_port.external_traffic_policy == "Local"


_NO_DIFFERENCE: Mapping[str, Categorized] = {}


def port_rule(service_port: ServicePort, endpoints: tuple[Endpoint, ...], nodes: Nodes) -> PortRule:
    """Return the rule of a Service port."""
    by_node = _NO_DIFFERENCE
    if differs_by_node(endpoints, service_port):
        by_node = {each.name: categorize_endpoints(endpoints, service_port, each) for each in nodes.all}
    anywhere = categorize_endpoints(endpoints, service_port, None)
    return PortRule(service_port, endpoints, anywhere, by_node, destinations_of(service_port, nodes.addresses))


@dataclass(frozen=True, slots=True)
class Rules:
    """All of it at one moment. Treat the mappings as read-only."""

    ports: Mapping[ServicePortName, PortRule] = field(default_factory=dict)
    claims: Mapping[Destination, tuple[Claim, ...]] = field(default_factory=dict)
    by_service: Mapping[ObjectKey, tuple[ServicePortName, ...]] = field(default_factory=dict)
    nodes: Nodes = field(default_factory=Nodes)

    def listener(self, destination: Destination) -> Listener | None:
        """Return what should listen at ``destination``, None if no Service wants it."""
        claims = self.claims.get(destination)
        if not claims:
            return None
        _, port_name, kind = claims[0]
        rule = self.ports[port_name]
        source_filter = self._source_filter(rule, destination.address, kind)
        port = rule.service_port
        return Listener(
            destination,
            kind,
            port_name,
            rule.has_any,
            port.is_http,
            None if source_filter.is_open else source_filter,
            is_sticky=bool(port.affinity_seconds),
        )

    def count_listeners(self) -> int:
        """Return at how many destinations something should listen now."""
        return sum(self.ports[claims[0].port_name].has_any for claims in self.claims.values())

    def find_route(self, source: str, destination: Destination) -> Route | None:
        """Return the route of a new connection, None if it is dropped or rejected. Asked for each: a few lookups."""
        claims = self.claims.get(destination)
        if not claims:
            return None
        _, port_name, kind = claims[0]
        rule = self.ports[port_name]
        if rule.service_port.source_ranges and not self.admits(rule.service_port, source, destination.address, kind):
            return None
        entry = self.nodes.enter(self.nodes.home(source), destination.address, kind)
        route = Route(port_name, entry.node, rule.is_confined(kind, entry))
        return route if rule.usable(route) else None

    def trace(self, packet: Packet) -> Verdict:
        """Return what becomes of a packet, with the reason in words."""
        source, destination = packet
        claims = self.claims.get(destination)
        if not claims:
            return Reject(f"no Service has {destination}")
        _, port_name, kind = claims[0]
        rule = self.ports[port_name]
        if not rule.has_any:
            return Reject(f"{port_name} has no endpoints")
        if not self.admits(rule.service_port, source, destination.address, kind):
            return Drop(f"{source} is not in loadBalancerSourceRanges")
        route = self.find_route(source, destination)
        if route is None:
            entry = self.nodes.enter(self.nodes.home(source), destination.address, kind)
            policy = "internalTrafficPolicy" if kind is ListenerKind.CLUSTER_IP else "externalTrafficPolicy"
            return Drop(f"{policy} is Local and {entry.node or 'no node'} has no endpoint")
        return Forward(route, kind, rule.usable(route), f"{kind} of {port_name}")

    def admits(self, port: ServicePort, source: str, address: str, kind: ListenerKind) -> bool:
        """Tell whether loadBalancerSourceRanges let ``source`` in; they hold at load-balancer addresses only.

        A load balancer's health checks come from its own address to a node that is in the ranges (proxier.go).
        """
        if kind is not ListenerKind.LOAD_BALANCER or not port.source_ranges or _is_within(source, port.source_ranges):
            return True
        own = (each for node in self.nodes.all for each in node.addresses)
        return source == address and any(_is_within(each, port.source_ranges) for each in own)

    def _source_filter(self, rule: PortRule, address: str, kind: ListenerKind) -> SourceFilter:
        ranges = rule.service_port.source_ranges if kind is ListenerKind.LOAD_BALANCER else ()
        if ranges and self.admits(rule.service_port, address, address, kind):
            ranges = (*ranges, address)
        if not rule.by_node:
            return SourceFilter(ranges, (), is_outside_heard=True)
        homes = [
            (each, self._is_heard(rule, node.name, address, kind)) for node in self.nodes.all for each in node.sources
        ]
        # A node's own address may lie in the pod CIDR of another: the first match decides, as in Nodes.home.
        homes.sort(key=lambda home: "/" in home[0])
        return SourceFilter(ranges, tuple(homes), self._is_heard(rule, "", address, kind))

    def _is_heard(self, rule: PortRule, home: str, address: str, kind: ListenerKind) -> bool:
        entry = self.nodes.enter(home, address, kind)
        return bool(rule.usable(Route(rule.service_port.name, entry.node, rule.is_confined(kind, entry))))


def _is_within(address: str, ranges: Iterable[str]) -> bool:
    number = ip_address(address)
    return any(number in _network(each) for each in ranges)


@lru_cache(maxsize=4096)
def _network(cidr: str) -> IPv4Network | IPv6Network:
    return ip_network(cidr, strict=False)


def destinations_of(
    service_port: ServicePort, node_addresses: Iterable[str]
) -> tuple[tuple[Destination, ListenerKind], ...]:
    """Return the destinations that a Service port asks for, each once; the first kind that names one wins."""
    _, _, _, protocol, family = service_port.name
    wanted: dict[Destination, ListenerKind] = {}
    for kind, addresses, port in (
        (ListenerKind.CLUSTER_IP, service_port.cluster_ips, service_port.port),
        (ListenerKind.NODE_PORT, node_addresses if service_port.node_port else (), service_port.node_port),
        (ListenerKind.EXTERNAL_IP, service_port.external_ips, service_port.port),
        (ListenerKind.LOAD_BALANCER, service_port.load_balancer_ips, service_port.port),
    ):
        for address in addresses:
            if family_of(address) == family:
                wanted.setdefault(Destination(address, port, protocol), kind)
    return tuple(wanted.items())


class Compiled(NamedTuple):
    """New rules, with what differs from the old: destinations to look at again and Service ports, gone or changed."""

    rules: Rules
    destinations: tuple[Destination, ...]
    ports: tuple[ServicePortName, ...]


def compile_rules(old: Rules, changed: Mapping[ObjectKey, tuple[PortRule, ...]], nodes: Nodes) -> Compiled:
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
    return Compiled(Rules(ports, _claims(old.claims, pairs), by_service, nodes), tuple(destinations), tuple(pairs))


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
            left = tuple(each for each in claims[destination] if each.port_name != name)
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
