"""One Service port with its endpoints: which of them a route may use, and which destinations it asks for. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from kubeproxy.ingress.table import IngressTable
from kubeproxy.rules.decision import Reason
from kubeproxy.rules.nodes import Entry, Nodes
from kubeproxy.rules.topology import Categorized, categorize_endpoints, differs_by_node
from kubeproxy.types import Destination, Endpoint, ListenerKind, Route, ServicePort, family_of

_POLICY_CLUSTER, _POLICY_LOCAL = Reason.POLICY_CLUSTER, Reason.POLICY_LOCAL
_POLICY_LOCAL_BYPASSED = Reason.POLICY_LOCAL_BYPASSED
_CLUSTER_IP = ListenerKind.CLUSTER_IP

_NO_DIFFERENCE: Mapping[str, Categorized] = {}


class PortRule(NamedTuple):
    """One Service port with its endpoints, those that each node may use, and the destinations that it asks for.

    ``by_node`` is empty when the node makes no difference. ``ingress`` is None but at an address of Ingresses, where it
    says of each request which Service port gets it.
    """

    service_port: ServicePort
    endpoints: tuple[Endpoint, ...]
    anywhere: Categorized
    by_node: Mapping[str, Categorized]
    destinations: tuple[tuple[Destination, ListenerKind], ...]
    ingress: IngressTable | None = None

    @property
    def has_any(self) -> bool:
        """Whether any endpoint on any node could serve; without one clients are rejected."""
        return self.anywhere.has_any

    def at(self, node: str) -> Categorized:
        """Return what packets that enter at ``node`` may use."""
        return self.by_node.get(node, self.anywhere)

    def usable(self, route: Route) -> tuple[Endpoint, ...]:
        """Return the endpoints that new connections on ``route`` may get."""
        found = self.at(route.node)
        return found.local if route.is_local else found.cluster

    def reachable(self) -> dict[str, Endpoint]:
        """Return by address (``ip:port``) the endpoints that some route may use."""
        lists = (self.anywhere, *self.by_node.values())
        return {each.address: each for one in lists for part in (one.cluster, one.local) for each in part}

    def serving(self) -> set[str]:
        """Return the addresses of the endpoints that still serve; UDP flows to others are cut (conntrack cleanup)."""
        return {each.address for each in self.endpoints if each.is_serving}

    def policy(self, kind: ListenerKind, entry: Entry) -> Reason:
        """Return which traffic policy applies to a packet that enters so.

        The external policy does not apply to the node itself and its pods (Kubernetes calls that short-circuiting).
        """
        port = self.service_port
        if kind is _CLUSTER_IP:
            return _POLICY_LOCAL if port.internal_traffic_policy == "Local" else _POLICY_CLUSTER
        if port.external_traffic_policy != "Local":
            return _POLICY_CLUSTER
        return _POLICY_LOCAL_BYPASSED if entry.is_inside else _POLICY_LOCAL


def port_rule(service_port: ServicePort, endpoints: tuple[Endpoint, ...], nodes: Nodes) -> PortRule:
    """Return the rule of a Service port."""
    by_node = _NO_DIFFERENCE
    if differs_by_node(endpoints, service_port):
        by_node = {each.name: categorize_endpoints(endpoints, service_port, each) for each in nodes.all}
    anywhere = categorize_endpoints(endpoints, service_port, None)
    return PortRule(service_port, endpoints, anywhere, by_node, destinations_of(service_port, nodes.addresses))


def pod_port_rule(
    port: ServicePort, endpoint: Endpoint, destinations: tuple[tuple[Destination, ListenerKind], ...]
) -> PortRule:
    """Return the rule of a pod's own port: everybody gets to the pod, ready or not."""
    only = (endpoint,)
    return PortRule(port, only, Categorized(only, only, has_any=True), _NO_DIFFERENCE, destinations)


def ingress_port_rule(port: ServicePort, table: IngressTable) -> PortRule:
    """Return the rule of a port at an address of Ingresses: every client is served, if only by a refusal."""
    served = Categorized((), (), has_any=True)
    return PortRule(port, (), served, _NO_DIFFERENCE, destinations_of(port, ()), table)


def destinations_of(
    service_port: ServicePort, node_addresses: Iterable[str]
) -> tuple[tuple[Destination, ListenerKind], ...]:
    """Return the destinations that a Service port asks for, each once; the first kind that names one wins."""
    name = service_port.name
    wanted: dict[Destination, ListenerKind] = {}
    for kind, addresses, port in (
        (ListenerKind.CLUSTER_IP, service_port.cluster_ips, service_port.port),
        (ListenerKind.NODE_PORT, node_addresses if service_port.node_port else (), service_port.node_port),
        (ListenerKind.EXTERNAL_IP, service_port.external_ips, service_port.port),
        (ListenerKind.LOAD_BALANCER, service_port.load_balancer_ips, service_port.port),
    ):
        for address in addresses:
            if family_of(address) == name.family:
                wanted.setdefault(Destination(address, port, name.protocol), kind)
    return tuple(wanted.items())
