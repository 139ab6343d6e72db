"""What the server, and only the server, writes into an object of each kind (pkg/registry/*/*/strategy.go)."""

from __future__ import annotations

from kubeapi.meta import JSON, annotations_of, labels_of
from kubeapi.objects.qos import qos_class
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
        obj["status"] = {"phase": "Pending", "qosClass": qos_class(obj["spec"])}
        if obj["spec"].get("schedulingGates"):
            obj["status"]["conditions"] = [_gated(obj["metadata"]["creationTimestamp"])]
    elif resource is NAMESPACES:
        given = obj.get("spec", {}).get("finalizers", [])
        obj["spec"] = {"finalizers": given if "kubernetes" in given else [*given, "kubernetes"]}
        obj["status"] = {"phase": "Active"}
    elif resource in (DEPLOYMENTS, REPLICASETS):
        obj["status"] = {"replicas": 0} if resource is REPLICASETS else {}


def _gated(time: str) -> JSON:
    """Return the condition of a pod that nobody schedules yet (applySchedulingGatedCondition)."""
    return {
        "type": "PodScheduled",
        "status": "False",
        "lastProbeTime": None,
        "lastTransitionTime": time,
        "reason": "SchedulingGated",
        "message": "Scheduling is blocked due to non-empty scheduling gates",
    }


def merged_metadata(resource: Resource, given: JSON, stored: JSON) -> JSON:
    """Return the stored metadata with what a write of the status may change of it."""
    fields = {"labels", "annotations", "finalizers", "ownerReferences", "managedFields"}
    fields -= {"labels"} if resource is DEPLOYMENTS else {"ownerReferences"} if resource is PODS else set()
    merged = {field: value for field, value in stored.items() if field not in fields}
    return merged | {field: given[field] for field in fields if field in given}


def set_generation(resource: Resource, new: JSON, old: JSON | None) -> None:
    """Count on when what is wanted has changed; kinds that do not count keep the number that they were made with."""
    metadata, before = new["metadata"], old["metadata"] if old is not None else {}
    if resource not in _GENERATIONS:
        if old is not None:
            metadata.pop("generation", None)
            metadata.update({"generation": before["generation"]} if "generation" in before else {})
    elif old is None:
        metadata["generation"] = 1
    else:
        metadata["generation"] = before.get("generation", 0) + (_wanted(resource, new) != _wanted(resource, old))


def _wanted(resource: Resource, obj: JSON) -> tuple[JSON, dict[str, str]]:
    """Return what the author of an object decides: all but metadata, status and a pod's node; and what others copy."""
    wanted = {field: value for field, value in obj.items() if field not in ("metadata", "status")}
    if resource is PODS:
        wanted["spec"] = {field: value for field, value in obj["spec"].items() if field != "nodeName"}
    if resource is DEPLOYMENTS:
        return wanted, annotations_of(obj)
    return wanted, labels_of(obj) if resource is ENDPOINTSLICES else {}
