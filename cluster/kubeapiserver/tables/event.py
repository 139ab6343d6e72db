"""The table of Events (printEvent)."""

from __future__ import annotations

from kubeapi.meta import JSON
from kubeapi.objects.parts import map_at
from kubeapi.scheme import EVENTS
from kubeapiserver.tables.columns import Column, Row, Table, wide


class _EventRow(Row):
    """An Event, with its parts that may be absent."""

    __slots__ = ("involved", "series", "source")

    def __init__(self, event: JSON, now: float) -> None:
        super().__init__(event, now)
        self.involved = map_at(event, "involvedObject")
        self.source = map_at(event, "source")
        self.series = map_at(event, "series")


def _first_seen(row: _EventRow) -> str:
    return row.since(row.object.get("firstTimestamp") or row.object.get("eventTime"))


def _last_seen(row: _EventRow) -> str:
    if row.series:
        return row.since(row.series.get("lastObservedTime"))
    last = row.object.get("lastTimestamp")
    return row.since(last) if last else _first_seen(row)


def _source(row: _EventRow) -> str:
    sources = (
        row.source.get("component") or row.object.get("reportingComponent") or "",
        row.source.get("host") or row.object.get("reportingInstance") or "",
    )
    return ", ".join(each for each in sources if each)


def _object(row: _EventRow) -> str:
    return f"{str(row.involved.get('kind', '')).lower()}/{row.involved.get('name', '')}"


TABLE = Table(
    EVENTS,
    (
        Column("Last Seen", _last_seen),
        Column("Type", lambda row: row.object.get("type", "")),
        Column("Reason", lambda row: row.object.get("reason", "")),
        Column("Object", _object),
        wide("Subobject", lambda row: row.involved.get("fieldPath", "")),
        wide("Source", _source),
        Column("Message", lambda row: str(row.object.get("message", "")).strip()),
        wide("First Seen", _first_seen),
        wide("Count", lambda row: row.series.get("count") or row.object.get("count") or 1, "integer"),
        Column("Name", lambda row: row.name, priority=1, format="name"),
    ),
    _EventRow,
)
