"""One object under two versions: an Event of events.k8s.io/v1 is an Event of v1 whose fields have other names. Pure.

Requests are turned into those of the stored version and answers back, so that nobody else knows of it. Follows
``pkg/apis/events/v1/conversion.go`` and, for what the newer version is stricter about, ``validation/events.go``.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from kubeapi.meta import JSON, ObjectKey
from kubeapi.scheme import EVENTS, EVENTS_V1
from kubeapi.status import BadRequest, FieldError, StatusError
from kubeapi.store import Store, WatchEvent
from kubeapi.strict import decode
from kubeapi.validation.event import validate_new_event, validate_new_event_update
from kubeapiserver.errors import InvalidInput
from kubeapiserver.handlers.patching import APPLY_PATCH, JSON_PATCH, Patch, Patching, read_patch
from kubeapiserver.handlers.writing import Writing, with_warnings
from kubeapiserver.messages import JSON_TYPE, Answer, Request, Response, Watch
from kubeapiserver.requests.bodies import Bodies, media_type
from kubeapiserver.requests.options import read_options
from kubeapiserver.requests.paths import Target
from kubeapiserver.responses.statuses import encode_line

_NAMES = {
    "regarding": "involvedObject",
    "note": "message",
    "reportingController": "reportingComponent",
    "deprecatedSource": "source",
    "deprecatedFirstTimestamp": "firstTimestamp",
    "deprecatedLastTimestamp": "lastTimestamp",
    "deprecatedCount": "count",
}
"""The stored name of every field that has another one in events.k8s.io/v1."""

_OWN_NAMES = {stored: own for own, stored in _NAMES.items()}
_ALWAYS: JSON = {
    "eventTime": None,
    "regarding": {},
    "deprecatedSource": {},
    "deprecatedFirstTimestamp": None,
    "deprecatedLastTimestamp": None,
}
"""Fields that Go writes even when they are empty."""

_REPORTER = ("reportingComponent", "reportingController")
_TERM = re.compile(r"(^|,)(\w+)")
_SUBJECT = re.compile(r'^(.*?)(events|Event) "')

Handle = Callable[[Request, Target], Answer]
"""Answers a request for stored Events."""


class EventConversion:
    """Answers requests for Events of events.k8s.io/v1 by ``handle``, which knows those of v1 alone."""

    def __init__(self, store: Store, bodies: Bodies, writing: Writing, patching: Patching, handle: Handle) -> None:
        self._store = store
        self._bodies = bodies
        self._writing = writing
        self._patching = patching
        self._handle = handle

    def answer(self, request: Request, target: Target) -> Answer:
        """Answer a request; StatusError in the words of events.k8s.io."""
        stored = target._replace(group=EVENTS.group, version=EVENTS.version)
        try:
            translated, warnings = self._translated(request, target)
            if request.method in ("PUT", "PATCH"):
                self._check_update(translated, stored)
            answer = self._handle(translated, stored)
        except StatusError as error:
            raise _own_error(error) from None
        if isinstance(answer, Watch):
            return _own_watch(answer)
        assert isinstance(answer, Response)
        return with_warnings(replace(answer, body=_own_body(answer.body)), warnings)

    def _translated(self, request: Request, target: Target) -> tuple[Request, list[str]]:
        """Return a request as it is for stored Events, and what its client is warned of."""
        fields = [_TERM.sub(_stored_term, each) for each in request.query.get("fieldSelector", ())]
        query = {**request.query, "fieldSelector": fields} if fields else request.query
        request, warnings = replace(request, query=query), list[str]()
        body: Any
        match request.method:
            case "POST" | "PUT":
                body, warnings = self._stored_object(request)
            case "PATCH" if media_type(request) == APPLY_PATCH:
                body = _stored(self._patching.read_configuration(request, EVENTS_V1.api_version, EVENTS_V1.kind))
            case "PATCH" if (patch := read_patch(request)) is not None:
                body = _stored_patch(patch)
            case _:
                return request, warnings
        headers = request.headers if request.method == "PATCH" else {**request.headers, "content-type": JSON_TYPE}
        return replace(request, body=json.dumps(body).encode(), headers=headers), warnings

    def _stored_object(self, request: Request) -> tuple[JSON, list[str]]:
        """Return the object of a create or update as it is stored; what is stricter than for v1 is judged here."""
        options = read_options(request, "CreateOptions" if request.method == "POST" else "UpdateOptions")
        obj = self._bodies.read_object(request, EVENTS_V1)
        warnings = self._writing.field_warnings(request, EVENTS_V1, obj, options.validation)
        decoded = decode(EVENTS_V1, obj)
        if decoded.mistyped:
            raise BadRequest(EVENTS_V1, ", ".join(each.message for each in decoded.mistyped), tuple(decoded.mistyped))
        stored = _stored(decoded.object)
        faults = tuple(validate_new_event(stored)) if request.method == "POST" else ()
        if faults:
            raise _invalid(stored, faults)
        return stored, warnings

    def _check_update(self, request: Request, target: Target) -> None:
        """Refuse a change of what may not change, by a trial of the same request."""
        old = self._store.find(EVENTS, ObjectKey(target.namespace, target.name))
        if old is None:
            return
        trial = replace(request, query={**request.query, "dryRun": ["All"]}, headers={**request.headers, "accept": ""})
        answer = self._handle(trial, target)
        assert isinstance(answer, Response)
        if answer.status == 200 and (faults := tuple(validate_new_event_update(json.loads(answer.body), old))):
            raise _invalid(old, faults)


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
    """Return the beginning of a field selector's term; a stored name stays, as one that is not supported."""
    name = found[2]
    return found[1] + (f"v1.{name}" if name in _OWN_NAMES else _NAMES.get(name, name))


