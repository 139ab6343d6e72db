"""Decode objects of every kind: by the structs of Kubernetes' types, or by the schema of a custom resource. Pure.

The decoded custom resource has typed metadata and no unknown fields. Other wrong types are found by validation, as in
apiextensions-apiserver ``apiserver/customresource_handler.go`` (unstructuredSchemaCoercer).
"""

from __future__ import annotations

from typing import Any

from kubeapi.customresources.resource import CustomResource
from kubeapi.customresources.schema.pruning import coerce_embedded, drop_nulls, prune
from kubeapi.customresources.schema.values import plain
from kubeapi.meta import JSON
from kubeapi.scheme import Resource
from kubeapi.serialization.decoding import (
    TYPE_INVALID,
    UNKNOWN_FIELD,
    Decoded,
    decode,
    decode_struct,
)
from kubeapi.serialization.gojson import go_kind
from kubeapi.serialization.repetition import repeated_keys
from kubeapi.status import FieldError

_OBJECT_META = "apis.meta.v1.ObjectMeta"
_AS_FIELD = "Go struct field .metadata of type v1."


def decode_object(resource: Resource, obj: object) -> Decoded:
    """Return a typed copy of an object, and the faults of what it has lost."""
    if not isinstance(resource, CustomResource):
        return decode(resource, obj)
    if not isinstance(obj, dict):
        message = f"json: cannot unmarshal {go_kind(obj)} into Go value of type map[string]interface {{}}"
        return Decoded({}, [], [FieldError(TYPE_INVALID, "", message)])
    repeated, result = repeated_keys(obj), plain(obj)
    metadata = _decode_metadata(result.get("metadata") or {})
    result["metadata"] = metadata.object
    unknown, schema = [each.field for each in metadata.unknown], resource.definition.schema
    mistyped = metadata.mistyped
    unknown += prune(result, schema)
    drop_nulls(result, schema)
    unknown += coerce_embedded({**result, "metadata": None}, schema, _read_embedded(mistyped))
    unknown_fields = [FieldError(UNKNOWN_FIELD, each, f'unknown field "{each}"') for each in unknown]
    return Decoded(result, [*repeated, *unknown_fields], mistyped)


def _decode_metadata(value: object) -> Decoded:
    """Decode the metadata; its faults read as those of an object of its own."""
    found = decode_struct(_OBJECT_META, value, "metadata")
    mistyped = [
        each._replace(message=each.message.replace(".metadata.", ".", 1).replace(_AS_FIELD, "Go value of type v1."))
        for each in found.mistyped
    ]
    return found._replace(mistyped=mistyped)


def _read_embedded(mistyped: list[FieldError]) -> Any:
    def read(metadata: Any, path: str) -> tuple[JSON, list[str]]:
        decoded = decode_struct(_OBJECT_META, metadata, path)
        mistyped.extend(decoded.mistyped)
        return decoded.object, [each.field for each in decoded.unknown]

    return read
