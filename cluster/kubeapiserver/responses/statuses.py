"""Answers that are not API objects: metav1.Status, plain text, and other JSON documents. Pure.

Follows apimachinery ``api/errors``.
"""

from __future__ import annotations

import json

from kubeapi.meta import JSON
from kubeapi.scheme import Resource
from kubeapi.serialization.gojson import write_json
from kubeapi.status import FieldError, StatusError
from kubeapiserver.errors import ACCEPTED_MEDIA, NotAcceptable
from kubeapiserver.messages import TEXT_TYPE, Response
from kubeapiserver.requests.negotiation import is_known

_WITHOUT_DETAILS = frozenset(("", "BadRequest", "Expired", "Unauthorized"))
"""Reasons without details in the Status (NewBadRequest, NewResourceExpired, NewUnauthorized; "" is a plain error)."""


def encode(document: JSON) -> bytes:
    """Return JSON as the API sends it, compact; what is no text, of a file's name, becomes question marks."""
    return write_json(document).encode("utf-8", "replace")


def encode_line(document: JSON) -> bytes:
    """Return JSON as the API sends it in an answer: Go's encoder ends it with a new line."""
    return encode(document) + b"\n"


def failure(error: StatusError) -> JSON:
    """Return the Status of an error."""
    status: JSON = {
        "kind": "Status",
        "apiVersion": "v1",
        "metadata": {},
        "status": "Failure",
        "message": error.message,
    }
    if error.reason:
        status["reason"] = error.reason
    if error.details is not None:
        status |= {"details": error.details} if error.details else {}
    elif error.reason == "InternalError":
        status["details"] = {"causes": [{"message": error.message.removeprefix("Internal error occurred: ")}]}
    elif error.reason not in _WITHOUT_DETAILS:
        status["details"] = _details(error)
    return {**status, "code": error.code}


def _details(error: StatusError) -> JSON:
    named = {"name": error.name, "group": error.group, "kind": error.kind}
    details: JSON = {field: value for field, value in named.items() if value}
    if error.causes:
        details["causes"] = [_cause(each) for each in error.causes]
    if error.retry_after:
        details["retryAfterSeconds"] = int(error.retry_after)
    return details


def _cause(cause: FieldError) -> JSON:
    written = {"reason": cause.reason, "message": cause.message, "field": cause.field}
    return {field: value for field, value in written.items() if value}


def success(resource: Resource | None = None, deleted: JSON | None = None, code: int = 200) -> JSON:
    """Return the Status of a success; ``deleted`` is the object that was deleted."""
    status: JSON = {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success"}
    if resource is not None and deleted is not None:
        metadata = deleted["metadata"]
        details = {"name": metadata["name"], "group": resource.group, "kind": resource.plural, "uid": metadata["uid"]}
        status["details"] = {field: value for field, value in details.items() if value}
    return status if code == 200 else {**status, "code": code}


def failure_response(error: StatusError) -> Response:
    """Return the answer to a request that failed."""
    headers = (("Retry-After", str(int(error.retry_after))),) if error.retry_after else ()
    return Response(error.code, encode_line(failure(error)), headers=headers)


def text_response(code: int, text: str) -> Response:
    """Return an answer in plain text."""
    return Response(code, text.encode(), TEXT_TYPE)


def document_response(document: JSON, code: int = 200) -> Response:
    """Return an answer that is one JSON document."""
    return Response(code, encode_line(document))


def indented_response(document: JSON) -> Response:
    """Return an answer that is JSON and no API object (responsewriters.WriteRawJSON)."""
    return Response(200, indented(encode(document)))


def indented(body: bytes) -> bytes:
    """Return a JSON document indented (json.MarshalIndent)."""
    return write_json(json.loads(body), indent=2).encode() if body else body


def not_found_page() -> Response:
    """Return the answer of Go's mux to an unknown path."""
    return text_response(404, "404 page not found\n")


def not_acceptable(accept: str) -> Response:
    """Return the answer to an Accept header that nothing satisfies; for unknown media types it is go-restful's."""
    if is_known(accept):
        return failure_response(NotAcceptable())
    return text_response(406, f"406: Not Acceptable\n\nAvailable representations: {', '.join(ACCEPTED_MEDIA)}")
