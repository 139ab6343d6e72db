"""The table of PriorityClasses (printPriorityClass)."""

from __future__ import annotations

from kubeapi.scheme import PRIORITYCLASSES
from kubeapiserver.tables.columns import AGE, NAME, Column, Table, wide

TABLE = Table(
    PRIORITYCLASSES,
    (
        NAME,
        Column("Value", lambda row: row.object.get("value", 0), "integer"),
        Column("Global-Default", lambda row: bool(row.object.get("globalDefault")), "boolean"),
        AGE,
        wide("PreemptionPolicy", lambda row: row.object.get("preemptionPolicy", "")),
    ),
)
