"""get, list and watch. Pure. Follows apiserver ``pkg/endpoints/handlers/get.go`` and ``storage/cacher``.

``limit`` is ignored for a list at any version (resourceVersion 0), as by the watch cache of a kube-apiserver.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from typing import NamedTuple

from kubeapi.customresources.conversion.versions import require_seen
from kubeapi.meta import JSON, key_of
from kubeapi.scheme import Resource
from kubeapi.status import Expired, FieldError, StatusError
from kubeapi.store import Store
from kubeapi.validation.faults import forbidden, invalid, unsupported
from kubeapi.watching import WatchEvent
from kubeapiserver.errors import BadInput, FutureVersion, InvalidInput, InvalidOptions, NotAcceptable
from kubeapiserver.messages import JSON_TYPE, YAML_TYPE, Request, Response, Watch
from kubeapiserver.requests.options import read_included, read_integer
from kubeapiserver.requests.resource import ResourceRequest, View
from kubeapiserver.requests.selectors import escaped, select
from kubeapiserver.responses.chunks import NEWEST, Chunk, Position, expired_response, read_token
from kubeapiserver.responses.rendering import Renderer
from kubeapiserver.responses.watches import Encoder, Lines, Scope, bookmarker, error_line

_NOT_OLDER, _EXACT = "NotOlderThan", "Exact"


class Versions(NamedTuple):
    """resourceVersion and resourceVersionMatch. ``asked`` is None for "the newest", 0 for "any"."""

    asked: int | None
    match: str


class Reading:
    """Answers get, list and watch."""

    def __init__(self, store: Store, renderer: Renderer) -> None:
        self._store = store
        self._renderer = renderer
        self._lines = Lines(renderer)

    def get(self, request: ResourceRequest) -> Response:
        """Return one object."""
        self._check_reached(_read_version(request))
        obj = self._store.get(request.resource, *request.key)
        return self._renderer.response(_view(request), obj)

    def list_or_watch(self, request: ResourceRequest) -> Response | Watch:
        """Return the objects that the selectors match, or the stream of their changes."""
        scope = read_scope(request)
        is_watch = request.path.is_watch or request.http.has_flag("watch")
        for name in ("limit", "timeoutSeconds"):
            read_integer(request.http, name)
        asked = _read_version(request, is_watch=is_watch)
        versions = Versions(asked, request.http.get("resourceVersionMatch"))
        fault = _option_fault(request.http, versions, is_watch=is_watch)
        if fault is not None:
            raise InvalidOptions("ListOptions", fault)
        self._check_reached(versions.asked)
        return self._watch(request, scope, versions) if is_watch else self._list(request, scope, versions)

    def selected(self, resource: Resource, scope: Scope, version: int | None = None) -> list[JSON]:
        """Return the objects in a scope, by namespace and name; Expired if the history does not have the version."""
        at = self._store.resource_version if version is None else version
        objects = self._store.list_at(resource, at, scope.namespace)
        require_seen(resource, objects)
        matches = scope.matches
        found = objects if matches is None else [each for each in objects if matches(each)]
        return sorted(found, key=_name_of if scope.namespace else key_of)

    def _list(self, request: ResourceRequest, scope: Scope, versions: Versions) -> Response:
        position, current = None, self._store.resource_version
        version = versions.asked if versions.match == _EXACT and versions.asked else current
        if token := request.http.get("continue"):
            position = read_token(token)
            if versions.asked:
                message = "specifying resource version is not allowed when using continue"
                raise BadInput(message)
            version = current if position.resource_version == NEWEST else position.resource_version
            if version < self._store.compacted_version:
                return expired_response(position)
        try:
            objects = self.selected(request.resource, scope, min(version, current))
        except Expired as error:
            if position is not None:
                return expired_response(position)
            message = f"The resourceVersion for the provided list is too old. ({error})"
            raise StatusError(410, "Expired", message) from None
        chunk = Chunk(version)
        limit = max(read_integer(request.http, "limit") or 0, 0) if versions.asked != 0 else 0
        if limit or position is not None:
            objects, chunk = _cut(objects, position, limit, version, is_counted=scope.matches is None)
        return self._renderer.list_response(_view(request), objects, chunk)

    def _watch(self, request: ResourceRequest, scope: Scope, versions: Versions) -> Watch:
        if request.form.media == YAML_TYPE:
            raise NotAcceptable((f"{JSON_TYPE};stream=watch",))
        view = _view(request)
        encoder = Encoder(self._lines, view, scope)
        has_bookmarks = request.http.has_flag("allowWatchBookmarks")
        initial: list[bytes] = []
        begin, error = versions.asked or self._store.resource_version, None
        if _wants_initial(request.http, versions):
            initial, begin = encoder.initial(self.selected(view.resource, scope)), self._store.resource_version
            if request.http.has_flag("sendInitialEvents") and has_bookmarks:
                initial.append(bookmarker(view, ends_initial=True)(begin))
        elif (error := self._expired(view.resource, begin)) is not None:
            initial, begin = [error_line(error)], self._store.resource_version
        return Watch(
            resource=view.resource,
            resource_version=begin,
            initial=initial,
            encode=encoder.encode,
            bookmark=bookmarker(view) if has_bookmarks else None,
            timeout_seconds=float(max(read_integer(request.http, "timeoutSeconds") or 0, 0)),
            is_over=error is not None,
        )

    def _expired(self, resource: Resource, version: int) -> Expired | None:
        """Return the error of a watch from a version that the history no longer has, None if it has it."""
        try:
            self._store.watch(resource, version, _ignore)()
        except Expired as error:
            return error
        return None

    def _check_reached(self, asked: int | None) -> None:
        """Raise FutureVersion for a version that the Store has not reached."""
        current = self._store.resource_version
        if asked is not None and asked > current:
            raise FutureVersion(asked, current)


def _view(request: ResourceRequest) -> View:
    """Return the view of a request that may say what the rows of Tables are to have."""
    return View(request.resource, request.form, read_included(request.http))


def _cut(
    objects: list[JSON], position: Position | None, limit: int, version: int, *, is_counted: bool
) -> tuple[list[JSON], Chunk]:
    """Return the objects after a position, at most ``limit`` of them (0: all), and the ListMeta with the next token."""
    begin = bisect_right(objects, position.last, key=key_of) if position is not None else 0
    end = begin + limit if limit else len(objects)
    cut, left = objects[begin:end], len(objects) - end
    if left <= 0:
        return cut, Chunk(version)
    return cut, Chunk(version, Position(version, key_of(cut[-1])).token(), left if is_counted else None)


def _name_of(obj: JSON) -> str:
    """Return what orders the objects of one namespace: a text, which is cheaper than a key for each of thousands."""
    name: str = obj["metadata"]["name"]
    return name


def _ignore(event: WatchEvent) -> None:
    """No-op sink: the watch only checks that the history is long enough."""


def read_scope(request: ResourceRequest) -> Scope:
    """Return the scope of a list or watch; a name in the path (``watch/pods/NAME``) selects one object."""
    query = request.http.query
    labels, fields = ",".join(query.get("labelSelector", ())), ",".join(query.get("fieldSelector", ()))
    if request.name:
        fields = ",".join(filter(None, (fields, f"metadata.name={escaped(request.name)}")))
    return Scope(request.namespace, select(request.resource, labels, fields))


def _read_version(request: ResourceRequest, *, is_watch: bool = False) -> int | None:
    """Return the resourceVersion in the query, None if there is none."""
    text = request.http.get("resourceVersion")
    if not text:
        return None
    if not re.fullmatch("[0-9]{1,19}", text, re.ASCII):
        detail = f'strconv.ParseUint: parsing "{text}": invalid syntax'
        fault = invalid("resourceVersion", text, detail)
        if is_watch:
            raise InvalidInput(request.resource.plural, request.resource.group, "", fault)
        raise BadInput(f"invalid resource version: {fault}")
    return int(text)


def _wants_initial(request: Request, versions: Versions) -> bool:
    """Tell whether a watch begins with the existing objects: if asked to, or if no resourceVersion is stated."""
    if request.get("sendInitialEvents"):
        return request.has_flag("sendInitialEvents")
    return not versions.asked


def _option_fault(request: Request, versions: Versions, *, is_watch: bool) -> FieldError | None:
    """Return the fault of a list's options, None without one (apimachinery ``internalversion/validation``)."""
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
    return fault
