"""The table of Scales (printScale)."""

from __future__ import annotations

from kubeapiserver.catalog import SCALES
from kubeapiserver.tables.columns import AGE, NAME, Column, Table

TABLE = Table(
    SCALES,
    (
        NAME,
        Column("Desired", lambda row: row.spec.get("replicas", 0), "integer"),
        Column("Available", lambda row: row.status.get("replicas", 0), "integer"),
        AGE,
    ),
)
