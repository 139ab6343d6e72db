"""Ask an adapter for a metric of external.metrics.k8s.io, as the autoscalers' controller.

Follows k8s.io/metrics ``pkg/client/external_metrics`` and ``pkg/controller/podautoscaler/metrics/client.go``.
"""

from __future__ import annotations

import json
from urllib.parse import urlencode

from kubeaggregator.authentication import user_headers
from kubeaggregator.io.server import DOCUMENT_ERRORS, READING_ERRORS, Document, ExtensionServer
from kubeapi.meta import ObjectKey
from kubeapi.objects.apiservice import APIService
from kubeapi.objects.parts import list_at
from kubeapi.remoteanswers import ExternalMetric, ExternalValues
from kubeapi.serialization.quantity import amount_of
from kubeapi.users import account_user
from kubeapiserver.wire.forwarding.answers import status_message

_SECONDS = 10.0
"""Time limit of a request; an autoscaler asks every 15 s."""
_USER = account_user(ObjectKey("kube-system", "horizontal-pod-autoscaler"))


async def fetch(metric: ExternalMetric, api: APIService, server: ExtensionServer) -> ExternalValues:
    """Return the values of a metric, or why there are none."""
    query = f"?{urlencode({'labelSelector': metric.selector})}" if metric.selector else ""
    path = f"{api.path}/namespaces/{metric.namespace}/{metric.name}{query}"
    headers = [("Accept", "application/json"), *user_headers(_USER)]
    resource = f"(get {metric.name}.{api.group})"
    if not api.is_available:
        return ExternalValues(fault=f"the server is currently unable to handle the request {resource}")
    try:
        found = await server.document(path, headers, _SECONDS)
        return _read(found, resource)
    except (*DOCUMENT_ERRORS, *READING_ERRORS) as error:
        return ExternalValues(fault=f"{error}" or f"the server does not answer {resource}")


def _read(found: Document, resource: str) -> ExternalValues:
    if found.status == 404 and not status_message(found.body):
        return ExternalValues(fault=f"the server could not find the requested resource {resource}")
    if found.status != 200:
        return ExternalValues(fault=status_message(found.body) or f"status {found.status} {resource}")
    items = list_at(json.loads(found.body), "items")
    return ExternalValues(tuple(round(amount_of(each["value"]) * 1000) for each in items))
