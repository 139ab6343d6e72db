"""The pods that a workload makes of its template, and the events that tell of them. Pure.

Follows k8s.io/kubernetes ``pkg/controller/controller_utils.go``.
"""

from __future__ import annotations

from kubeapi.meta import JSON, copy_object, owner_reference
from kubeapi.objects.parts import map_at
from kubecontroller.change import Outcome

BURST_REPLICAS = 500
"""Most pods that one reconcile creates or deletes (replica_set.go, job_controller.go); the rest follows later."""


def pod_from_template(owner: JSON) -> JSON:
    """Return a pod of a workload's template, without a name: the Registry generates it."""
    template, name = owner["spec"]["template"], owner["metadata"]["name"]
    metadata = map_at(template, "metadata")
    copied: JSON = {field: dict(metadata[field]) for field in ("labels", "annotations") if metadata.get(field)}
    if metadata.get("finalizers"):
        copied["finalizers"] = list(metadata["finalizers"])
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            "generateName": f"{name}-",
            "namespace": owner["metadata"]["namespace"],
            **copied,
            "ownerReferences": [owner_reference(owner)],
        },
        "spec": copy_object(template["spec"]),
    }


def creation(owner: JSON) -> Outcome:
    """Return the events about a pod that is created for ``owner``."""
    return Outcome(owner, "FailedCreate", "Error creating: {error}", "SuccessfulCreate", "Created pod: {name}")


def deletion(owner: JSON) -> Outcome:
    """Return the events about a pod of ``owner`` that is deleted."""
    return Outcome(owner, "FailedDelete", "Error deleting: {error}", "SuccessfulDelete", "Deleted pod: {name}")
