"""How many replicas a metric of an autoscaler asks for, of whatever type it is. Pure.

Follows ``computeReplicasForMetric`` in k8s.io/kubernetes ``pkg/controller/podautoscaler/horizontal.go``.
"""

from __future__ import annotations

from collections.abc import Mapping

from kubeapi.meta import JSON
from kubeapi.serialization.quantity import canonical
from kubecontroller.autoscaling.calculation import Rule, Tolerance, average, replicas_by_pods, rule_of_average
from kubecontroller.autoscaling.custommetrics import of_object, of_pods
from kubecontroller.autoscaling.externalmetrics import of_external
from kubecontroller.autoscaling.observed import Observed, Proposal
from kubecontroller.autoscaling.podmetrics import Asked, MetricError, measure, requests_of


def propose(metric: JSON, observed: Observed, tolerance: Tolerance) -> Proposal:
    """Return what a metric of an autoscaler asks for; MetricError if it has no value."""
    match metric["type"]:
        case "Pods":
            return of_pods(metric, observed, tolerance)
        case "Object":
            return of_object(metric, observed, tolerance)
        case "External":
            return of_external(metric, observed, tolerance)
    return _of_resource(metric, observed, tolerance)


def _of_resource(metric: JSON, observed: Observed, tolerance: Tolerance) -> Proposal:
    kind = metric["type"]
    field = "resource" if kind == "Resource" else "containerResource"
    source = metric[field]
    asked, target = Asked(source["name"], source.get("container", "")), source["target"]
    what = "usage" if "averageValue" in target else "utilization"
    try:
        replicas, current = _resource(asked, target, observed, tolerance)
    except MetricError as error:
        raise MetricError(f"failed to get {asked.resource} {what}: {error}") from None
    name = f"{asked.resource} resource" if what == "usage" else f"{asked.resource} {_what(kind)}"
    identity = {"name": asked.resource} | ({"container": asked.container} if asked.container else {})
    return Proposal(replicas, name, {"type": kind, field: {**identity, "current": current}})


def subject_of(metric: JSON) -> str:
    """Return how an error names a metric: ``cpu resource``, ``pods`` (computeReplicasForMetric)."""
    match metric["type"]:
        case "Resource":
            return f"{metric['resource']['name']} resource"
        case "ContainerResource":
            return f"{metric['containerResource']['container']} container"
        case "External":
            return f"{metric['external']['metric']['name']} external"
    return str(metric["type"].lower())


def _what(kind: str) -> str:
    container = "container " if kind == "ContainerResource" else ""
    return f"{container}resource utilization (percentage of request)"


def _resource(asked: Asked, target: JSON, observed: Observed, tolerance: Tolerance) -> tuple[int, JSON]:
    """Return the number of replicas, and the present value as a status has it."""
    if observed.usage_fault:
        text = f"unable to get metrics for resource {asked.resource}: unable to fetch metrics from resource metrics API"
        raise MetricError(f"{text}: {observed.usage_fault}")
    measured = measure(observed.pods, observed.usage, asked, observed.now)
    values = measured.values
    shown = {"averageValue": _quantity(asked.resource, average(values))}
    if "averageValue" in target:
        return replicas_by_pods(measured, observed.replicas, tolerance, rule_of_average(target)), shown
    requests = requests_of(observed.pods, asked)
    rule = _rule_of_share(target["averageUtilization"], requests)
    replicas = replicas_by_pods(measured, observed.replicas, tolerance, rule)
    return replicas, {"averageUtilization": _used(values, requests), **shown}


def _rule_of_share(share: int, requests: Mapping[str, int]) -> Rule:
    whole = int(max(100, share))
    return (lambda values: _used(values, requests) / share), (lambda name: requests[name] * whole // 100)


def _used(values: Mapping[str, int], requests: Mapping[str, int]) -> int:
    """Return the percentage of the pods' requests that they use."""
    total = sum(requests[each] for each in values)
    if not total:
        raise MetricError("no metrics returned matched known pods")
    return sum(values.values()) * 100 // total


def _quantity(resource: str, thousandths: int) -> str:
    """Return an amount as the API writes it: memory with binary suffixes."""
    if resource != "memory" or thousandths % 1000:
        return canonical(f"{thousandths}m")
    amount, suffixes = thousandths // 1000, ["", "Ki", "Mi", "Gi", "Ti"]
    while amount and amount % 1024 == 0 and len(suffixes) > 1:
        amount //= 1024
        del suffixes[0]
    return f"{amount}{suffixes[0]}"
