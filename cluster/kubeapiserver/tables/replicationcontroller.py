"""The table of ReplicationControllers (printReplicationController)."""

from __future__ import annotations

from kubeapi.scheme import REPLICATIONCONTROLLERS
from kubeapiserver.tables.columns import Table
from kubeapiserver.tables.replicaset import TABLE as REPLICA_SETS
from kubeapiserver.tables.workload import WorkloadRow

TABLE = Table(REPLICATIONCONTROLLERS, REPLICA_SETS.columns, WorkloadRow)
