"""Client-side apply: what ``kubectl apply`` does between a manifest and the API (k8s.io/kubectl ``pkg/cmd/apply``).

The manifest that was applied last is kept in an annotation, so that fields which others set stay, and fields which the
manifest no longer has go. Pure.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from typing import Any, Literal

from kubeapi.customresources.conversion.versions import as_comparable
from kubeapi.customresources.resource import CustomResource
from kubeapi.meta import JSON, LAST_APPLIED, ObjectKey, annotations_of, key_of
from kubeapi.patch.items import DELETE_FROM, ELEMENT_ORDER, PATCH, RETAIN_KEYS, Places
from kubeapi.patch.strategic import strategic_merge, struct_of_field
from kubeapi.registry import Registry
from kubeapi.registry.creation import read_object
from kubeapi.schema import Struct, struct_of
from kubeapi.scheme import CUSTOM_RESOURCE_DEFINITIONS, Resource
from kubeapi.serialization.gojson import write_sorted_json
from kubeapi.status import StatusError

Outcome = Literal["created", "configured", "unchanged"]


def apply(registry: Registry, resource: Resource, obj: JSON, *, dry_run: bool = False) -> tuple[JSON, Outcome]:
    """Create the object, or change the stored one as ``kubectl apply`` would; StatusError.

    CallNeeded before anything has changed, if a webhook has to review or to convert the object first.
    """
    _check_known(registry, resource)
    manifest = read_object(resource, obj)
    manifest.pop("status", None)
    keep_applied(manifest)
    stored = registry.store.find(resource, key_of(manifest)) if manifest["metadata"].get("name") else None
    if stored is None:
        # A manifest that was written by `kubectl get -o yaml` states the resourceVersion of an older object.
        manifest["metadata"].pop("resourceVersion", None)
        return registry.create_typed(resource, manifest, dry_run=dry_run), "created"
    stored = as_comparable(resource, stored)
    known = None if isinstance(resource, CustomResource) else struct_of(resource)
    patch = three_way_patch(last_applied(stored), manifest, stored, known)
    if not patch:
        return stored, "unchanged"
    new = registry.update(resource, strategic_merge(stored, patch, known), dry_run=dry_run)
    return new, "unchanged" if new == stored else "configured"


def _check_known(registry: Registry, resource: Resource) -> None:
    """Raise StatusError for a custom kind without definition: the one in its input may have been refused."""
    if not isinstance(resource, CustomResource):
        return
    if registry.store.find(CUSTOM_RESOURCE_DEFINITIONS, ObjectKey("", resource.qualified)) is None:
        message = f'no matches for kind "{resource.kind}" in version "{resource.api_version}"'
        raise StatusError(404, "NotFound", message)


def keep_applied(manifest: JSON) -> None:
    """Write into a manifest's own annotation what it says."""
    annotations = manifest["metadata"].setdefault("annotations", {})
    annotations.pop(LAST_APPLIED, None)
    annotations[LAST_APPLIED] = write_sorted_json(manifest) + "\n"


def last_applied(stored: JSON) -> JSON:
    """Return the manifest that was applied last, ``{}`` when there is none that can be read."""
    try:
        original = json.loads(annotations_of(stored).get(LAST_APPLIED, "{}"))
    except ValueError:
        return {}
    return original if isinstance(original, dict) else {}


def three_way_patch(original: JSON, modified: JSON, current: JSON, known: Struct | None) -> JSON:
    """Return the strategic merge patch that makes ``current`` match ``modified``, ``{}`` if it does already.

    What ``original`` (the manifest applied last) had and ``modified`` has no longer is deleted; what others set and
    neither mentions stays.
    """
    patch: JSON = {}
    for name, value in modified.items():
        change = _field_change(original.get(name), value, current, name, known)
        patch.update(change)
    for name in original.keys() - modified.keys():
        if name in current:
            patch[name] = None
    return patch


def _field_change(original: Any, value: Any, current: JSON, name: str, known: Struct | None) -> JSON:
    """Return the part of the patch for one field that the manifest has."""
    if name not in current:
        return {name: value}
    now = current[name]
    if isinstance(value, dict) and isinstance(now, dict):
        inner = three_way_patch(
            original if isinstance(original, dict) else {}, value, now, struct_of_field(known, name)
        )
        if inner and known is not None and name in known.retain_keys:
            inner[RETAIN_KEYS] = sorted(value)
        return {name: inner} if inner else {}
    if isinstance(value, list) and isinstance(now, list) and known is not None and name in known.merge_keys:
        key = known.merge_keys[name]
        if key:
            return _list_change(_items(original), value, now, name, known)
        return _set_change(_items(original), value, now, name)
    return {} if value == now else {name: value}


def _list_change(original: list[Any], modified: list[Any], current: list[Any], name: str, known: Struct) -> JSON:
    """Return the part of the patch for a list of objects that merges by key."""
    key, item_struct = known.merge_keys[name], struct_of_field(known, name)
    keys = [_key_of(each, key) for each in modified]
    if len(set(map(str, keys))) < len(keys) or not all(isinstance(each, dict) for each in modified):
        return {} if modified == current else {name: [*modified, {PATCH: "replace"}]}
    changes: list[JSON] = []
    stated, present, before = Places(keys), _by_key(current, key), _by_key(original, key)
    for item in modified:
        now = present(item.get(key))
        change = three_way_patch(before(item.get(key)) or {}, item, now or {}, item_struct)
        if change and name in known.retain_keys:
            change[RETAIN_KEYS] = sorted(item)
        if now is None or change:
            changes.append({**change, key: item.get(key)})
    gone = [_key_of(each, key) for each in original if _key_of(each, key) not in stated]
    changes.extend({PATCH: "delete", key: each} for each in gone if present(each) is not None)
    is_in_order = [each for each in (_key_of(item, key) for item in current) if each in stated] == keys
    if not changes and is_in_order:
        return {}
    order = {f"{ELEMENT_ORDER}{name}": [{key: each} for each in keys]}
    return {**order, name: changes} if changes else order


def _set_change(original: list[Any], modified: list[Any], current: list[Any], name: str) -> JSON:
    """Return the part of the patch for a list that is a set of scalars."""
    present, stated = Places(current), Places(modified)
    added = [each for each in modified if each not in present]
    gone = [each for each in original if each not in stated and each in present]
    return {**({name: added} if added else {}), **({f"{DELETE_FROM}{name}": gone} if gone else {})}


def _by_key(items: Iterable[Any], key: str) -> Callable[[Any], JSON | None]:
    """Return what finds the first item with a key."""
    maps = [each for each in items if isinstance(each, dict)]
    places = Places(each.get(key) for each in maps)

    def find(value: Any) -> JSON | None:
        place = places.find(value)
        return None if place is None else maps[place]

    return find


def _key_of(item: Any, key: str) -> Any:
    return item.get(key) if key and isinstance(item, dict) else item


def _items(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []
