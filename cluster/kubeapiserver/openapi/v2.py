"""The OpenAPI v2 document, as JSON and in gnostic's protobuf form. Pure.

kubectl up to 1.28 validates and explains with it. Of the paths it has only what kubectl looks for: that a PATCH has the
parameter ``fieldValidation``. Field numbers are those of google/gnostic-models ``openapiv2/OpenAPIv2.proto``.
"""

from __future__ import annotations

import hashlib
import json
from functools import cache, lru_cache
from typing import Any

from kubeapi.extensions.apis import Swagger
from kubeapi.kinds import SERVED_RESOURCES
from kubeapi.meta import JSON
from kubeapi.schema import definitions
from kubeapi.scheme import Resource
from kubeapiserver.openapi.custom import Custom, custom_schemas
from kubeapiserver.protobuf.wireformat import message, varint

V2_FAMILY = "application/com.github.proto-openapi.spec.v2"
"""The media type that clients ask for, followed by ``@v1.0+protobuf``."""

V2_TYPE = f"{V2_FAMILY}.v1.0+protobuf"
"""The media type of the answer: clients refuse an @ in it (kube-openapi ``pkg/handler``)."""

_VERSION = "v1.37.0"
_PATCH_PARAMETERS = ("dryRun", "fieldManager", "fieldValidation", "force")
_GROUP_VERSION_KIND = "x-kubernetes-group-version-kind"
_SPECIAL = {
    "io.k8s.apimachinery.pkg.util.intstr.IntOrString": {"type": "string", "format": "int-or-string"},
    "io.k8s.apimachinery.pkg.api.resource.Quantity": {"type": "string"},
}
"""Schemas that need another form in v2."""

_SELF_DESCRIBING = frozenset(("apiVersion", "kind"))


@lru_cache(maxsize=2)
def v2_document(customs: tuple[Custom, ...], swaggers: tuple[Swagger, ...]) -> tuple[bytes, str]:
    """Return the document and its hash; building it takes some ten milliseconds."""
    info = _text(1, "Kubernetes") + _text(2, _VERSION)
    resources = [*SERVED_RESOURCES, *(each.resource for each in customs)]
    own = {_path(each): _identity(each) for each in resources}
    identities = own | {path: identity for each in swaggers for path, identity in each.patched()}
    paths = b"".join(message(2, _named(path, message(8, _patch_operation(each)))) for path, each in identities.items())
    schemas = _packed_schemas() + b"".join(
        message(1, _named(name, _schema(schema))) for name, schema in _added_schemas(customs, swaggers).items()
    )
    document = _text(1, "2.0") + message(2, info) + message(8, paths) + message(9, schemas)
    return document, hashlib.sha512(document).hexdigest().upper()


@cache
def _packed_schemas() -> bytes:
    return b"".join(
        message(1, _named(name, _schema(_SPECIAL.get(name, schema)))) for name, schema in definitions().items()
    )


def _added_schemas(customs: tuple[Custom, ...], swaggers: tuple[Swagger, ...]) -> dict[str, JSON]:
    """Return the schemas that are not built in, by name; of a name that is, the built-in one stays."""
    added = {name: each for swagger in swaggers for name, each in swagger.definitions.items()}
    own = {name: schema for each in customs for name, schema in custom_schemas(each, is_v2=True).items()}
    return {name: each for name, each in added.items() if name not in definitions()} | own


@lru_cache(maxsize=2)
def v2_json(customs: tuple[Custom, ...], swaggers: tuple[Swagger, ...]) -> tuple[bytes, str]:
    """Return the document as JSON and its hash; building it takes some ten milliseconds."""
    parameters = [{"name": each, "in": "query", "type": "string", "uniqueItems": True} for each in _PATCH_PARAMETERS]
    paths = {path: each for swagger in swaggers for path, each in swagger.paths.items()} | {
        _path(each): {
            "patch": {
                "parameters": parameters,
                "responses": {"200": {"description": "OK"}},
                _GROUP_VERSION_KIND: _identity(each),
            }
        }
        for each in (*SERVED_RESOURCES, *(each.resource for each in customs))
    }
    head: JSON = {"swagger": "2.0", "info": {"title": "Kubernetes", "version": _VERSION}, "paths": paths}
    added = _referring(json.dumps(_added_schemas(customs, swaggers)))[1:-1]
    schemas = ", ".join(filter(None, (_schemas_text(), added)))
    body = f'{json.dumps(head)[:-1]}, "definitions": {{{schemas}}}}}'.encode()
    return body, hashlib.sha512(body).hexdigest().upper()


@cache
def _schemas_text() -> str:
    """Return the members of the definitions as JSON, without the braces around them."""
    return _referring(json.dumps({name: _SPECIAL.get(name, schema) for name, schema in definitions().items()}))[1:-1]


def _referring(text: str) -> str:
    return text.replace("#/$defs/", "#/definitions/")


def _path(resource: Resource) -> str:
    root = "apis" if resource.group else "api"
    scope = "/namespaces/{namespace}" if resource.namespaced else ""
    return f"/{root}/{resource.api_version}{scope}/{resource.plural}/{{name}}"


def _identity(resource: Resource) -> JSON:
    return {"group": resource.group, "kind": resource.kind, "version": resource.version}


def _patch_operation(identity: JSON) -> bytes:
    """Return the one operation in which kubectl looks for ``fieldValidation``."""
    parameters = b"".join(message(8, _query_parameter(each)) for each in _PATCH_PARAMETERS)
    return parameters + message(13, _extension(_GROUP_VERSION_KIND, identity))


def _query_parameter(name: str) -> bytes:
    """Return a ParametersItem: a Parameter that is a NonBodyParameter that is in the query."""
    parameter = _text(2, "query") + _text(4, name) + _text(6, "string")
    return message(1, message(2, message(3, parameter)))


def _schema(schema: JSON) -> bytes:
    if "$ref" in schema:
        reference = _text(1, "#/definitions/" + schema["$ref"].rpartition("/")[2])
        return reference + _text(4, schema.get("description", ""))
    # What a custom resource does not say the type of may be anything.
    declared = schema.get("type", "" if any(name.startswith("x-kubernetes-") for name in schema) else "object")
    parts = [
        _text(2, schema.get("format", "")),
        _text(4, schema.get("description", "")),
        *(_text(19, each) for each in schema.get("required", ()) if each not in _SELF_DESCRIBING),
        message(22, _text(1, declared if isinstance(declared, str) else declared[0])) if declared else b"",
    ]
    more = schema.get("additionalProperties")
    if more is not None:
        parts.append(message(21, message(1, _schema(more)) if isinstance(more, dict) else varint(16) + varint(more)))
    if "items" in schema:
        parts.append(message(23, message(1, _schema(schema["items"]))))
    if "properties" in schema:
        properties = (message(1, _named(name, _schema(each))) for name, each in schema["properties"].items())
        parts.append(message(25, b"".join(properties)))
    parts.extend(message(31, _extension(name, each)) for name, each in schema.items() if name.startswith("x-"))
    return b"".join(parts)


def _extension(name: str, value: Any) -> bytes:
    """Return a NamedAny; its value is YAML, which JSON is too."""
    return _named(name, _text(2, json.dumps(value) + "\n"))


def _named(name: str, value: bytes) -> bytes:
    return _text(1, name) + message(2, value)


def _text(number: int, text: str) -> bytes:
    """Return a string field; an empty one is left out."""
    return message(number, text.encode()) if text else b""
