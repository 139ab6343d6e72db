"""What is kept of an object: without what no component reads, and with equal parts shared. Pure.

10,000 Services and their slices are 48 MiB as they come, most of it the managers of their fields (CoreDNS and
kube-proxy leave that away as well: ``plugin/kubernetes/object``, client-go's informer transforms). As objects of Python
they would be 220 MiB, most of it the same few conditions, ports and names of nodes again and again.
"""

from __future__ import annotations

import sys
from typing import Any

from kubeapi.meta import JSON, LAST_APPLIED

PART_LENGTH = 300
"""Characters of the longest part that is shared: the conditions of a pod have times, and are those of no other one."""
PARTS_LIMIT = 10_000
"""Different parts that are remembered; with more of them little is shared, and they are forgotten."""

_UNREAD = ("managedFields", "selfLink")
_TEXTS = frozenset(
    (
        "addressType",
        "appProtocol",
        "creationTimestamp",
        "externalTrafficPolicy",
        "internalTrafficPolicy",
        "ipFamilyPolicy",
        "namespace",
        "nodeName",
        "protocol",
        "sessionAffinity",
        "type",
        "zone",
    )
)
"""Fields with few different texts."""
_PARTS = frozenset(("conditions", "hints", "ipFamilies", "loadBalancer", "ports", "sessionAffinityConfig"))
"""Fields with few different values in all of a cluster's objects."""


def slimmed(obj: JSON) -> JSON:
    """Return the object without its managed fields and the manifest that kubectl apply keeps in it; it is changed."""
    metadata = obj["metadata"]
    for name in _UNREAD:
        metadata.pop(name, None)
    annotations = metadata.get("annotations")
    if isinstance(annotations, dict) and annotations.pop(LAST_APPLIED, None) is not None and not annotations:
        del metadata["annotations"]
    return obj


class Sharing:
    """Has the objects of one source share equal parts. Nobody may change what is shared."""

    def __init__(self) -> None:
        self._parts: dict[str, Any] = {}

    def share(self, part: JSON) -> JSON:
        """Return the object, or part of one, with its parts replaced by equal ones that were seen before."""
        for name, value in part.items():
            kind = type(value)
            if kind is str:
                if name in _TEXTS:
                    part[name] = sys.intern(value)
            elif name in _PARTS:
                key = repr(value)
                if len(key) <= PART_LENGTH:
                    part[name] = self._parts.setdefault(key, value)
            elif kind is dict:
                self.share(value)
            elif kind is list:
                for each in value:
                    if type(each) is dict:
                        self.share(each)
        if len(self._parts) > PARTS_LIMIT:
            self._parts.clear()
        return part
