"""Ask adapters for metrics, as the autoscalers' controller: of metrics.k8s.io, custom. and external.metrics.k8s.io.

Follows k8s.io/metrics ``pkg/client`` and ``pkg/controller/podautoscaler/metrics/client.go``.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from urllib.parse import quote, urlencode

from kubeaggregator.authentication import user_headers
from kubeaggregator.io.server import DOCUMENT_ERRORS, READING_ERRORS, ExtensionServer
from kubeapi.extensions.answers import (
    CustomAsked,
    CustomValues,
    ExtensionUsage,
    ExternalMetric,
    ExternalValues,
    PodsAsked,
)
from kubeapi.meta import JSON, ObjectKey, key_of, parse_time
from kubeapi.metrics.usage import ContainerUsage, PodUsage
from kubeapi.objects.apiservice import APIService
from kubeapi.objects.parts import list_at, map_at
from kubeapi.serialization.duration import parse_duration
from kubeapi.serialization.quantity import amount_of
from kubeapi.users import account_user
from kubeapiserver.wire.forwarding.answers import status_message

_SECONDS = 10.0
"""Time limit of a request; an autoscaler asks every 15 s."""
_USER = account_user(ObjectKey("kube-system", "horizontal-pod-autoscaler"))


class _UnknownError(Exception):
    """Why there is no metric; the text is client-go's."""


async def external_values(metric: ExternalMetric, api: APIService, server: ExtensionServer) -> ExternalValues:
    """Return the values of a metric, or why there are none."""
    path = f"{api.path}/namespaces/{metric.namespace}/{metric.name}{_query(labelSelector=metric.selector)}"
    try:
        items = await _items(path, f"(get {metric.name}.{api.group})", api, server)
        return ExternalValues(tuple(round(amount_of(each["value"]) * 1000) for each in items))
    except (_UnknownError, *READING_ERRORS) as error:
        return ExternalValues(fault=str(error))


async def pod_usage(pods: PodsAsked, api: APIService, server: ExtensionServer) -> ExtensionUsage:
    """Return what pods use, or why that is not known."""
    path = f"{api.path}/namespaces/{pods.namespace}/pods{_query(labelSelector=pods.selector)}"
    try:
        items = await _items(path, f"(get pods.{api.group})", api, server)
        return ExtensionUsage({key_of(each): _read_usage(each) for each in items})
    except (_UnknownError, *READING_ERRORS) as error:
        return ExtensionUsage(fault=str(error))


async def custom_values(asked: CustomAsked, api: APIService, server: ExtensionServer) -> CustomValues:
    """Return the values of a metric, or why there are none."""
    parts = (each for each in ("namespaces", asked.namespace, asked.resource, asked.name, asked.metric) if each)
    query = _query(labelSelector=asked.selector, metricLabelSelector=asked.metric_selector)
    path = f"{api.path}/{'/'.join(quote(each, safe='*') for each in parts)}{query}"
    try:
        items = await _items(path, f"(get {asked.resource}.{api.group} {asked.name})", api, server)
        found = ((each["describedObject"]["name"], round(amount_of(each["value"]) * 1000)) for each in items)
        return CustomValues(tuple(found))
    except (_UnknownError, *READING_ERRORS) as error:
        return CustomValues(fault=str(error))


def _query(**selectors: str) -> str:
    said = {name: text for name, text in selectors.items() if text}
    return f"?{urlencode(said)}" if said else ""


async def _items(path: str, resource: str, api: APIService, server: ExtensionServer) -> Sequence[JSON]:
    """Return the items of a list of ``resource``, as errors name it; _UnknownError, ``READING_ERRORS``."""
    if not api.is_available:
        raise _UnknownError(f"the server is currently unable to handle the request {resource}")
    try:
        found = await server.document(path, [("Accept", "application/json"), *user_headers(_USER)], _SECONDS)
    except DOCUMENT_ERRORS as error:
        raise _UnknownError(f"{error}" or f"the server does not answer {resource}") from error
    message = status_message(found.body)
    if found.status == 404 and not message:
        raise _UnknownError(f"the server could not find the requested resource {resource}")
    if found.status != 200:
        raise _UnknownError(message or f"status {found.status} {resource}")
    return list_at(json.loads(found.body), "items")


def _read_usage(metrics: JSON) -> PodUsage:
    containers = tuple(map(_read_container, list_at(metrics, "containers")))
    return PodUsage(parse_time(metrics["timestamp"]), parse_duration(metrics["window"]) or 0.0, containers)


def _read_container(container: JSON) -> ContainerUsage:
    usage = map_at(container, "usage")
    cpu, memory = (amount_of(str(usage.get(name, "0"))) for name in ("cpu", "memory"))
    untold = frozenset(("cpu", "memory")) - usage.keys()
    return ContainerUsage(container["name"], round(cpu * 10**9), round(memory), untold)
