"""The rules in force: for every destination the Service port that has it, for every Service port where it leads.

``Rules`` is immutable; the proxy swaps one reference. Pure; never binds, never picks one endpoint among several.
Follows ``pkg/proxy`` of k8s.io/kubernetes: REJECT when there is no endpoint at all (a TCP client sees ECONNREFUSED);
of two Services that claim an address the older one keeps it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import lru_cache
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from typing import NamedTuple

from kubeapi.meta import ObjectKey
from kubeproxy.rules.decision import Claim, Decision, Denied, Packet, Reason, Selection, Verdict
from kubeproxy.rules.nodes import Nodes
from kubeproxy.rules.policies import NO_POLICIES, Judgement, Policies, denial
from kubeproxy.rules.portrule import PortRule
from kubeproxy.types import Destination, Endpoint, ListenerKind, Route, ServicePort, ServicePortName

_FORWARD, _REJECT, _DROP = Verdict.FORWARD, Verdict.REJECT, Verdict.DROP
_POLICY_LOCAL, _NOT_IN_RANGES = Reason.POLICY_LOCAL, Reason.NOT_IN_RANGES
_NETWORK_POLICY = Reason.NETWORK_POLICY


class SourceFilter(NamedTuple):
    """The sources that are accepted. Every source must be in one of ``ranges``, unless there are none.

    Then the first of ``homes`` (an address or CIDR of a node, and whether it is accepted) that contains the source
    decides; for a source in none of them ``is_outside_accepted`` does.
    """

    ranges: tuple[str, ...]
    homes: tuple[tuple[str, bool], ...]
    is_outside_accepted: bool

    @property
    def is_open(self) -> bool:
        """Whether every source is accepted."""
        return not self.ranges and self.is_outside_accepted and all(is_accepted for _, is_accepted in self.homes)


class Listener(NamedTuple):
    """What listens at a destination. It is bound only while there are endpoints, so that otherwise clients are refused.

    ``source_filter`` is None when every source is accepted, as usual. ``is_sticky``: all connections of one client must
    reach the same process.
    """

    destination: Destination
    kind: ListenerKind
    port_name: ServicePortName
    has_endpoints: bool
    is_http: bool
    source_filter: SourceFilter | None
    is_sticky: bool = False


class Rules(NamedTuple):
    """All of it at one moment. Treat the mappings as read-only.

    ``claims`` are those of Services, ``pod_claims`` those for pods' own addresses and for ports of their nodes.
    ``policies`` judge client and endpoint, as they come after the translation of addresses.
    """

    ports: Mapping[ServicePortName, PortRule] = {}
    claims: Mapping[Destination, tuple[Claim, ...]] = {}
    by_service: Mapping[ObjectKey, tuple[ServicePortName, ...]] = {}
    nodes: Nodes = Nodes()
    pod_claims: Mapping[Destination, tuple[Claim, ...]] = {}
    policies: Policies = NO_POLICIES

    def claims_of(self, destination: Destination) -> tuple[Claim, ...]:
        """Return which ports ask for a destination: the first one has it, and Services go before pods."""
        return (*self.claims.get(destination, ()), *self.pod_claims.get(destination, ()))

    def listener(self, destination: Destination) -> Listener | None:
        """Return what should listen at ``destination``, None if no Service wants it."""
        claims = self.claims.get(destination) or self.pod_claims.get(destination)
        if not claims:
            return None
        _, port_name, kind = claims[0]
        rule = self.ports[port_name]
        source_filter = self._source_filter(rule, destination.address, kind)
        return Listener(
            destination,
            kind,
            port_name,
            rule.has_any,
            rule.service_port.is_http,
            None if source_filter.is_open else source_filter,
            is_sticky=bool(rule.service_port.affinity_seconds),
        )

    def count_listeners(self, places: int = 1) -> int:
        """Return how many listeners there should be now; of Services one in each place, of pods on the host alone."""
        served = sum(self.ports[claims[0].port_name].has_any for claims in self.claims.values())
        return len(self.pod_claims) + served * places

    def decide(self, source: str, destination: Destination) -> Decision:
        """Return what becomes of a new connection from the address ``source``.

        The one place where that is decided: the listeners remember the route, ``tracing`` words the reasons, and the
        filters of listening sockets (``_source_filter``) drop before accept() what would be dropped here.
        """
        packet = Packet(source, destination)
        claims = self.claims.get(destination) or self.pod_claims.get(destination)
        if not claims:
            return Decision(_REJECT, packet, None, None, (Reason.NO_SERVICE,))
        claim = claims[0]
        rule = self.ports[claim.port_name]
        selection = self.select(rule, claim.kind, self.nodes.home(source), destination.address)
        ranges = self._check_ranges(rule.service_port, packet, claim.kind)
        verdict, reasons = _judge(rule, selection, ranges)
        if self.policies and verdict is _FORWARD and (denied := self._denied(source, selection)) is not None:
            return Decision(_DROP, packet, claim, selection, (*reasons, _NETWORK_POLICY), denied)
        return Decision(verdict, packet, claim, selection, reasons)

    def _denied(self, source: str, selection: Selection) -> Denied | None:
        """Return what policies say of the first endpoint if they close all of them, None if one is open."""
        first: Denied | None = None
        for each in selection.endpoints:
            destination = Destination(each.ip, each.port, selection.route.port_name.protocol)
            judgement = denial(self.judge(source, destination))
            if judgement is None:
                return None
            first = first or Denied(judgement, destination)
        return first

    def closed(self, source: str, protocol: str, endpoints: Iterable[Endpoint]) -> tuple[str, ...]:
        """Return the endpoints (``ip:port``) to which NetworkPolicies let nothing from ``source``."""
        return tuple(
            each.address
            for each in endpoints
            if denial(self.judge(source, Destination(each.ip, each.port, protocol))) is not None
        )

    def judge(self, source: str, destination: Destination) -> tuple[Judgement, ...]:
        """Return what NetworkPolicies say of a connection, () if they do not concern it.

        An address of a node's networks that no pod has is the node's own: a gateway, or a pod in the node's network.
        """
        pods, home = self.policies.pods, self.nodes.home
        if any(home(each) and each not in pods for each in (source, destination.address)):
            return ()
        return self.policies.judge(source, destination)

    def select(self, rule: PortRule, kind: ListenerKind, home: str, address: str) -> Selection:
        """Return where a packet from the node ``home`` to ``address`` enters, and its endpoints there."""
        entry = self.nodes.enter(home, address, kind)
        policy = rule.policy(kind, entry)
        route = Route(rule.service_port.name, entry.node, policy is _POLICY_LOCAL)
        return Selection(entry, policy, route, rule.usable(route))

    def _check_ranges(self, port: ServicePort, packet: Packet, kind: ListenerKind) -> tuple[Reason, ...]:
        """Return what loadBalancerSourceRanges say about a packet, () when the Service has none.

        A load balancer's health checks come from its own address to a node that is in the ranges (proxier.go).
        """
        ranges = port.source_ranges
        if not ranges:
            return ()
        if kind is not ListenerKind.LOAD_BALANCER:
            return (Reason.RANGES_NOT_FOR_THIS_KIND,)
        source = packet.source
        is_health_check = source == packet.destination.address and self._has_node_within(ranges)
        if is_health_check or _is_within(source, ranges):
            return (Reason.IN_RANGES,)
        return (Reason.NOT_IN_RANGES,)

    def _has_node_within(self, ranges: Iterable[str]) -> bool:
        return any(_is_within(each, ranges) for node in self.nodes.all for each in node.addresses)

    def _source_filter(self, rule: PortRule, address: str, kind: ListenerKind) -> SourceFilter:
        """Return which sources are forwarded at ``address``: what ``decide`` says, by CIDRs instead of one by one."""
        ranges = rule.service_port.source_ranges if kind is ListenerKind.LOAD_BALANCER else ()
        if ranges and self._has_node_within(ranges):
            ranges = (*ranges, address)
        if not rule.by_node:
            return SourceFilter(ranges, (), is_outside_accepted=True)

        def is_served(home: str) -> bool:
            return bool(self.select(rule, kind, home, address).endpoints)

        homes = [(each, is_served(node.name)) for node in self.nodes.all for each in node.sources]
        # A node's own address may lie in the pod CIDR of another node. The first match decides, so addresses come
        # before CIDRs, as in Nodes.home.
        homes.sort(key=lambda home: "/" in home[0])
        return SourceFilter(ranges, tuple(homes), is_outside_accepted=is_served(""))


def _judge(rule: PortRule, selection: Selection, ranges: tuple[Reason, ...]) -> tuple[Verdict, tuple[Reason, ...]]:
    """Return the verdict and all reasons; kube-proxy rejects before it looks at source ranges."""
    _, policy, route, endpoints = selection
    if not rule.has_any:
        is_weighed_out = any(each.is_serving and not each.weight for each in rule.endpoints)
        return _REJECT, (*ranges, policy, Reason.NO_WEIGHT if is_weighed_out else Reason.NO_ENDPOINTS)
    if _NOT_IN_RANGES in ranges:
        return _DROP, ranges
    if rule.ingress is not None:
        return _FORWARD, (Reason.INGRESS,)
    if not endpoints:
        return _DROP, (*ranges, policy, Reason.NO_LOCAL_ENDPOINT)
    return _FORWARD, (*ranges, policy, *_narrowed(rule, route, endpoints))


def _narrowed(rule: PortRule, route: Route, endpoints: tuple[Endpoint, ...]) -> tuple[Reason, ...]:
    """Return why not every endpoint that is ready may be chosen, or why one that is not."""
    if not any(each.is_ready for each in endpoints):
        return (Reason.TERMINATING,)
    by_hint = "" if route.is_local else rule.at(route.node).by_hint
    if by_hint == "node":
        return (Reason.NODE_HINTS,)
    return (Reason.ZONE_HINTS,) if by_hint == "zone" else ()


def _is_within(address: str, ranges: Iterable[str]) -> bool:
    number = ip_address(address)
    return any(number in _network(each) for each in ranges)


@lru_cache(maxsize=4096)
def _network(cidr: str) -> IPv4Network | IPv6Network:
    return ip_network(cidr, strict=False)
