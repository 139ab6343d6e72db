"""OpenAPI v3 documents, one per group version, which kubectl reads before it creates, applies, edits or explains.

``openapi_answer`` serves ``/openapi/v3``, the documents that it lists, and ``/openapi/v2`` for older clients. Schemas
come from ``kubeapi.schema``, and from the definitions of custom resources. A document is built on first use and then
kept as bytes. Its URL has a hash of them, so that clients may cache it forever. Follows apiserver and kube-openapi
``pkg/handler3``. Pure.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from functools import cache, lru_cache
from typing import Any, NamedTuple

from kubeapi.customresources.resource import CustomResource
from kubeapi.extensions.apis import Offer
from kubeapi.kinds import SERVED_RESOURCES
from kubeapi.meta import JSON
from kubeapi.schema import definitions
from kubeapi.scheme import Resource
from kubeapiserver.messages import JSON_TYPE, Request, Response
from kubeapiserver.openapi.custom import Custom, custom_schemas, customs_of, schema_name
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


def openapi_answer(request: Request, resources: list[CustomResource], offers: Sequence[Offer] = ()) -> Response | None:
    """Return the index or a document, None for every other path.

    ``resources`` are the custom ones, ``offers`` those of extension API servers, which have their documents themselves.
    """
    if request.method not in ("GET", "HEAD"):
        return None
    customs = customs_of(resources)
    if request.path == _V2:
        is_packed = V2_FAMILY in request.headers.get("accept", "")
        swaggers = tuple(each.swagger for each in offers if each.swagger)
        document = _Document(*(v2_document(customs, swaggers) if is_packed else v2_json(customs, swaggers)))
        return _respond(request, document, "no-cache, private", V2_TYPE if is_packed else JSON_TYPE)
    if request.path == _INDEX:
        added = {path: url for each in offers for path, url in each.openapi.items()}
        return _respond(request, _index(customs, tuple(added.items())), "no-cache, private")
    name = request.path.removeprefix(f"{_INDEX}/")
    found = _found(name, customs) if name != request.path else None
    if found is None:
        return None
    document = found
    if request.get("hash", document.tag) != document.tag:
        return Response(301, b"", headers=(("Location", _url(name, document)),))
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
        path = _path_of(each)
        served[path] = (*served.get(path, ()), each)
    return served


@lru_cache(maxsize=4)
def _index(customs: tuple[Custom, ...], added: tuple[tuple[str, str], ...]) -> _Document:
    """Return the index; ``added`` are the paths and URLs of documents that extension API servers have."""
    names = sorted({*_served(), *(_path_of(each.resource) for each in customs)})
    documents = {name: _found(name, customs) for name in names}
    urls = {name: _url(name, each) for name, each in documents.items() if each} | dict(added)
    return _encoded({"paths": {name: {"serverRelativeURL": urls[name]} for name in sorted(urls)}})


def _url(name: str, document: _Document) -> str:
    return f"{_INDEX}/{name}?hash={document.tag}"


def _path_of(resource: Resource) -> str:
    return f"{'apis' if resource.group else 'api'}/{resource.api_version}"


def _found(name: str, customs: tuple[Custom, ...]) -> _Document | None:
    """Return the document of a group version by its path, None if it is not served."""
    own = tuple(each for each in customs if _path_of(each.resource) == name)
    return _document(name, own) if own or name in _served() else None


@lru_cache(maxsize=256)
def _document(name: str, customs: tuple[Custom, ...]) -> _Document:
    """Return the document of a group version; building it takes about ten milliseconds."""
    paths: JSON = {}
    added: dict[str, JSON] = {}
    wanted = []
    for resource in _served().get(name, ()):
        schema = _schemas_by_kind()[resource.group, resource.version, resource.kind]
        wanted.append(schema)
        paths |= path_items(resource, _COMPONENT + schema)
    for each in customs:
        added |= custom_schemas(each)
        paths |= path_items(each.resource, _COMPONENT + schema_name(each.resource))
    document = {
        "openapi": "3.0.0",
        "info": {"title": "Kubernetes", "version": _VERSION},
        "paths": paths,
        "components": {"schemas": _closure([*wanted, *added], added)},
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


def _closure(wanted: list[str], added: dict[str, JSON]) -> JSON:
    """Return the schemas with these names, and those that they refer to; ``added`` are those of custom resources."""
    schemas: JSON = {}
    while wanted:
        name = wanted.pop()
        if name not in schemas:
            schemas[name] = _component(added[name] if name in added else definitions()[name])
            wanted.extend(each.removeprefix(_COMPONENT) for each in _references(schemas[name]))
    return dict(sorted(schemas.items()))


def _component(schema: Any) -> Any:
    """Return a JSON schema in OpenAPI 3.0: without null among the types, and with nothing beside a reference."""
    if isinstance(schema, list):
        return [_component(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    if isinstance(schema.get("$ref"), str):
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
