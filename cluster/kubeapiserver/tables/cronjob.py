"""The table of CronJobs (printCronJob)."""

from __future__ import annotations

from kubeapi.objects.parts import map_at
from kubeapi.scheme import CRONJOBS
from kubeapi.selectors.text import selector_text
from kubeapiserver.tables.columns import AGE, NAME, Column, Row, Table, wide
from kubeapiserver.tables.texts import NONE, UNSET
from kubeapiserver.tables.workload import containers_text


def _suspend(row: Row) -> str:
    suspend = row.spec.get("suspend")
    return UNSET if suspend is None else str(suspend).capitalize()


def _last_schedule(row: Row) -> str:
    last = row.status.get("lastScheduleTime")
    return row.since(last) if last else NONE


def _containers(row: Row, field: str) -> str:
    return containers_text(map_at(row.spec, "jobTemplate", "spec", "template"), field)


def _selector(row: Row) -> str:
    return selector_text(map_at(row.spec, "jobTemplate", "spec", "selector")) or NONE


TABLE = Table(
    CRONJOBS,
    (
        NAME,
        Column("Schedule", lambda row: row.spec.get("schedule", "")),
        Column("Timezone", lambda row: row.spec.get("timeZone", NONE)),
        Column("Suspend", _suspend, "boolean"),
        Column("Active", lambda row: len(row.status.get("active") or ()), "integer"),
        Column("Last Schedule", _last_schedule),
        AGE,
        wide("Containers", lambda row: _containers(row, "name")),
        wide("Images", lambda row: _containers(row, "image")),
        wide("Selector", _selector),
    ),
)
