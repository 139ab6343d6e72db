"""OpenAPI v3 documents, one per group version, which kubectl reads before it creates, applies, edits or explains.

``openapi_answer`` serves ``/openapi/v3``, the documents that it lists, and ``/openapi/v2`` for older clients. Schemas
come from ``kubeapi.schema``. A document is built on first use and then kept as bytes. Its URL has a hash of them, so
that clients may cache it forever. Follows apiserver and kube-openapi ``pkg/handler3``. Pure.
"""

from __future__ import annotations

import hashlib
import json
from functools import cache
from typing import Any, NamedTuple

from kubeapi.kinds import SERVED_RESOURCES
from kubeapi.meta import JSON
from kubeapi.schema import definitions
from kubeapi.scheme import Resource
from kubeapiserver.messages import JSON_TYPE, Request, Response
from kubeapiserver.openapi.paths import path_items
from kubeapiserver.openapi.v2 import V2_FAMILY, V2_TYPE, v2_document, v2_json

_INDEX, _V2 = "/openapi/v3", "/openapi/v2"
_VERSION = "v1.37.0"
"""The Kubernetes version of the schemas."""

_GROUP_VERSION_KIND = "x-kubernetes-group-version-kind"
_DEFINITION, _COMPONENT = "#/$defs/", "#/components/schemas/"


class _Document(NamedTuple):
    body: bytes
    tag: str


def openapi_answer(request: Request) -> Response | None:
    """Return the index or a document, None for every other path."""
    if request.method not in ("GET", "HEAD"):
        return None
    if request.path == _V2:
        is_packed = V2_FAMILY in request.headers.get("accept", "")
        document = _Document(*(v2_document() if is_packed else v2_json()))
        return _respond(request, document, "no-cache, private", V2_TYPE if is_packed else JSON_TYPE)
    if request.path == _INDEX:
        return _respond(request, _index(), "no-cache, private")
    name = request.path.removeprefix(f"{_INDEX}/")
    if name == request.path or name not in _served():
        return None
    document = _document(name)
    if request.get("hash", document.tag) != document.tag:
        return Response(301, b"", headers=(("Location", _url(name)),))
    is_lasting = "hash" in request.query
    return _respond(request, document, "public, immutable, max-age=31536000" if is_lasting else "no-cache, private")


def _respond(request: Request, document: _Document, caching: str, media: str = JSON_TYPE) -> Response:
    tag = f'"{document.tag}"'
    headers = (("ETag", tag), ("Cache-Control", caching), ("Vary", "Accept"))
    if tag in request.headers.get("if-none-match", ""):
        return Response(304, b"", headers=headers)
    return Response(200, document.body, media, headers)


@cache
def _served() -> dict[str, tuple[Resource, ...]]:
    """Return the resources of every group version, by its path: ``api/v1``, ``apis/apps/v1``."""
    served: dict[str, tuple[Resource, ...]] = {}
    for each in SERVED_RESOURCES:
        path = f"{'apis' if each.group else 'api'}/{each.api_version}"
        served[path] = (*served.get(path, ()), each)
    return served


@cache
def _index() -> _Document:
    return _encoded({"paths": {name: {"serverRelativeURL": _url(name)} for name in sorted(_served())}})


def _url(name: str) -> str:
    return f"{_INDEX}/{name}?hash={_document(name).tag}"


@cache
def _document(name: str) -> _Document:
    """Return the document of a group version; building it takes about ten milliseconds."""
    by_kind = _schemas_by_kind()
    paths: JSON = {}
    wanted = []
    for resource in _served()[name]:
        schema = by_kind[resource.group, resource.version, resource.kind]
        wanted.append(schema)
        paths |= path_items(resource, _COMPONENT + schema)
    document = {
        "openapi": "3.0.0",
        "info": {"title": "Kubernetes", "version": _VERSION},
        "paths": paths,
        "components": {"schemas": _closure(wanted)},
    }
    return _encoded(document)


def _encoded(document: JSON) -> _Document:
    body = json.dumps(document, separators=(",", ":")).encode()
    return _Document(body, hashlib.sha512(body).hexdigest().upper()[:64])


@cache
def _schemas_by_kind() -> dict[tuple[str, str, str], str]:
    return {
        (each["group"], each["version"], each["kind"]): name
        for name, schema in definitions().items()
        for each in schema.get(_GROUP_VERSION_KIND, ())
    }


def _closure(wanted: list[str]) -> JSON:
    """Return the schemas with these names, and those that they refer to."""
    schemas: JSON = {}
    while wanted:
        name = wanted.pop()
        if name not in schemas:
            schemas[name] = _component(definitions()[name])
            wanted.extend(each.removeprefix(_COMPONENT) for each in _references(schemas[name]))
    return dict(sorted(schemas.items()))


def _component(schema: Any) -> Any:
    """Return a JSON schema in OpenAPI 3.0: without null among the types, and with nothing beside a reference."""
    if isinstance(schema, list):
        return [_component(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    if "$ref" in schema:
        beside = {name: value for name, value in schema.items() if name != "$ref"}
        reference = {"$ref": _COMPONENT + schema["$ref"].removeprefix(_DEFINITION)}
        return {"allOf": [reference], **beside} if beside else reference
    result = {name: _component(value) for name, value in schema.items()}
    if isinstance(schema.get("type"), list):
        result["type"] = schema["type"][0]
    if isinstance(schema.get("properties"), dict) and _GROUP_VERSION_KIND in schema:
        for stated in ("apiVersion", "kind"):
            result["properties"][stated].pop("enum", None)
    return result


def _references(schema: Any) -> list[str]:
    if isinstance(schema, dict):
        own = [schema["$ref"]] if isinstance(schema.get("$ref"), str) else []
        return [*own, *(each for value in schema.values() for each in _references(value))]
    return [each for value in schema for each in _references(value)] if isinstance(schema, list) else []
