"""Which events are written, and how: the same one again is counted in a series, not written anew. Pure.

Follows client-go ``tools/events/event_broadcaster.go`` (series) and the limit of ``tools/record/events_cache.go`` (25
events of an object at once, then one in five minutes), so that a flood of one component harms nobody.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from typing import NamedTuple

from kubeapi.meta import JSON, format_micro_time
from kubeapi.scheme import EVENTS_V1
from kubeclient.paths import path_of

FINISHED_SECONDS = 360.0
"""After which a series is over: the same event is a new one then (finishTime)."""
REFRESH_SECONDS = 1800.0
"""How often the count of a long series is written (refreshTime)."""
BURST, SECONDS_PER_EVENT = 25, 300.0
"""Events of one object at once, and how often one more is allowed (defaultSpamBurst, defaultSpamQPS)."""
KEPT = 4096
"""Events, and objects, that are remembered (maxLruCacheEntries)."""
NOTE_LIMIT = 1024
"""Bytes of a note that the API accepts."""
_LONGEST_NAME = 230


class Write(NamedTuple):
    """One request."""

    method: str
    path: str
    body: JSON


class Occurrence(NamedTuple):
    """What has happened to an object, which has kind, apiVersion and metadata; ``type`` is Normal or Warning."""

    about: JSON
    type: str
    reason: str
    note: str
    action: str


class _Same(NamedTuple):
    """What makes two events the same."""

    kind: str
    namespace: str
    name: str
    uid: str
    type: str
    reason: str
    action: str


@dataclass(slots=True)
class _Kept:
    """An event that was written: where, how often it happened, when last, and when that was written."""

    path: str
    count: int
    seen_at: float
    written_at: float


@dataclass(slots=True)
class _Allowance:
    """How many more events of an object may be written, as of a time."""

    left: float
    at: float


class EventSeries:
    """Decides what to write of the events of one component. ``now`` is in seconds since the epoch."""

    def __init__(self, controller: str, instance: str) -> None:
        self._controller = controller
        self._instance = instance
        self._stamp = 0
        self._kept: OrderedDict[_Same, _Kept] = OrderedDict()
        self._allowances: OrderedDict[tuple[str, str, str], _Allowance] = OrderedDict()

    def note(self, occurrence: Occurrence, now: float) -> Write | None:
        """Return the request for an event, None if it is only counted, or one too many."""
        same = _same(occurrence)
        kept = self._kept.get(same)
        if kept is not None and now - kept.seen_at < FINISHED_SECONDS:
            kept.count += 1
            kept.seen_at = now
            return self._count(kept, now) if kept.count == 2 else None
        if not self._is_allowed((same.kind, same.namespace, same.name), now):
            return None
        event = self._event(occurrence, now)
        metadata = event["metadata"]
        path = path_of(EVENTS_V1, metadata["namespace"])
        self._kept[same] = _Kept(f"{path}/{metadata['name']}", 1, now, now)
        self._kept.move_to_end(same)
        if len(self._kept) > KEPT:
            self._kept.popitem(last=False)
        return Write("POST", path, event)

    def due(self, now: float) -> list[Write]:
        """Return the requests for counts that are due: of series that are over, or long."""
        writes = []
        for same, kept in tuple(self._kept.items()):
            is_over = now - kept.seen_at >= FINISHED_SECONDS
            is_counted = kept.count == 1 or kept.written_at >= kept.seen_at
            if not is_counted and (is_over or now - kept.written_at >= REFRESH_SECONDS):
                writes.append(self._count(kept, now))
            if is_over:
                del self._kept[same]
        return writes

    def _count(self, kept: _Kept, now: float) -> Write:
        kept.written_at = now
        return Write(
            "PATCH", kept.path, {"series": {"count": kept.count, "lastObservedTime": format_micro_time(kept.seen_at)}}
        )

    def _is_allowed(self, about: tuple[str, str, str], now: float) -> bool:
        allowance = self._allowances.setdefault(about, _Allowance(BURST, now))
        self._allowances.move_to_end(about)
        if len(self._allowances) > KEPT:
            self._allowances.popitem(last=False)
        allowance.left = min(allowance.left + (now - allowance.at) / SECONDS_PER_EVENT, BURST)
        allowance.at = now
        if allowance.left < 1.0:
            return False
        allowance.left -= 1.0
        return True

    def _event(self, occurrence: Occurrence, now: float) -> JSON:
        metadata = occurrence.about["metadata"]
        namespace = metadata.get("namespace") or "default"
        # Two events of one moment have two names.
        self._stamp = max(int(now * 1e9), self._stamp + 1)
        name = f"{metadata['name'][:_LONGEST_NAME].rstrip('-.')}.{self._stamp:x}"
        return {
            "apiVersion": EVENTS_V1.api_version,
            "kind": EVENTS_V1.kind,
            "metadata": {"name": name, "namespace": namespace},
            "eventTime": format_micro_time(now),
            "reportingController": self._controller,
            "reportingInstance": self._instance,
            "action": occurrence.action,
            "reason": occurrence.reason,
            "type": occurrence.type,
            "note": occurrence.note.encode()[:NOTE_LIMIT].decode(errors="ignore"),
            "regarding": _reference(occurrence.about),
        }


def _reference(about: JSON) -> JSON:
    """Return the ObjectReference of an object."""
    named = ("namespace", "name", "uid", "resourceVersion")
    found = {name: about["metadata"][name] for name in named if about["metadata"].get(name)}
    return {"apiVersion": about["apiVersion"], "kind": about["kind"], **found}


def _same(occurrence: Occurrence) -> _Same:
    about = occurrence.about
    metadata = about["metadata"]
    return _Same(
        about["kind"],
        metadata.get("namespace", ""),
        metadata["name"],
        metadata.get("uid", ""),
        occurrence.type,
        occurrence.reason,
        occurrence.action,
    )
