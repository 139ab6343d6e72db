"""What an autoscaler's metrics must be (pkg/apis/autoscaling/validation validateMetrics)."""

from __future__ import annotations

from kubeapi.meta import JSON
from kubeapi.objects.parts import list_at, map_at
from kubeapi.serialization.quantity import amount_of
from kubeapi.validation.faults import Faults, each_invalid, forbidden, invalid, required, unsupported
from kubeapi.validation.names import dns1123_label, path_segment, qualified_name
from kubeapi.validation.references import validate_reference, validate_version

_SOURCES = {
    "Object": "object",
    "External": "external",
    "Pods": "pods",
    "Resource": "resource",
    "ContainerResource": "containerResource",
}
"""The field of each type of metric, in the order in which they are checked."""

_TYPES = frozenset(_SOURCES)
_TARGETS = ("Utilization", "Value", "AverageValue")


def validate_metrics(spec: JSON, path: str) -> Faults:
    """Yield the faults of the metrics in the spec of an autoscaler."""
    metrics = list_at(spec, "metrics")
    for index, metric in enumerate(metrics):
        yield from _validate_metric(metric, f"{path}[{index}]")
    if spec["minReplicas"] == 0 and not any(each.get("type") in ("Object", "External") for each in metrics):
        detail = "must specify at least one Object or External metric to support scaling to zero replicas"
        yield forbidden(path, detail)


def _validate_metric(metric: JSON, path: str) -> Faults:
    kind = metric.get("type", "")
    if not kind:
        yield required(f"{path}.type", "must specify a metric source type")
    if kind not in _TYPES:
        yield unsupported(f"{path}.type", kind, _TYPES)
    present = [field for field in _SOURCES.values() if field in metric]
    if present:
        yield from _validate_source(present[0], metric[present[0]], f"{path}.{present[0]}")
    expected = _SOURCES.get(kind)
    if expected is None:
        yield unsupported(f"{path}.type", kind, _TYPES)
    elif expected not in metric:
        yield required(f"{path}.{expected}", "must populate information for the given metric source")
    if len(present) != 1:
        for field in present:
            if field != expected:
                yield forbidden(f"{path}.{field}", "must populate the given metric source only")


def _validate_source(field: str, source: JSON, path: str) -> Faults:
    target, where = map_at(source, "target"), f"{path}.target"
    match field:
        case "resource" | "containerResource":
            yield from _validate_resource(field, source, path)
        case "object":
            yield from _validate_object(source, path)
        case "external":
            yield from _validate_identifier(source, path)
            yield from _validate_target(target, where)
            if "value" not in target and "averageValue" not in target:
                detail = "must set either a target value for metric or a per-pod target"
                yield required(f"{where}.averageValue", detail)
            if "value" in target and "averageValue" in target:
                yield forbidden(f"{where}.value", "may not set both a target value for metric and a per-pod target")
        case "pods":
            yield from _validate_identifier(source, path)
            yield from _validate_target(target, where)
            if "averageValue" not in target:
                yield required(f"{where}.averageValue", "must specify a positive target averageValue")


def _validate_object(source: JSON, path: str) -> Faults:
    described, target, where = map_at(source, "describedObject"), map_at(source, "target"), f"{path}.target"
    yield from validate_reference(described, f"{path}.describedObject")
    yield from validate_version(described, f"{path}.describedObject")
    yield from _validate_identifier(source, path)
    yield from _validate_target(target, where)
    if "value" not in target and "averageValue" not in target:
        yield required(f"{where}.averageValue", "must set either a target value or averageValue")


def _validate_resource(field: str, source: JSON, path: str) -> Faults:
    name, container, target = source.get("name", ""), source.get("container", ""), map_at(source, "target")
    if not name:
        yield required(f"{path}.name", "must specify a resource name")
    elif field == "containerResource":
        yield from each_invalid(f"{path}.name", name, qualified_name(name))
        if "/" not in name and name not in ("cpu", "memory", "ephemeral-storage") and not name.startswith("hugepages-"):
            yield invalid(f"{path}.name", name, "must be a standard resource for containers")
    if field == "containerResource" and not container:
        yield required(f"{path}.container", "must specify a container")
    elif container:
        yield from each_invalid(f"{path}.container", container, dns1123_label(container))
    yield from _validate_target(target, f"{path}.target")
    if "averageUtilization" not in target and "averageValue" not in target:
        detail = "must set either a target raw value or a target utilization"
        yield required(f"{path}.target.averageUtilization", detail)
    if "averageUtilization" in target and "averageValue" in target:
        yield forbidden(f"{path}.target.averageValue", "may not set both a target raw value and a target utilization")


def _validate_identifier(source: JSON, path: str) -> Faults:
    name = map_at(source, "metric").get("name", "")
    if not name:
        yield required(f"{path}.metric.name", "must specify a metric name")
    else:
        yield from each_invalid(f"{path}.metric.name", name, path_segment(name))


def _validate_target(target: JSON, path: str) -> Faults:
    kind = target.get("type", "")
    if not kind:
        yield required(f"{path}.type", "must specify a metric target type")
    if kind not in _TARGETS:
        yield invalid(f"{path}.type", kind, "must be either Utilization, Value, or AverageValue")
    for field in ("value", "averageValue"):
        if field in target and amount_of(target[field]) <= 0:
            yield invalid(f"{path}.{field}", target[field], "must be positive")
    if target.get("averageUtilization", 1) < 1:
        yield invalid(f"{path}.averageUtilization", target["averageUtilization"], "must be greater than 0")
