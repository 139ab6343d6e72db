"""The status of objects in a write: which resources have one, and what is kept of the stored one. Pure."""

from __future__ import annotations

from kubeapi.customresources.resource import CustomResource
from kubeapi.kind import Kind
from kubeapi.meta import JSON
from kubeapi.registry.metadata import merged_metadata
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


def with_status(kind: Kind, stored: JSON, read: JSON, *, has_metadata: bool) -> JSON:
    """Return the stored object with the status of the one that was sent, and what a status's writer may change else.

    A custom resource may be sent without any status.
    """
    if "status" not in read and isinstance(kind.resource, CustomResource):
        new = {name: value for name, value in stored.items() if name != "status"}
    else:
        new = {**stored, "status": read.get("status", {})}
        kind.prepare_for_status_update(new, stored)
    if has_metadata:
        new["metadata"] = merged_metadata(kind, read["metadata"], stored["metadata"])
    return new


def complete_typed(resource: Resource, obj: JSON) -> None:
    """Add the fields that JSON has of an object of a Go type; custom resources have no such type."""
    if not isinstance(resource, CustomResource):
        complete(resource, obj)
