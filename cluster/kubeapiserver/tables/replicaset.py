"""The table of ReplicaSets (printReplicaSet)."""

from __future__ import annotations

from kubeapi.scheme import REPLICASETS
from kubeapiserver.tables.columns import AGE, NAME, Column, Table
from kubeapiserver.tables.workload import WORKLOAD_COLUMNS, WorkloadRow

TABLE = Table(
    REPLICASETS,
    (
        NAME,
        Column("Desired", lambda row: row.workload.replicas, "integer"),
        Column("Current", lambda row: row.workload.current_replicas, "integer"),
        Column("Ready", lambda row: row.workload.ready_replicas, "integer"),
        AGE,
        *WORKLOAD_COLUMNS,
    ),
    WorkloadRow,
)
