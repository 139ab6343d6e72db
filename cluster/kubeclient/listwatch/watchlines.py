"""From the bytes of a watch to its events. Pure. Follows apimachinery ``pkg/watch`` and ``metav1.WatchEvent``."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from kubeapi.meta import JSON
from kubeapi.scheme import Resource
from kubeapi.watching import EventType, WatchEvent
from kubeclient.refusals import refusal_of

LINE_LIMIT = 64 * 2**20
"""Bytes of one event; an object in etcd has at most 1.5 MiB, and one without end must not take all memory."""
INITIAL_EVENTS_END = "k8s.io/initial-events-end"
"""Annotation of the bookmark that ends the initial events (KEP-3157)."""

_TYPES = {each.value: each for each in EventType}


class Bookmark(NamedTuple):
    """How far the server is; ``ends_initial`` if all objects that there were have been sent before it."""

    resource_version: str
    ends_initial: bool


class LineReader:
    """Splits chunks of bytes into lines. What ``feed`` returns is without line ends and empty lines."""

    def __init__(self) -> None:
        self._parts: list[bytes] = []
        self._size = 0

    @property
    def is_in_line(self) -> bool:
        """Whether the last line has not ended: the connection was cut in an event."""
        return bool(self._parts)

    def feed(self, chunk: bytes) -> list[bytes]:
        """Return the lines that this chunk ends; ValueError if one is longer than LINE_LIMIT."""
        if b"\n" not in chunk:
            self._keep(chunk)
            return []
        first, *whole, rest = chunk.split(b"\n")
        lines = [b"".join((*self._parts, first)), *whole]
        self._parts, self._size = [], 0
        self._keep(rest)
        return [line for line in lines if line]

    def _keep(self, part: bytes) -> None:
        if part:
            self._parts.append(part)
            self._size += len(part)
            if self._size > LINE_LIMIT:
                message = f"an event of more than {LINE_LIMIT >> 20} MiB"
                raise ValueError(message)


def read_events(lines: Sequence[bytes], resource: Resource) -> Iterator[WatchEvent | Bookmark]:
    """Yield what lines say. Raises Refusal at an ERROR event, ValueError at what is no event.

    The lines are read as one text, in which the decoder keeps one copy of each name of a field.
    """
    try:
        events = json.loads(b"[%b]" % b",".join(lines))
    except (ValueError, RecursionError):
        events = map(_parsed, lines)
    for event in events:
        yield _read(event, resource)


def _parsed(line: bytes) -> Any:
    try:
        return json.loads(line)
    except RecursionError as error:
        raise ValueError(str(error)) from None


def _read(event: Any, resource: Resource) -> WatchEvent | Bookmark:
    kind, obj = (event.get("type"), event.get("object")) if isinstance(event, dict) else (None, None)
    if not isinstance(obj, dict):
        message = f"this is no event of a watch: {str(event)[:100]}"
        raise ValueError(message)
    if kind == "ERROR":
        raise refusal_of(obj)
    metadata = obj.get("metadata")
    if not isinstance(metadata, dict) or not isinstance(metadata.get("resourceVersion"), str):
        message = f"an event without metadata.resourceVersion: {str(event)[:100]}"
        raise ValueError(message)
    if kind == "BOOKMARK":
        annotations = metadata.get("annotations")
        ends_initial = isinstance(annotations, dict) and annotations.get(INITIAL_EVENTS_END) == "true"
        return Bookmark(metadata["resourceVersion"], ends_initial)
    if kind not in _TYPES:
        message = f"an event of the unknown type {kind!r}"
        raise ValueError(message)
    return WatchEvent(_TYPES[kind], whole(obj, resource))


def whole(obj: Any, resource: Resource) -> JSON:
    """Return an object with its kind and apiVersion, which items of lists need not have; ValueError for no object."""
    metadata = obj.get("metadata") if isinstance(obj, dict) else None
    if not isinstance(metadata, dict) or not isinstance(metadata.get("name"), str):
        message = f"an item of {resource} is no object: {str(obj)[:100]}"
        raise ValueError(message)
    obj["kind"], obj["apiVersion"] = resource.kind, resource.api_version
    found: JSON = obj
    return found
