"""The one builder of Kubernetes objects for tests: JSON in few words, as a client sends it or as a server has it.

What a builder does not name goes into ``spec``. The modules of a component's tests preset what all of its tests have in
common (``kubeproxy_cluster``: a cluster IP on the loopback, ``kubedns_objects``: the namespace of the zone tables).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from kubeapi.meta import JSON

Metadata = Mapping[str, Any] | None
"""What an object's metadata has beside its name and its namespace."""

API_VERSIONS = {
    "Deployment": "apps/v1",
    "ReplicaSet": "apps/v1",
    "StatefulSet": "apps/v1",
    "DaemonSet": "apps/v1",
    "StorageClass": "storage.k8s.io/v1",
    "EndpointSlice": "discovery.k8s.io/v1",
    "Job": "batch/v1",
    "CronJob": "batch/v1",
    "PodDisruptionBudget": "policy/v1",
    "PriorityClass": "scheduling.k8s.io/v1",
    "HorizontalPodAutoscaler": "autoscaling/v2",
}
"""Of the kinds that are not core's."""


def build(kind: str, name: str, namespace: str = "", *, metadata: Metadata = None, **fields: Any) -> JSON:
    """Return an object; ``metadata`` adds to its name and, unless that is "", its namespace."""
    placed = {"name": name, **({"namespace": namespace} if namespace else {}), **(metadata or {})}
    return {"apiVersion": API_VERSIONS.get(kind, "v1"), "kind": kind, "metadata": placed, **fields}


def build_namespace(name: str) -> JSON:
    """Return a Namespace."""
    return build("Namespace", name)


def build_service(name: str, namespace: str = "", *, metadata: Metadata = None, **spec: Any) -> JSON:
    """Return a Service on port 80, unless ``spec`` says otherwise."""
    spec.setdefault("ports", [{"port": 80}])
    return build("Service", name, namespace, metadata=metadata, spec=spec)


def build_endpoint(*addresses: str, **fields: Any) -> JSON:
    """Return an endpoint of a slice; ``ready``, ``serving`` and ``terminating`` are its conditions."""
    conditions = {each: fields.pop(each) for each in ("ready", "serving", "terminating") if each in fields}
    return {"addresses": list(addresses), "conditions": conditions, **fields}


def build_slice(name: str, service: str, listed: Iterable[JSON], namespace: str = "", /, **fields: Any) -> JSON:
    """Return an EndpointSlice of a Service; its family is that of its endpoints, ``fields`` replace."""
    endpoints = list(listed)
    labels = {"kubernetes.io/service-name": service, **fields.pop("labels", {})}
    family = "IPv6" if any(":" in each for endpoint in endpoints for each in endpoint["addresses"]) else "IPv4"
    body = {"addressType": family, "ports": [{"name": "", "protocol": "TCP", "port": 80}], "endpoints": endpoints}
    return build("EndpointSlice", name, namespace, metadata={"labels": labels}, **{**body, **fields})


def build_pod(name: str, *containers: JSON, namespace: str = "", metadata: Metadata = None, **spec: Any) -> JSON:
    """Return a Pod without status; ``spec`` is what is beside its containers."""
    return build("Pod", name, namespace, metadata=metadata, spec={"containers": list(containers), **spec})


def build_deployment(name: str, *containers: JSON, namespace: str = "", **spec: Any) -> JSON:
    """Return a Deployment whose selector and label is app=NAME, unless ``spec`` says otherwise."""
    labels = {"app": name}
    template = {"metadata": {"labels": labels}, "spec": {"containers": list(containers)}}
    return build(
        "Deployment", name, namespace, spec={"selector": {"matchLabels": labels}, "template": template, **spec}
    )


def build_node(name: str, *addresses: str, labels: Mapping[str, str] | None = None, **spec: Any) -> JSON:
    """Return a Node with InternalIP addresses that is ready."""
    listed = [{"type": "InternalIP", "address": each} for each in addresses]
    status = {
        "addresses": [{"type": "Hostname", "address": name}, *listed],
        "conditions": [{"type": "Ready", "status": "True"}],
    }
    return build("Node", name, metadata={"labels": dict(labels or {})}, spec=spec, status=status)
