"""The owners of fields: the entries of ``metadata.managedFields``, and how a create, update or patch changes them.

``track_update`` is called before every write that comes through the API. An object that was stored without entries
(by a controller) has none until it is applied. Follows apimachinery ``util/managedfields/internal`` and
structured-merge-diff ``merge/update.go``. Pure.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

from kubeapi.customresources.resource import CustomResource
from kubeapi.kinds import kind_of
from kubeapi.meta import JSON
from kubeapi.scheme import Resource
from kubeapiserver.apply.customtypes import root_atom
from kubeapiserver.apply.fieldpath import FieldSet, Path, fields_v1, read_fields_v1
from kubeapiserver.apply.typed import Comparison, compare

APPLY, UPDATE = "Apply", "Update"

MAX_UPDATE_MANAGERS = 10
"""Entries of updates in an object; older ones are joined into one entry (DefaultMaxUpdateManagers)."""

_HEAD = frozenset(("apiVersion", "kind", "metadata"))
_WITH_STATUS = _HEAD | {"status"}
_ANCIENT = "ancient-changes"
_FIELDS_TYPE = "FieldsV1"
_UNTRACKED = frozenset((
    "name", "namespace", "creationTimestamp", "selfLink", "uid", "clusterName", "generation", "managedFields",
    "resourceVersion",
))  # fmt: skip
"""Fields of metadata that have no owner (stripmeta.go)."""


class ManagerKey(NamedTuple):
    """Identity of an entry. ``api_version`` is "" for applies; ``subresource`` is "" for the object itself."""

    operation: str
    manager: str
    api_version: str
    subresource: str


@dataclass(frozen=True, slots=True)
class ManagedFields:
    """The fields that a manager owns, and when that last changed ("" if it only agreed with the stored values)."""

    fields: FieldSet
    time: str
    tree: JSON | None = field(default=None, compare=False)
    """``fields`` as FieldsV1, None if it is to be made."""


Managers = dict[ManagerKey, ManagedFields]


class Change(NamedTuple):
    """The manager of a write, and its time as the API writes it."""

    manager: ManagerKey
    time: str


def manager_key(resource: Resource, operation: str, manager: str, subresource: str) -> ManagerKey:
    """Return the identity of a manager's entry."""
    version = resource.api_version if operation == UPDATE else ""
    return ManagerKey(operation, manager or "unknown", version, subresource)


def tracked(resource: Resource, obj: JSON, subresource: str) -> JSON:
    """Return the part of an object that a write can own; ``subresource`` is "" for the object itself."""
    if subresource == "status":
        return {"status": obj["status"]} if "status" in obj else {}
    left = _WITH_STATUS if kind_of(resource).has_own_status else _HEAD
    result = {name: value for name, value in obj.items() if name not in left}
    metadata = metadata_of(obj)
    owned = {name: value for name, value in metadata.items() if name not in _UNTRACKED}
    return {**result, "metadata": owned} if owned else result


def metadata_of(obj: JSON) -> JSON:
    """Return the metadata of an object that may be malformed, ``{}`` if it has none."""
    metadata = obj.get("metadata")
    return metadata if isinstance(metadata, dict) else {}


def read_managers(resource: Resource, obj: JSON) -> Managers:
    """Return the entries of an object by their identity; ``{}`` if there are none, or one cannot be read."""
    entries = metadata_of(obj).get("managedFields")
    if not entries:
        return {}
    try:
        managers = dict(_read_entry(resource, each) for each in entries)
    except (ValueError, TypeError, KeyError, AttributeError):
        return {}
    return {key: entry for key, entry in managers.items() if entry.fields}


def _read_entry(resource: Resource, entry: JSON) -> tuple[ManagerKey, ManagedFields]:
    operation, fields_type = entry["operation"], entry["fieldsType"]
    if (
        operation not in (APPLY, UPDATE)
        or fields_type != _FIELDS_TYPE
        or not _is_version(resource, entry["apiVersion"])
    ):
        raise ValueError("an entry of another version")
    key = manager_key(resource, operation, str(entry.get("manager", "")), str(entry.get("subresource", "")))
    if operation == UPDATE:
        key = key._replace(api_version=entry["apiVersion"])
    tree = entry.get("fieldsV1", {})
    return key, ManagedFields(read_fields_v1(tree), str(entry.get("time") or ""), tree)


