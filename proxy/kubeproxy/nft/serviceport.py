"""One Service port in the tables: from where its addresses lead, and to which endpoints. Pure.

Every answer comes from ``Rules``: a chain for each route, an entry for each destination that the Service port has.
Follows ``syncProxyRules`` of k8s.io/kubernetes 1.37 ``pkg/proxy/nftables``, with two differences. Where policies or
hints make nodes differ, the client's address says which node's rules a packet meets. And a packet is dropped by the
chain of its destination, not by a filter. Node ports at 127.0.0.1 are left to sockets, as kube-proxy leaves them to a
proxy in userspace: packets from there do not leave the node.
"""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import collapse_addresses, ip_network
from typing import NamedTuple

from kubehost.addresses import LOCALHOST
from kubeproxy.nft import naming, skeleton
from kubeproxy.nft import statements as st
from kubeproxy.nft.statements import Rule, Verdict
from kubeproxy.nft.tables import EMPTY, Chain, Entry, NamedSet, Part
from kubeproxy.rules import PortRule, Rules
from kubeproxy.rules.nodes import ANY_NODE
from kubeproxy.types import Destination, Endpoint, ListenerKind, Route, ServicePortName, family_of

_CLUSTER_IP, _NODE_PORT, _LOAD_BALANCER = (
    ListenerKind.CLUSTER_IP,
    ListenerKind.NODE_PORT,
    ListenerKind.LOAD_BALANCER,
)


class _Routed(NamedTuple):
    """Where packets to one destination go: by the home of their source ("" from outside) a route, None to drop."""

    by_home: dict[str, Route | None]
    endpoints: dict[Route, tuple[Endpoint, ...]]

    @property
    def is_same(self) -> bool:
        """Whether the source makes no difference."""
        return len(set(self.by_home.values())) == 1


def service_part(rules: Rules, port_name: ServicePortName) -> Part:
    """Return what a Service port has in the tables; EMPTY if it is gone."""
    rule = rules.ports.get(port_name)
    if rule is None:
        return EMPTY
    return _Compilation(rules, rule).part()


