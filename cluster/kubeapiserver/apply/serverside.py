"""Server-side apply: a manager states the fields that it cares for, and gets exactly those, or a conflict.

What a manager stated before and states no longer is removed, unless somebody else owns it. Follows apimachinery
``util/managedfields/internal`` and apiserver ``pkg/endpoints/handlers/patch.go`` (applyPatcher). Pure.
"""

from __future__ import annotations

from collections.abc import Callable

from kubeapi.meta import JSON, ObjectKey, format_time
from kubeapi.registry import Registry
from kubeapi.registry.podparts import POD_PARTS
from kubeapi.scheme import Resource
from kubeapi.status import NotFound
from kubeapiserver.apply.errors import apply_conflict, check_config, uid_mismatch
from kubeapiserver.apply.lastapplied import KUBECTL, applied_client_side, with_last_applied
from kubeapiserver.apply.managedfields import (
    APPLY,
    UPDATE,
    Managers,
    manager_key,
    read_managers,
    root_atom,
    tracked,
    updated_managers,
    with_managed_fields,
    write_managers,
)
from kubeapiserver.apply.typed import compare
from kubeapiserver.apply.update import apply_config

BEFORE_FIRST_APPLY = "before-first-apply"
"""The manager of what was there before anybody applied and was tracked by nobody."""


def server_side_apply(
    registry: Registry,
    resource: Resource,
    key: ObjectKey,
    body: JSON,
    manager: str,
    force: bool,
    dry_run: bool,
    subresource: str = "",
    *,
    clock: Callable[[], float],
) -> tuple[JSON, bool]:
    """Apply a configuration on behalf of ``manager``; return the object, and whether it is new.

    StatusError 409 with a cause for every field that another manager owns with another value, unless ``force`` takes
    it over; whatever else the configuration or the registry has against it. Nothing has changed then. ``subresource``
    is "" for the object itself, or a part of it (``status``, ``scale``) that is written in its place.
    """
    check_config(resource, key, body)
    config = {**body, "metadata": {**(body.get("metadata") or {}), "name": key.name}}
    if resource.namespaced:
        config["metadata"]["namespace"] = key.namespace
    live = registry.store.find(resource, key)
    if live is None and subresource:
        raise NotFound(resource, key.name)
    if live is None and config["metadata"].get("uid"):
        raise uid_mismatch(resource, key, config["metadata"]["uid"])
    applied = _applied(resource, live, config, manager, subresource, force, format_time(clock()))
    if live is None:
        return registry.create(resource, applied, dry_run=dry_run), True
    if subresource in POD_PARTS:
        return registry.update_pod_part(subresource, applied, dry_run=dry_run), False
    if subresource != "status":
        return registry.update(resource, applied, dry_run=dry_run), False
    return registry.update_status(resource, applied, dry_run=dry_run, metadata=applied["metadata"]), False


def _applied(
    resource: Resource, live: JSON | None, config: JSON, manager: str, subresource: str, force: bool, time: str
) -> JSON:
    """Return the object to be written; StatusError for conflicts."""
    stored = live or {}
    before = tracked(stored, subresource)
    key = manager_key(resource, APPLY, manager, subresource)
    managers = _managers_before(resource, live, time)
    outcome = apply_config(root_atom(resource), before, tracked(config, subresource), managers, key, time)
    conflicts = [] if force else outcome.conflicts
    if conflicts and manager == KUBECTL:
        allowed = applied_client_side(resource, stored)
        conflicts = [(each, path) for each, path in conflicts if path not in allowed]
    if conflicts:
        raise apply_conflict(resource, conflicts)
    new = _assembled(stored, before, outcome.object, config)
    if manager == KUBECTL and not subresource:
        new = with_last_applied(new, config)
    entries = write_managers(resource, outcome.managers)
    known = stored.get("metadata", {}).get("managedFields", [])
    return with_managed_fields(new, known if _without_times(known) == _without_times(entries) else entries)


def _managers_before(resource: Resource, live: JSON | None, time: str) -> Managers:
    """Return the managers of an object; what nobody tracked so far gets one."""
    managers = read_managers(resource, live or {})
    if live is None or managers:
        return managers
    first = manager_key(resource, UPDATE, BEFORE_FIRST_APPLY, "")
    return updated_managers({}, compare(root_atom(resource), {}, tracked(live, "")), first, time)


def _assembled(live: JSON, before: JSON, merged: JSON, config: JSON) -> JSON:
    """Return the whole object: ``merged`` in place of ``before``, and what the configuration says of its identity."""
    identity = ("name", "namespace", "uid", "resourceVersion")
    stated = {name: config["metadata"][name] for name in identity if config["metadata"].get(name)}
    owned = before.get("metadata", {})
    metadata = {name: value for name, value in live.get("metadata", {}).items() if name not in owned}
    head = {
        "apiVersion": config["apiVersion"],
        "kind": config["kind"],
        "metadata": {**metadata, **(merged.get("metadata") or {}), **stated},
    }
    rest = {name: value for name, value in live.items() if name not in before}
    return {**head, **rest, **merged, **head}


def _without_times(entries: list[JSON]) -> list[JSON]:
    """Return entries for a comparison that a change of time alone does not count in (nor their order by it)."""
    bare = [{name: value for name, value in each.items() if name != "time"} for each in entries]
    return sorted(bare, key=lambda each: [str(each.get(name)) for name in ("operation", "manager", "subresource")])
