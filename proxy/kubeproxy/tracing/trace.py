"""A decision in words: what `kubesvc trace` prints of a packet's way through the rules, step by step.

Pure, and decides nothing: ``Rules.decide`` does, for the listeners too; each of its reasons has a sentence here. No
client is pinned and no rotation moves on.
"""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import ip_address, ip_network
from typing import NamedTuple

from kubeproxy.loadbalancing.loadbalancer import LoadBalancer
from kubeproxy.rules import Claim, Decision, Packet, PortRule, Reason, Rules, Selection, Verdict
from kubeproxy.rules.nodes import EnteredBy, Node, Nodes
from kubeproxy.tracing.choice import said_choice
from kubeproxy.tracing.ingress import trace_request
from kubeproxy.tracing.policies import said_policies, why_closed, why_denied
from kubeproxy.types import Destination, Endpoint, ListenerKind

_MOST_PORTS = 8
"""Other ports of an address that a trace names."""

_STEPS = {
    Reason.RANGES_NOT_FOR_THIS_KIND: "loadBalancerSourceRanges ({ranges}) hold at load-balancer addresses only.",
    Reason.IN_RANGES: "loadBalancerSourceRanges ({ranges}) let {source} in.",
    Reason.NOT_IN_RANGES: "loadBalancerSourceRanges ({ranges}) do not let {source} in.",
    Reason.POLICY_CLUSTER: "{policy} is Cluster: endpoints of every node count.",
    Reason.POLICY_LOCAL: "{policy} is Local: only endpoints on {local} count.",
    Reason.POLICY_LOCAL_BYPASSED: "{policy} is Local, but does not concern what comes from the node itself: "
    "endpoints of every node count.",
    Reason.TERMINATING: "No such endpoint is ready: those that terminate, but still serve, take the traffic.",
    Reason.NODE_HINTS: "Topology hints: of the endpoints those meant for the node of {node}.",
    Reason.ZONE_HINTS: "Topology hints: of the endpoints those meant for the zone of {node}.",
}
"""What a reason adds to the steps of a trace; the others are said by the verdict."""

_CLAUSES = {
    Reason.NO_ENDPOINTS: "{port} has no endpoints",
    Reason.INGRESS: "{destination} is where Ingresses are served",
    Reason.NO_WEIGHT: "all endpoints of {port} that serve have the weight 0",
}
"""Reasons that say all."""

_ENTRIES = {
    EnteredBy.LOCALHOST: "{address} is {node} itself here.",
    EnteredBy.NODE_ADDRESS: "The rules of {node} are met: it has the address {address}.",
    EnteredBy.SOURCE: "The rules of {node} are met: the packet starts there.",
    EnteredBy.CLUSTER_IP: "The rules of {node} are met: a cluster IP exists on nodes only, and a client from outside "
    "is put on it.",
    EnteredBy.LOAD_BALANCER: "The rules of any node are met: a load balancer chooses one that has endpoints.",
}


_WEIGHT_0 = "weight 0: gets nothing new"


class Candidate(NamedTuple):
    """An endpoint of the Service port, and why it cannot be chosen: "" if it can."""

    endpoint: Endpoint
    why_not: str


class Trace(NamedTuple):
    """A decision, explained. ``steps`` are sentences, in the order in which it is decided.

    ``chosen`` is the address (``ip:port``) that session affinity or the rotation will choose, "" when chance decides,
    and where the algorithm gives none of the endpoints: then it ``is_refused``.
    """

    decision: Decision
    steps: tuple[str, ...]
    candidates: tuple[Candidate, ...]
    balancing: str
    chosen: str
    is_refused: bool = False


def trace_packet(rules: Rules, load_balancer: LoadBalancer, packet: Packet) -> Trace:
    """Return what would become of ``packet`` now."""
    decision = rules.decide(packet.source, packet.destination)
    steps = [_said_source(rules.nodes, packet.source)]
    claim, selection = decision.claim, decision.selection
    if claim is None or selection is None:
        steps += _no_service(rules, packet.destination)
        return Trace(decision, tuple(steps), (), "", "")
    rule = rules.ports[claim.port_name]
    steps += [f"{packet.destination} is the {claim.kind} of {claim.port_name}."]
    steps += _conflicts(rules, packet.destination)
    if rule.ingress is not None:
        return _trace_ingress(rules, load_balancer, decision, packet.request, steps)
    steps += [_entry(rules.nodes, packet, selection), *_said_reasons(rule, claim, decision, selection)]
    steps += said_policies(rules, decision)
    closed = why_closed(rules, decision)
    candidates = tuple(
        Candidate(each, closed[each.address])
        if each.address in closed
        else _candidate(each, rules.nodes, decision, load_balancer)
        for each in rule.endpoints
    )
    said = said_choice(load_balancer, rule, decision, packet.request)
    return Trace(decision, tuple(steps), candidates, *said)


