"""Warning events as lines for people, each once."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from kubeapi.objects.parts import map_at
from kubeapi.podspec.warnings import REASON as NOT_EMULATED
from kubeapi.scheme import EVENTS
from kubeapi.store import Store
from kubeapi.watching import EventType, WatchEvent

_MAX_WARNED = 1000
"""Distinct warnings told in one run; a cluster that has said so many has been understood."""


class EventWarnings:
    """Calls ``tell`` with a line for each Warning event that comes up, but never twice with the same."""

    def __init__(self, store: Store, tell: Callable[[str], None]) -> None:
        self._store = store
        self._tell = tell
        self._told: set[str] = set()

    @contextmanager
    def following(self) -> Iterator[None]:
        """Tell of events for the length of the block."""
        unwatch = self._store.watch(EVENTS, self._store.resource_version, self._on_event)
        try:
            yield
        finally:
            unwatch()

    def _on_event(self, event: WatchEvent) -> None:
        if event.type is EventType.DELETED or event.object.get("type") != "Warning":
            return
        if event.object.get("reason") == NOT_EMULATED:
            # It was said when the pod was applied.
            return
        about = map_at(event.object, "involvedObject")
        line = (
            f"{about.get('kind', '')} {about.get('namespace', '')}/{about.get('name', '')}: "
            f"{event.object.get('reason', '')}: {event.object.get('message', '')}"
        )
        if line not in self._told and len(self._told) < _MAX_WARNED:
            self._told.add(line)
            self._tell(line)
