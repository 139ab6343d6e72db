"""The Binding of a pod to a node, which is reviewed in the place of the pod (core/v1 Binding)."""

from __future__ import annotations

from kubeapi.meta import JSON, ObjectKey
from kubeapi.registry.admission import Action, Admission
from kubeapi.scheme import PODS


def binding(pod: ObjectKey, node: str) -> JSON:
    """Return the Binding of a pod to a node."""
    metadata = {"name": pod.name, "namespace": pod.namespace}
    return {"kind": "Binding", "apiVersion": "v1", "metadata": metadata, "target": {"kind": "Node", "name": node}}


def admitted_node(admission: Admission, pod: ObjectKey, node: str) -> str:
    """Return the node that a pod is to be bound to once webhooks have been asked; StatusError, CallNeeded."""
    action = Action("CREATE", PODS, pod, "binding", is_dry_run=False)
    reviewed = admission.mutated(action, binding(pod, node), None)
    admission.validate(action, reviewed, None)
    return str(reviewed["target"]["name"])