def _trace_ingress(
    rules: Rules, load_balancer: LoadBalancer, decision: Decision, request: bytes, steps: list[str]
) -> Trace:
    """Return what would become of a request at an address of Ingresses: the decision stays that of the packet."""
    claim = decision.claim
    assert claim is not None
    table = rules.ports[claim.port_name].ingress
    assert table is not None
    found = trace_request(rules, table, decision, request, is_tls=claim.port_name.port == "https")
    if found.decision is None or found.decision.claim is None:
        return Trace(decision, (*steps, *found.steps), (), found.balancing, "")
    rule = rules.ports[found.decision.claim.port_name]
    candidates = tuple(_candidate(each, rules.nodes, found.decision, load_balancer) for each in rule.endpoints)
    said = said_choice(load_balancer, rule, found.decision, request)
    return Trace(decision, (*steps, *found.steps), candidates, found.balancing or said.how, said.chosen)


def reason_of(decision: Decision) -> str:
    """Return in a clause why the verdict is as it is."""
    claim, selection, last = decision.claim, decision.selection, decision.reasons[-1]
    if claim is None or selection is None:
        return f"no Service has {decision.packet.destination}"
    if last in _CLAUSES:
        return _CLAUSES[last].format(port=claim.port_name, destination=decision.packet.destination)
    if last is Reason.NOT_IN_RANGES:
        return f"{decision.packet.source} is not in loadBalancerSourceRanges"
    if decision.denied is not None:
        return why_denied(decision.denied.judgement, decision.packet.source, decision.denied.destination)
    if last is Reason.NO_LOCAL_ENDPOINT:
        return f"{policy_name(claim.kind)} is Local and {selection.entry.node or 'no node'} has no endpoint"
    return f"{claim.kind} of {claim.port_name}"


def outcome_of(verdict: Verdict, protocol: str) -> str:
    """Return what the client sees of a verdict."""
    is_tcp = protocol == "TCP"
    match verdict:
        case Verdict.FORWARD:
            return "The connection is made." if is_tcp else "The datagram is delivered."
        case Verdict.REJECT:
            return f"The client is refused {'at once' if is_tcp else 'on its next call'} (ECONNREFUSED)."
        case Verdict.DROP:
            return "The client hears nothing, until it gives up (time-out)."


def policy_name(kind: ListenerKind) -> str:
    """Return the name of the traffic policy that applies at addresses of this kind."""
    return "internalTrafficPolicy" if kind is ListenerKind.CLUSTER_IP else "externalTrafficPolicy"


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


def _no_service(rules: Rules, destination: Destination) -> Iterator[str]:
    """Yield that no Service has the destination, and which ports its address has instead."""
    yield f"No Service has {destination}."
    others = sorted(each for each in rules.claims if each.address == destination.address)
    if others:
        ports = ", ".join(
            f"{each.port}/{each.protocol.lower()} ({rules.claims[each][0].port_name})" for each in others[:_MOST_PORTS]
        )
        more = f" and {len(others) - _MOST_PORTS} more" if len(others) > _MOST_PORTS else ""
        yield f"The address has other ports: {ports}{more}."


def _conflicts(rules: Rules, destination: Destination) -> Iterator[str]:
    for claim in rules.claims_of(destination)[1:]:
        why = "no Service" if claim.port_name.is_pod else "the younger Service"
        yield f"{claim.port_name} wants it too, but is {why}."


def _entry(nodes: Nodes, packet: Packet, selection: Selection) -> str:
    if not nodes.all:
        return "There are no nodes: the rules of no node in particular are met."
    entry = selection.entry
    return _ENTRIES[entry.by].format(node=entry.node, address=packet.destination.address)


def _said_reasons(rule: PortRule, claim: Claim, decision: Decision, selection: Selection) -> Iterator[str]:
    if claim.port_name.is_pod:
        yield "It leads to this pod alone: no policy and no balancing of a Service takes part."
        return
    node = selection.entry.node
    for reason in decision.reasons:
        if reason in _STEPS:
            yield _STEPS[reason].format(
                ranges=", ".join(rule.service_port.source_ranges),
                source=decision.packet.source,
                policy=policy_name(claim.kind),
                node=node,
                local=node or "the node that is chosen",
            )


def _candidate(endpoint: Endpoint, nodes: Nodes, decision: Decision, load_balancer: LoadBalancer) -> Candidate:
    assert decision.selection is not None
    if endpoint.is_serving and not endpoint.weight:
        return Candidate(endpoint, _WEIGHT_0)
    if endpoint in decision.endpoints:
        return Candidate(endpoint, load_balancer.left_out(decision.selection.route, endpoint.address))
    return Candidate(endpoint, _why_not(endpoint, nodes, decision, decision.selection))


def _why_not(endpoint: Endpoint, nodes: Nodes, decision: Decision, selection: Selection) -> str:
    """Return why an endpoint is left out: its own state first, then its place."""
    node = selection.entry.node
    if not endpoint.is_ready and not (endpoint.is_terminating and endpoint.is_serving):
        return "terminating, and serves no more" if endpoint.is_terminating else "not ready"
    if selection.route.is_local and not (endpoint.node_name == node if node else endpoint.node_name):
        return f"on {endpoint.node_name}, not on {node}" if endpoint.node_name else "on no node"
    if decision.verdict is not Verdict.FORWARD:
        return "the packet does not get that far"
    if not endpoint.is_ready:
        return "terminating, and there are ready ones"
    if Reason.NODE_HINTS in decision.reasons:
        return f"meant for {' and '.join(endpoint.node_hints)}, not {node}"
    return f"meant for zone {' and '.join(endpoint.zone_hints)}, not {nodes.by_name[node].zone}"
