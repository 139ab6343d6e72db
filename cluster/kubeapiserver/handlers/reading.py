"""get, list and watch. Pure. Follows apiserver ``pkg/endpoints/handlers/get.go`` and ``storage/cacher``.

A list is cut where ``limit`` says so, unless the client takes any version (0), as from Kubernetes' own cache.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from typing import NamedTuple

from kubeapi.meta import JSON, key_of
from kubeapi.scheme import Resource
from kubeapi.status import Expired, FieldError, StatusError
from kubeapi.store import Store, WatchEvent
from kubeapi.validation.faults import forbidden, invalid, unsupported
from kubeapiserver.errors import BadInput, FutureVersion, InvalidInput, InvalidOptions, NotAcceptable
from kubeapiserver.messages import JSON_TYPE, Request, Response, Watch
from kubeapiserver.requests.negotiation import Form
from kubeapiserver.requests.options import read_integer
from kubeapiserver.requests.paths import Target
from kubeapiserver.requests.selectors import escaped, select
from kubeapiserver.responses.chunks import NEWEST, Chunk, Position, expired_response, read_token
from kubeapiserver.responses.rendering import Renderer, read_included
from kubeapiserver.responses.watches import Encoder, Lines, Scope, bookmarker, error_line

_NOT_OLDER, _EXACT = "NotOlderThan", "Exact"


class Versions(NamedTuple):
    """What a request says about versions. ``asked`` is None for "the newest", 0 for "any"."""

    asked: int | None
    match: str


class Reading:
    """Answers the requests that change nothing."""

    def __init__(self, store: Store, renderer: Renderer) -> None:
        self._store = store
        self._renderer = renderer
        self._lines = Lines(renderer)

    def get(self, request: Request, resource: Resource, target: Target, form: Form) -> Response:
        """Return one object."""
        self._check_reached(_read_version(request, resource))
        obj = self._store.get(resource, target.namespace, target.name)
        return self._renderer.response(resource, obj, form, read_included(request))

    def list_or_watch(self, request: Request, resource: Resource, target: Target, form: Form) -> Response | Watch:
        """Return the objects that the selectors match, or the stream of their changes."""
        scope = read_scope(request, resource, target.namespace, target.name)
        is_watch = target.is_watch or request.has_flag("watch")
        for name in ("limit", "timeoutSeconds"):
            read_integer(request, name)
        versions = Versions(_read_version(request, resource, is_watch=is_watch), request.get("resourceVersionMatch"))
        faults = _option_faults(request, versions, is_watch=is_watch)
        if faults:
            raise InvalidOptions("ListOptions", *faults)
        self._check_reached(versions.asked)
        if is_watch:
            return self._watch(request, resource, form, scope, versions)
        return self._list(request, resource, form, scope, versions)

    def selected(self, resource: Resource, scope: Scope, version: int | None = None) -> list[JSON]:
        """Return the objects that a scope has, by namespace and name; Expired for a version that nobody remembers."""
        at = self._store.resource_version if version is None else version
        objects = self._store.list_at(resource, at, scope.namespace)
        matches = scope.matches
        return sorted(objects if matches is None else [each for each in objects if matches(each)], key=key_of)

    def _list(self, request: Request, resource: Resource, form: Form, scope: Scope, versions: Versions) -> Response:
        position, current = None, self._store.resource_version
        version = versions.asked if versions.match == _EXACT and versions.asked else current
        if token := request.get("continue"):
            position = read_token(token)
            if versions.asked:
                message = "specifying resource version is not allowed when using continue"
                raise BadInput(message)
            version = current if position.resource_version == NEWEST else position.resource_version
        try:
            objects = self.selected(resource, scope, min(version, current))
        except Expired as error:
            if position is not None:
                return expired_response(position)
            message = f"The resourceVersion for the provided list is too old. ({error})"
            raise StatusError(410, "Expired", message) from None
        chunk = Chunk(version)
        limit = max(read_integer(request, "limit") or 0, 0) if versions.asked != 0 else 0
        if limit or position is not None:
            objects, chunk = _cut(objects, position, limit, version, is_counted=scope.matches is None)
        return self._renderer.list_response(resource, objects, form, read_included(request), chunk)

    def _watch(self, request: Request, resource: Resource, form: Form, scope: Scope, versions: Versions) -> Watch:
        if form.media != JSON_TYPE:
            raise NotAcceptable((f"{JSON_TYPE};stream=watch",))
        encoder = Encoder(self._lines, resource, form, read_included(request), scope)
        has_bookmarks = request.has_flag("allowWatchBookmarks")
        initial: list[bytes] = []
        begin = versions.asked or 0
        if _wants_initial(request, versions):
            initial = encoder.initial(self.selected(resource, scope))
            begin = self._store.resource_version
            if request.has_flag("sendInitialEvents") and has_bookmarks:
                initial.append(bookmarker(resource, form, ends_initial=True)(begin))
        elif not versions.asked:
            begin = self._store.resource_version
        is_over = False
        try:
            self._store.watch(resource, begin, _ignore)()
        except Expired as error:
            initial, begin, is_over = [error_line(error)], self._store.resource_version, True
        return Watch(
            resource=resource,
            resource_version=begin,
            initial=initial,
            encode=encoder.encode,
            bookmark=bookmarker(resource, form) if has_bookmarks else None,
            timeout_seconds=float(max(read_integer(request, "timeoutSeconds") or 0, 0)),
            is_over=is_over,
        )

    def _check_reached(self, asked: int | None) -> None:
        current = self._store.resource_version
        if asked is not None and asked > current:
            raise FutureVersion(asked, current)


def _cut(
    objects: list[JSON], position: Position | None, limit: int, version: int, *, is_counted: bool
) -> tuple[list[JSON], Chunk]:
    """Return the objects after a position, at most ``limit`` of them (0: all), and how to get the others."""
    begin = bisect_right(objects, position.last, key=key_of) if position is not None else 0
    end = begin + limit if limit else len(objects)
    cut, left = objects[begin:end], len(objects) - end
    if left <= 0:
        return cut, Chunk(version)
    return cut, Chunk(version, Position(version, key_of(cut[-1])).token(), left if is_counted else None)


def _ignore(event: WatchEvent) -> None:
    """Take no note: only whether the history reaches back is asked."""


def read_scope(request: Request, resource: Resource, namespace: str, name: str = "") -> Scope:
    """Return what the request's selectors ask for; ``name`` is that of the one object which is wanted, "" for all."""
    labels, fields = ",".join(request.query.get("labelSelector", ())), ",".join(request.query.get("fieldSelector", ()))
    if name:
        fields = ",".join(filter(None, (fields, f"metadata.name={escaped(name)}")))
    return Scope(namespace, select(resource, labels, fields))


