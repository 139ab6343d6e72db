"""Server-side apply: a manager states the fields that it cares for, and gets exactly those, or a conflict.

What a manager stated before and states no longer is removed, unless somebody else owns it. Follows
structured-merge-diff ``merge/update.go`` and apimachinery ``util/managedfields/internal``; the texts are theirs. Pure.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from kubeapi.meta import JSON, ObjectKey, annotations_of, copy_object, format_time
from kubeapi.registry import Registry
from kubeapi.registry.registry import LAST_APPLIED
from kubeapi.scheme import Resource
from kubeapi.status import FieldError, StatusError
from kubeapiserver.fieldpath import FieldSet, Path, in_order, path_text
from kubeapiserver.managedfields import (
    APPLY,
    UPDATE,
    Entry,
    ManagerKey,
    Managers,
    disowned,
    manager_key,
    read_managers,
    root_atom,
    tracked,
    updated_managers,
    with_managed_fields,
    write_managers,
)
from kubeapiserver.typedfaults import typed_faults
from kubeapiserver.typedmerge import merge, remove, with_named_parents
from kubeapiserver.typedvalue import Atom, compare, field_set

BEFORE_FIRST_APPLY = "before-first-apply"
"""The manager of what was there before anybody applied and was tracked by nobody."""

_KUBECTL = "kubectl"
"""The manager that may take over what ``kubectl apply`` without --server-side has set."""

Conflicts = list[tuple[ManagerKey, Path]]


def server_side_apply(
    registry: Registry,
    resource: Resource,
    key: ObjectKey,
    body: JSON,
    manager: str,
    force: bool,
    dry_run: bool,
    *,
    clock: Callable[[], float],
) -> tuple[JSON, bool]:
    """Apply a configuration on behalf of ``manager``; return the object, and whether it is new.

    StatusError 409 with a cause for every field that another manager owns with another value, unless ``force`` takes
    it over; whatever else the configuration or the registry has against it. Nothing has changed then.
    """
    config = _checked(resource, key, body)
    live = registry.store.find(resource, key)
    if live is None and config["metadata"].get("uid"):
        raise _uid_mismatch(resource, key, config["metadata"]["uid"])
    applied = _Applying(resource, manager, clock()).apply(live, config, force)
    if live is None:
        return registry.create(resource, applied, dry_run=dry_run), True
    return registry.update(resource, applied, dry_run=dry_run), False


@dataclass(frozen=True, slots=True)
class _Outcome:
    """What an apply makes of an object. ``object`` is the tracked part."""

    object: JSON
    managers: Managers
    conflicts: Conflicts


class _Applying:
    """One request to apply."""

    def __init__(self, resource: Resource, manager: str, now: float) -> None:
        self._resource = resource
        self._atom = root_atom(resource)
        self._manager = manager
        self._time = format_time(now)

    def apply(self, live: JSON | None, config: JSON, force: bool) -> JSON:
        """Return the object to be written; StatusError for conflicts."""
        before = tracked(live or {}, "")
        managers = read_managers(self._resource, live or {})
        if live is not None and not managers:
            first = manager_key(self._resource, UPDATE, BEFORE_FIRST_APPLY, "")
            managers = updated_managers({}, compare(self._atom, {}, before), first, self._time)
        outcome = self._merged(before, tracked(config, ""), managers)
        conflicts = [] if force else self._remaining(outcome.conflicts, live or {}, before)
        if conflicts:
            raise _conflict(self._resource, conflicts)
        new = _assembled(live or {}, outcome.object, config)
        if self._manager == _KUBECTL and annotations_of(new).get(LAST_APPLIED):
            new = _with_last_applied(new, config)
        entries = write_managers(self._resource, outcome.managers)
        stored = (live or {}).get("metadata", {}).get("managedFields")
        return with_managed_fields(new, stored if stored and _timeless(stored) == _timeless(entries) else entries)

    def _merged(self, live: JSON, config: JSON, managers: Managers) -> _Outcome:
        """Lay the configuration over the live object, take out what it no longer has, and see whose fields changed."""
        key = manager_key(self._resource, APPLY, self._manager, "")
        last = managers.get(key)
        fields = field_set(self._atom, config)
        others = {each: entry for each, entry in managers.items() if each != key}
        merged = merge(self._atom, live, config)
        if last is not None and last.fields - fields:
            merged = self._pruned(merged, last.fields, fields.union(*(each.fields for each in others.values()))) or {}
        changes = compare(self._atom, live, merged)
        conflicts = [(each, path) for each in sorted(others) for path in in_order(others[each].fields & changes.taken)]
        time = self._time if changes else last.time if last is not None else ""
        own: Managers = {key: Entry(fields, time)} if fields else {}
        return _Outcome(merged, disowned(others, changes.taken | changes.removed) | own, conflicts)

    def _pruned(self, merged: JSON, last: FieldSet, owned: FieldSet) -> Any:
        """Return the object without what only this manager had applied before (merge/update.go prune)."""
        atom = self._atom
        everything, before = _named(atom, field_set(atom, merged)), _named(atom, last)
        left = _named(atom, field_set(atom, remove(atom, merged, before)))
        pruned = remove(atom, merged, everything - (left | _named(atom, owned)))
        kept = _named(atom, field_set(atom, pruned))
        return remove(atom, merged, (everything - kept) & before)

    def _remaining(self, conflicts: Conflicts, live: JSON, before: JSON) -> Conflicts:
        """Return the conflicts that are not merely kubectl's with what it applied itself from the client's side."""
        annotation = annotations_of(live).get(LAST_APPLIED) if live and self._manager == _KUBECTL else ""
        if not annotation or not conflicts:
            return conflicts
        try:
            last_applied = json.loads(annotation)
        except (ValueError, RecursionError):
            return conflicts
        if not isinstance(last_applied, dict) or last_applied.get("apiVersion") != self._resource.api_version:
            return conflicts
        was_applied = tracked(last_applied, "")
        changes = compare(self._atom, was_applied, before)
        allowed = field_set(self._atom, was_applied) - changes.taken - changes.removed
        return [(manager, path) for manager, path in conflicts if path not in allowed]


def _named(atom: Atom, fields: FieldSet) -> FieldSet:
    return with_named_parents(atom, fields)


def _checked(resource: Resource, key: ObjectKey, body: JSON) -> JSON:
    """Return the configuration with the name and namespace of its URL; StatusError if it cannot be applied there."""
    api_version, kind = body.get("apiVersion") or "", body.get("kind") or ""
    if (api_version, kind) != (resource.api_version, resource.kind):
        version = api_version if "/" in str(api_version) else f"/{api_version}"
        raise _bad_request(f"invalid object type: {version}, Kind={kind}")
    faults = typed_faults(root_atom(resource), body)
    if faults:
        detail = faults[0] if len(faults) == 1 else "\n  ".join(("errors:", *faults))
        identity = f"{key.namespace}/{key.name}; {'' if '/' in api_version else '/'}{api_version}, Kind={kind}"
        raise StatusError(500, "", f"failed to create typed patch object ({identity}): {detail}")
    metadata = body.get("metadata") or {}
    if metadata.get("managedFields") is not None:
        raise _bad_request("metadata.managedFields must be nil")
    stated = metadata.get("name") or key.name
    if stated != key.name:
        raise _bad_request(f"the name of the object ({stated}) does not match the name on the URL ({key.name})")
    named = {"name": key.name} | ({"namespace": key.namespace} if resource.namespaced else {})
    if metadata.get("namespace", key.namespace) != key.namespace:
        raise _bad_request("the namespace of the provided object does not match the namespace sent on the request")
    return {**copy_object(body), "metadata": {**copy_object(metadata), **named}}


def _assembled(live: JSON, merged: JSON, config: JSON) -> JSON:
    """Return the whole object: what nobody owns as it is, and what the configuration says of uid and version."""
    stated = {name: config["metadata"][name] for name in ("uid", "resourceVersion") if config["metadata"].get(name)}
    untracked = {name: value for name, value in live.get("metadata", {}).items() if name not in tracked_metadata(live)}
    metadata = {**untracked, **(merged.get("metadata") or {}), **stated}
    names = {name: config["metadata"][name] for name in ("name", "namespace") if name in config["metadata"]}
    head = {"apiVersion": config["apiVersion"], "kind": config["kind"], "metadata": {**metadata, **names}}
    status = {"status": live["status"]} if "status" in live else {}
    return {**head, **merged, **status, **head}


def tracked_metadata(obj: JSON) -> JSON:
    """Return the part of the metadata that can be owned."""
    metadata: JSON = tracked(obj, "").get("metadata", {})
    return metadata


def _with_last_applied(obj: JSON, config: JSON) -> JSON:
    """Return the object with the annotation by which client-side apply would go on from here."""
    metadata = {name: value for name, value in config["metadata"].items() if name != "annotations"}
    annotations = {name: value for name, value in annotations_of(config).items() if name != LAST_APPLIED}
    applied = {**config, "metadata": {**metadata, "annotations": annotations} if annotations else metadata}
    text = json.dumps(applied, separators=(",", ":"), sort_keys=True, ensure_ascii=False) + "\n"
    return {**obj, "metadata": {**obj["metadata"], "annotations": {**annotations_of(obj), LAST_APPLIED: text}}}


def _timeless(entries: list[JSON]) -> list[JSON]:
    return sorted(
        ({name: value for name, value in each.items() if name != "time"} for each in entries),
        key=lambda each: [str(each.get(name)) for name in ("operation", "manager", "subresource")],
    )


def _bad_request(message: str) -> StatusError:
    return StatusError(400, "BadRequest", message)


def _uid_mismatch(resource: Resource, key: ObjectKey, uid: str) -> StatusError:
    detail = f"uid mismatch: the provided object specified uid {uid}, and no existing object was found"
    message = f'Operation cannot be fulfilled on {resource.qualified} "{key.name}": {detail}'
    return StatusError(409, "Conflict", message, (), resource.plural, resource.group, key.name)


def _conflict(resource: Resource, conflicts: Conflicts) -> StatusError:
    """Return the refusal that names every field and whose it is (conflict.go)."""
    causes = tuple(
        FieldError("FieldManagerConflict", path_text(path), f"conflict with {_owner(resource, manager)}")
        for manager, path in conflicts
    )
    if len(causes) == 1:
        return StatusError(
            409, "Conflict", f"Apply failed with 1 conflict: {causes[0].message}: {causes[0].field}", causes
        )
    lines = []
    for manager in dict.fromkeys(manager for manager, _ in conflicts):
        lines.append(f"conflicts with {_owner(resource, manager)}:")
        lines.extend(f"- {path_text(path)}" for each, path in conflicts if each == manager)
    text = "\n".join(lines)
    return StatusError(409, "Conflict", f"Apply failed with {len(conflicts)} conflicts: {text}", causes)


def _owner(resource: Resource, key: ManagerKey) -> str:
    """Return a manager as messages name it (printManager)."""
    name = json.dumps(key.manager, ensure_ascii=False)
    if key.subresource:
        name = f'{name} with subresource "{key.subresource}"'
    return f"{name} using {resource.api_version}" if key.operation == UPDATE else name
