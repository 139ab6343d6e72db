"""The table of Pods (printPod)."""

from __future__ import annotations

from operator import attrgetter

from kubeapi.meta import JSON
from kubeapi.objects.conditions import is_condition_true
from kubeapi.objects.pod import read_pod
from kubeapi.objects.podsummary import read_pod_summary
from kubeapi.scheme import PODS
from kubeapiserver.tables.columns import AGE, NAME, Column, Row, Table, wide
from kubeapiserver.tables.texts import NONE

_ENDED = {"Succeeded": "The pod has completed successfully.", "Failed": "The pod failed."}


class _PodRow(Row):
    """A pod, with what its container statuses say together."""

    __slots__ = ("summary",)

    def __init__(self, pod: JSON, now: float) -> None:
        super().__init__(pod, now)
        self.summary = read_pod_summary(pod)


def _restarts(row: _PodRow) -> str:
    summary = row.summary
    if summary.restarts and summary.restarted_at:
        return f"{summary.restarts} ({row.since(summary.restarted_at)} ago)"
    return str(summary.restarts)


def _address(row: _PodRow) -> str:
    return next(iter(read_pod(row.object).ips), NONE)


def _readiness_gates(row: _PodRow) -> str:
    """Return how many of the readiness gates are open."""
    gates = row.spec.get("readinessGates")
    if not gates:
        return NONE
    return f"{sum(is_condition_true(row.object, each.get('conditionType', '')) for each in gates)}/{len(gates)}"


def _conditions(row: _PodRow) -> list[JSON]:
    phase = row.status.get("phase")
    if phase not in _ENDED:
        return []
    return [{"type": "Completed", "status": "True", "reason": phase, "message": _ENDED[phase]}]


TABLE = Table(
    PODS,
    (
        NAME,
        Column("Ready", lambda row: f"{row.summary.ready}/{row.summary.total}"),
        Column("Status", attrgetter("summary.status")),
        Column("Restarts", _restarts),
        AGE,
        wide("IP", _address),
        wide("Node", lambda row: row.spec.get("nodeName") or NONE),
        wide("Nominated Node", lambda row: row.status.get("nominatedNodeName") or NONE),
        wide("Readiness Gates", _readiness_gates),
    ),
    _PodRow,
    _conditions,
)
