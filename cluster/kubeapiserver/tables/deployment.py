"""The table of Deployments (printDeployment)."""

from __future__ import annotations

from kubeapi.scheme import DEPLOYMENTS
from kubeapiserver.tables.columns import AGE, NAME, Column, Table
from kubeapiserver.tables.workload import WORKLOAD_COLUMNS, WorkloadRow

TABLE = Table(
    DEPLOYMENTS,
    (
        NAME,
        Column("Ready", lambda row: f"{row.workload.ready_replicas}/{row.workload.replicas}"),
        Column("Up-to-date", lambda row: row.workload.updated_replicas),
        Column("Available", lambda row: row.workload.available_replicas),
        AGE,
        *WORKLOAD_COLUMNS,
    ),
    WorkloadRow,
)
