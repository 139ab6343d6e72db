"""The table of Deployments (printDeployment)."""

from __future__ import annotations

from kubeapi.scheme import DEPLOYMENTS
from kubeapiserver.tables.columns import AGE, NAME, Column, Table
from kubeapiserver.tables.workload import WORKLOAD_COLUMNS

TABLE = Table(
    DEPLOYMENTS,
    (
        NAME,
        Column("Ready", lambda row: f"{row.status.get('readyReplicas', 0)}/{row.spec.get('replicas', 0)}"),
        Column("Up-to-date", lambda row: row.status.get("updatedReplicas", 0)),
        Column("Available", lambda row: row.status.get("availableReplicas", 0)),
        AGE,
        *WORKLOAD_COLUMNS,
    ),
)
