"""The table of Secrets (printSecret)."""

from __future__ import annotations

from kubeapi.kinds.secret import KIND
from kubeapiserver.tables.columns import AGE, NAME, Column, Table

TABLE = Table(
    KIND.resource,
    (
        NAME,
        Column("Type", lambda row: row.object.get("type", "")),
        Column("Data", lambda row: len(row.object.get("data", ()))),
        AGE,
    ),
)
