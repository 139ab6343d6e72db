"""What admission plug-ins write into a Pod, and never into a template. Pure.

Follows k8s.io/kubernetes ``plugin/pkg/admission``, in the order of the plug-ins: limitranger, serviceaccount, priority,
defaulttolerationseconds, runtimeclass and, since v1.35, podtopologylabels. The objects are changed in place.
"""

from __future__ import annotations

from kubeapi.kind import Objects
from kubeapi.kinds.pod.account import check_secrets, give_account
from kubeapi.kinds.pod.classes import give_priority, give_runtime, keep_priority
from kubeapi.kinds.pod.resize import check_resize, is_resized
from kubeapi.limits import give_defaults, pod_refusal
from kubeapi.meta import JSON, ObjectKey, labels_of
from kubeapi.objects.parts import map_at
from kubeapi.scheme import NODES, PODS
from kubeapi.status import Forbidden

TOLERATION_SECONDS = 300
"""How long a pod stays on a lost node (``--default-unreachable-toleration-seconds``)."""

TOPOLOGY_LABELS = ("topology.kubernetes.io/region", "topology.kubernetes.io/zone")
"""Labels of a node that its pods get."""

_TAINTS = ("node.kubernetes.io/not-ready", "node.kubernetes.io/unreachable")


def admit_pod(new: JSON, old: JSON | None, objects: Objects) -> None:
    """Complete a pod that is created (``old`` is None) or updated; Forbidden where a plug-in refuses it."""
    if old is None:
        give_defaults(new, objects)
        give_account(new, objects)
        give_priority(new, objects)
    else:
        keep_priority(new, old)
    spec = new["spec"]
    _tolerate_lost_nodes(spec)
    if old is None:
        give_runtime(new, objects)
    node_name = spec.get("nodeName")
    is_assigned_now = bool(node_name) and (old is None or not old["spec"].get("nodeName"))
    if is_assigned_now and (node := objects.find(NODES, ObjectKey("", node_name))):
        _label(new["metadata"], node, is_binding=old is not None)


def review_pod(new: JSON, old: JSON | None, objects: Objects) -> None:
    """Refuse a pod that is new or resized and that the LimitRanges of its namespace do not allow.

    The ServiceAccount of a new one has to allow it too, and the node of a resized one must be large enough.
    """
    if old is not None and not is_resized(new, old):
        return
    if refusal := pod_refusal(new, objects) or (check_secrets(new, objects) if old is None else ""):
        raise Forbidden(PODS, new["metadata"]["name"], refusal)
    if old is not None:
        check_resize(new, objects)


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
