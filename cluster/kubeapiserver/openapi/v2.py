"""The OpenAPI v2 document, as JSON and in gnostic's protobuf form. Pure.

kubectl up to 1.28 validates and explains with it. Of the paths it has only what kubectl looks for: that a PATCH has the
parameter ``fieldValidation``. Field numbers are those of google/gnostic-models ``openapiv2/OpenAPIv2.proto``.
"""

from __future__ import annotations

import hashlib
import json
from functools import cache
from typing import Any

from kubeapi.kinds import SERVED_RESOURCES
from kubeapi.meta import JSON
from kubeapi.schema import definitions
from kubeapi.scheme import Resource

V2_FAMILY = "application/com.github.proto-openapi.spec.v2"
"""The media type that clients ask for, followed by ``@v1.0+protobuf``."""

V2_TYPE = f"{V2_FAMILY}.v1.0+protobuf"
"""The media type of the answer: clients refuse an @ in it (kube-openapi ``pkg/handler``)."""

_PATCH_PARAMETERS = ("dryRun", "fieldManager", "fieldValidation", "force")
_GROUP_VERSION_KIND = "x-kubernetes-group-version-kind"
_SPECIAL = {
    "io.k8s.apimachinery.pkg.util.intstr.IntOrString": {"type": "string", "format": "int-or-string"},
    "io.k8s.apimachinery.pkg.api.resource.Quantity": {"type": "string"},
}
"""Schemas that need another form in v2."""

_SELF_DESCRIBING = frozenset(("apiVersion", "kind"))


@cache
def v2_document() -> tuple[bytes, str]:
    """Return the document and its hash; building it takes some ten milliseconds."""
    info = _text(1, "Kubernetes") + _text(2, "v1.37.0")
    paths = b"".join(_message(2, _named(_path(each), _message(8, _patch_operation(each)))) for each in SERVED_RESOURCES)
    schemas = b"".join(
        _message(1, _named(name, _schema(_SPECIAL.get(name, schema)))) for name, schema in definitions().items()
    )
    document = _text(1, "2.0") + _message(2, info) + _message(8, paths) + _message(9, schemas)
    return document, hashlib.sha512(document).hexdigest().upper()


@cache
def v2_json() -> tuple[bytes, str]:
    """Return the document as JSON and its hash; building it takes some ten milliseconds."""
    parameters = [{"name": each, "in": "query", "type": "string", "uniqueItems": True} for each in _PATCH_PARAMETERS]
    paths = {
        _path(each): {
            "patch": {
                "parameters": parameters,
                "responses": {"200": {"description": "OK"}},
                _GROUP_VERSION_KIND: {"group": each.group, "kind": each.kind, "version": each.version},
            }
        }
        for each in SERVED_RESOURCES
    }
    schemas = json.dumps({name: _SPECIAL.get(name, schema) for name, schema in definitions().items()})
    document: JSON = {"swagger": "2.0", "info": {"title": "Kubernetes", "version": "v1.37.0"}, "paths": paths}
    body = json.dumps({**document, "definitions": json.loads(schemas.replace("#/$defs/", "#/definitions/"))}).encode()
    return body, hashlib.sha512(body).hexdigest().upper()


def _path(resource: Resource) -> str:
    root = "apis" if resource.group else "api"
    scope = "/namespaces/{namespace}" if resource.namespaced else ""
    return f"/{root}/{resource.api_version}{scope}/{resource.plural}/{{name}}"


def _patch_operation(resource: Resource) -> bytes:
    """Return the one operation in which kubectl looks for ``fieldValidation``."""
    identity = {"group": resource.group, "kind": resource.kind, "version": resource.version}
    parameters = b"".join(_message(8, _query_parameter(each)) for each in _PATCH_PARAMETERS)
    return parameters + _message(13, _extension(_GROUP_VERSION_KIND, identity))


def _query_parameter(name: str) -> bytes:
    """Return a ParametersItem: a Parameter that is a NonBodyParameter that is in the query."""
    parameter = _text(2, "query") + _text(4, name) + _text(6, "string")
    return _message(1, _message(2, _message(3, parameter)))


def _schema(schema: JSON) -> bytes:
    if "$ref" in schema:
        reference = _text(1, "#/definitions/" + schema["$ref"].rpartition("/")[2])
        return reference + _text(4, schema.get("description", ""))
    declared = schema.get("type", "object")
    parts = [
        _text(2, schema.get("format", "")),
        _text(4, schema.get("description", "")),
        *(_text(19, each) for each in schema.get("required", ()) if each not in _SELF_DESCRIBING),
        _message(22, _text(1, declared if isinstance(declared, str) else declared[0])),
    ]
    if "additionalProperties" in schema:
        parts.append(_message(21, _message(1, _schema(schema["additionalProperties"]))))
    if "items" in schema:
        parts.append(_message(23, _message(1, _schema(schema["items"]))))
    if "properties" in schema:
        properties = (_message(1, _named(name, _schema(each))) for name, each in schema["properties"].items())
        parts.append(_message(25, b"".join(properties)))
    parts.extend(_message(31, _extension(name, each)) for name, each in schema.items() if name.startswith("x-"))
    return b"".join(parts)


def _extension(name: str, value: Any) -> bytes:
    """Return a NamedAny; its value is YAML, which JSON is too."""
    return _named(name, _text(2, json.dumps(value) + "\n"))


def _named(name: str, value: bytes) -> bytes:
    return _text(1, name) + _message(2, value)


def _text(number: int, text: str) -> bytes:
    """Return a string field; an empty one is left out."""
    return _message(number, text.encode()) if text else b""


def _message(number: int, content: bytes) -> bytes:
    return _varint(number << 3 | 2) + _varint(len(content)) + content


def _varint(value: int) -> bytes:
    groups = bytearray()
    while value > 0x7F:
        groups.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes((*groups, value))
