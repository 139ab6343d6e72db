"""The Store: all objects of the cluster, versioned and watchable.

It takes the place of etcd and the watch cache: one ``resourceVersion`` counter for all writes, and a history for
watches (bounded by events, bytes and age). It knows nothing of the meaning of an object (``registry`` does). The
counter is a number for the API server and the journal; clients get it as an opaque text (``watching``). Synchronous on
purpose: on one event loop a method without await is a transaction. A watcher is a callable, called inside the write.
"""

from __future__ import annotations

import marshal
from collections import deque
from collections.abc import Callable, Iterable, Iterator

from kubeapi.failures import Failures
from kubeapi.meta import JSON, ObjectKey, key_of
from kubeapi.scheme import Resource
from kubeapi.status import AlreadyExists, Conflict, Expired, NotFound
from kubeapi.watching import EventType, WatchEvent

HISTORY_LIMIT = 10_000
"""Events kept for each resource; a watch from before them gets 410 Expired, after which clients list again."""
HISTORY_BYTES = 16 * 1024 * 1024
"""The most bytes of one resource's events, by their size in ``marshal``'s format: that of large texts is right, small
fields take more memory. The newest event stays, however large it is."""
HISTORY_SECONDS = 300.0
"""Age at which an event is dropped (kube-apiserver's --etcd-compaction-interval)."""


Sink = Callable[[WatchEvent], None]
"""Receives events inside the write that caused them: it must return quickly, and never write.

An exception in it is recorded as a failure; the write is done, and the other sinks get the event.
"""


class _Shelf:
    """The objects of one resource, by namespace and name, with their recent history and their watchers.

    ``marks`` has the version, the bytes and the time of each event of the history, ``bytes`` the sum of the bytes.
    """

    __slots__ = ("bytes", "expired_up_to", "history", "marks", "namespaces", "sinks")

    def __init__(self) -> None:
        self.namespaces: dict[str, dict[str, JSON]] = {}
        self.history: deque[WatchEvent] = deque()
        self.marks: deque[tuple[int, int, float]] = deque()
        self.bytes = 0
        self.expired_up_to = 0
        self.sinks: list[Sink] = []


