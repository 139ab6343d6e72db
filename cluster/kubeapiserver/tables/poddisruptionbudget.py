"""The table of PodDisruptionBudgets (printPodDisruptionBudget)."""

from __future__ import annotations

from kubeapi.scheme import PODDISRUPTIONBUDGETS
from kubeapiserver.tables.columns import AGE, NAME, Column, Table

TABLE = Table(
    PODDISRUPTIONBUDGETS,
    (
        NAME,
        Column("Min Available", lambda row: str(row.spec.get("minAvailable", "N/A"))),
        Column("Max Unavailable", lambda row: str(row.spec.get("maxUnavailable", "N/A"))),
        Column("Allowed Disruptions", lambda row: row.status.get("disruptionsAllowed", 0), "integer"),
        AGE,
    ),
)
