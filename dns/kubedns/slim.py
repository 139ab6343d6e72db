"""What DNS reads of an object: a source need not keep the rest, and holds a large cluster's list as a whole. Pure.

``records`` reads what is left as it reads the whole. An object with parts that are none is left as it is, so that
reading it fails, and is reported, where it always is.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import partial

from kubeapi.meta import JSON
from kubeapi.objects.endpointslice import SERVICE_NAME_LABEL
from kubeapi.scheme import ENDPOINTSLICES, NAMESPACES, PODS, SERVICES, Resource

Slim = Callable[[JSON], JSON]


def slim_by_resource(*, has_pod_names: bool) -> Mapping[Resource, Slim]:
    """Return what slims the objects of each resource; ``has_pod_names`` is ``DNSConfig.names_endpoints_by_pod``."""
    return {
        NAMESPACES: _namespace,
        SERVICES: partial(_or_as_it_is, _service),
        ENDPOINTSLICES: partial(_or_as_it_is, partial(_slice, has_pod_names=has_pod_names)),
        PODS: partial(_or_as_it_is, _pod),
    }


def _or_as_it_is(slim: Slim, obj: JSON) -> JSON:
    try:
        return slim(obj)
    except (AttributeError, TypeError):
        return obj


def _metadata(obj: JSON) -> JSON:
    return _some(obj["metadata"], "name", "namespace", "resourceVersion", "deletionTimestamp")


def _some(part: JSON, *names: str) -> JSON:
    return {name: part[name] for name in names if name in part}


def _namespace(obj: JSON) -> JSON:
    return {"metadata": _metadata(obj)}


def _service(obj: JSON) -> JSON:
    spec = _some(obj.get("spec", _NONE), "type", "clusterIP", "clusterIPs", "ports", "externalName")
    return {"metadata": _metadata(obj), "spec": spec}


def _slice(obj: JSON, *, has_pod_names: bool) -> JSON:
    metadata, labels = _metadata(obj), obj["metadata"].get("labels") or _NONE
    metadata["labels"] = _some(labels, SERVICE_NAME_LABEL)
    endpoints = _endpoints(obj.get("endpoints") or (), has_pod_names=has_pod_names)
    return {**_some(obj, "addressType", "ports"), "metadata": metadata, "endpoints": endpoints}


def _endpoints(endpoints: Iterable[JSON], *, has_pod_names: bool) -> list[JSON]:
    """Return the ready ones; those beside each other without a name are as good as one with all their addresses."""
    found: list[JSON] = []
    nameless: list[str] = []
    for each in endpoints:
        if (each.get("conditions") or _NONE).get("ready") is False:
            continue
        kept = _some(each, "hostname", "targetRef") if has_pod_names else _some(each, "hostname")
        if kept:
            nameless = []
            found.append({**kept, "addresses": each["addresses"]})
            continue
        if not nameless:
            found.append({"addresses": nameless})
        nameless += each["addresses"]
    return found


def _pod(obj: JSON) -> JSON:
    return {
        "metadata": _metadata(obj),
        "spec": {},
        "status": _some(obj.get("status", _NONE), "phase", "podIP", "podIPs"),
    }


_NONE: JSON = {}
