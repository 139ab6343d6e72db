"""What is kept of an object: without what no component reads, and with equal texts shared. Pure.

10,000 Services and their slices are 40 MiB as they come, most of it the managers of their fields (CoreDNS and
kube-proxy leave that away as well: ``plugin/kubernetes/object``, client-go's informer transforms).
"""

from __future__ import annotations

from kubeapi.meta import JSON, LAST_APPLIED

_UNREAD = ("managedFields", "selfLink")


def slimmed(obj: JSON) -> JSON:
    """Return the object without its managed fields and the manifest that kubectl apply keeps in it; it is changed."""
    metadata = obj["metadata"]
    for name in _UNREAD:
        metadata.pop(name, None)
    annotations = metadata.get("annotations")
    if annotations is not None and annotations.pop(LAST_APPLIED, None) is not None and not annotations:
        del metadata["annotations"]
    return obj
