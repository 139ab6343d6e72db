"""Server-side apply: a manager states the fields that it wants to own, and gets exactly these or a conflict.

A field that the manager applied before and no longer states is removed, unless another manager owns it. Follows
apimachinery ``util/managedfields/internal`` and apiserver ``pkg/endpoints/handlers/patch.go`` (applyPatcher). Pure.
"""

from __future__ import annotations

import json
from typing import NamedTuple

from kubeapi.customresources.conversion.versions import as_seen
from kubeapi.kinds import kind_of
from kubeapi.meta import JSON, LAST_APPLIED, ObjectKey, annotations_of, format_time
from kubeapi.registry import Registry
from kubeapi.scheme import Resource
from kubeapi.serialization.gojson import write_sorted_json
from kubeapi.status import NotFound
from kubeapiserver.apply.customtypes import root_atom
from kubeapiserver.apply.errors import apply_conflict, check_config, uid_mismatch
from kubeapiserver.apply.fieldpath import FieldSet
from kubeapiserver.apply.managedfields import (
    APPLY,
    UPDATE,
    Change,
    Managers,
    manager_key,
    metadata_of,
    read_managers,
    tracked,
    updated_managers,
    with_managed_fields,
    write_managers,
)
from kubeapiserver.apply.typed import compare, field_set
from kubeapiserver.apply.update import apply_config

BEFORE_FIRST_APPLY = "before-first-apply"
"""The manager of the fields that an untracked object has when it is first applied."""

KUBECTL = "kubectl"
"""The manager of ``kubectl apply --server-side``, which may take over what ``kubectl apply`` has set before."""


class Configuration(NamedTuple):
    """A configuration to be applied by ``manager`` to the object at ``key``, or to its ``subresource``.

    ``is_forced`` takes fields over from other managers in place of a conflict.
    """

    resource: Resource
    key: ObjectKey
    body: JSON
    manager: str
    subresource: str = ""
    is_forced: bool = False


def server_side_apply(
    registry: Registry, configuration: Configuration, now: float, *, dry_run: bool = False
) -> tuple[JSON, bool]:
    """Apply a configuration at ``now`` (seconds since the epoch); return the object, and whether it is new.

    StatusError 409 has a cause for every field that another manager owns with another value. Other StatusErrors tell
    faults of the configuration, or are the registry's. After an error nothing has changed.
    """
    resource, key, subresource = configuration.resource, configuration.key, configuration.subresource
    check_config(resource, key, configuration.body)
    config = _identified(configuration)
    stored = registry.store.find(resource, key)
    live = None if stored is None else as_seen(resource, stored)
    if live is None and subresource:
        raise NotFound(resource, key.name)
    if live is None and config["metadata"].get("uid"):
        raise uid_mismatch(resource, key, config["metadata"]["uid"])
    applied = _applied(configuration, live, config, format_time(now))
    if live is None:
        return registry.create(resource, applied, dry_run=dry_run), True
    if subresource in kind_of(resource).parts:
        return registry.update_part(resource, subresource, applied, dry_run=dry_run), False
    if subresource != "status":
        return registry.update(resource, applied, dry_run=dry_run), False
    return registry.update_status(resource, applied, dry_run=dry_run, metadata=applied["metadata"]), False


def _identified(configuration: Configuration) -> JSON:
    """Return the configuration with the name and namespace of its path."""
    body, key = configuration.body, configuration.key
    metadata = {**metadata_of(body), "name": key.name}
    if configuration.resource.namespaced:
        metadata["namespace"] = key.namespace
    return {**body, "metadata": metadata}


def _applied(configuration: Configuration, live: JSON | None, config: JSON, time: str) -> JSON:
    """Return the object to be written; StatusError for conflicts."""
    resource, manager, subresource = configuration.resource, configuration.manager, configuration.subresource
    stored = {} if live is None else live
    before = tracked(resource, stored, subresource)
    change = Change(manager_key(resource, APPLY, manager, subresource), time)
    managers = _managers_before(resource, live, time)
    outcome = apply_config(root_atom(resource), before, tracked(resource, config, subresource), managers, change)
    conflicts = [] if configuration.is_forced else outcome.conflicts
    if conflicts and manager == KUBECTL:
        allowed = _applied_client_side(resource, stored)
        conflicts = [(each, path) for each, path in conflicts if path not in allowed]
    if conflicts:
        raise apply_conflict(resource, conflicts)
    new = _assembled(stored, before, outcome.object, config)
    if manager == KUBECTL and not subresource:
        new = _with_last_applied(new, config)
    entries = write_managers(resource, outcome.managers)
    known = stored.get("metadata", {}).get("managedFields", [])
    return with_managed_fields(new, known if _without_times(known) == _without_times(entries) else entries)


def _managers_before(resource: Resource, live: JSON | None, time: str) -> Managers:
    """Return the managers of an object; all fields of an untracked one get the manager ``before-first-apply``."""
    if live is None:
        return {}
    managers = read_managers(resource, live)
    if managers:
        return managers
    first = Change(manager_key(resource, UPDATE, BEFORE_FIRST_APPLY, ""), time)
    return updated_managers({}, compare(root_atom(resource), {}, tracked(resource, live, "")), first)


def _assembled(live: JSON, before: JSON, merged: JSON, config: JSON) -> JSON:
    """Return the whole object: ``merged`` in place of ``before``, with the identity that the configuration states."""
    identity = ("name", "namespace", "uid", "resourceVersion")
    stated = {name: config["metadata"][name] for name in identity if config["metadata"].get(name)}
    owned = before.get("metadata", {})
    metadata = {name: value for name, value in live.get("metadata", {}).items() if name not in owned}
    head = {
        "apiVersion": config["apiVersion"],
        "kind": config["kind"],
        "metadata": {**metadata, **metadata_of(merged), **stated},
    }
    rest = {name: value for name, value in live.items() if name not in before}
    return {**head, **rest, **merged, **head}


def _without_times(entries: list[JSON]) -> list[JSON]:
    """Return the entries without their times, in an order that does not depend on the times."""
    bare = [{name: value for name, value in each.items() if name != "time"} for each in entries]
    return sorted(bare, key=lambda each: [str(each.get(name)) for name in ("operation", "manager", "subresource")])


def _applied_client_side(resource: Resource, live: JSON) -> FieldSet:
    """Return the fields that client-side apply has set and that still have its values (lastappliedmanager.go)."""
    try:
        applied = json.loads(annotations_of(live).get(LAST_APPLIED, ""))
        if not isinstance(applied, dict) or applied.get("apiVersion") != resource.api_version:
            return frozenset()
        atom, stated = root_atom(resource), tracked(resource, applied, "")
        changes = compare(atom, stated, tracked(resource, live, ""))
        return field_set(atom, stated) - changes.taken - changes.removed
    except (ValueError, RecursionError):
        return frozenset()


def _with_last_applied(obj: JSON, config: JSON) -> JSON:
    """Return the object with the configuration in the last-applied annotation, if it has one (lastappliedupdater.go).

    So that client-side apply can be used again.
    """
    if not annotations_of(obj).get(LAST_APPLIED):
        return obj
    metadata = {name: value for name, value in config["metadata"].items() if name != "annotations"}
    annotations = {name: value for name, value in annotations_of(config).items() if name != LAST_APPLIED}
    applied = {**config, "metadata": {**metadata, "annotations": annotations} if annotations else metadata}
    text = write_sorted_json(applied) + "\n"
    return {**obj, "metadata": {**obj["metadata"], "annotations": {**annotations_of(obj), LAST_APPLIED: text}}}
