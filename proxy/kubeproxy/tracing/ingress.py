"""The way of a request at an address of Ingresses in words, for `kubesvc trace`. Pure; ``IngressTable`` decides."""

from __future__ import annotations

from typing import NamedTuple

from kubeproxy.http.requesthead import read_request
from kubeproxy.ingress.table import IngressDecision, IngressTable, host_of
from kubeproxy.rules import Claim, Decision, Reason, Rules, Selection, Verdict
from kubeproxy.types import Route, ServicePortName

_MOST_FIELDS = 100
_SHOWN = 12
"""Paths that a trace without a request names."""


class IngressTrace(NamedTuple):
    """``steps`` are sentences; ``decision`` is that of the Service port that gets the request, None if none does.

    ``balancing`` says what the client gets instead.
    """

    steps: tuple[str, ...]
    decision: Decision | None
    balancing: str = ""


def trace_request(rules: Rules, table: IngressTable, decision: Decision, head: bytes, *, is_tls: bool) -> IngressTrace:
    """Return what becomes of the request of a packet to an address of Ingresses; without one, which paths there are."""
    if not head:
        leaves = [f"{each} leads to {each.backend}." for each in table.leaves()]
        more = [f"... and {len(leaves) - _SHOWN} more."] if len(leaves) > _SHOWN else []
        which = "Each request goes by its host and path: --path and -H 'Host: NAME' trace one."
        return IngressTrace((*leaves[:_SHOWN], *more), None, which)
    request = read_request(head, _MOST_FIELDS)
    found = table.decide(host_of(request.host), request.target, is_tls=is_tls)
    steps = [] if found.leaf is None else [_said_leaf(found)]
    if found.leaf is None or found.leaf.port_name is None or found.status:
        return IngressTrace(tuple(steps), None, _said_answer(found))
    if found.target != request.target:
        steps.append(f"The path is rewritten to {found.target.decode('latin-1')}.")
    inner = _inner(rules, found.leaf.port_name, decision)
    refused = f"The client gets 503: {found.leaf.port_name} has no endpoints."
    return IngressTrace(tuple(steps), inner, "" if inner is not None and inner.endpoints else refused)


def _inner(rules: Rules, port_name: ServicePortName, decision: Decision) -> Decision | None:
    """Return the decision about a request that goes to a Service port, None if that is gone by now."""
    rule, selection, claim = rules.ports.get(port_name), decision.selection, decision.claim
    if rule is None or selection is None or claim is None:
        return None
    route = Route(port_name, "", is_local=not rule.service_port.uses_cluster_endpoints)
    endpoints = rule.usable(route)
    of_port = Claim(claim.age, port_name, claim.kind)
    chosen = Selection(selection.entry, Reason.POLICY_CLUSTER, route, endpoints)
    if endpoints:
        return Decision(Verdict.FORWARD, decision.packet, of_port, chosen, (Reason.POLICY_CLUSTER,))
    return Decision(Verdict.REJECT, decision.packet, of_port, chosen, (Reason.POLICY_CLUSTER, Reason.NO_ENDPOINTS))


def _said_leaf(found: IngressDecision) -> str:
    assert found.leaf is not None
    return f"The {found.leaf} has the request; it leads to {found.leaf.backend}."


def _said_answer(found: IngressDecision) -> str:
    where = f" to {''.join(found.location)}" if found.location[0] else ""
    return f"The client gets {found.status}{where}: {found.reason}."
