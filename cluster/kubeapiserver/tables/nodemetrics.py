"""The table of NodeMetrics (sigs.k8s.io/metrics-server ``pkg/api/table.go``)."""

from __future__ import annotations

from kubeapi.objects.parts import map_at
from kubeapiserver.catalog import NODE_METRICS
from kubeapiserver.tables.columns import NAME, Column, Table

TABLE = Table(
    NODE_METRICS,
    (
        NAME,
        Column("cpu", lambda row: map_at(row.object, "usage").get("cpu", "0"), format="quantity"),
        Column("memory", lambda row: map_at(row.object, "usage").get("memory", "0"), format="quantity"),
        Column("Window", lambda row: row.object.get("window", ""), format="duration"),
    ),
)
