"""HorizontalPodAutoscalers of autoscaling/v1: requests are converted to v2, in which they are stored. Pure.

A patch is done on the object as v1 shows it, and what it makes replaces the stored one.
"""

from __future__ import annotations

import json
from collections.abc import Callable

from kubeapi.kinds.horizontalpodautoscaler.versionone import from_v1, to_v1
from kubeapi.meta import JSON
from kubeapi.scheme import HORIZONTALPODAUTOSCALERS, HORIZONTALPODAUTOSCALERS_V1
from kubeapi.store import Store
from kubeapiserver.handlers.patches import patched_object, read_patch
from kubeapiserver.handlers.patching import is_apply, read_configuration
from kubeapiserver.messages import JSON_TYPE, Answer, Request
from kubeapiserver.requests.bodies import TypedBody, read_typed
from kubeapiserver.requests.options import read_options
from kubeapiserver.requests.resource import ResourceRequest
from kubeapiserver.responses.converting import converted
from kubeapiserver.responses.warnings import with_warnings

Handle = Callable[[ResourceRequest], Answer]
"""Answers a request for objects of v2."""


class AutoscalerConversion:
    """Answers requests for objects of v1: ``handle`` answers the same requests for those of v2."""

    def __init__(self, store: Store, handle: Handle) -> None:
        self._store = store
        self._handle = handle

    def answer(self, request: ResourceRequest) -> Answer:
        """Answer a request."""
        http, warnings = self._stored_request(request)
        path = request.path._replace(version=HORIZONTALPODAUTOSCALERS.version)
        stored = request._replace(http=http, resource=HORIZONTALPODAUTOSCALERS, path=path)
        return with_warnings(converted(self._handle(stored), _own_document), warnings)

    def _stored_request(self, request: ResourceRequest) -> tuple[Request, list[str]]:
        """Return the request with its object as it is stored, and warnings for the client."""
        http, resource = request.http, HORIZONTALPODAUTOSCALERS_V1
        if http.method in ("POST", "PUT"):
            options = read_options(http, "CreateOptions" if http.method == "POST" else "UpdateOptions")
            body = read_typed(http, resource, options.validation)
        elif http.method == "PATCH" and is_apply(http):
            configuration = read_configuration(http, resource.api_version, resource.kind)
            return http._replace(body=_encoded(configuration)), []
        elif http.method == "PATCH" and (patch := read_patch(http)) is not None:
            options = read_options(http, "PatchOptions")
            stored = to_v1(self._store.get(HORIZONTALPODAUTOSCALERS, *request.key))
            body = patched_object(request, stored, patch, options.validation)
        else:
            return http, []
        return _replacing(http, body), body.warnings


def _replacing(http: Request, body: TypedBody) -> Request:
    """Return a request that sends a whole object."""
    method, headers = "POST" if http.method == "POST" else "PUT", {**http.headers, "content-type": JSON_TYPE}
    return http._replace(method=method, headers=headers, body=_encoded(body.object))


def _encoded(obj: JSON) -> bytes:
    return json.dumps(from_v1(obj)).encode()


def _item(obj: JSON) -> JSON:
    """Return an object as an item of a list, which names its version and kind once."""
    return {name: value for name, value in obj.items() if name not in ("apiVersion", "kind")}


def _own_document(document: JSON) -> JSON:
    """Return the document of an answer with its objects converted."""
    match document.get("kind"):
        case HORIZONTALPODAUTOSCALERS.kind:
            return to_v1(document)
        case "HorizontalPodAutoscalerList":
            items = [_item(to_v1(each)) for each in document["items"]]
            return {**document, "apiVersion": HORIZONTALPODAUTOSCALERS_V1.api_version, "items": items}
        case "Table":
            rows = [
                {**row, "object": _own_document(row["object"])} if row.get("object") else row
                for row in document["rows"]
            ]
            return {**document, "rows": rows}
    return document
