"""The traces as JSON, for `-o json` and for the text that is made of it. Pure.

    source, destination     the packet: address; address, port, protocol
    service, port, kind     the Service port that has the destination, "" if none has
    node                    the node at which the packet enters, "" for any node or none
    steps                   what is decided, in order, one sentence each
    endpoints               address, pod, node, zone, ready, serving, terminating, candidate, whyNot, doubt, weight
    balancing, chosen       how one of the candidates is chosen, and which one if that is known
    verdict                 FORWARD, REJECT, DROP, or DIRECT for a packet to a pod itself or to the internet
    reason, outcome         why, and what the client sees

and for names:

    lookups                 name, type, rcode, answers, additional, reasons; the last one is the result
    notes                   what else a resolver does
"""

from __future__ import annotations

from typing import Any

from kubedns.explain import Explanation
from kubeproxy.plane import ListenerStatus
from kubeproxy.rules import Packet, Verdict
from kubeproxy.rules.policies import Judgement, denial
from kubeproxy.tracing.policies import said_judgement, why_denied
from kubeproxy.tracing.trace import Candidate, Trace, outcome_of, reason_of
from kubesvc.why.explain.doubts import NO_DOUBTS, Doubts
from kubesvc.why.trace.addressing import TraceTarget

_NOT_GIVEN = "the algorithm gives it none of the endpoints"


def trace_document(
    trace: Trace, target: TraceTarget, listener: ListenerStatus | None, doubts: Doubts = NO_DOUBTS
) -> dict[str, Any]:
    """Return the trace of a packet; ``listener`` is the socket at its destination, if a Service has that.

    ``doubts`` are what the proxy knows against the endpoints.
    """
    decision = trace.decision
    claim, selection = decision.claim, decision.selection
    outcome = outcome_of(decision.verdict, target.destination.protocol)
    if decision.verdict is Verdict.FORWARD:
        outcome = _taken_in_vain(trace, _NOT_GIVEN) if trace.is_refused else _doubted(trace, outcome, doubts)
    if listener is not None and listener.error:
        outcome = f"By the rules: {outcome} But nothing of this cluster listens here: {listener.error}."
    return {
        "source": decision.packet.source,
        "destination": target.destination._asdict(),
        "service": str(claim.port_name.service) if claim and not claim.port_name.is_pod else "",
        "port": claim.port_name.port if claim else "",
        "kind": claim.kind.value if claim else "",
        "node": selection.entry.node if selection else "",
        "steps": [*target.notes, *trace.steps],
        "endpoints": [_candidate(each, doubts) for each in trace.candidates],
        "balancing": trace.balancing,
        "chosen": trace.chosen,
        "verdict": decision.verdict.value,
        "reason": reason_of(decision),
        "outcome": outcome,
    }


def direct_document(packet: Packet, target: TraceTarget, judged: tuple[Judgement, ...] = ()) -> dict[str, Any]:
    """Return the trace of a packet to the address of a pod, of which only NetworkPolicies judge."""
    destination = target.destination
    met = f"{destination.address} is the pod {target.pod}: no Service's rules are met."
    document = {
        "source": packet.source,
        "destination": destination._asdict(),
        "service": "",
        "port": "",
        "kind": "",
        "node": "",
        "steps": [*target.notes, met],
        "endpoints": [],
        "balancing": "",
        "chosen": "",
        "verdict": "DIRECT",
        "reason": f"the address of pod {target.pod}",
        "outcome": "The packet goes to the pod itself; if nothing listens at that port there, the client is refused.",
    }
    return judged_document(document, packet, judged)


def judged_document(document: dict[str, Any], packet: Packet, judged: tuple[Judgement, ...]) -> dict[str, Any]:
    """Return a trace with what NetworkPolicies say of the packet, which they may drop."""
    said = (said_judgement(each, packet.source, packet.destination) for each in judged)
    document = {**document, "steps": [*document["steps"], *said]}
    denied = denial(judged)
    if denied is None:
        return document
    reason = why_denied(denied, packet.source, packet.destination)
    outcome = outcome_of(Verdict.DROP, packet.destination.protocol)
    return {**document, "verdict": Verdict.DROP.value, "reason": reason, "outcome": outcome}


def closed_document(document: dict[str, Any]) -> dict[str, Any]:
    """Return the trace of what NetworkPolicies drop, for a client on this machine, whose connection a socket takes."""
    outcome = "A socket of this machine has taken the connection, and resets it (ECONNRESET); a cluster lets it wait."
    return {**document, "outcome": outcome}


def outside_document(trace: Trace, target: TraceTarget, internet_error: str) -> dict[str, Any]:
    """Return the trace of a packet to the internet, which pods do not reach if there is an ``internet_error``."""
    outcome = "The packet leaves the cluster as it is."
    if internet_error:
        outcome += f" But pods do not reach hosts outside: {internet_error}."
    return {**trace_document(trace, target, None), "verdict": "DIRECT", "outcome": outcome}


def _doubted(trace: Trace, outcome: str, doubts: Doubts) -> str:
    """Return what the client sees if the endpoints behave as in the last attempts."""
    able = [each.endpoint.address for each in trace.candidates if not each.why_not]
    dead = [each for each in able if each in doubts]
    if not dead:
        return outcome
    if len(dead) < len(able):
        return f"{outcome} But {len(dead)} of {len(able)} endpoints will not do, as far as the proxy knows."
    return _taken_in_vain(trace, "no endpoint will do, as far as the proxy knows")


def _taken_in_vain(trace: Trace, why: str) -> str:
    if trace.decision.packet.destination.protocol == "UDP":
        return f"The datagram is taken, but {why}: the client hears nothing."
    return f"The connection is taken, but {why}: the client is reset (ECONNRESET), or gets HTTP 502, 503 or 504."


def _candidate(candidate: Candidate, doubts: Doubts) -> dict[str, Any]:
    endpoint = candidate.endpoint
    return {
        "address": endpoint.address,
        "pod": endpoint.target,
        "node": endpoint.node_name,
        "zone": endpoint.zone,
        "ready": endpoint.is_ready,
        "serving": endpoint.is_serving,
        "terminating": endpoint.is_terminating,
        "candidate": not candidate.why_not,
        "whyNot": candidate.why_not,
        "doubt": doubts.get(endpoint.address, ""),
        "weight": endpoint.weight,
    }


def dns_document(explanation: Explanation) -> dict[str, Any]:
    """Return the trace of a name."""
    return {
        "lookups": [
            {name: list(value) if isinstance(value, tuple) else value for name, value in each._asdict().items()}
            for each in explanation.lookups
        ],
        "notes": list(explanation.notes),
    }
