"""How many replicas a metric of custom.metrics.k8s.io asks for: of the pods themselves, or of another object. Pure.

Follows ``computeStatusForObjectMetric`` and its relatives in ``pkg/controller/podautoscaler/horizontal.go``.
"""

from __future__ import annotations

import math
from typing import NamedTuple

from kubeapi.meta import JSON, ObjectKey, matches_selector
from kubeapi.metrics.custom import CustomMetrics, Labels, TrafficUnknown
from kubeapi.objects.conditions import is_condition_true
from kubeapi.objects.parts import map_at, status_of
from kubeapi.scheme import PODS
from kubeapi.selectors.text import go_selector
from kubeapi.serialization.quantity import canonical
from kubeapi.status import StatusError
from kubecontroller.autoscaling.calculation import (
    Tolerance,
    average,
    replicas_by_pods,
    replicas_by_ratio,
    replicas_by_share,
    rule_of_average,
    thousandths,
)
from kubecontroller.autoscaling.observed import Observed, Proposal
from kubecontroller.autoscaling.podmetrics import NO_PODS, MetricError, group
from kubecontroller.autoscaling.servedmetrics import resource_of, served_of_object, served_of_pods

_FETCHING = "unable to fetch metrics from custom metrics API"


class _Asked(NamedTuple):
    """A metric of an autoscaler: its source, and what of it an answer and a status repeat."""

    source: JSON
    name: str
    identity: JSON

    @property
    def labels(self) -> Labels:
        """Which of the metric's labels are wanted."""
        selector = self.identity.get("selector")
        return lambda labels: selector is None or matches_selector(selector, labels)


def _asked(source: JSON) -> _Asked:
    identity = map_at(source, "metric")
    return _Asked(source, identity["name"], identity)


def of_pods(metric: JSON, observed: Observed, tolerance: Tolerance) -> Proposal:
    """Return what a metric of type Pods asks for; MetricError if it has no value."""
    asked, target = _asked(metric["pods"]), metric["pods"]["target"]
    try:
        values = _of_pods(asked, observed)
        names = {each["metadata"]["name"] for each in observed.pods}
        found = {name: value for name, value in values.items() if name in names}
    except (StatusError, MetricError) as error:
        raise MetricError(f"unable to get metric {asked.name}: {_FETCHING}: {error}") from None
    if not found:
        raise MetricError(f"unable to get metric {asked.name}: no metrics returned from custom metrics API")
    measured = group(observed.pods, found)
    replicas = replicas_by_pods(measured, observed.replicas, tolerance, rule_of_average(target))
    current = {"averageValue": canonical(f"{average(measured.values)}m")}
    status = {"type": "Pods", "pods": {"metric": asked.identity, "current": current}}
    return Proposal(replicas, f"pods metric {asked.name}", status)


def of_object(metric: JSON, observed: Observed, tolerance: Tolerance) -> Proposal:
    """Return what a metric of type Object asks for; MetricError if it has no value."""
    asked, target = _asked(metric["object"]), metric["object"]["target"]
    described = asked.source["describedObject"]
    is_value = target["type"] == "Value" and "value" in target
    if not is_value and not (target["type"] == "AverageValue" and "averageValue" in target):
        text = "invalid object metric source: neither a value target nor an average value target was set"
        raise MetricError(text)
    try:
        value = _value(asked, described, observed)
    except MetricError as error:
        raise MetricError(str(error), "" if is_value else f"failed to get {asked.name} object metric: ") from None
    if is_value:
        ready = 0 if observed.replicas == 0 else count_ready(observed)
        ratio = value / thousandths(target, "value")
        replicas = replicas_by_ratio(ratio, observed.replicas, ready, tolerance)
        name, current = f"{described['kind']} metric {asked.name}", {"value": canonical(f"{value}m")}
    else:
        present = observed.present
        replicas = replicas_by_share(value, thousandths(target, "averageValue"), present, tolerance)
        share = math.ceil(value / present) if present else 0
        name = f"external metric {asked.name}({go_selector(asked.identity.get('selector'))})"
        current = {"averageValue": canonical(f"{share}m")}
    status = {"describedObject": described, "metric": asked.identity, "current": current}
    return Proposal(replicas, name, {"type": "Object", "object": status})


def _of_pods(asked: _Asked, observed: Observed) -> dict[str, int]:
    if observed.served is not None:
        return served_of_pods(asked.source, observed)
    return _metrics(observed).of_objects(asked.name, PODS, observed.namespace, asked.labels)


def _metrics(observed: Observed) -> CustomMetrics:
    if observed.custom is None:
        raise TrafficUnknown
    return observed.custom


def _value(asked: _Asked, described: JSON, observed: Observed) -> int:
    kind, name = described["kind"], described["name"]
    try:
        if observed.served is not None:
            return served_of_object(asked.source, observed)
        resource, key = resource_of(described), ObjectKey(observed.namespace, name)
        return _metrics(observed).of_object(asked.name, resource, key, asked.labels)
    except (StatusError, MetricError, LookupError) as error:
        said = error.args[0] if isinstance(error, LookupError) else error
        text = f"unable to get metric {asked.name} on {kind} {observed.namespace}/{name}: {_FETCHING}: {said}"
        raise MetricError(text) from None


def count_ready(observed: Observed) -> int:
    """Return how many pods are ready; MetricError without any pod."""
    if not observed.pods:
        raise MetricError(f"unable to calculate ready pods: {NO_PODS}")
    return sum(status_of(each).get("phase") == "Running" and is_condition_true(each, "Ready") for each in observed.pods)
