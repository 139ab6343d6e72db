"""A watch: which events of the Store a client sees, and their lines. Pure.

An object that comes to match the selector is ADDED for the watcher, one that no longer does is DELETED. Lines are
shared by all watchers that want the same form. Follows apiserver ``pkg/storage/cacher`` and ``handlers/watch.go``.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Sequence
from typing import NamedTuple

from kubeapi.meta import JSON
from kubeapi.scheme import Resource
from kubeapi.status import StatusError
from kubeapi.store import EventType, WatchEvent
from kubeapiserver.requests.negotiation import Form
from kubeapiserver.requests.selectors import Matches
from kubeapiserver.responses.rendering import Included, Renderer, partial
from kubeapiserver.responses.statuses import encode_line, failure

SHARED_LINES = 512
"""Lines of recent events that are kept for the other watchers of the same form."""

INITIAL_EVENTS_END = "k8s.io/initial-events-end"
"""Annotation of the bookmark that ends the initial events (KEP-3157)."""


def error_line(error: StatusError) -> bytes:
    """Return the event with which a watch fails."""
    return encode_line({"type": "ERROR", "object": failure(error)})


class Scope(NamedTuple):
    """Whose events a watcher sees: those of one namespace ("" for all) that a selector matches (None for all)."""

    namespace: str
    matches: Matches | None

    def has(self, obj: JSON | None) -> bool:
        """Tell whether an object is the watcher's business."""
        if obj is None or (self.namespace and obj["metadata"].get("namespace") != self.namespace):
            return False
        return self.matches is None or self.matches(obj)

    def seen(self, event: WatchEvent) -> tuple[EventType, JSON] | None:
        """Return what an event is to the watcher, None if it is nothing."""
        if event.type is EventType.DELETED:
            return (EventType.DELETED, event.object) if self.has(event.object) else None
        was, is_now = self.has(event.previous), self.has(event.object)
        if is_now:
            return (EventType.MODIFIED if was else EventType.ADDED), event.object
        if not was or event.previous is None:
            return None
        metadata = {**event.previous["metadata"], "resourceVersion": str(event.resource_version)}
        return EventType.DELETED, {**event.previous, "metadata": metadata}


class Lines:
    """Makes the lines of events, and keeps the last ones."""

    def __init__(self, renderer: Renderer) -> None:
        self._renderer = renderer
        self._kept: OrderedDict[tuple[object, ...], bytes] = OrderedDict()

    def line(self, resource: Resource, form: Form, included: Included, seen: tuple[EventType, JSON]) -> bytes:
        """Return the line of an event for every watcher of a form but those who see their first Table."""
        kind, obj = seen
        moment = int(self._renderer.now()) if form.shape == "Table" else 0
        key = (obj["metadata"]["resourceVersion"], kind, form, included, moment)
        found = self._kept.get(key)
        if found is None:
            found = self._kept[key] = self.fresh_line(resource, form, included, seen, has_columns=False)
            if len(self._kept) > SHARED_LINES:
                self._kept.popitem(last=False)
        return found

    def fresh_line(
        self,
        resource: Resource,
        form: Form,
        included: Included,
        seen: tuple[EventType, JSON],
        *,
        has_columns: bool,
    ) -> bytes:
        """Return the line of an event, made anew."""
        kind, obj = seen
        if form.shape == "Table":
            version = obj["metadata"].get("resourceVersion", "")
            document = self._renderer.table(resource, [obj], form, included, version, has_columns=has_columns)
        else:
            document = self._renderer.document(resource, obj, form, included)
        return encode_line({"type": kind, "object": document})


class Encoder:
    """One watcher's view. ``encode`` must be asked in the order in which the lines are written."""

    def __init__(self, lines: Lines, resource: Resource, form: Form, included: Included, scope: Scope) -> None:
        self._lines = lines
        self._resource = resource
        self._form = form
        self._included = included
        self._scope = scope
        self._wants_columns = form.shape == "Table"

    def encode(self, event: WatchEvent) -> bytes | None:
        """Return an event's line, None if the watcher is not to see it."""
        seen = self._scope.seen(event)
        return None if seen is None else self._line(seen)

    def initial(self, objects: Sequence[JSON]) -> list[bytes]:
        """Return the lines of what exists already."""
        return [self._line((EventType.ADDED, each)) for each in objects]

    def _line(self, seen: tuple[EventType, JSON]) -> bytes:
        if self._wants_columns:
            self._wants_columns = False
            return self._lines.fresh_line(self._resource, self._form, self._included, seen, has_columns=True)
        return self._lines.line(self._resource, self._form, self._included, seen)


def bookmarker(resource: Resource, form: Form, *, ends_initial: bool = False) -> Callable[[int], bytes]:
    """Return what makes the line that tells a watcher how far it has come."""

    def bookmark(version: int) -> bytes:
        metadata: JSON = {"resourceVersion": str(version), "creationTimestamp": None}
        if ends_initial:
            metadata["annotations"] = {INITIAL_EVENTS_END: "true"}
        obj: JSON = {"kind": resource.kind, "apiVersion": resource.api_version, "metadata": metadata}
        if form.shape == "Partial":
            obj = partial(obj, form.version)
        elif form.shape == "Table":
            obj = {"kind": "Table", "apiVersion": f"meta.k8s.io/{form.version}", "metadata": metadata}
            obj |= {"columnDefinitions": None, "rows": []}
        return encode_line({"type": "BOOKMARK", "object": obj})

    return bookmark
