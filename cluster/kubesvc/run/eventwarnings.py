"""Warning events as lines of text, each distinct line once."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from kubeapi.objects.parts import map_at
from kubeapi.podspec.warnings.combined import REASON as NOT_EMULATED
from kubeapi.scheme import EVENTS
from kubeapi.store import Store
from kubeapi.watching import EventType, WatchEvent

_MAX_WARNED = 1000
"""Most distinct warnings of one run."""
_SAID_BEFORE = ("Error: ErrImagePull", "Error: ImagePullBackOff")
"""What the kubelet's events say beside the one with the reason."""


class EventWarnings:
    """Calls ``tell`` with a line for each Warning event, never twice with the same line."""

    def __init__(self, store: Store, tell: Callable[[str], None]) -> None:
        self._store = store
        self._tell = tell
        self._told: set[str] = set()

    @contextmanager
    def following(self) -> Iterator[None]:
        """Follow the Store's events during the block."""
        unwatch = self._store.watch(EVENTS, self._store.resource_version, self._on_event)
        try:
            yield
        finally:
            unwatch()

    def _on_event(self, event: WatchEvent) -> None:
        if event.type is EventType.DELETED or event.object.get("type") != "Warning":
            return
        if event.object.get("reason") == NOT_EMULATED or event.object.get("message") in _SAID_BEFORE:
            # The API has warned of it when the pod was applied, or the event before has said why.
            return
        about = map_at(event.object, "involvedObject")
        line = (
            f"{about.get('kind', '')} {about.get('namespace', '')}/{about.get('name', '')}: "
            f"{event.object.get('reason', '')}: {event.object.get('message', '')}"
        )
        if line not in self._told and len(self._told) < _MAX_WARNED:
            self._told.add(line)
            self._tell(line)
