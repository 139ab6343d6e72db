"""The table of Secrets (printSecret)."""

from __future__ import annotations

from kubeapi.scheme import SECRETS
from kubeapiserver.tables.columns import AGE, NAME, Column, Table

TABLE = Table(
    SECRETS,
    (
        NAME,
        Column("Type", lambda row: row.object.get("type", "")),
        Column("Data", lambda row: len(row.object.get("data", ()))),
        AGE,
    ),
)