def _read_version(request: Request, resource: Resource, *, is_watch: bool = False) -> int | None:
    """Return the resourceVersion that a request states, None if it states none."""
    text = request.get("resourceVersion")
    if not text:
        return None
    if not re.fullmatch("[0-9]{1,19}", text, re.ASCII):
        detail = f'strconv.ParseUint: parsing "{text}": invalid syntax'
        fault = invalid("resourceVersion", text, detail)
        if is_watch:
            raise InvalidInput(resource.plural, resource.group, "", fault)
        raise BadInput(f"invalid resource version: {fault}")
    return int(text)


def _wants_initial(request: Request, versions: Versions) -> bool:
    """Tell whether a watch begins with what exists: when it is asked for, or no version to begin after is stated."""
    if request.get("sendInitialEvents"):
        return request.has_flag("sendInitialEvents")
    return not versions.asked


def _option_faults(request: Request, versions: Versions, *, is_watch: bool) -> list[FieldError]:
    """Return the faults of a list's options (apimachinery ``internalversion/validation``)."""
    sends_initial, match, path = request.get("sendInitialEvents"), versions.match, "resourceVersionMatch"
    fault = None
    if sends_initial and not is_watch:
        fault = forbidden("sendInitialEvents", "sendInitialEvents is forbidden for list")
    elif sends_initial and match != _NOT_OLDER:
        fault = forbidden(path, f"sendInitialEvents requires setting resourceVersionMatch to {_NOT_OLDER}")
    elif match and is_watch and not sends_initial:
        fault = forbidden(path, "resourceVersionMatch is forbidden for watch unless sendInitialEvents is provided")
    elif match and not is_watch and versions.asked is None:
        fault = forbidden(path, "resourceVersionMatch is forbidden unless resourceVersion is provided")
    elif match and match not in (_EXACT, _NOT_OLDER):
        fault = unsupported(path, match, (_EXACT, _NOT_OLDER))
    elif match == _EXACT and versions.asked == 0:
        fault = forbidden(path, 'resourceVersionMatch "exact" is forbidden for resourceVersion "0"')
    return [fault] if fault else []
