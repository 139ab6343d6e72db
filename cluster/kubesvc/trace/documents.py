"""The traces as JSON, for `-o json` and for the text that is made of it. Pure.

    source, destination     the packet: address; address, port, protocol
    service, port, kind     whose destination it is, "" if nobody's
    node                    whose rules it meets, "" if any node's or none
    steps                   what is decided, in order, a sentence each
    endpoints               address, pod, node, zone, ready, serving, terminating, candidate, whyNot
    balancing, chosen       how one of the candidates is chosen, and which one if that is known
    verdict                 FORWARD, REJECT, DROP, or DIRECT for a packet to a pod itself
    reason, outcome         why, and what the client sees

and for names:

    lookups                 name, type, rcode, answers, additional, reasons; the last one is the result
    notes                   what else a resolver does
"""

from __future__ import annotations

from typing import Any

from kubedns.explain import Explanation
from kubeproxy.listeners import ListenerStatus
from kubeproxy.rules import Packet
from kubeproxy.tracing import Candidate, Trace, outcome
from kubesvc.trace.addressing import Target


def trace_document(trace: Trace, target: Target, listener: ListenerStatus | None) -> dict[str, Any]:
    """Return the trace of a packet; ``listener`` is the socket that hears it, if a Service has the destination."""
    destination = target.destination
    document: dict[str, Any] = {
        "source": trace.packet.source,
        "destination": {"address": destination.address, "port": destination.port, "protocol": destination.protocol},
        "service": str(trace.service.service) if trace.service else "",
        "port": trace.service.port if trace.service else "",
        "kind": trace.kind.value if trace.kind else "",
        "node": trace.node,
        "steps": [*target.notes, *trace.steps],
        "endpoints": [_candidate(each) for each in trace.candidates],
        "balancing": trace.balancing,
        "chosen": trace.chosen,
        "verdict": type(trace.verdict).__name__.upper(),
        "reason": trace.verdict.reason,
        "outcome": outcome(trace.verdict, destination.protocol),
    }
    if listener is not None and listener.error:
        document["outcome"] = (
            f"By the rules: {document['outcome']} But nothing of this cluster listens here: {listener.error}."
        )
    return document


def direct_document(packet: Packet, target: Target) -> dict[str, Any]:
    """Return the trace of a packet to a pod's own address, which no rule concerns."""
    destination = target.destination
    return {
        "source": packet.source,
        "destination": {"address": destination.address, "port": destination.port, "protocol": destination.protocol},
        "service": "",
        "port": "",
        "kind": "",
        "node": "",
        "steps": [*target.notes, f"{destination.address} is the pod {target.pod}: no Service's rules are met."],
        "endpoints": [],
        "balancing": "",
        "chosen": "",
        "verdict": "DIRECT",
        "reason": f"the address of pod {target.pod}",
        "outcome": "The packet goes to the pod itself; if nothing listens at that port there, the client is refused.",
    }


def _candidate(candidate: Candidate) -> dict[str, Any]:
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
