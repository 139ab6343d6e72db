"""The table of ComponentStatuses (printComponentStatus)."""

from __future__ import annotations

from kubeapi.meta import JSON
from kubeapi.objects.parts import list_at
from kubeapiserver.catalog import COMPONENT_STATUSES
from kubeapiserver.tables.columns import NAME, Column, Row, Table

_STATUSES = {"True": "Healthy", "False": "Unhealthy"}


def _healthy(row: Row) -> JSON:
    return next((each for each in list_at(row.object, "conditions") if each["type"] == "Healthy"), {})


TABLE = Table(
    COMPONENT_STATUSES,
    (
        NAME,
        Column("Status", lambda row: _STATUSES.get(_healthy(row).get("status", ""), "Unknown")),
        Column("Message", lambda row: _healthy(row).get("message", "")),
        Column("Error", lambda row: _healthy(row).get("error", "")),
    ),
)
