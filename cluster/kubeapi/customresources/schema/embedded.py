"""The faults of resources inside custom resources: their kind, and their metadata. Pure.

Follows apiextensions-apiserver ``schema/objectmeta/validation.go``.
"""

from __future__ import annotations

from typing import Any

from kubeapi.customresources.schema.pruning import EMBEDDED, field_of, items_of
from kubeapi.meta import JSON
from kubeapi.validation.faults import Faults, each_invalid, invalid, required
from kubeapi.validation.metadata import validate_annotations, validate_labels
from kubeapi.validation.names import dns1035_label


def validate_embedded(value: Any, schema: JSON | None, path: str = "") -> Faults:
    """Yield the faults of all resources that a value has inside, by the schema."""
    if schema is None:
        return
    if isinstance(value, dict):
        if schema.get(EMBEDDED):
            yield from _resource_faults(value, path)
        properties = schema.get("properties", {})
        for name, each in value.items():
            below = (f"{path}.{name}" if path else name) if name in properties else f"{path}[{name}]"
            yield from validate_embedded(each, field_of(schema, name), below)
    elif isinstance(value, list):
        for index, each in enumerate(value):
            yield from validate_embedded(each, items_of(schema), f"{path}[{index}]")


def _resource_faults(value: JSON, path: str) -> Faults:
    for name in ("apiVersion", "kind"):
        where, stated = f"{path}.{name}", value.get(name)
        if name not in value:
            yield required(where)
        elif not isinstance(stated, str):
            yield invalid(where, stated, "must be a string")
        elif not stated:
            yield invalid(where, stated, "must not be empty")
        elif name == "apiVersion" and stated.count("/") > 1:
            yield invalid(where, stated, f"unexpected GroupVersion string: {stated}")
        elif name == "kind" and (faults := dns1035_label(stated.lower())):
            yield invalid(where, stated, f"may have mixed case, but should otherwise match: {','.join(faults)}")
    metadata = value.get("metadata")
    if isinstance(metadata, dict):
        for name in ("name", "generateName"):
            if stated := metadata.get(name):
                yield from each_invalid(f"{path}.metadata.{name}", stated, _segment_faults(stated))
        yield from validate_labels(metadata.get("labels", {}), f"{path}.metadata.labels")
        yield from validate_annotations(metadata.get("annotations", {}), f"{path}.metadata.annotations")


def _segment_faults(name: str) -> list[str]:
    """Return the faults of a name that must be one segment of a path (IsPathSegmentName)."""
    if name in (".", ".."):
        return [f"may not be '{name}'"]
    return [f"may not contain '{each}'" for each in ("/", "%") if each in name]
