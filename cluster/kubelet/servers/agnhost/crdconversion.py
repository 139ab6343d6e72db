"""agnhost's ``crd-conversion-webhook``: converts the suite's custom resources, over TLS.

Follows ``test/images/agnhost/crd-conversion-webhook``: ``hostPort`` of stable.example.com/v1 is ``host`` and ``port``
of v2. ConversionReviews of v1 and v1beta1 are answered.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import partial
from typing import Any

from kubelet.servers.http.messages import Request, Response, Service

Document = dict[str, Any]

_GROUP = "stable.example.com"
_VERSIONS = ("apiextensions.k8s.io/v1", "apiextensions.k8s.io/v1beta1")


class _ConversionError(Exception):
    """An object cannot be converted."""


def crd_conversion_webhook(options: Mapping[str, Any], _name: str) -> Service:
    """Return the service; ``certificate`` and ``key`` are files, in PEM."""

    def respond(request: Request) -> Response:
        if request.path == "/readyz":
            return Response(200, b"ok")
        if request.path != "/crdconvert":
            return Response(404, b"404 page not found\n")
        return Response(200, b"", later=partial(_answer, request))

    return Service(respond, (), certificate=(options["certificate"], options["key"]))


def _answer(request: Request) -> Response:
    media = request.headers.get("content-type", "")
    if media != "application/json":
        return Response(400, f"invalid Content-Type header `{media}`\n".encode())
    try:
        review = json.loads(request.body)
        asked, uid = review["request"], review["request"]["uid"]
        objects, wanted = asked["objects"], asked["desiredAPIVersion"]
    except (ValueError, KeyError, TypeError) as error:
        text = f"failed to deserialize body ({request.body.decode(errors='replace')}) with error {error}\n"
        return Response(400, text.encode())
    if review.get("kind") != "ConversionReview" or review.get("apiVersion") not in _VERSIONS:
        kind = f"{review.get('apiVersion')}, Kind={review.get('kind')}"
        return Response(400, f"Unsupported group version kind: {kind}\n".encode())
    answered = {**review, "request": {"uid": "", "desiredAPIVersion": "", "objects": None}}
    response = {"uid": uid, **_converted(objects, wanted)}
    return Response(200, json.dumps({**answered, "response": response}).encode(), "application/json")


def _converted(objects: list[Document], wanted: str) -> Document:
    try:
        converted = [{**_convert(each, wanted), "apiVersion": wanted} for each in objects]
    except _ConversionError as error:
        return {"convertedObjects": None, "result": {"metadata": {}, "status": "Failure", "message": str(error)}}
    return {"convertedObjects": converted, "result": {"metadata": {}, "status": "Success"}}


def _convert(obj: Document, wanted: str) -> Document:
    given = obj.get("apiVersion", "")
    if given == wanted:
        raise _ConversionError(f"conversion from a version to itself should not call the webhook: {wanted}")
    if given not in (f"{_GROUP}/v1", f"{_GROUP}/v2"):
        raise _ConversionError(f'unexpected conversion version "{given}"')
    if wanted not in (f"{_GROUP}/v1", f"{_GROUP}/v2"):
        raise _ConversionError(f'unexpected conversion version "{wanted}"')
    rest = {name: value for name, value in obj.items() if name not in ("hostPort", "host", "port")}
    if given == f"{_GROUP}/v1":
        return {**rest, **_split(obj["hostPort"])} if "hostPort" in obj else rest
    if "host" in obj or "port" in obj:
        return {**rest, "hostPort": f"{obj.get('host', '')}:{obj.get('port', '')}"}
    return rest


def _split(text: str) -> Document:
    parts = text.split(":")
    if len(parts) != 2:
        raise _ConversionError(f"invalid hostPort value `{text}`")
    return {"host": parts[0], "port": parts[1]}
