"""The Lease of a node, by which it says that it lives. Pure.

Follows k8s.io/component-helpers ``apimachinery/lease`` and k8s.io/kubernetes ``pkg/kubelet/util/nodelease.go``.
"""

from __future__ import annotations

from kubeapi.meta import JSON, format_micro_time
from kubeapi.objects.parts import spec_of

NAMESPACE = "kube-node-lease"
DURATION_SECONDS = 40
"""The kubelet's nodeLeaseDurationSeconds."""
RENEW_SECONDS = DURATION_SECONDS / 4


def node_lease(node: JSON, stored: JSON | None, now: float) -> JSON:
    """Return the Lease of a Node as it is renewed: a new one, or ``stored`` with what others have set in it."""
    name = node["metadata"]["name"]
    made = {
        "metadata": {"name": name, "namespace": NAMESPACE},
        "spec": {"holderIdentity": name, "leaseDurationSeconds": DURATION_SECONDS},
    }
    metadata, spec = (stored or made)["metadata"], spec_of(stored or made)
    return {
        "apiVersion": "coordination.k8s.io/v1",
        "kind": "Lease",
        "metadata": {"ownerReferences": [_reference(node)], **metadata},
        "spec": {**spec, "renewTime": format_micro_time(now)},
    }


def _reference(node: JSON) -> JSON:
    """Return what leads the garbage collector from the Lease to its Node, which does not control it."""
    return {"apiVersion": "v1", "kind": "Node", "name": node["metadata"]["name"], "uid": node["metadata"]["uid"]}
