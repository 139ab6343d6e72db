"""All faults of an object that is written: of its metadata, of its kind, and of the change. Pure."""

from __future__ import annotations

from kubeapi.allocation.allocator import Allocator
from kubeapi.kind import Kind
from kubeapi.meta import JSON, is_terminating, key_of
from kubeapi.scheme import Resource
from kubeapi.status import AlreadyExists, FieldError, Invalid
from kubeapi.store import Store
from kubeapi.validation.addresses import is_about_form
from kubeapi.validation.faults import forbidden, go_value, invalid
from kubeapi.validation.metadata import validate_metadata

_DELETION_FIELDS = ("deletionTimestamp", "deletionGracePeriodSeconds")


def check_object(kind: Kind, new: JSON, old: JSON | None, allocator: Allocator | None) -> None:
    """Raise Invalid if an object has faults."""
    resource, name = kind.resource, new["metadata"].get("name", "")
    if old is not None:
        faults = update_faults(kind, new, old, allocator)
    else:
        faults = [*object_faults(kind, new, allocator), *kind.validate_create(new)]
    if faults:
        raise Invalid(resource, name, tuple(faults))


def check_name(resource: Resource, new: JSON, store: Store) -> None:
    """Raise AlreadyExists if a new object has the name of another; admission is asked before, as in a cluster."""
    if store.find(resource, key_of(new)) is not None:
        raise AlreadyExists(resource, new["metadata"].get("name", ""))


def object_faults(kind: Kind, obj: JSON, allocator: Allocator | None) -> list[FieldError]:
    """Return the faults of an object; ``allocator`` is its kind's, if it has one."""
    faults = list(validate_metadata(kind, obj))
    if allocator is not None:
        faults += allocator.validate(obj)
    faults += kind.validate(obj)
    return faults


def update_faults(kind: Kind, new: JSON, old: JSON, allocator: Allocator | None) -> list[FieldError]:
    """Return the faults of a changed object, and what may not change, in the order of the kind's errors."""
    changes = [*_metadata_changes(new, old), *kind.validate_update(new, old)]
    faults = _without_kept(kind, object_faults(kind, new, allocator), old)
    return [*changes, *faults] if kind.lists_update_faults_first else [*faults, *changes]


def _without_kept(kind: Kind, faults: list[FieldError], old: JSON) -> list[FieldError]:
    """Return the faults without those of addresses that were stored when they were read less strictly."""
    if not any(map(is_about_form, faults)):
        return faults
    kept = {fault.message for fault in kind.validate(old)}
    return [fault for fault in faults if not (is_about_form(fault) and fault.message in kept)]


def status_faults(kind: Kind, new: JSON, old: JSON, *, has_metadata: bool) -> list[FieldError]:
    """Return the faults of a changed status, and of metadata that changes with it."""
    faults = [*kind.validate_status(new), *kind.validate_status_update(new, old)]
    if not has_metadata:
        return faults
    return [*_metadata_changes(new, old), *validate_metadata(kind, new), *faults]


def _metadata_changes(new: JSON, old: JSON) -> list[FieldError]:
    """Return the faults of what may not change: deletion times, and finalizers that are added during deletion."""
    if not is_terminating(old):
        metadata = new["metadata"]
        given = [each for each in _DELETION_FIELDS if each in metadata]
        return [invalid(f"metadata.{each}", metadata[each], "field is immutable") for each in given]
    before = old["metadata"].get("finalizers", ())
    added = sorted(each for each in new["metadata"].get("finalizers", ()) if each not in before)
    if not added:
        return []
    found = f"[]string{{{', '.join(map(go_value, added))}}}"
    detail = f"no new finalizers can be added if the object is being deleted, found new finalizers {found}"
    return [forbidden("metadata.finalizers", detail)]
