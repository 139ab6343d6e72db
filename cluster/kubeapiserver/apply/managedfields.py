"""Who wrote which field: the entries of ``metadata.managedFields``, and what a create, update or patch does to them.

``track_update`` is called before every write that comes through the API. What was written before anybody tracked it
stays untracked until somebody applies it. Follows apimachinery ``util/managedfields/internal`` and
structured-merge-diff ``merge/update.go``. Pure.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import NamedTuple

from kubeapi.defaults import set_defaults
from kubeapi.meta import JSON, format_time
from kubeapi.scheme import Resource
from kubeapi.strict import decode
from kubeapiserver.apply.fieldpath import FieldSet, fields_v1, read_fields_v1
from kubeapiserver.apply.typed import Atom, Comparison, atom_of, compare

APPLY, UPDATE = "Apply", "Update"

MAX_UPDATE_MANAGERS = 10
"""Entries of updates that are kept apart; older ones become one entry (DefaultMaxUpdateManagers)."""

_ANCIENT = "ancient-changes"
_FIELDS_TYPE = "FieldsV1"
_UNTRACKED = frozenset((
    "name", "namespace", "creationTimestamp", "selfLink", "uid", "clusterName", "generation", "managedFields",
    "resourceVersion",
))  # fmt: skip
"""Metadata that nobody owns (stripmeta.go)."""


class ManagerKey(NamedTuple):
    """Identity of an entry; the apiVersion is a part of it for updates only."""

    operation: str
    manager: str
    api_version: str
    subresource: str


@dataclass(frozen=True, slots=True)
class Entry:
    """What a manager owns, and when that last changed ("" if it only agreed with what was there)."""

    fields: FieldSet
    time: str


Managers = dict[ManagerKey, Entry]


def manager_key(resource: Resource, operation: str, manager: str, subresource: str) -> ManagerKey:
    """Return the identity of a manager's entry."""
    version = resource.api_version if operation == UPDATE else ""
    return ManagerKey(operation, manager or "unknown", version, subresource)


def root_atom(resource: Resource) -> Atom:
    """Return the type of a resource's objects."""
    package = resource.group.partition(".")[0] or "core"
    return atom_of(f"{package}.{resource.version}.{resource.kind}")


def tracked(obj: JSON, subresource: str) -> JSON:
    """Return the part of an object that a write through a subresource ("" is the object) may own."""
    if subresource == "status":
        return {"status": obj["status"]} if "status" in obj else {}
    result = {name: value for name, value in obj.items() if name not in ("apiVersion", "kind", "metadata", "status")}
    metadata = obj.get("metadata")
    metadata = metadata if isinstance(metadata, dict) else {}
    owned = {name: value for name, value in metadata.items() if name not in _UNTRACKED}
    return {**result, "metadata": owned} if owned else result


def read_managers(resource: Resource, obj: JSON) -> Managers:
    """Return the entries of an object by their identity; ``{}`` if there are none, or none that can be read."""
    entries = (obj.get("metadata") or {}).get("managedFields")
    try:
        managers = dict(_read_entry(resource, each) for each in entries or ())
    except (ValueError, TypeError, KeyError, AttributeError):
        return {}
    return {key: entry for key, entry in managers.items() if entry.fields}


def _read_entry(resource: Resource, entry: JSON) -> tuple[ManagerKey, Entry]:
    operation, fields_type = entry["operation"], entry["fieldsType"]
    if operation not in (APPLY, UPDATE) or fields_type != _FIELDS_TYPE or entry["apiVersion"] != resource.api_version:
        raise ValueError("not an entry of ours")
    key = manager_key(resource, operation, str(entry.get("manager", "")), str(entry.get("subresource", "")))
    return key, Entry(read_fields_v1(entry.get("fieldsV1", {})), str(entry.get("time") or ""))


def write_managers(resource: Resource, managers: Managers) -> list[JSON]:
    """Return the entries as ``metadata.managedFields`` lists them: updates last, older ones first."""
    ordered = sorted(managers.items(), key=lambda item: (item[0].operation, item[1].time, *item[0][1:]))
    return [_written(resource, key, entry) for key, entry in ordered]


def _written(resource: Resource, key: ManagerKey, entry: Entry) -> JSON:
    written: JSON = {
        "manager": key.manager,
        "operation": key.operation,
        "apiVersion": resource.api_version,
        "time": entry.time,
        "fieldsType": _FIELDS_TYPE,
        "fieldsV1": fields_v1(entry.fields),
        "subresource": key.subresource,
    }
    return {name: value for name, value in written.items() if value != "" or name == "manager"}


def track_update(resource: Resource, old: JSON | None, new: JSON, manager: str, subresource: str, now: float) -> JSON:
    """Return ``new`` with managedFields that say what ``manager`` changed by writing it over ``old`` at ``now``.

    Nothing, or one empty entry, sent along as managedFields means that all are to be forgotten.
    Never raises: what the schema cannot read is left to whoever writes the object.
    """
    decoded = decode(resource, new)
    if decoded.mistyped:
        return new
    stated = (new.get("metadata") or {}).get("managedFields")
    is_forgetting = not subresource and stated in ([], [{}])
    managers = {} if is_forgetting else _managers_before(resource, old or {}, decoded.object, subresource)
    if old is not None and not managers:
        return with_managed_fields(new, [])
    set_defaults(resource, decoded.object)
    before = tracked(old, subresource) if old else {}
    comparison = compare(root_atom(resource), before, tracked(decoded.object, subresource))
    key = manager_key(resource, UPDATE, manager, subresource)
    updated = updated_managers(managers, comparison, key, format_time(now))
    return with_managed_fields(new, write_managers(resource, capped(updated)))


def _managers_before(resource: Resource, old: JSON, new: JSON, subresource: str) -> Managers:
    """Return the managers that a write begins with: those that the client sent along, or else the stored ones.

    A subresource cannot change them.
    """
    return read_managers(resource, {} if subresource else new) or read_managers(resource, old)


def with_managed_fields(obj: JSON, entries: list[JSON]) -> JSON:
    """Return the object with other managedFields."""
    metadata = {name: value for name, value in (obj.get("metadata") or {}).items() if name != "managedFields"}
    return {**obj, "metadata": {**metadata, "managedFields": entries} if entries else metadata}


def updated_managers(managers: Managers, comparison: Comparison, key: ManagerKey, time: str) -> Managers:
    """Return the managers after a write: who writes owns what changed, nobody owns what is gone."""
    if not comparison:
        return managers
    taken = comparison.taken
    kept = disowned(managers, comparison.removed | taken)
    if taken:
        before = kept[key].fields if key in kept else frozenset()
        kept[key] = Entry(before | taken, time)
    return kept


def disowned(managers: Managers, fields: set[tuple[str, ...]]) -> Managers:
    """Return the managers without fields; who has none left is forgotten."""
    rest = {key: replace(entry, fields=entry.fields - fields) for key, entry in managers.items()}
    return {key: entry for key, entry in rest.items() if entry.fields}


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
    return {**rest, bucket: Entry(fields, managers[joined[-1]].time)}
