"""HorizontalPodAutoscalers of autoscaling/v1: the same objects, with what v1 has no fields for in annotations. Pure.

Follows ``pkg/apis/autoscaling/v1/conversion.go``.
"""

from __future__ import annotations

import json
from typing import Any

from kubeapi.meta import JSON, annotations_of
from kubeapi.objects.parts import list_at, map_at, spec_of, status_of, value_at
from kubeapi.scheme import HORIZONTALPODAUTOSCALERS, HORIZONTALPODAUTOSCALERS_V1

_PREFIX = "autoscaling.alpha.kubernetes.io/"
_METRICS, _BEHAVIOR = f"{_PREFIX}metrics", f"{_PREFIX}behavior"
_CURRENT, _CONDITIONS = f"{_PREFIX}current-metrics", f"{_PREFIX}conditions"
_ROUND_TRIP = (_METRICS, _BEHAVIOR, _CURRENT, _CONDITIONS)
_TARGET = "targetCPUUtilizationPercentage"
_SPEC = ("scaleTargetRef", "minReplicas", "maxReplicas")
_STATUS = ("observedGeneration", "lastScaleTime", "currentReplicas", "desiredReplicas")
_AVERAGES = {
    "targetAverageUtilization": ("target", "averageUtilization"),
    "targetAverageValue": ("target", "averageValue"),
}
_FIELDS: dict[str, dict[str, tuple[str, ...]]] = {
    "resource": {"name": ("name",), **_AVERAGES},
    "containerResource": {"name": ("name",), **_AVERAGES, "container": ("container",)},
    "pods": {
        "metricName": ("metric", "name"),
        "targetAverageValue": ("target", "averageValue"),
        "selector": ("metric", "selector"),
    },
    "object": {
        "target": ("describedObject",),
        "metricName": ("metric", "name"),
        "targetValue": ("target", "value"),
        "selector": ("metric", "selector"),
        "averageValue": ("target", "averageValue"),
    },
    "external": {
        "metricName": ("metric", "name"),
        "metricSelector": ("metric", "selector"),
        "targetValue": ("target", "value"),
        "targetAverageValue": ("target", "averageValue"),
    },
}
"""By the kind of a metric: the fields of v1, and where they are in v2."""


def to_v1(hpa: JSON) -> JSON:
    """Return a stored HorizontalPodAutoscaler as one of autoscaling/v1."""
    spec, status, metrics = spec_of(hpa), status_of(hpa), list_at(hpa, "spec", "metrics")
    targets = [found for each in metrics if (found := _cpu_percentage(each, "target")) is not None]
    current = list_at(status, "currentMetrics")
    uses = [found for each in current if (found := _cpu_percentage(each, "current")) is not None]
    kept = {
        _METRICS: [_old_metric(each, "target") for each in metrics if _cpu_percentage(each, "target") is None],
        _CURRENT: [_old_metric(each, "current") for each in current],
        _BEHAVIOR: _internal_behavior(spec["behavior"]) if spec.get("behavior") else None,
        _CONDITIONS: list_at(status, "conditions"),
    }
    texts = {name: json.dumps(value, separators=(",", ":")) for name, value in kept.items() if value}
    shown = {name: status[name] for name in _STATUS if name in status}
    return {
        **hpa,
        "apiVersion": HORIZONTALPODAUTOSCALERS_V1.api_version,
        "metadata": _with_annotations(hpa, texts),
        "spec": {**{name: spec[name] for name in _SPEC if name in spec}, **({_TARGET: targets[0]} if targets else {})},
        "status": {
            "currentReplicas": 0,
            "desiredReplicas": 0,
            **shown,
            **({"currentCPUUtilizationPercentage": uses[-1]} if uses else {}),
        },
    }


def from_v1(hpa: JSON) -> JSON:
    """Return a HorizontalPodAutoscaler of autoscaling/v1 as it is stored."""
    spec, found = spec_of(hpa), annotations_of(hpa)
    metrics = [_new_metric(each, "target") for each in _read(found.get(_METRICS), list) if isinstance(each, dict)]
    if spec.get(_TARGET) is not None:
        target = {"type": "Utilization", "averageUtilization": spec[_TARGET]}
        metrics.append({"type": "Resource", "resource": {"name": "cpu", "target": target}})
    behavior = _external_behavior(_read(found.get(_BEHAVIOR), dict))
    stored = {
        **{name: spec[name] for name in _SPEC if name in spec},
        **({"metrics": metrics} if metrics else {}),
        **({"behavior": behavior} if behavior else {}),
    }
    rest = {name: value for name, value in hpa.items() if name != "status"}
    version = {"apiVersion": HORIZONTALPODAUTOSCALERS.api_version}
    status = _status_from_v1(status_of(hpa), found)
    return {**rest, **version, "metadata": _with_annotations(hpa, {}), "spec": stored, "status": status}


