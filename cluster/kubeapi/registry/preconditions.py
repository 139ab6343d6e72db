"""Which uid and resourceVersion a write wants the stored object to have (apiserver registry/generic/registry). Pure."""

from __future__ import annotations

from typing import NamedTuple

from kubeapi.customresources.conversion.versions import as_comparable
from kubeapi.kind import Kind
from kubeapi.meta import JSON
from kubeapi.scheme import Resource
from kubeapi.status import Conflict, Forbidden
from kubeapi.store import Store


def find_stored(store: Store, resource: Resource, read: JSON) -> JSON:
    """Return the stored object that another is to replace, in the version of ``resource``; NotFound without one."""
    metadata = read["metadata"]
    return as_comparable(resource, store.get(resource, metadata.get("namespace", ""), metadata.get("name", "")))


def check_uid(resource: Resource, metadata: JSON, stored: JSON) -> None:
    """Raise Conflict if an object states another uid than the stored metadata have."""
    wanted = metadata.get("uid")
    if wanted and wanted != stored["uid"]:
        detail = f"Precondition failed: UID in precondition: {wanted}, UID in object meta: {stored['uid']}"
        raise Conflict(resource, stored["name"], detail)


def states_version(metadata: JSON) -> bool:
    """Tell whether an object is to replace a certain version: "0" stands for any, as none does."""
    return metadata.get("resourceVersion") not in (None, "", "0")


def check_version(resource: Resource, metadata: JSON, stored: JSON) -> None:
    """Raise Conflict if an object states another uid or version; one that states no version gets the stored one."""
    check_uid(resource, metadata, stored)
    if states_version(metadata) and metadata["resourceVersion"] != stored["resourceVersion"]:
        raise Conflict(resource, stored["name"])
    metadata["resourceVersion"] = stored["resourceVersion"]


class DeleteOptions(NamedTuple):
    """How to delete (metav1.DeleteOptions). ``uid`` and ``resource_version``, if given, must be the stored object's."""

    grace_period_seconds: int | None = None
    uid: str = ""
    resource_version: str = ""


NO_OPTIONS = DeleteOptions()


def check_preconditions(kind: Kind, stored: JSON, options: DeleteOptions) -> None:
    """Raise Conflict if the preconditions of a deletion do not hold, Forbidden for an object that always stays."""
    resource, metadata, uid, version = kind.resource, stored["metadata"], options.uid, options.resource_version
    if uid and uid != metadata["uid"]:
        detail = f"the UID in the precondition ({uid}) does not match the UID in record ({metadata['uid']})."
        raise Conflict(resource, metadata["name"], f"{detail} The object might have been deleted and then recreated")
    if version and version != metadata["resourceVersion"]:
        detail = (
            f"the ResourceVersion in the precondition ({version}) does not match the ResourceVersion in record"
            f" ({metadata['resourceVersion']}). The object might have been modified"
        )
        raise Conflict(resource, metadata["name"], detail)
    if refusal := kind.deletion_refusal(metadata["name"]):
        raise Forbidden(resource, metadata["name"], refusal)
