"""The table of ReplicaSets (printReplicaSet)."""

from __future__ import annotations

from kubeapi.scheme import REPLICASETS
from kubeapiserver.tables.columns import AGE, NAME, Column, Table
from kubeapiserver.tables.workload import WORKLOAD_COLUMNS

TABLE = Table(
    REPLICASETS,
    (
        NAME,
        Column("Desired", lambda row: row.spec.get("replicas", 0), "integer"),
        Column("Current", lambda row: row.status.get("replicas", 0), "integer"),
        Column("Ready", lambda row: row.status.get("readyReplicas", 0), "integer"),
        AGE,
        *WORKLOAD_COLUMNS,
    ),
)
