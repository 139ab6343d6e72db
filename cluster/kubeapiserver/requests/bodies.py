"""Request bodies of every media type, read to JSON and to typed objects. Pure.

Messages follow apimachinery ``pkg/runtime/serializer``.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from kubeapi.customresources.decoding import decode_object
from kubeapi.customresources.resource import CustomResource
from kubeapi.kinds import resource_for
from kubeapi.meta import JSON
from kubeapi.scheme import Resource
from kubeapi.serialization.gojson import RepeatedKeys, read_json
from kubeapi.status import BadRequest
from kubeapi.validation.faults import invalid
from kubeapiserver.errors import BODY_LIMIT, BadInput, InvalidInput, TooLarge, UnsupportedMedia
from kubeapiserver.messages import JSON_TYPE, PROTOBUF_TYPE, YAML_TYPE, Request
from kubeapiserver.protobuf.decoding import decode as read_protobuf
from kubeapiserver.requests.options import Validation
from kubemanifest.reading import read_text
from kubemanifest.yamltext.building import KEY_IS_SET


def _read_yaml(body: bytes) -> Any:
    """Return the value of a body that is one YAML document, with repeated keys recorded; ValueError otherwise."""
    trees, faults, warnings = read_text(body.decode(), "the body")
    if faults:
        raise ValueError(faults[0].message)
    if len(trees) != 1:
        message = f"want one document, found {len(trees)}"
        raise ValueError(message)
    value = trees[0].value
    repeated = [f"\n  line {each.line}: {each.message}" for each in warnings if each.message.endswith(KEY_IS_SET)]
    if repeated and isinstance(value, dict):
        value = RepeatedKeys(value)
        value.message = f"yaml: unmarshal errors:{''.join(repeated)}"
    return value


_READERS: dict[str, Callable[[bytes], Any]] = {
    JSON_TYPE: read_json,
    YAML_TYPE: _read_yaml,
    PROTOBUF_TYPE: read_protobuf,
}
"""The reader of each media type; ValueError for a body that it cannot read."""


_SHOWN = 30
"""How much of a body that has no kind is shown in the error."""


class TypedBody(NamedTuple):
    """An object read by its schema, to be changed in place, and warnings of fields that the schema does not have."""

    object: JSON
    warnings: list[str]


def read_typed(request: Request, resource: Resource, validation: Validation) -> TypedBody:
    """Return the body as an object of a resource; BadRequest for wrong types, or for unknown fields if strict."""
    raw = read_object(request, resource)
    decoded = decode_object(resource, raw)
    if decoded.mistyped:
        raise BadRequest(resource, decoded.told, tuple(decoded.mistyped))
    obj = with_reset(decoded.object, raw)
    if validation == "Ignore" or request.media_type == PROTOBUF_TYPE:  # protobuf cannot have unknown fields
        return TypedBody(obj, [])
    unknown = [each.message for each in decoded.unknown]
    if unknown and validation == "Strict":
        raise BadRequest(resource, f"strict decoding error: {', '.join(unknown)}")
    return TypedBody(obj, unknown)


def with_reset(obj: JSON, raw: JSON) -> JSON:
    """Return a decoded object with the empty managedFields of the raw one, which forget all managers."""
    metadata = raw.get("metadata")
    if isinstance(metadata, dict) and metadata.get("managedFields") == []:
        obj["metadata"]["managedFields"] = []  # decoding omits empty lists
    return obj


def read_object(request: Request, resource: Resource) -> JSON:
    """Return the JSON object in the body; BadInput if it states another kind than the resource's."""
    obj = read_document(request, resource.kind)
    if isinstance(resource, CustomResource) and not obj.get("kind"):
        body = request.body.decode(errors="replace")
        shown = body if len(body) <= _SHOWN else f"{body[:_SHOWN]} ..."
        detail = f"Object 'Kind' is missing in '{body}' ({shown})"
        raise BadInput(f"the object provided is unrecognized (must be of type {resource.kind}): {detail}")
    check_stated(obj, resource)
    return obj


def read_document(request: Request, kind: str) -> JSON:
    """Return the JSON object in the body; ``kind`` is for the error message."""
    try:
        value = read_body(request, request.media_type)
    except ValueError as error:
        detail = f"couldn't get version/kind; json parse error: {error}"
        raise BadInput(f"the object provided is unrecognized (must be of type {kind}): {detail}") from None
    if not isinstance(value, dict):
        raise BadInput(
            "couldn't get version/kind; json parse error: json: cannot unmarshal"
            f" {'array' if isinstance(value, list) else 'value'} into Go value of type struct"
            ' { APIVersion string "json:\\"apiVersion,omitempty\\""; Kind string "json:\\"kind,omitempty\\"" }'
        )
    return value


def read_body(request: Request, media: str) -> Any:
    """Return the value in a body of a media type; ValueError if it cannot be read."""
    reader = _READERS.get(media)
    if reader is None:
        raise UnsupportedMedia
    if len(request.body) > BODY_LIMIT:
        raise TooLarge
    return reader(request.body)


def check_stated(obj: JSON, resource: Resource) -> None:
    """Raise StatusError for an object that states another apiVersion or kind than a resource's."""
    kind = obj.get("kind")
    if not isinstance(resource, CustomResource) or obj.get("apiVersion") != resource.api_version or not kind:
        check_kind(obj, resource.api_version, resource.kind)
    elif kind != resource.kind:  # of a custom resource this is a fault of the object
        metadata = obj.get("metadata")
        name = metadata.get("name") if isinstance(metadata, dict) else None
        fault = invalid("kind", kind, f"must be {resource.kind}")
        raise InvalidInput(str(kind), resource.group, str(name or ""), fault)


def check_kind(obj: JSON, api_version: str, kind: str) -> None:
    """Raise BadInput for an object that states another apiVersion or kind than the path has."""
    stated_version, stated_kind = obj.get("apiVersion") or api_version, obj.get("kind") or kind
    if (stated_version, stated_kind) == (api_version, kind):
        return
    version = str(stated_version).rpartition("/")[2]
    what = f'{stated_kind} in version "{version}" cannot be handled as a {kind}'
    if isinstance(stated_version, str) and isinstance(stated_kind, str) and resource_for(stated_version, stated_kind):
        package = api_version.partition("/")[0].partition(".")[0] if "/" in api_version else "core"
        detail = f"converting ({version}.{stated_kind}) to ({package}.{kind}): unknown conversion"
    elif stated_kind == kind:
        raise BadInput(
            f"the API version in the data ({stated_version}) does not match the expected API version ({api_version})"
        )
    else:
        scheme = "pkg/api/legacyscheme/scheme.go:30"
        detail = f'no kind "{stated_kind}" is registered for version "{stated_version}" in scheme "{scheme}"'
    raise BadInput(f"{what}: {detail}")
