"""What DNS reads of an object: a source need not keep the rest, and holds a large cluster's list as a whole. Pure.

``records`` reads what is left. Nothing is copied that stays: parts of the object given are the parts of that returned.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from kubeapi.meta import JSON
from kubeapi.objects.endpointslice import SERVICE_NAME_LABEL
from kubeapi.scheme import ENDPOINTSLICES, NAMESPACES, PODS, SERVICES, Resource


def _metadata(obj: JSON, *, has_service: bool = False) -> JSON:
    metadata = obj["metadata"]
    kept = _some(metadata, "name", "namespace", "resourceVersion", "deletionTimestamp")
    if has_service and isinstance(labels := metadata.get("labels"), dict):
        kept["labels"] = _some(labels, SERVICE_NAME_LABEL)
    return kept


def _some(part: JSON, *names: str) -> JSON:
    return {name: part[name] for name in names if name in part}


def _namespace(obj: JSON) -> JSON:
    return {"metadata": _metadata(obj)}


def _service(obj: JSON) -> JSON:
    spec = obj.get("spec")
    kept = _some(spec, "type", "clusterIP", "clusterIPs", "ports", "externalName") if isinstance(spec, dict) else {}
    return {"metadata": _metadata(obj), "spec": kept}


def _slice(obj: JSON) -> JSON:
    endpoints = obj.get("endpoints")
    ready = [_endpoint(each) for each in endpoints or () if (each.get("conditions") or _NONE).get("ready") is not False]
    return {**_some(obj, "addressType", "ports"), "metadata": _metadata(obj, has_service=True), "endpoints": ready}


def _endpoint(endpoint: JSON) -> JSON:
    kept = _some(endpoint, "addresses", "hostname")
    target = endpoint.get("targetRef")
    if isinstance(target, dict):
        kept["targetRef"] = _some(target, "kind", "name")
    return kept


def _pod(obj: JSON) -> JSON:
    status = obj.get("status")
    kept = _some(status, "phase", "podIP", "podIPs") if isinstance(status, dict) else {}
    return {"metadata": _metadata(obj), "spec": {}, "status": kept}


_NONE: JSON = {}

SLIM: Mapping[Resource, Callable[[JSON], JSON]] = {
    NAMESPACES: _namespace,
    SERVICES: _service,
    ENDPOINTSLICES: _slice,
    PODS: _pod,
}
