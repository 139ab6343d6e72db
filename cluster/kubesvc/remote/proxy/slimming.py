"""What `kubesvc proxy` keeps of objects at its border, as a large cluster has 100,000 endpoints with much beside. Pure.

Objects are changed in place, which costs least. What is left is read by ``kubeapi.objects`` as the whole would be, but
for the names of pods. What objects have in common is shared by ``kubeclient.listwatch.slim``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from kubeapi.meta import JSON
from kubeapi.scheme import ENDPOINTSLICES, SERVICES, Resource
from kubeclient.listwatch.slim import slimmed

_OF_METADATA = ("ownerReferences", "finalizers", "generateName")


def slim_service(obj: JSON) -> JSON:
    """Return a Service without what nobody here reads."""
    metadata = slimmed(obj)["metadata"]
    for name in _OF_METADATA:
        metadata.pop(name, None)
    return obj


def slim_slice(obj: JSON) -> JSON:
    """Return an EndpointSlice with what its endpoints need to get traffic."""
    for endpoint in obj.get("endpoints") or ():
        endpoint.pop("targetRef", None)
    return slim_service(obj)


def slim_node(obj: JSON) -> JSON:
    """Return a Node with its names and addresses alone."""
    status = obj.get("status", {})
    kept = {"addresses": status["addresses"]} if "addresses" in status else {}
    metadata = {name: obj["metadata"][name] for name in ("name", "uid", "resourceVersion") if name in obj["metadata"]}
    return {"metadata": metadata, "status": kept}


SLIMS: Mapping[Resource, Callable[[JSON], JSON]] = {SERVICES: slim_service, ENDPOINTSLICES: slim_slice}
"""By resource what slims its objects."""
