"""The way from client-side to server-side apply: the annotation that ``kubectl apply`` kept, and keeps. Pure.

kubectl alone may take over, without a conflict, what it set itself and nobody has changed since; and the annotation
follows what it applies, so that it can go back. Follows apimachinery ``lastappliedmanager.go`` and
``lastappliedupdater.go``.
"""

from __future__ import annotations

import json

from kubeapi.meta import JSON, annotations_of
from kubeapi.registry.registry import LAST_APPLIED
from kubeapi.scheme import Resource
from kubeapiserver.apply.fieldpath import FieldSet
from kubeapiserver.apply.managedfields import root_atom, tracked
from kubeapiserver.apply.typed import compare, field_set

KUBECTL = "kubectl"
"""The manager for which all of this is."""


def applied_client_side(resource: Resource, live: JSON) -> FieldSet:
    """Return the fields that client-side apply set and that still are as it set them."""
    try:
        applied = json.loads(annotations_of(live).get(LAST_APPLIED, ""))
        if not isinstance(applied, dict) or applied.get("apiVersion") != resource.api_version:
            return frozenset()
        atom, stated = root_atom(resource), tracked(applied, "")
        changes = compare(atom, stated, tracked(live, ""))
        return field_set(atom, stated) - changes.taken - changes.removed
    except (ValueError, RecursionError):
        return frozenset()


def with_last_applied(obj: JSON, config: JSON) -> JSON:
    """Return the object with the configuration in the annotation, if it has that."""
    if not annotations_of(obj).get(LAST_APPLIED):
        return obj
    metadata = {name: value for name, value in config["metadata"].items() if name != "annotations"}
    annotations = {name: value for name, value in annotations_of(config).items() if name != LAST_APPLIED}
    applied = {**config, "metadata": {**metadata, "annotations": annotations} if annotations else metadata}
    text = json.dumps(applied, separators=(",", ":"), sort_keys=True, ensure_ascii=False) + "\n"
    return {**obj, "metadata": {**obj["metadata"], "annotations": {**annotations_of(obj), LAST_APPLIED: text}}}
