"""Events of events.k8s.io/v1: the same objects as Events of v1, with other field names. Pure.

Requests are converted to v1, in which Events are stored, and answers converted back. Follows
``pkg/apis/events/v1/conversion.go`` and, where events.k8s.io/v1 is stricter, ``validation/events.go``.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

from kubeapi.kinds.event import validate_new_event, validate_new_event_update
from kubeapi.meta import JSON
from kubeapi.scheme import EVENTS, EVENTS_V1
from kubeapi.status import FieldError, StatusError
from kubeapi.store import Store
from kubeapiserver.errors import InvalidInput
from kubeapiserver.handlers.patches import JSON_PATCH, Patch, read_patch
from kubeapiserver.handlers.patching import is_apply, read_configuration
from kubeapiserver.messages import JSON_TYPE, OBJECT, Answer, Request, Response
from kubeapiserver.requests.bodies import read_typed
from kubeapiserver.requests.options import read_options
from kubeapiserver.requests.resource import ResourceRequest
from kubeapiserver.responses.converting import converted
from kubeapiserver.responses.warnings import with_warnings

_NAMES = {
    "regarding": "involvedObject",
    "note": "message",
    "reportingController": "reportingComponent",
    "deprecatedSource": "source",
    "deprecatedFirstTimestamp": "firstTimestamp",
    "deprecatedLastTimestamp": "lastTimestamp",
    "deprecatedCount": "count",
}
"""The stored names of the fields that events.k8s.io/v1 names differently."""

_OWN_NAMES = {stored: own for own, stored in _NAMES.items()}
_ALWAYS: JSON = {
    "eventTime": None,
    "regarding": {},
    "deprecatedSource": {},
    "deprecatedFirstTimestamp": None,
    "deprecatedLastTimestamp": None,
}
"""Fields that Go writes even if they are empty."""

_REPORTER = ("reportingComponent", "reportingController")
_TERM = re.compile(r"(^|,)(\w+)")
_NAMES_IN_ERRORS = (EVENTS.plural, EVENTS.kind)
_SUBJECT = re.compile(r'^(.*?)(events|Event) "')

Handle = Callable[[ResourceRequest], Answer]
"""Answers a request for Events of v1."""


class EventConversion:
    """Answers requests for Events of events.k8s.io/v1: ``handle`` answers the same requests for those of v1."""

    def __init__(self, store: Store, handle: Handle) -> None:
        self._store = store
        self._handle = handle

    def answer(self, request: ResourceRequest) -> Answer:
        """Answer a request; errors name events.k8s.io."""
        try:
            http, warnings = _translated(request.http)
            path = request.path._replace(group=EVENTS.group, version=EVENTS.version)
            stored = request._replace(http=http, resource=EVENTS, path=path)
            if http.method in ("PUT", "PATCH"):
                self._check_update(stored)
            answer = self._handle(stored)
        except StatusError as error:
            raise _own_error(error) from None
        return with_warnings(converted(answer, _own_document), warnings)

    def _check_update(self, request: ResourceRequest) -> None:
        """Refuse a change of immutable fields, which a dry run of the same request finds."""
        old = self._store.find(EVENTS, request.key)
        if old is None:
            return
        http = request.http
        trial = http._replace(query={**http.query, "dryRun": ["All"]}, headers={**http.headers, "accept": ""})
        answer = self._handle(request._replace(http=trial, form=OBJECT))
        assert isinstance(answer, Response)
        if answer.status == 200 and (faults := tuple(validate_new_event_update(json.loads(answer.body), old))):
            raise _invalid(old, faults)


def _translated(request: Request) -> tuple[Request, list[str]]:
    """Return a request as it is for stored Events, and warnings for the client."""
    fields = [_TERM.sub(_stored_term, each) for each in request.query.get("fieldSelector", ())]
    query = {**request.query, "fieldSelector": fields} if fields else request.query
    request, warnings = request._replace(query=query), list[str]()
    body: Any
    match request.method:
        case "POST" | "PUT":
            body, warnings = _stored_object(request)
        case "PATCH" if is_apply(request):
            body = _stored(read_configuration(request, EVENTS_V1.api_version, EVENTS_V1.kind))
        case "PATCH" if (patch := read_patch(request)) is not None:
            body = _stored_patch(patch)
        case _:
            return request, warnings
    headers = request.headers if request.method == "PATCH" else {**request.headers, "content-type": JSON_TYPE}
    return request._replace(body=json.dumps(body).encode(), headers=headers), warnings


def _stored_object(request: Request) -> tuple[JSON, list[str]]:
    """Return the object of a create or update as it is stored; its validation is stricter than that of v1."""
    options = read_options(request, "CreateOptions" if request.method == "POST" else "UpdateOptions")
    obj, warnings = read_typed(request, EVENTS_V1, options.validation)
    stored = _stored(obj)
    faults = tuple(validate_new_event(stored)) if request.method == "POST" else ()
    if faults:
        raise _invalid(stored, faults)
    return stored, warnings


def _invalid(event: JSON, faults: tuple[FieldError, ...]) -> StatusError:
    return InvalidInput(EVENTS_V1.kind, EVENTS_V1.group, event["metadata"].get("name", ""), *faults)


def _stored(event: Any) -> Any:
    """Return an Event, or a merge patch of one, with the stored names of its fields."""
    if not isinstance(event, dict):
        return event
    renamed = {_NAMES.get(name, name): value for name, value in event.items() if name not in _OWN_NAMES}
    return {**renamed, "apiVersion": EVENTS.api_version} if "apiVersion" in event else renamed


def _stored_patch(patch: Patch) -> Any:
    """Return a patch with the stored names of fields."""
    if patch.media == JSON_PATCH and isinstance(patch.value, list):
        return [_stored_operation(each) for each in patch.value]
    return _stored(patch.value)


def _stored_operation(operation: Any) -> Any:
    """Return an operation of a JSON patch with the stored names of fields in its paths."""
    if not isinstance(operation, dict):
        return operation
    paths = {name: operation[name] for name in ("path", "from") if isinstance(operation.get(name), str)}
    return {**operation, **{name: _stored_pointer(path) for name, path in paths.items()}}


def _stored_pointer(path: str) -> str:
    begin, _, rest = path.removeprefix("/").partition("/")
    return path if begin not in _NAMES else f"/{_NAMES[begin]}" + (f"/{rest}" if rest else "")


def _stored_term(found: re.Match[str]) -> str:
    """Return the begin of a field selector's term with the stored name; names of v1 become unsupported ones."""
    name = found[2]
    return found[1] + (f"v1.{name}" if name in _OWN_NAMES else _NAMES.get(name, name))


