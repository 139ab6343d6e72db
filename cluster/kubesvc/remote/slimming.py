"""What `kubesvc proxy` keeps of objects at its border, as a large cluster has 100,000 endpoints with much beside. Pure.

Objects are changed in place, which costs least. What is left is read by ``kubeapi.objects`` as the whole would be, but
for the names of pods.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from sys import intern

from kubeapi.meta import JSON, LAST_APPLIED
from kubeapi.scheme import ENDPOINTSLICES, SERVICES, Resource

_OF_METADATA = ("managedFields", "ownerReferences", "finalizers", "generateName")
_READY = {"ready": True, "serving": True, "terminating": False}
"""The conditions of nearly all endpoints, kept once."""


def slim_service(obj: JSON) -> JSON:
    """Return a Service without what nobody here reads."""
    _slim_metadata(obj["metadata"])
    return obj


def slim_slice(obj: JSON) -> JSON:
    """Return an EndpointSlice with what its endpoints need to get traffic."""
    _slim_metadata(obj["metadata"])
    for endpoint in obj.get("endpoints") or ():
        endpoint.pop("targetRef", None)
        if endpoint.get("conditions") == _READY:
            endpoint["conditions"] = _READY
        if node := endpoint.get("nodeName"):
            endpoint["nodeName"] = intern(node)
    return obj


SLIMS: Mapping[Resource, Callable[[JSON], JSON]] = {SERVICES: slim_service, ENDPOINTSLICES: slim_slice}
"""By resource what slims its objects."""


def _slim_metadata(metadata: JSON) -> None:
    for name in _OF_METADATA:
        metadata.pop(name, None)
    if annotations := metadata.get("annotations"):
        annotations.pop(LAST_APPLIED, None)
