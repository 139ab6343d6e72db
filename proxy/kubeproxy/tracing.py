"""What a packet meets on its way through the rules, told step by step: `kubesvc trace` and its verdict.

Pure, and decides nothing: the verdict is that of ``Rules.trace``, by which the listeners go too; what is said around it
only reads what led there. Nothing is pinned, no rotation moves on.
"""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import ip_address, ip_network
from typing import NamedTuple

from kubeproxy.load_balancer import LoadBalancer
from kubeproxy.rules import Drop, Forward, Packet, PortRule, Reject, Rules, Verdict
from kubeproxy.rules.nodes import LOCALHOST, Node, Nodes
from kubeproxy.types import Destination, Endpoint, ListenerKind, Route, ServicePortName


class Candidate(NamedTuple):
    """An endpoint of the Service port, and why it cannot be chosen: "" if it can."""

    endpoint: Endpoint
    why_not: str


class Trace(NamedTuple):
    """The way of one packet. ``steps`` are sentences, in the order in which it is decided.

    ``port_name`` and ``kind`` are None when no Service has the destination; ``node`` is "" when any node will do or
    none has been met. ``chosen`` is whom session affinity or the rotation will choose, "" when that is chance.
    """

    packet: Packet
    port_name: ServicePortName | None
    kind: ListenerKind | None
    node: str
    steps: tuple[str, ...]
    candidates: tuple[Candidate, ...]
    balancing: str
    chosen: str
    verdict: Verdict


def trace_packet(rules: Rules, load_balancer: LoadBalancer, packet: Packet) -> Trace:
    """Return the way of ``packet``, if it came now."""
    source, destination = packet
    verdict = rules.trace(packet)
    steps = [_said_source(rules.nodes, source)]
    claims = rules.claims.get(destination)
    if not claims:
        steps += _nobody(rules, destination)
        return Trace(packet, None, None, "", tuple(steps), (), "", "", verdict)
    _, port_name, kind = claims[0]
    rule = rules.ports[port_name]
    steps += [f"{destination} is the {kind} of {port_name}.", *_conflicts(rules, destination)]
    entry = rules.nodes.enter(rules.nodes.home(source), destination.address, kind)
    steps += [*_entry(rules.nodes, source, destination, kind, entry.node), *_ranges(rules, rule, packet, kind)]
    route = Route(port_name, entry.node, rule.is_confined(kind, entry))
    if not (isinstance(verdict, Drop) and not rules.admits(rule.service_port, source, destination.address, kind)):
        steps += [_policy(rule, kind, route, is_inside=entry.is_inside), *_topology(rule, route, verdict)]
    balancing, chosen = _balancing(load_balancer, rule, verdict, source)
    candidates = tuple(_candidate(each, rules.nodes, route, verdict) for each in rule.endpoints)
    return Trace(packet, port_name, kind, entry.node, tuple(steps), candidates, balancing, chosen, verdict)


def outcome(verdict: Verdict, protocol: str) -> str:
    """Return what the client sees of a verdict."""
    match verdict:
        case Forward():
            return "The connection is made." if protocol == "TCP" else "The datagram is delivered."
        case Reject():
            when = "at once" if protocol == "TCP" else "on its next call"
            return f"The client is refused {when} (ECONNREFUSED)."
        case Drop():
            return "The client hears nothing, until it gives up (time-out)."


def _said_source(nodes: Nodes, source: str) -> str:
    home = nodes.home(source)
    if not home:
        return f"{source} is on no node: the packet comes from outside the cluster."
    if source in nodes.by_name[home].addresses:
        return f"{source} is the address of {home}: the packet comes from the node itself."
    return f"{source} is in {_pod_cidr(nodes.by_name[home], source)}, the pods of {home}."


def _pod_cidr(node: Node, source: str) -> str:
    address = ip_address(source)
    return next((each for each in node.pod_cidrs if address in ip_network(each, strict=False)), "")


def _nobody(rules: Rules, destination: Destination) -> Iterator[str]:
    """Yield that no Service has the destination, and which ports its address has instead."""
    yield f"No Service has {destination}."
    others = sorted(each for each in rules.claims if each.address == destination.address)
    if others:
        ports = ", ".join(
            f"{each.port}/{each.protocol.lower()} ({rules.claims[each][0].port_name})" for each in others[:8]
        )
        more = f" and {len(others) - 8} more" if len(others) > 8 else ""
        yield f"The address has other ports: {ports}{more}."


def _conflicts(rules: Rules, destination: Destination) -> Iterator[str]:
    for claim in rules.claims[destination][1:]:
        yield f"{claim.port_name} wants it too, but is the younger Service."


def _entry(nodes: Nodes, source: str, destination: Destination, kind: ListenerKind, node: str) -> Iterator[str]:
    """Yield whose rules are met, and why."""
    home = nodes.home(source)
    if not nodes.all:
        yield "There are no nodes: the rules of no node in particular are met."
    elif destination.address == LOCALHOST:
        yield f"{LOCALHOST} is {node} itself here."
    elif any(destination.address in each.addresses for each in nodes.all):
        yield f"The rules of {node} are met: it has the address {destination.address}."
    elif home:
        yield f"The rules of {node} are met: the packet starts there."
    elif kind is ListenerKind.CLUSTER_IP:
        yield f"The rules of {node} are met: a cluster IP exists on nodes only, and a client from outside is put on it."
    else:
        yield "The rules of any node are met: a load balancer chooses one that has endpoints."