def _is_version(resource: Resource, api_version: Any) -> bool:
    """Tell whether fields that are named in a version have the same names in the resource's."""
    if isinstance(resource, CustomResource):
        return str(api_version).rpartition("/")[0] == resource.group
    return bool(api_version == resource.api_version)


def write_managers(resource: Resource, managers: Managers) -> list[JSON]:
    """Return the entries in the order of ``metadata.managedFields``: applies, then updates, older ones first."""
    ordered = sorted(managers.items(), key=lambda item: (item[0].operation, item[1].time, *item[0][1:]))
    return [_written(resource, key, entry) for key, entry in ordered]


def _written(resource: Resource, key: ManagerKey, entry: ManagedFields) -> JSON:
    written: JSON = {
        "manager": key.manager,
        "operation": key.operation,
        "apiVersion": key.api_version or resource.api_version,
        "time": entry.time,
        "fieldsType": _FIELDS_TYPE,
        "fieldsV1": fields_v1(entry.fields) if entry.tree is None else entry.tree,
        "subresource": key.subresource,
    }
    return {name: value for name, value in written.items() if value != "" or name == "manager"}


def track_update(resource: Resource, old: JSON | None, new: JSON, change: Change) -> JSON:
    """Return ``new`` with managedFields that record which fields its writer changed in ``old``.

    ``old`` is None for a new object; ``new`` is typed, with its defaults. A client forgets all managers by sending
    an empty list, or one empty entry, as managedFields. An object that has no managers stays without them.
    """
    subresource = change.manager.subresource
    is_forgetting = not subresource and metadata_of(new).get("managedFields") in ([], [{}])
    managers = {} if is_forgetting else _managers_before(resource, old, new, subresource)
    if old is not None and not managers:
        return with_managed_fields(new, [])
    before = tracked(resource, old, subresource) if old is not None else {}
    comparison = compare(root_atom(resource), before, tracked(resource, new, subresource))
    updated = updated_managers(managers, comparison, change)
    return with_managed_fields(new, write_managers(resource, capped(updated)))


def _managers_before(resource: Resource, old: JSON | None, new: JSON, subresource: str) -> Managers:
    """Return the managers before a write: those that the client sent, else the stored ones.

    Entries sent to a subresource are ignored.
    """
    stated = {} if subresource else read_managers(resource, new)
    if not stated:
        return read_managers(resource, old) if old is not None else {}
    if old is not None and metadata_of(new)["managedFields"] == metadata_of(old).get("managedFields"):
        return stated
    return {key: replace(entry, tree=None) for key, entry in stated.items()}  # a client's FieldsV1 is not kept as sent


def with_managed_fields(obj: JSON, entries: list[JSON]) -> JSON:
    """Return the object with other managedFields."""
    metadata = {name: value for name, value in metadata_of(obj).items() if name != "managedFields"}
    return {**obj, "metadata": {**metadata, "managedFields": entries} if entries else metadata}


def updated_managers(managers: Managers, comparison: Comparison, change: Change) -> Managers:
    """Return the managers after a write: its manager owns the changed fields, removed fields have no owner."""
    if not comparison:
        return managers
    taken = comparison.taken
    kept = disowned(managers, comparison.removed | taken)
    if taken:
        before = managers.get(change.manager)
        fields = frozenset(taken) if before is None else (before.fields - comparison.removed) | taken
        tree = before.tree if before is not None and fields == before.fields else None
        kept[change.manager] = ManagedFields(fields, change.time, tree)
    return kept


def disowned(managers: Managers, fields: set[Path]) -> Managers:
    """Remove fields from all managers; drop managers that have none left."""
    kept: Managers = {}
    for key, entry in managers.items():
        if entry.fields.isdisjoint(fields):
            kept[key] = entry
        elif left := entry.fields - fields:
            kept[key] = ManagedFields(left, entry.time)
    return kept


def capped(managers: Managers) -> Managers:
    """Return the managers with the oldest updates joined into one entry when there are too many."""
    updates = sorted((entry.time, key) for key, entry in managers.items() if key.operation == UPDATE)
    excess = len(updates) - MAX_UPDATE_MANAGERS
    if excess <= 0:
        return managers
    joined = [key for _, key in updates[: excess + 1]]
    rest = {key: entry for key, entry in managers.items() if key not in joined}
    fields = frozenset().union(*(managers[key].fields for key in joined))
    bucket = ManagerKey(UPDATE, _ANCIENT, joined[-1].api_version, "")
    return {**rest, bucket: ManagedFields(fields, managers[joined[-1]].time)}
