"""How many replicas a metric asks for. Pure.

Follows k8s.io/kubernetes ``pkg/controller/podautoscaler/replica_calculator.go``: the present number times how far the
use is from its target, but for differences within the tolerance. Pods of which nothing is known count so that they
make the change smaller.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from kubeapi.meta import JSON, ObjectKey
from kubeapi.objects.parts import map_at
from kubeapi.serialization.quantity import amount_of, canonical
from kubeapi.usage import PodUsage
from kubecontroller.autoscaling.podmetrics import Asked, Measured, MetricError, measure, requests_of

TOLERANCE = 0.1
"""--horizontal-pod-autoscaler-tolerance"""
_APIS = {"Pods": "custom", "Object": "custom", "External": "external"}
Rule = tuple[Callable[[Mapping[str, int]], float], Callable[[str], int]]
"""The ratio of some pods' use to the target, and what an unknown pod counts for if that ratio asks for fewer."""


class Observed(NamedTuple):
    """What an autoscaler sees: the present number of replicas, all pods of its target, and what they use."""

    replicas: int
    pods: Sequence[JSON]
    usage: Mapping[ObjectKey, PodUsage]
    now: float
    selector: str = ""
    autoscalers: Sequence[ObjectKey] = ()
    """All autoscalers whose targets select any of the pods, and the selector of this one's target."""


class Proposal(NamedTuple):
    """The number of replicas that a metric asks for, its name in events, and its status."""

    replicas: int
    name: str
    status: JSON


class Tolerance(NamedTuple):
    """How far the use may be from its target in either direction, as a share of it."""

    down: float = TOLERANCE
    up: float = TOLERANCE

    def has(self, ratio: float) -> bool:
        """Tell whether a ratio of use to target asks for no change."""
        return 1.0 - self.down <= ratio <= 1.0 + self.up


def propose(metric: JSON, observed: Observed, tolerance: Tolerance) -> Proposal:
    """Return what a metric of an autoscaler asks for; MetricError if it has no value."""
    kind = metric["type"]
    if kind not in ("Resource", "ContainerResource"):
        raise MetricError(_unserved(kind, metric))
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
            return f"{map_at(metric, 'external', 'metric').get('name', '')} external"
    return str(metric["type"].lower())


def _what(kind: str) -> str:
    container = "container " if kind == "ContainerResource" else ""
    return f"{container}resource utilization (percentage of request)"


def _unserved(kind: str, metric: JSON) -> str:
    field = kind[0].lower() + kind[1:]
    name, api = map_at(metric, field, "metric").get("name", ""), _APIS.get(kind, "custom")
    reason = f"no {api} metrics API ({api}.metrics.k8s.io) registered"
    what = f"external metric {name}" if kind == "External" else f"metric {name}"
    return f"unable to get {what}: unable to fetch metrics from {api} metrics API: {reason}"


def _resource(asked: Asked, target: JSON, observed: Observed, tolerance: Tolerance) -> tuple[int, JSON]:
    """Return the number of replicas, and the present value as a status has it."""
    measured = measure(observed.pods, observed.usage, asked, observed.now)
    values = measured.values
    average = {"averageValue": _quantity(asked.resource, sum(values.values()) // len(values))}
    if "averageValue" in target:
        return _replicas(measured, observed.replicas, tolerance, _rule_of_average(target)), average
    requests = requests_of(observed.pods, asked)
    rule = _rule_of_share(target["averageUtilization"], requests)
    replicas = _replicas(measured, observed.replicas, tolerance, rule)
    return replicas, {"averageUtilization": _used(values, requests), **average}


def _rule_of_average(target: JSON) -> Rule:
    wanted = int(amount_of(target["averageValue"]) * 1000)
    return (lambda values: sum(values.values()) // len(values) / wanted), (lambda _: wanted)


def _rule_of_share(share: int, requests: Mapping[str, int]) -> Rule:
    whole = int(max(100, share))
    return (lambda values: _used(values, requests) / share), (lambda name: requests[name] * whole // 100)


def _used(values: Mapping[str, int], requests: Mapping[str, int]) -> int:
    """Return the percentage of the pods' requests that they use."""
    total = sum(requests[each] for each in values)
    if not total:
        raise MetricError("no metrics returned matched known pods")
    return sum(values.values()) * 100 // total


def _replicas(measured: Measured, current: int, tolerance: Tolerance, rule: Rule) -> int:
    """Return the replicas that a ratio of use to target asks for."""
    ratio_of, full = rule
    ratio = ratio_of(measured.values)
    counts_unready = bool(measured.unready) and ratio > 1.0
    if not counts_unready and not measured.missing:
        return current if tolerance.has(ratio) else math.ceil(ratio * measured.ready)
    values = dict(measured.values)
    if ratio != 1.0:
        values |= {each: full(each) if ratio < 1.0 else 0 for each in measured.missing}
    if counts_unready:
        values |= dict.fromkeys(measured.unready, 0)
    again = ratio_of(values)
    if tolerance.has(again) or (ratio < 1.0 < again) or (again < 1.0 < ratio):
        return current
    replicas = math.ceil(again * len(values))
    turns = (again < 1.0 and replicas > current) or (again > 1.0 and replicas < current)
    return current if turns else replicas


def _quantity(resource: str, thousandths: int) -> str:
    """Return an amount as the API writes it: memory with binary suffixes."""
    if resource != "memory" or thousandths % 1000:
        return canonical(f"{thousandths}m")
    amount, suffixes = thousandths // 1000, ["", "Ki", "Mi", "Gi", "Ti"]
    while amount and amount % 1024 == 0 and len(suffixes) > 1:
        amount //= 1024
        del suffixes[0]
    return f"{amount}{suffixes[0]}"
