"""The OpenAPI documents that an extension API server offers. Pure.

Follows kube-aggregator ``controllers/openapiv3/aggregator`` and ``controllers/openapi/aggregator``, and kube-openapi
``pkg/aggregator`` (FilterSpecByPaths).
"""

from __future__ import annotations

import json
from typing import Any

from kubeapi.extensions.apis import Swagger
from kubeapi.objects.apiservice import APIService
from kubeapi.objects.parts import map_at

SECONDS = 60.0
"""Time limit of a request for a document."""


def read_index(body: bytes, group: str) -> dict[str, str]:
    """Return the URLs of the documents by path; ValueError, or another error of reading, for what is no index.

    Of documents of versions only those of the server's own group count.
    """
    paths = json.loads(body)["paths"]
    found = {path: str(each["serverRelativeURL"]) for path, each in paths.items()}
    return {path: url for path, url in found.items() if _is_own(path, group)}


def _is_own(path: str, group: str) -> bool:
    parts = path.split("/")
    if parts[0] == "apis" and len(parts) > 1:
        return parts[1] == group
    return parts[0] != "api"


def read_swagger(body: bytes, api: APIService) -> Swagger:
    """Return what an OpenAPI v2 document says of the version of an APIService; errors as of ``read_index``."""
    document = json.loads(body)
    paths = {path: each for path, each in map_at(document, "paths").items() if path.startswith(f"{api.path}/")}
    definitions, wanted, found = map_at(document, "definitions"), _references(paths), dict[str, Any]()
    while wanted:
        name = wanted.pop()
        if name in definitions and name not in found:
            found[name] = definitions[name]
            wanted += _references(found[name])
    return Swagger(paths, found)


def _references(schema: Any) -> list[str]:
    """Return the names of the definitions that a part of a document refers to."""
    if isinstance(schema, dict):
        own = [schema["$ref"].rpartition("/")[2]] if isinstance(schema.get("$ref"), str) else []
        return [*own, *(each for value in schema.values() for each in _references(value))]
    return [each for value in schema for each in _references(value)] if isinstance(schema, list) else []
