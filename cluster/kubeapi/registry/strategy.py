"""What the server, and only the server, writes into an object of each kind (pkg/registry/*/*/strategy.go)."""

from __future__ import annotations

from kubeapi.meta import JSON
from kubeapi.scheme import DEPLOYMENTS, ENDPOINTSLICES, NAMESPACES, NODES, PODS, REPLICASETS, SERVICES, Resource

IMMORTAL_NAMESPACES = ("default", "kube-system", "kube-public", "kube-node-lease")
"""Namespaces that every cluster has from its start; the first three cannot be deleted."""

_GENERATIONS = frozenset((DEPLOYMENTS, REPLICASETS, ENDPOINTSLICES, PODS))
"""Kinds that count the changes of what is wanted, so that a controller can say what it has seen."""


def set_initial_status(resource: Resource, obj: JSON) -> None:
    """Replace the status of a new object by its kind's first one; a Node may bring its own."""
    if resource is NODES:
        return
    obj.pop("status", None)
    if resource is SERVICES:
        obj["status"] = {"loadBalancer": {}}
    elif resource is PODS:
        obj["status"] = {"phase": "Pending", "qosClass": _qos_class(obj["spec"])}
    elif resource is NAMESPACES:
        obj["spec"] = {**obj.get("spec", {}), "finalizers": ["kubernetes"]}
        obj["status"] = {"phase": "Active"}
    elif resource in (DEPLOYMENTS, REPLICASETS):
        obj["status"] = {"replicas": 0} if resource is REPLICASETS else {}


def set_generation(resource: Resource, new: JSON, old: JSON | None) -> None:
    """Count on when what is wanted has changed."""
    metadata = new["metadata"]
    metadata.pop("generation", None)
    if resource not in _GENERATIONS:
        return
    if old is None:
        metadata["generation"] = 1
    else:
        metadata["generation"] = old["metadata"].get("generation", 0) + (_wanted(new) != _wanted(old))


def _wanted(obj: JSON) -> JSON:
    """Return what the author of an object decides: all but metadata and status, and a pod's node."""
    wanted = {field: value for field, value in obj.items() if field not in ("metadata", "status")}
    if obj["kind"] == PODS.kind:
        wanted["spec"] = {field: value for field, value in obj["spec"].items() if field != "nodeName"}
    return wanted


def _qos_class(spec: JSON) -> str:
    """Return the pod's quality of service (pkg/apis/core/v1/helper/qos)."""
    resources = [each.get("resources", {}) for each in (*spec.get("containers", ()), *spec.get("initContainers", ()))]
    if not any(each.get("limits") or each.get("requests") for each in resources):
        return "BestEffort"
    is_guaranteed = all(
        {"cpu", "memory"} <= each.get("limits", {}).keys() and each["limits"] == each.get("requests")
        for each in resources
    )
    return "Guaranteed" if is_guaranteed else "Burstable"