def _own(event: JSON) -> JSON:
    """Return a stored Event as events.k8s.io/v1 has it."""
    renamed = {_OWN_NAMES.get(name, name): value for name, value in event.items() if value != ""}
    return {**_ALWAYS, **renamed, **({"apiVersion": EVENTS_V1.api_version} if "apiVersion" in event else {})}


def _own_document(document: JSON) -> JSON:
    """Return a document of an answer with the Events in it converted."""
    match document.get("kind"):
        case "Event":
            return _own(document)
        case "EventList":
            items = [_own(each) for each in document["items"]]
            return {**document, "apiVersion": EVENTS_V1.api_version, "items": items}
        case "Table":
            rows = [{**row, "object": _own_document(row.get("object") or {})} for row in document["rows"]]
            return {**document, "rows": [{k: v for k, v in row.items() if v or k != "object"} for row in rows]}
        case "Status" if document.get("details", {}).get("kind") == EVENTS.plural:
            return {**document, "details": {**document["details"], "group": EVENTS_V1.group}}
    return document


def _own_body(body: bytes) -> bytes:
    return encode_line(_own_document(json.loads(body)))


def _own_line(line: bytes) -> bytes:
    event = json.loads(line)
    return encode_line({**event, "object": _own_document(event["object"])})


def _own_watch(watch: Watch) -> Watch:
    """Return a watch with its events converted."""
    bookmark = watch.bookmark

    def encoded(event: WatchEvent) -> bytes | None:
        line = watch.encode(event)
        return None if line is None else _own_line(line)

    return replace(
        watch,
        initial=[_own_line(each) for each in watch.initial],
        encode=encoded,
        bookmark=None if bookmark is None else lambda version: _own_line(bookmark(version)),
    )


def _own_error(error: StatusError) -> StatusError:
    """Return an error about stored Events as one about those of events.k8s.io."""
    if error.kind not in (EVENTS.plural, EVENTS.kind) or error.group:
        return error
    message = _SUBJECT.sub(rf'\1\2.{EVENTS_V1.group} "', error.message).replace(*_REPORTER)
    causes = tuple(each._replace(field=each.field.replace(*_REPORTER)) for each in error.causes)
    return StatusError(error.code, error.reason, message, causes, error.kind, EVENTS_V1.group, error.name)
