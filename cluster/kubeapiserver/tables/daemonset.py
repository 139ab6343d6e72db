"""The table of DaemonSets (printDaemonSet)."""

from __future__ import annotations

from kubeapi.meta import JSON
from kubeapi.objects.daemonset import read_daemon_set
from kubeapi.objects.parts import map_at
from kubeapi.scheme import DAEMONSETS
from kubeapiserver.tables.columns import AGE, NAME, Column, Table
from kubeapiserver.tables.texts import pairs
from kubeapiserver.tables.workload import WORKLOAD_COLUMNS, WorkloadRow


class _DaemonSetRow(WorkloadRow):
    """A DaemonSet, with its reading."""

    def __init__(self, obj: JSON, now: float) -> None:
        super().__init__(obj, now)
        self.daemon_set = read_daemon_set(obj)


TABLE = Table(
    DAEMONSETS,
    (
        NAME,
        Column("Desired", lambda row: row.daemon_set.replicas, "integer"),
        Column("Current", lambda row: row.daemon_set.current_replicas, "integer"),
        Column("Ready", lambda row: row.daemon_set.ready_replicas, "integer"),
        Column("Up-to-date", lambda row: row.daemon_set.updated_replicas, "integer"),
        Column("Available", lambda row: row.daemon_set.available_replicas, "integer"),
        Column("Node Selector", lambda row: pairs(map_at(row.workload.template, "spec", "nodeSelector"))),
        AGE,
        *WORKLOAD_COLUMNS,
    ),
    _DaemonSetRow,
)