def _own(event: JSON) -> JSON:
    """Return a stored Event as one of events.k8s.io/v1."""
    renamed = {_OWN_NAMES.get(name, name): value for name, value in event.items() if value != ""}
    return {**_ALWAYS, **renamed, **({"apiVersion": EVENTS_V1.api_version} if "apiVersion" in event else {})}


def _own_document(document: JSON) -> JSON:
    """Return the document of an answer with its Events converted."""
    match document.get("kind"):
        case "Event":
            return _own(document)
        case "EventList":
            items = [_own(each) for each in document["items"]]
            return {**document, "apiVersion": EVENTS_V1.api_version, "items": items}
        case "Table":
            rows = [{**row, "object": _own_document(row.get("object", {}))} for row in document["rows"]]
            return {**document, "rows": [{k: v for k, v in row.items() if v or k != "object"} for row in rows]}
        case "Status" if document.get("details", {}).get("kind") == EVENTS.plural:
            return {**document, "details": {**document["details"], "group": EVENTS_V1.group}}
    return document


def _own_error(error: StatusError) -> StatusError:
    """Return an error about Events of v1 as one about those of events.k8s.io."""
    if error.kind not in _NAMES_IN_ERRORS or error.group:
        return error
    message = _SUBJECT.sub(rf'\1\2.{EVENTS_V1.group} "', error.message).replace(*_REPORTER)
    causes = tuple(each._replace(field=each.field.replace(*_REPORTER)) for each in error.causes)
    return StatusError(error.code, error.reason, message, causes, error.kind, EVENTS_V1.group, error.name)
