"""Events: what happened to an object, for its user (core/v1 Event).

The same event again raises the count of the first one; old events and those above a limit are deleted, so that a pod
that crashes for days does not fill the memory. Follows client-go ``tools/record`` (names, counting). The limits are
kubesvc's own, except the hour, which is kube-apiserver's ``--event-ttl``.
"""

from __future__ import annotations

import contextlib
from collections import Counter, OrderedDict
from collections.abc import Callable
from typing import NamedTuple

from kubeapi.meta import JSON, ObjectKey, format_time
from kubeapi.registry import Registry
from kubeapi.scheme import EVENTS
from kubeapi.status import StatusError

EVENT_TTL_SECONDS = 3600.0
"""How long an event is kept after it last happened."""

OBJECT_LIMIT = 50
"""Events that one recorder keeps about one object."""

RECORDER_LIMIT = 1000
"""Events that one recorder keeps in all."""

_LONGEST_NAME = 230
"""Characters of an object's name in its events' names, which have 253 with the time."""


class _About(NamedTuple):
    """The object that an event is about."""

    api_version: str
    kind: str
    namespace: str
    name: str
    uid: str


class _Occurrence(NamedTuple):
    """What makes two events the same."""

    about: _About
    type: str
    reason: str
    message: str


class _Kept(NamedTuple):
    """An event in the Store, and when it happened last."""

    key: ObjectKey
    seen: float


class EventRecorder:
    """Records events as one component (``kubelet``, ``kube-proxy`` ...), on one host ("" for none).

    Recording never fails: an event that the Registry refuses (its namespace is being deleted) is dropped.
    """

    def __init__(self, registry: Registry, component: str, *, clock: Callable[[], float], host: str = "") -> None:
        self._registry = registry
        self._component = component
        self._clock = clock
        self._host = host
        self._kept: OrderedDict[_Occurrence, _Kept] = OrderedDict()
        self._counts: Counter[_About] = Counter()
        self._last_stamp = 0

    def event(self, about: JSON, event_type: str, reason: str, message: str) -> None:
        """Record that ``reason`` (CamelCase) happened to ``about``; ``event_type`` is Normal or Warning."""
        metadata = about["metadata"]
        target = _About(
            about["apiVersion"],
            about["kind"],
            metadata.get("namespace", ""),
            metadata["name"],
            metadata.get("uid", ""),
        )
        occurrence = _Occurrence(target, event_type, reason, message)
        now = self._clock()
        self.expire()
        with contextlib.suppress(StatusError):
            if not self._count_again(occurrence, now):
                self._record(occurrence, now)

    def expire(self) -> None:
        """Delete the events that are older than an hour; every recording does that too."""
        oldest = self._clock() - EVENT_TTL_SECONDS
        while self._kept and next(iter(self._kept.values())).seen < oldest:
            self._forget(next(iter(self._kept)))

    def _count_again(self, occurrence: _Occurrence, now: float) -> bool:
        """Raise the count of the same event; False if there is none."""
        kept = self._kept.get(occurrence)
        stored = self._registry.store.find(EVENTS, kept.key) if kept is not None else None
        if kept is None or stored is None:
            return False
        count = stored.get("count", 1) + 1
        self._registry.update(EVENTS, {**stored, "count": count, "lastTimestamp": format_time(now)})
        self._kept[occurrence] = _Kept(kept.key, now)
        self._kept.move_to_end(occurrence)
        return True

    def _record(self, occurrence: _Occurrence, now: float) -> None:
        about = occurrence.about
        key = self._new_key(about, now)
        self._registry.create(EVENTS, self._event(occurrence, key, format_time(now)))
        if self._kept.pop(occurrence, None) is None:
            self._counts[about] += 1
        self._kept[occurrence] = _Kept(key, now)
        if self._counts[about] > OBJECT_LIMIT:
            self._forget(next(each for each in self._kept if each.about == about))
        if len(self._kept) > RECORDER_LIMIT:
            self._forget(next(iter(self._kept)))

    def _forget(self, occurrence: _Occurrence) -> None:
        kept = self._kept.pop(occurrence)
        self._counts[occurrence.about] -= 1
        if not self._counts[occurrence.about]:
            del self._counts[occurrence.about]
        with contextlib.suppress(StatusError):
            self._registry.delete(EVENTS, *kept.key)

    def _new_key(self, about: _About, now: float) -> ObjectKey:
        """Return an unused key: the object's name and the time in nanoseconds, as in client-go."""
        namespace = about.namespace or "default"
        stamp = max(int(now * 1e9), self._last_stamp + 1)
        prefix = about.name[:_LONGEST_NAME].rstrip("-.")
        while self._registry.store.find(EVENTS, ObjectKey(namespace, f"{prefix}.{stamp:x}")) is not None:
            stamp += 1
        self._last_stamp = stamp
        return ObjectKey(namespace, f"{prefix}.{stamp:x}")

    def _event(self, occurrence: _Occurrence, key: ObjectKey, now: str) -> JSON:
        about = occurrence.about
        return {
            "apiVersion": "v1",
            "kind": "Event",
            "metadata": {"name": key.name, "namespace": key.namespace},
            "involvedObject": {
                "apiVersion": about.api_version,
                "kind": about.kind,
                "name": about.name,
                "namespace": about.namespace,
                "uid": about.uid,
            },
            "type": occurrence.type,
            "reason": occurrence.reason,
            "message": occurrence.message,
            "count": 1,
            "firstTimestamp": now,
            "lastTimestamp": now,
            "source": {"component": self._component, "host": self._host},
            "reportingComponent": self._component,
            "reportingInstance": self._host,
        }