class Store:
    """Objects by resource and key. Every accepted write gets the next ``resource_version``.

    The Store owns the objects that it is given: the caller must not change them afterwards, nor those that it returns
    (``copy_object`` first). ``clock`` counts seconds; without one no event is dropped for its age.
    """

    def __init__(self, history_limit: int = HISTORY_LIMIT, clock: Callable[[], float] = lambda: 0.0) -> None:
        self.resource_version = 0
        self.failures = Failures(clock)
        self.failures.exists = lambda subject: self.find(*subject) is not None
        self._clock = clock
        self._restored_at = 0
        self.compacted_version = 0
        """Lists may not go on at an older version, as with etcd's compaction, even if nothing of their kind changed."""
        self._past_versions: deque[tuple[float, int]] = deque()
        self._history_limit = history_limit
        self._shelves: dict[str, _Shelf] = {}

    @classmethod
    def restored(
        cls,
        resource_version: int,
        objects: Iterable[tuple[Resource, JSON]],
        history_limit: int = HISTORY_LIMIT,
        clock: Callable[[], float] = lambda: 0.0,
    ) -> Store:
        """Return a Store with these objects that continues at ``resource_version``; earlier watches are Expired."""
        store = cls(history_limit, clock)
        store.resource_version = store._restored_at = resource_version
        for resource, obj in objects:
            key = key_of(obj)
            store._shelf(resource).namespaces.setdefault(key.namespace, {})[key.name] = obj
        return store

    def get(self, resource: Resource, namespace: str, name: str) -> JSON:
        """Return the object; NotFound if there is none."""
        found = self.find(resource, ObjectKey(namespace, name))
        if found is None:
            raise NotFound(resource, name)
        return found

    def find(self, resource: Resource, key: ObjectKey) -> JSON | None:
        """Return the object, or None."""
        return self._shelf(resource).namespaces.get(key.namespace, {}).get(key.name)

    def list_at(self, resource: Resource, resource_version: int, namespace: str = "") -> list[JSON]:
        """Return the objects as they were at a version, in no order; Expired if the history does not reach back."""
        before: dict[ObjectKey, JSON | None] = {}
        for event in self._events_after(self._shelf(resource), resource_version):
            before.setdefault(key_of(event.object), event.previous)
        if not before:
            return self.list(resource, namespace)
        kept = [each for each in self.list(resource, namespace) if key_of(each) not in before]
        return kept + [each for key, each in before.items() if each and namespace in ("", key.namespace)]

    def list(self, resource: Resource, namespace: str = "") -> list[JSON]:
        """Return the objects of one namespace, or of all ("")."""
        shelf = self._shelf(resource)
        if namespace:
            return list(shelf.namespaces.get(namespace, {}).values())
        return [obj for names in shelf.namespaces.values() for obj in names.values()]

    def create(self, resource: Resource, obj: JSON) -> JSON:
        """Store a new object and return it with its resourceVersion; AlreadyExists if the name is taken."""
        key = key_of(obj)
        if self.find(resource, key) is not None:
            raise AlreadyExists(resource, key.name)
        return self._put(resource, key, obj, EventType.ADDED)

    def update(self, resource: Resource, obj: JSON) -> JSON:
        """Replace an object; NotFound if it is gone, Conflict if ``obj`` has an older resourceVersion.

        Writing an equal object changes nothing: the stored one is returned, and there is no event.
        """
        key = key_of(obj)
        stored = self.get(resource, *key)
        version = stored["metadata"]["resourceVersion"]
        if obj["metadata"].get("resourceVersion", version) != version:
            raise Conflict(resource, key.name)
        candidate = _with_version(obj, version)
        if candidate == stored:
            return stored
        return self._put(resource, key, candidate, EventType.MODIFIED)

    def delete(self, resource: Resource, namespace: str, name: str) -> JSON:
        """Remove an object at once and return its last state; NotFound if there is none."""
        stored = self.get(resource, namespace, name)
        shelf = self._shelf(resource)
        names = shelf.namespaces[namespace]
        del names[name]
        if not names:
            del shelf.namespaces[namespace]
        self.resource_version += 1
        last = _with_version(stored, str(self.resource_version))
        self._tell(shelf, WatchEvent(EventType.DELETED, last, stored))
        return last

    def watch(self, resource: Resource, resource_version: int, sink: Sink) -> Callable[[], None]:
        """Send ``sink`` every event after ``resource_version``: those of the history now, then each as it happens.

        Return the function that ends the watch. Expired if the history does not reach back that far.
        """
        shelf = self._shelf(resource)
        for event in self._events_after(shelf, resource_version):
            sink(event)
        shelf.sinks = [*shelf.sinks, sink]

        def stop() -> None:
            shelf.sinks = [each for each in shelf.sinks if each is not sink]

        return stop

    def compact(self) -> None:
        """Drop the events and the versions that are too old; every write drops the events of its own resource."""
        now = self._clock()
        self._past_versions.append((now, self.resource_version))
        while now - self._past_versions[0][0] > HISTORY_SECONDS:
            self.compacted_version = self._past_versions.popleft()[1]
        for shelf in self._shelves.values():
            self._expire(shelf, now)

    def history_bytes(self) -> int:
        """Return the bytes of all events in the history, counted as for ``HISTORY_BYTES``."""
        return sum(shelf.bytes for shelf in self._shelves.values())

    def _events_after(self, shelf: _Shelf, resource_version: int) -> Iterator[WatchEvent]:
        if resource_version < shelf.expired_up_to:
            raise Expired(resource_version, shelf.expired_up_to)
        newer: list[WatchEvent] = []
        for event, (version, *_) in zip(reversed(shelf.history), reversed(shelf.marks), strict=True):
            if version <= resource_version:
                break
            newer.append(event)
        return reversed(newer)

    def _put(self, resource: Resource, key: ObjectKey, obj: JSON, change: EventType) -> JSON:
        self.resource_version += 1
        stored = _with_version(obj, str(self.resource_version))
        shelf = self._shelf(resource)
        names = shelf.namespaces.setdefault(key.namespace, {})
        previous = names.get(key.name)
        names[key.name] = stored
        self._tell(shelf, WatchEvent(change, stored, previous))
        return stored

    def _tell(self, shelf: _Shelf, event: WatchEvent) -> None:
        now, size = self._clock(), len(marshal.dumps(event.object))
        shelf.history.append(event)
        shelf.marks.append((self.resource_version, size, now))
        shelf.bytes += size
        self._expire(shelf, now)
        for sink in shelf.sinks:
            try:
                sink(event)
            except Exception as failure:
                self.failures.note("store", f"telling of {event.type} {key_of(event.object)}", failure)

    def _expire(self, shelf: _Shelf, now: float) -> None:
        history, marks = shelf.history, shelf.marks
        while history and (
            len(history) > self._history_limit
            or (shelf.bytes > HISTORY_BYTES and len(history) > 1)
            or now - marks[0][2] > HISTORY_SECONDS
        ):
            shelf.expired_up_to, size, _ = marks.popleft()
            shelf.bytes -= size
            history.popleft()

    def _shelf(self, resource: Resource) -> _Shelf:
        shelf = self._shelves.get(resource.qualified)
        if shelf is None:
            shelf = _Shelf()
            shelf.expired_up_to = self._restored_at
            # Another thread that reads may have added it meanwhile.
            shelf = self._shelves.setdefault(resource.qualified, shelf)
        return shelf


def _with_version(obj: JSON, version: str) -> JSON:
    return {**obj, "metadata": {**obj["metadata"], "resourceVersion": version}}
