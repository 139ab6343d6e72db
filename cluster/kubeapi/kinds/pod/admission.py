"""What admission plug-ins write into a Pod, and never into a template. Pure.

Follows k8s.io/kubernetes ``plugin/pkg/admission``: serviceaccount, defaulttolerationseconds, priority and, since
v1.35, podtopologylabels. The objects are changed in place.
"""

from __future__ import annotations

from kubeapi.kind import Objects
from kubeapi.meta import JSON, ObjectKey, labels_of
from kubeapi.objects.parts import map_at
from kubeapi.scheme import NODES, PODS
from kubeapi.status import Forbidden

TOLERATION_SECONDS = 300
"""How long a pod stays on a lost node (``--default-unreachable-toleration-seconds``)."""

TOPOLOGY_LABELS = ("topology.kubernetes.io/region", "topology.kubernetes.io/zone")
"""Labels of a node that its pods get."""

_TAINTS = ("node.kubernetes.io/not-ready", "node.kubernetes.io/unreachable")
_PRIORITIES = {"": 0, "system-cluster-critical": 2_000_000_000, "system-node-critical": 2_000_001_000}
"""Values of the built-in priority classes; "" is a pod without a class."""


def admit_pod(new: JSON, old: JSON | None, objects: Objects) -> None:
    """Complete a pod that is created (``old`` is None) or updated; Forbidden for a priority of its own."""
    spec = new["spec"]
    if old is None:
        if not spec.get("serviceAccountName"):
            spec["serviceAccountName"] = spec["serviceAccount"] = "default"
        _give_priority(new["metadata"].get("name", ""), spec)
    else:
        for field in ("priority", "preemptionPolicy"):
            if field in old["spec"]:
                spec.setdefault(field, old["spec"][field])
    _tolerate_lost_nodes(spec)
    node_name = spec.get("nodeName")
    is_assigned_now = bool(node_name) and (old is None or not old["spec"].get("nodeName"))
    if is_assigned_now and (node := objects.find(NODES, ObjectKey("", node_name))):
        _label(new["metadata"], node, is_binding=old is not None)


def _give_priority(name: str, spec: JSON) -> None:
    """Set the priority of the pod's class; with an unknown class the pod keeps its own priority."""
    computed = _PRIORITIES.get(spec.get("priorityClassName") or "")
    for field, what, value in (
        ("priority", "integer value of priority", computed or 0),
        ("preemptionPolicy", "string value of PreemptionPolicy", "PreemptLowerPriority"),
    ):
        asked = spec.setdefault(field, value)
        if computed is not None and asked != value:
            detail = (
                f"the {what} ({asked}) must not be provided in pod spec; priority admission controller computed "
                f"{value} from the given PriorityClass name"
            )
            raise Forbidden(PODS, name, detail)


def _tolerate_lost_nodes(spec: JSON) -> None:
    tolerations = spec.get("tolerations") or []
    for taint in _TAINTS:
        if not any(
            each.get("key", "") in ("", taint) and each.get("effect", "") in ("", "NoExecute") for each in tolerations
        ):
            added = {"key": taint, "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": TOLERATION_SECONDS}
            tolerations = [*tolerations, added]
    spec["tolerations"] = tolerations


def _label(metadata: JSON, node: JSON, *, is_binding: bool) -> None:
    """Copy the node's topology labels; a binding overwrites the pod's own, a creation does not."""
    labels = labels_of(node)
    found = {name: labels[name] for name in TOPOLOGY_LABELS if name in labels}
    if found:
        own = map_at(metadata, "labels")
        metadata["labels"] = {**own, **found} if is_binding else {**found, **own}
