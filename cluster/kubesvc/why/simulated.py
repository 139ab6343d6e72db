"""What a simulation of a Service needs to know: its algorithm, and how each of its pods says that it behaves. Pure."""

from __future__ import annotations

from typing import Any

from kubeapi.backends import BACKEND_ANNOTATION
from kubeapi.meta import JSON, ObjectKey, annotations_of, key_of
from kubeapi.objects.service import AFFINITY_COOKIE_ANNOTATION, BALANCER_ANNOTATION, BALANCER_OPTIONS_ANNOTATION
from kubeapi.scheme import PODS
from kubeapi.store import Store
from kubesvc.why.servicestatus import endpoints_of, slices_by_service


def affinity_of(service: JSON) -> str:
    """Return what keeps a client of a Service at its pod before any algorithm is asked, "" if nothing does."""
    if annotations_of(service).get(AFFINITY_COOKIE_ANNOTATION):
        return AFFINITY_COOKIE_ANNOTATION
    return "sessionAffinity" if service.get("spec", {}).get("sessionAffinity") == "ClientIP" else ""


def simulated_document(store: Store, service: JSON, default: str) -> dict[str, Any]:
    """Return the algorithm with its options, and the pods in the order of their addresses; ``default``: the proxy's."""
    key = key_of(service)
    slices = slices_by_service(store, {key}).get(key, [])
    ready = {each["pod"]: each for each in endpoints_of(store, slices) if each["ready"] and each["pod"]}
    annotations = annotations_of(service)
    return {
        "balancer": annotations.get(BALANCER_ANNOTATION, default),
        "options": annotations.get(BALANCER_OPTIONS_ANNOTATION, ""),
        "affinity": affinity_of(service),
        "pods": [
            {"pod": pod, "backend": _behaviour(store, key.namespace, pod), "weight": endpoint["weight"]}
            for pod, endpoint in sorted(ready.items(), key=lambda each: str(each[1]["address"]))
        ],
    }


def _behaviour(store: Store, namespace: str, name: str) -> str:
    pod = store.find(PODS, ObjectKey(namespace, name))
    return annotations_of(pod).get(BACKEND_ANNOTATION, "") if pod is not None else ""
