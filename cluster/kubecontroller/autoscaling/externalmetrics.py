"""How many replicas a metric of external.metrics.k8s.io asks for. Pure.

Follows ``computeStatusForExternalMetric`` in ``pkg/controller/podautoscaler/horizontal.go``.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

from kubeapi.extensions.answers import NO_SERVERS, ExternalMetric
from kubeapi.meta import JSON
from kubeapi.objects.parts import list_at, map_at
from kubeapi.selectors.text import go_selector, selector_text
from kubeapi.serialization.quantity import canonical
from kubecontroller.autoscaling.calculation import Tolerance, replicas_by_ratio, replicas_by_share, thousandths
from kubecontroller.autoscaling.custommetrics import count_ready
from kubecontroller.autoscaling.observed import Observed, Proposal
from kubecontroller.autoscaling.podmetrics import MetricError


def external_metrics_of(autoscaler: JSON) -> Iterator[ExternalMetric]:
    """Yield the metrics of the type External that an autoscaler names."""
    namespace = autoscaler["metadata"]["namespace"]
    for each in list_at(autoscaler, "spec", "metrics"):
        if each["type"] == "External":
            yield _asked(each["external"], namespace)


def _asked(source: JSON, namespace: str) -> ExternalMetric:
    identity = source["metric"]
    return ExternalMetric(namespace, identity["name"], selector_text(map_at(identity, "selector")))


def of_external(metric: JSON, observed: Observed, tolerance: Tolerance) -> Proposal:
    """Return what a metric of type External asks for; MetricError if it has no value."""
    source = metric["external"]
    identity, target, name = source["metric"], source["target"], source["metric"]["name"]
    is_share = "averageValue" in target
    if not is_share and "value" not in target:
        raise MetricError("invalid external metric source: neither a value target nor an average value target was set")
    try:
        value = _value(source, observed)
        ready = 0 if is_share or observed.replicas == 0 else count_ready(observed)
    except MetricError as error:
        again = f"failed to get {name} external metric: " if is_share else f"failed to get external metric {name}: "
        raise MetricError(str(error), again) from None
    if is_share:
        replicas = replicas_by_share(value, thousandths(target, "averageValue"), observed.present, tolerance)
        share = math.ceil(value / observed.present) if observed.present else 0
        current = {"averageValue": canonical(f"{share}m")}
    else:
        replicas = replicas_by_ratio(value / thousandths(target, "value"), observed.replicas, ready, tolerance)
        current = {"value": canonical(f"{value}m")}
    status = {"type": "External", "external": {"metric": identity, "current": current}}
    return Proposal(replicas, f"external metric {name}({go_selector(identity.get('selector'))})", status)


def _value(source: JSON, observed: Observed) -> int:
    """Return the sum of a metric's values, in thousandths."""
    asked = _asked(source, observed.namespace)
    found = observed.external.get(asked) or NO_SERVERS.external(asked)
    if found is not None and found.values:
        return sum(found.values)
    reason = f"unable to fetch metrics from external metrics API: {found.fault}" if found and found.fault else ""
    reason = reason or "no metrics returned from external metrics API"
    selector = go_selector(source["metric"].get("selector"))
    raise MetricError(f"unable to get external metric {asked.namespace}/{asked.name}/{selector}: {reason}")