class _Compilation:
    """The part of one Service port, as it grows destination by destination."""

    def __init__(self, rules: Rules, rule: PortRule) -> None:
        self._rules = rules
        self._rule = rule
        self._name = rule.service_port.name
        self._protocol = self._name.protocol
        self._seconds = rule.service_port.affinity_seconds
        self._homes = (ANY_NODE, *(each.name for each in rules.nodes.all))
        self._at = {address: node.name for node in reversed(rules.nodes.all) for address in node.addresses}
        self._routes: dict[tuple[bool, tuple[Endpoint, ...]], Route] = {}
        self._chains: dict[str, Chain] = {}
        self._sets: list[NamedSet] = []
        self._entries: set[Entry] = set()

    def part(self) -> Part:
        for destination, kind in self._rule.destinations:
            if destination.address == LOCALHOST:
                continue
            claims = self._rules.claims.get(destination)
            if claims and claims[0].port_name == self._name:
                self._add(destination, kind)
        return Part(self._chains, tuple(self._sets), frozenset(self._entries))

    def _add(self, destination: Destination, kind: ListenerKind) -> None:
        key = (destination.address, destination.protocol, destination.port)
        is_node_port = kind is _NODE_PORT
        if kind is _CLUSTER_IP:
            self._entries.add(Entry(skeleton.CLUSTER_IPS, (destination.address,)))
        if not self._rule.has_any:
            refusing = skeleton.NO_ENDPOINT_NODE_PORTS if is_node_port else skeleton.NO_ENDPOINT_SERVICES
            self._entries.add(Entry(refusing, key, st.Goto(skeleton.REJECT)))
            return
        if kind is _LOAD_BALANCER:
            self._add_firewall(destination, key)
        serving = skeleton.SERVICE_NODE_PORTS if is_node_port else skeleton.SERVICE_IPS
        self._entries.add(Entry(serving, key, self._entrance(destination, kind)))

    def _entrance(self, destination: Destination, kind: ListenerKind) -> Verdict:
        """Return where packets to a destination go."""
        routed = self._routed(destination, kind)
        is_internal = kind is _CLUSTER_IP
        if is_internal and routed.is_same:
            return self._follow(routed, routed.by_home[ANY_NODE])
        chain = self._entry_chain(routed, destination, is_internal=is_internal)
        if chain not in self._chains:
            self._chains[chain] = Chain(tuple(self._entering(routed, is_internal=is_internal)))
        return st.Goto(chain)

    def _entry_chain(self, routed: _Routed, destination: Destination, *, is_internal: bool) -> str:
        """Return the name of the chain in which the route is found: one for all destinations where they are alike."""
        (route, *others) = set(routed.by_home.values())
        is_alike = not others and route is not None and route.node == ANY_NODE and not route.is_local
        at = "" if is_alike or is_internal else self._at.get(destination.address, destination.address)
        return naming.entry_chain(self._name, is_internal=is_internal, at=at)

    def _entering(self, routed: _Routed, *, is_internal: bool) -> Iterator[Rule]:
        if not is_internal:
            # What came from a cluster's pod over another node would come back by a shorter way, so the source is the
            # gateway; where only endpoints of the node itself serve, that concerns the node's own processes.
            is_local = self._rule.service_port.external_traffic_policy == "Local"
            yield (st.IsFromHere(), st.Mark()) if is_local else (st.Mark(),)
        outside = routed.by_home[ANY_NODE]
        if not routed.is_same:
            yield from self._by_home(routed)
        yield (self._follow(routed, outside),)

    def _by_home(self, routed: _Routed) -> Iterator[Rule]:
        """Yield where packets from nodes and pods go; a node's own address may lie in the pod CIDR of another node."""
        family, nodes = self._name.family, self._rules.nodes.all
        for sources in ([(each, each.addresses) for each in nodes], [(each, each.pod_cidrs) for each in nodes]):
            for node, addresses in sources:
                if of_family := tuple(each for each in addresses if family_of(each) == family):
                    yield st.FromOneOf(of_family), self._follow(routed, routed.by_home[node.name])

    def _follow(self, routed: _Routed, route: Route | None) -> Verdict:
        if route is None:
            return st.End.DROP
        chain = naming.service_chain(route)
        if chain not in self._chains:
            self._add_route(chain, route, routed.endpoints[route])
        return st.Goto(chain)

    def _routed(self, destination: Destination, kind: ListenerKind) -> _Routed:
        """Ask the rules; where the node makes no difference, one question is enough."""
        rule, rules = self._rule, self._rules
        differs = bool(rule.by_node or self._seconds)
        by_home: dict[str, Route | None] = {}
        endpoints: dict[Route, tuple[Endpoint, ...]] = {}
        for home in self._homes if differs else (ANY_NODE,):
            selection = rules.select(rule, kind, home, destination.address)
            route = self._shared(selection.route, selection.endpoints)
            by_home[home] = route if selection.endpoints else None
            endpoints[route] = selection.endpoints
        return _Routed(by_home, endpoints)

    def _shared(self, route: Route, endpoints: tuple[Endpoint, ...]) -> Route:
        """Return the route that stands for all with the same endpoints, unless each node's proxy keeps pins."""
        if self._seconds:
            return route
        anywhere = self._rule.anywhere
        if endpoints == (anywhere.local if route.is_local else anywhere.cluster):
            return route._replace(node=ANY_NODE)
        return self._routes.setdefault((route.is_local, endpoints), route)

    def _add_route(self, chain: str, route: Route, endpoints: tuple[Endpoint, ...]) -> None:
        is_protocol = st.IsProtocol(self._protocol)
        for each in endpoints:
            self._entries.add(Entry(skeleton.HAIRPINS, (each.ip, each.ip, self._protocol, each.port)))
        if not self._seconds:
            self._chains[chain] = Chain(((is_protocol, st.Dnat(tuple((each.ip, each.port) for each in endpoints))),))
            return
        names = [(naming.endpoint_chain(route, each), naming.affinity_set(route, each)) for each in endpoints]
        for each, (own, pinned) in zip(endpoints, names, strict=True):
            self._sets.append(NamedSet(pinned, (st.Field.SOURCE,), has_timeout=True))
            translate = (is_protocol, st.Dnat(((each.ip, each.port),)))
            self._chains[own] = Chain(((st.Pin(pinned, self._seconds),), translate))
        rules: list[Rule] = [(st.InSet((st.Field.SOURCE,), pinned), st.Goto(own)) for own, pinned in names]
        self._chains[chain] = Chain((*rules, (st.ToRandomChain(tuple(own for own, _ in names)),)))

    def _add_firewall(self, destination: Destination, key: tuple[str, str, int]) -> None:
        listener = self._rules.listener(destination)
        ranges = listener.source_filter.ranges if listener and listener.source_filter else ()
        if not ranges:
            return
        chain = naming.firewall_chain(self._name)
        self._entries.add(Entry(skeleton.FIREWALL_IPS, key, st.Goto(chain)))
        self._chains[chain] = Chain(((st.FromOneOf(_merged(ranges), not_=True), st.End.DROP),))


def _merged(ranges: tuple[str, ...]) -> tuple[str, ...]:
    """Return CIDRs without those that are part of others: a set of intervals may have no two that overlap."""
    networks = (ip_network(each, strict=False) for each in ranges)
    return tuple(str(each) for each in collapse_addresses(networks))  # type: ignore[type-var]  # all of one family
