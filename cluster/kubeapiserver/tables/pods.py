"""The row of a Pod: what its summary says, its age, its place and its readiness gates (printPod). Pure."""

from __future__ import annotations

from typing import Any

from kubeapi.meta import JSON
from kubeapi.objects.conditions import is_condition_true
from kubeapi.objects.podsummary import read_pod_summary
from kubeapiserver.tables.columns import AGE, NAME, NONE, Column, Printer, age, since, wide

_OVER = {"Succeeded": "The pod has completed successfully.", "Failed": "The pod failed."}


def _cells(pod: JSON, now: float) -> list[Any]:
    summary, spec, status = read_pod_summary(pod), pod.get("spec") or {}, pod.get("status") or {}
    restarts = str(summary.restarts)
    if summary.restarts and summary.restarted_at:
        restarts = f"{summary.restarts} ({since(summary.restarted_at, now)} ago)"
    addresses = status.get("podIPs") or ()
    return [
        pod["metadata"]["name"],
        f"{summary.ready}/{summary.total}",
        summary.status,
        restarts,
        age(pod, now),
        addresses[0].get("ip", NONE) if addresses else NONE,
        spec.get("nodeName") or NONE,
        status.get("nominatedNodeName") or NONE,
        _gates(pod),
    ]


def _gates(pod: JSON) -> str:
    """Return how many of the readiness gates are open."""
    gates = [each.get("conditionType") for each in (pod.get("spec") or {}).get("readinessGates") or ()]
    return f"{sum(is_condition_true(pod, str(each)) for each in gates)}/{len(gates)}" if gates else NONE


def _conditions(pod: JSON) -> list[JSON]:
    phase = (pod.get("status") or {}).get("phase")
    if phase not in _OVER:
        return []
    return [{"type": "Completed", "status": "True", "reason": phase, "message": _OVER[phase]}]


POD = Printer(
    (
        NAME,
        Column("Ready"),
        Column("Status"),
        Column("Restarts"),
        AGE,
        wide("IP"),
        wide("Node"),
        wide("Nominated Node"),
        wide("Readiness Gates"),
    ),
    _cells,
    _conditions,
)
