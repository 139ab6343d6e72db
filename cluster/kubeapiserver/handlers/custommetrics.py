"""custom.metrics.k8s.io: metrics of pods, Services and Ingresses, computed for each answer and never stored. Pure.

Follows sigs.k8s.io/custom-metrics-apiserver ``pkg/registry/custom_metrics/reststorage.go``, and k8s.io/metrics for the
two versions of the answer.
"""

from __future__ import annotations

from kubeapi.kinds import KINDS
from kubeapi.meta import JSON, ObjectKey, format_time
from kubeapi.metrics.custom import GROUP, METRICS, CustomMetrics, Labels, MetricNotFound, TrafficUnknown, is_metric
from kubeapi.metrics.traffic import TrafficSource, no_traffic
from kubeapi.scheme import NAMESPACES, Resource
from kubeapi.serialization.quantity import canonical
from kubeapi.store import Store
from kubeapiserver.errors import MethodNotAllowed, UnknownPath
from kubeapiserver.messages import Request, Response
from kubeapiserver.requests.paths import ResourcePath
from kubeapiserver.requests.selectors import parse_labels
from kubeapiserver.responses.statuses import document_response

_ALL = "*"
"""Stands for all objects that the label selector matches (AllObjects)."""


class CustomMetricsReading:
    """Answers requests for metrics; ``source`` tells what the data plane does: nothing, until it is set."""

    def __init__(self, store: Store) -> None:
        self.source: TrafficSource = no_traffic
        self._store = store

    def serves(self, path: ResourcePath) -> bool:
        """Tell whether a path is about metrics."""
        return path.group == GROUP

    def answer(self, request: Request, path: ResourcePath) -> Response:
        """Return the metric of one object, or of all; StatusError if there is no such metric or object."""
        if request.method != "GET":
            raise MethodNotAllowed
        if path.plural == "metrics" and path.namespace and path.name:
            raise MetricNotFound(path.name, NAMESPACES)
        resource, metric = _resource(path.plural), path.subresource
        if resource is None or not metric or path.rest:
            raise UnknownPath
        if not path.namespace or not is_metric(metric, resource):
            raise MetricNotFound(metric, resource, "" if path.name == _ALL else path.name)
        traffic = self.source()
        if traffic is None:
            raise TrafficUnknown
        values = self._values(CustomMetrics(self._store, traffic), request, path, resource)
        window = round(traffic.window) if METRICS[metric].is_rate else 0
        found = _Found(path, resource, format_time(traffic.time), window)
        items = [found.item(name, value) for name, value in sorted(values.items())]
        version = f"{path.group}/{path.version}"
        return document_response({"kind": "MetricValueList", "apiVersion": version, "metadata": {}, "items": items})

    def _values(
        self, metrics: CustomMetrics, request: Request, path: ResourcePath, resource: Resource
    ) -> dict[str, int]:
        labels = _labels(request.get("metricLabelSelector"))
        if path.name != _ALL:
            key = ObjectKey(path.namespace, path.name)
            return {path.name: metrics.of_object(path.subresource, resource, key, labels)}
        values = metrics.of_objects(path.subresource, resource, path.namespace, labels)
        matches = parse_labels(request.get("labelSelector"))
        found: dict[str, int] = {}
        for name, value in values.items():
            obj = self._store.find(resource, ObjectKey(path.namespace, name))
            if obj is not None and all(each(obj) for each in matches):
                found[name] = value
        return found


class _Found:
    """Writes the items of an answer, in the version of its path."""

    def __init__(self, path: ResourcePath, resource: Resource, timestamp: str, window: int) -> None:
        self._path, self._resource = path, resource
        self._timestamp, self._window = timestamp, window

    def item(self, name: str, thousandths: int) -> JSON:
        """Return the metric of one object."""
        about = {
            "kind": self._resource.kind,
            "namespace": self._path.namespace,
            "name": name,
            "apiVersion": self._resource.api_version,
        }
        value, metric = canonical(f"{thousandths}m"), self._path.subresource
        if self._path.version == "v1beta1":
            named = {"metricName": metric, "timestamp": self._timestamp, "window": self._window}
            return {"describedObject": about, **named, "value": value, "selector": None}
        named = {"metric": {"name": metric, "selector": None}, "timestamp": self._timestamp}
        return {"describedObject": about, **named, "windowSeconds": self._window, "value": value}


def _resource(name: str) -> Resource | None:
    """Return the resource that a path names with its group, or, as a RESTMapper allows, without it."""
    resources = [each.resource for each in KINDS]
    exact = next((each for each in resources if str(each) == name), None)
    return exact or next((each for each in resources if name in (each.plural, each.kind.lower())), None)


def _labels(text: str) -> Labels:
    matches = parse_labels(text)
    return lambda labels: all(each({"metadata": {"labels": labels}}) for each in matches)