def _status_from_v1(status: JSON, annotations: dict[str, str]) -> JSON:
    """Return the status as it is stored; what the annotations say of the metrics goes before the field of v1."""
    written = _read(annotations.get(_CURRENT), list)
    current = [_new_metric(each, "current") for each in written if isinstance(each, dict)]
    used = status.get("currentCPUUtilizationPercentage")
    if not current and used is not None:
        current = [{"type": "Resource", "resource": {"name": "cpu", "current": {"averageUtilization": used}}}]
    conditions = _read(annotations.get(_CONDITIONS), list)
    return {
        **{name: status[name] for name in _STATUS if name in status},
        **({"currentMetrics": current} if current else {}),
        **({"conditions": conditions} if conditions else {}),
    }


def _with_annotations(hpa: JSON, added: dict[str, str]) -> JSON:
    metadata: JSON = hpa.get("metadata", {})
    kept = {name: text for name, text in annotations_of(hpa).items() if name not in _ROUND_TRIP}
    rest = {name: value for name, value in metadata.items() if name != "annotations"}
    return {**rest, **({"annotations": {**kept, **added}} if kept or added else {})}


def _cpu_percentage(metric: JSON, part: str) -> Any:
    """Return the percentage of a metric that v1 has a field for, None for another metric."""
    source = map_at(metric, "resource")
    return map_at(source, part).get("averageUtilization") if source.get("name") == "cpu" else None


def _old_metric(metric: JSON, part: str) -> JSON:
    """Return a metric, or the state of one (``part`` "current"), as v1 writes it."""
    old: JSON = {"type": metric.get("type", "")}
    for kind, fields in _FIELDS.items():
        if kind in metric:
            found = {
                name: value_at(metric[kind], [part if each == "target" else each for each in path])
                for name, path in fields.items()
            }
            names = {name: name if name == "target" else name.replace("target", part, 1) for name in found}
            old[kind] = {names[name]: value for name, value in found.items() if value is not None}
    return old


def _new_metric(metric: JSON, part: str) -> JSON:
    """Return a metric, or the state of one (``part`` "current"), that v1 has written as v2 has it."""
    new: JSON = {"type": metric.get("type", "")}
    for kind, fields in _FIELDS.items():
        source = metric.get(kind)
        if isinstance(source, dict):
            made: JSON = {}
            new[kind] = made
            for name, path in fields.items():
                written = name if name == "target" else name.replace("target", part, 1)
                if written in source:
                    where = part if path[0] == "target" else path[0]
                    inner = made if len(path) == 1 else made.setdefault(where, {})
                    inner[path[-1]] = source[written]
            if part == "target":
                target = made.setdefault("target", {})
                target["type"] = _target_type(kind, target)
            else:
                made.setdefault("current", {})
    return new


def _target_type(kind: str, target: JSON) -> str:
    if "averageUtilization" in target:
        return "Utilization"
    is_value = "value" in target if kind == "external" else kind == "object" and "averageValue" not in target
    return "Value" if is_value else "AverageValue"


def _read(text: str | None, kind: type) -> Any:
    """Return what an annotation has, an empty value for one that cannot be read, as Kubernetes does."""
    try:
        value = json.loads(text or "null")
    except ValueError:
        value = None
    return value if isinstance(value, kind) else kind()


def _internal_behavior(behavior: JSON) -> JSON:
    """Return the behavior with the names of Go's internal struct, which the annotation has."""
    return {f"Scale{way}": _internal(behavior.get(f"scale{way}")) for way in ("Up", "Down")}


def _internal(rules: JSON | None) -> JSON | None:
    if rules is None:
        return None
    policies = rules.get("policies")
    names = ("StabilizationWindowSeconds", "SelectPolicy", "Tolerance")
    found = {name: rules.get(name[0].lower() + name[1:]) for name in names}
    parts = ("Type", "Value", "PeriodSeconds")
    listed = (
        None
        if policies is None
        else [{name: each.get(name[0].lower() + name[1:]) for name in parts} for each in policies]
    )
    return {**found, "Policies": listed}


def _external_behavior(value: Any) -> Any:
    """Return the value of an annotation with the names of v2, without nulls."""
    if isinstance(value, dict):
        named = {name[:1].lower() + name[1:]: each for name, each in value.items() if each is not None}
        return {name: _external_behavior(each) for name, each in named.items()}
    return [_external_behavior(each) for each in value] if isinstance(value, list) else value
