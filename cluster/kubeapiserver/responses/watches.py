"""Watches: which events of the Store a client sees, and their lines. Pure.

An object that begins to match the selector is ADDED for the watcher, one that no longer matches is DELETED. Watchers
with the same view share lines. Follows apiserver ``pkg/storage/cacher`` and ``handlers/watch.go``.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Sequence
from typing import NamedTuple

from kubeapi.customresources.conversion.versions import require_seen
from kubeapi.meta import JSON
from kubeapi.selectors.parsing import Matches
from kubeapi.status import StatusError
from kubeapi.watching import EventType, WatchEvent
from kubeapiserver.requests.resource import View
from kubeapiserver.responses.rendering import Renderer, partial
from kubeapiserver.responses.statuses import encode_line, failure

SHARED_LINES = 512
"""Lines of recent events that are kept for other watchers."""

INITIAL_EVENTS_END = "k8s.io/initial-events-end"
"""Annotation of the bookmark that ends the initial events (KEP-3157)."""


def error_line(error: StatusError) -> bytes:
    """Return the line of an ERROR event."""
    return encode_line({"type": "ERROR", "object": failure(error)})


class Scope(NamedTuple):
    """The objects of a list or watch: in one namespace ("" for all), and matching the selectors (None for all)."""

    namespace: str
    matches: Matches | None

    def has(self, obj: JSON | None) -> bool:
        """Tell whether an object is in the scope."""
        if obj is None or (self.namespace and obj["metadata"].get("namespace") != self.namespace):
            return False
        return self.matches is None or self.matches(obj)

    def seen(self, event: WatchEvent) -> tuple[EventType, JSON] | None:
        """Return the event that a watcher sees, None if it sees none."""
        if event.type is EventType.DELETED or self.matches is None:  # an object's namespace never changes
            return (event.type, event.object) if self.has(event.object) else None
        was, is_now = self.has(event.previous), self.has(event.object)
        if is_now:
            return (EventType.MODIFIED if was else EventType.ADDED), event.object
        if not was or event.previous is None:
            return None
        metadata = {**event.previous["metadata"], "resourceVersion": event.resource_version}
        return EventType.DELETED, {**event.previous, "metadata": metadata}


class Lines:
    """Encodes events as lines, and keeps the last ones for other watchers with the same view."""

    def __init__(self, renderer: Renderer) -> None:
        self._renderer = renderer
        self._kept: OrderedDict[tuple[object, ...], bytes] = OrderedDict()

    def line(self, view: View, seen: tuple[EventType, JSON]) -> bytes:
        """Return the line of an event; a Table in it has no column definitions."""
        kind, obj = seen
        moment = int(self._renderer.now()) if view.form.shape == "Table" else 0
        key = (obj["metadata"]["resourceVersion"], kind, view.resource.version, view.form, view.included, moment)
        found = self._kept.get(key)
        if found is None:
            found = self._kept[key] = self.fresh_line(view, seen, has_columns=False)
            if len(self._kept) > SHARED_LINES:
                self._kept.popitem(last=False)
        return found

    def fresh_line(self, view: View, seen: tuple[EventType, JSON], *, has_columns: bool) -> bytes:
        """Encode the line of an event."""
        kind, obj = seen
        if view.form.shape == "Table":
            version = obj["metadata"].get("resourceVersion", "")
            document = self._renderer.table(view, [obj], version, has_columns=has_columns)
        else:
            document = self._renderer.document(view, obj)
        return encode_line({"type": kind, "object": document})


class Encoder:
    """Encodes the events of one watch, in the order in which they are written."""

    def __init__(self, lines: Lines, view: View, scope: Scope) -> None:
        self._lines = lines
        self._view = view
        self._scope = scope
        self._wants_columns = view.form.shape == "Table"

    def encode(self, event: WatchEvent) -> bytes | None:
        """Return an event's line, None if it is not in the watch's scope; CallNeeded before anything else is done."""
        require_seen(self._view.resource, [event.object, *([event.previous] if event.previous else ())])
        seen = self._scope.seen(event)
        return None if seen is None else self._line(seen)

    def initial(self, objects: Sequence[JSON]) -> list[bytes]:
        """Return the lines of objects that exist when the watch begins."""
        return [self._line((EventType.ADDED, each)) for each in objects]

    def _line(self, seen: tuple[EventType, JSON]) -> bytes:
        if self._wants_columns:
            self._wants_columns = False
            return self._lines.fresh_line(self._view, seen, has_columns=True)
        return self._lines.line(self._view, seen)


def bookmarker(view: View, *, ends_initial: bool = False) -> Callable[[int], bytes]:
    """Return the function that makes the line of a BOOKMARK event of a resourceVersion."""
    resource, form = view.resource, view.form

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
