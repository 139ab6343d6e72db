"""The status of objects in a write: which resources have one, and what is kept of the stored one. Pure."""

from __future__ import annotations

from kubeapi.customresources.resource import CustomResource
from kubeapi.meta import JSON
from kubeapi.schema import struct_of
from kubeapi.schema.completion import complete
from kubeapi.scheme import Resource


def has_status(resource: Resource) -> bool:
    """Tell whether the status of a resource's objects can be written alone."""
    if isinstance(resource, CustomResource):
        return resource.definition.has_status
    return "status" in struct_of(resource).fields


def keep_status(new: JSON, stored: JSON) -> None:
    """Give an object, in place, the status that is stored."""
    if "status" in stored:
        new["status"] = stored["status"]
    else:
        new.pop("status", None)


def with_status(resource: Resource, stored: JSON, read: JSON) -> JSON:
    """Return the stored object with the status of the one that was sent; a custom resource may be sent without any."""
    if "status" not in read and isinstance(resource, CustomResource):
        return {name: value for name, value in stored.items() if name != "status"}
    return {**stored, "status": read.get("status", {})}


def complete_typed(resource: Resource, obj: JSON) -> None:
    """Add the fields that JSON has of an object of a Go type; custom resources have no such type."""
    if not isinstance(resource, CustomResource):
        complete(resource, obj)
