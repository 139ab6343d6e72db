"""The table of HorizontalPodAutoscalers (printHorizontalPodAutoscaler, formatHPAMetrics)."""

from __future__ import annotations

from kubeapi.meta import JSON
from kubeapi.objects.parts import list_at, map_at
from kubeapi.scheme import HORIZONTALPODAUTOSCALERS
from kubeapiserver.tables.columns import AGE, NAME, Column, Row, Table
from kubeapiserver.tables.texts import NONE, UNKNOWN, UNSET

_SHOWN = 2
_SOURCES = {
    "External": "external",
    "Pods": "pods",
    "Object": "object",
    "Resource": "resource",
    "ContainerResource": "containerResource",
}


def _reference(row: Row) -> str:
    target = map_at(row.spec, "scaleTargetRef")
    return f"{target.get('kind', '')}/{target.get('name', '')}"


def _targets(row: Row) -> str:
    metrics, statuses = list_at(row.spec, "metrics"), list_at(row.status, "currentMetrics")
    if not metrics:
        return NONE
    texts = [_metric(each, statuses[at] if at < len(statuses) else {}) for at, each in enumerate(metrics[:_SHOWN])]
    more = f" + {len(metrics) - _SHOWN} more..." if len(metrics) > _SHOWN else ""
    return ", ".join(texts) + more


def _metric(metric: JSON, status: JSON) -> str:
    """Return a metric's present value and its target."""
    field = _SOURCES.get(metric.get("type", ""))
    if field is None:
        return "<unknown type>"
    target, current = map_at(metric, field, "target"), map_at(status, field, "current")
    if field not in ("resource", "containerResource"):
        is_average = "averageValue" in target
        name = "averageValue" if is_average else "value"
        suffix = " (avg)" if is_average and field != "pods" else ""
        return f"{current.get(name, UNKNOWN)}/{target.get(name, '0')}{suffix}"
    resource = map_at(metric, field).get("name", "")
    if "averageValue" in target:
        return f"{resource}: {current.get('averageValue', UNKNOWN)}/{target['averageValue']}"
    return f"{resource}: {_percent(current, UNKNOWN)}/{_percent(target, '<auto>')}"


def _percent(values: JSON, absent: str) -> str:
    share = values.get("averageUtilization")
    return absent if share is None else f"{share}%"


TABLE = Table(
    HORIZONTALPODAUTOSCALERS,
    (
        NAME,
        Column("Reference", _reference),
        Column("Targets", _targets),
        Column("MinPods", lambda row: str(row.spec.get("minReplicas", UNSET))),
        Column("MaxPods", lambda row: row.spec.get("maxReplicas", 0), "string"),
        Column("Replicas", lambda row: row.status.get("currentReplicas", 0), "string"),
        AGE,
    ),
)
