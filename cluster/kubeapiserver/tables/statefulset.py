"""The table of StatefulSets (printStatefulSet)."""

from __future__ import annotations

from kubeapi.scheme import STATEFULSETS
from kubeapiserver.tables.columns import AGE, NAME, Column, Table
from kubeapiserver.tables.workload import WORKLOAD_COLUMNS, WorkloadRow

TABLE = Table(
    STATEFULSETS,
    (
        NAME,
        Column("Ready", lambda row: f"{row.workload.ready_replicas}/{row.workload.replicas}"),
        AGE,
        *WORKLOAD_COLUMNS[:2],
    ),
    WorkloadRow,
)