def _ranges(rules: Rules, rule: PortRule, packet: Packet, kind: ListenerKind) -> Iterator[str]:
    port = rule.service_port
    if not port.source_ranges:
        return
    ranges = ", ".join(port.source_ranges)
    if kind is not ListenerKind.LOAD_BALANCER:
        yield f"loadBalancerSourceRanges ({ranges}) hold at load-balancer addresses only."
    elif rules.admits(port, packet.source, packet.destination.address, kind):
        yield f"loadBalancerSourceRanges ({ranges}) let {packet.source} in."
    else:
        yield f"loadBalancerSourceRanges ({ranges}) do not let {packet.source} in."


def _policy(rule: PortRule, kind: ListenerKind, route: Route, *, is_inside: bool) -> str:
    is_internal = kind is ListenerKind.CLUSTER_IP
    port = rule.service_port
    policy = port.internal_traffic_policy if is_internal else port.external_traffic_policy
    name = "internalTrafficPolicy" if is_internal else "externalTrafficPolicy"
    if route.is_local:
        return f"{name} is Local: only endpoints on {route.node or 'the node that is chosen'} count."
    if policy == "Local" and is_inside:
        return f"{name} is Local, but does not concern what comes from the node itself: endpoints of every node count."
    return f"{name} is Cluster: endpoints of every node count."


def _topology(rule: PortRule, route: Route, verdict: Verdict) -> Iterator[str]:
    """Yield why not every endpoint that is ready may be chosen, or why one that is not."""
    if not isinstance(verdict, Forward):
        return
    if not any(each.is_ready for each in verdict.endpoints):
        yield "No such endpoint is ready: those that terminate, but still serve, take the traffic."
    elif not route.is_local and len(verdict.endpoints) < sum(each.is_ready for each in rule.endpoints):
        by_node = all(route.node in each.node_hints for each in verdict.endpoints)
        yield f"Topology hints: of the endpoints those meant for the {'node' if by_node else 'zone'} of {route.node}."


def _candidate(endpoint: Endpoint, nodes: Nodes, route: Route, verdict: Verdict) -> Candidate:
    if isinstance(verdict, Forward) and endpoint in verdict.endpoints:
        return Candidate(endpoint, "")
    return Candidate(endpoint, _why_not(endpoint, nodes, route, verdict))


def _why_not(endpoint: Endpoint, nodes: Nodes, route: Route, verdict: Verdict) -> str:
    """Return why an endpoint is left out: its own state first, then its place."""
    if not endpoint.is_ready and not (endpoint.is_terminating and endpoint.is_serving):
        return "terminating, and serves no more" if endpoint.is_terminating else "not ready"
    if route.is_local and not (endpoint.node_name == route.node if route.node else endpoint.node_name):
        return f"on {endpoint.node_name}, not on {route.node}" if endpoint.node_name else "on no node"
    if not isinstance(verdict, Forward):
        return "the packet does not get that far"
    return (
        "terminating, and there are ready ones" if not endpoint.is_ready else _hinted(endpoint, nodes, route, verdict)
    )


def _hinted(endpoint: Endpoint, nodes: Nodes, route: Route, verdict: Forward) -> str:
    if endpoint.node_hints and all(route.node in each.node_hints for each in verdict.endpoints):
        return f"meant for {' and '.join(endpoint.node_hints)}, not {route.node}"
    zone = nodes.by_name[route.node].zone if route.node in nodes.by_name else ""
    return f"meant for zone {' and '.join(endpoint.zone_hints)}, not {zone}"


def _balancing(load_balancer: LoadBalancer, rule: PortRule, verdict: Verdict, client: str) -> tuple[str, str]:
    """Return how one of the endpoints is chosen, and which one if that is known."""
    if not isinstance(verdict, Forward):
        return "", ""
    route, count = verdict.route, len(verdict.endpoints)
    what = "request" if rule.service_port.is_http else "connection" if route.port_name.protocol == "TCP" else "flow"
    affinity = rule.service_port.affinity_seconds
    pinned = load_balancer.pinned(route, client) if affinity else None
    if pinned is not None:
        address, seconds = pinned
        return f"Session affinity: {client} is pinned to {address}, {seconds:.0f} s left.", address
    will_pin = f" and pinned to it for {affinity} s" if affinity else ""
    algorithm = load_balancer.algorithm(route.port_name)
    if algorithm == "random":
        return f"random: each {what} gets one of {count} with the same chance{will_pin}.", ""
    upcoming = load_balancer.upcoming(route)
    if upcoming is None:
        return f"{algorithm}: nobody has come this way yet; the next {what} begins a rotation of {count}{will_pin}.", ""
    return f"{algorithm}: the next {what} gets {upcoming.address}{will_pin}.", upcoming.address
