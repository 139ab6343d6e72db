"""The table of PodMetrics (sigs.k8s.io/metrics-server ``pkg/api/table.go``)."""

from __future__ import annotations

from kubeapi.objects.parts import list_at, map_at
from kubeapiserver.catalog import POD_METRICS
from kubeapiserver.tables.columns import NAME, Column, Row, Table


def _total(row: Row, resource: str) -> str:
    """Return the sum of what the containers use: quantities of one suffix, such as ``12n``."""
    used = [map_at(each, "usage").get(resource, "0") for each in list_at(row.object, "containers")]
    suffix = next((each.lstrip("0123456789") for each in used if not each.isdecimal()), "")
    return f"{sum(int(each.removesuffix(suffix)) for each in used)}{suffix}"


TABLE = Table(
    POD_METRICS,
    (
        NAME,
        Column("cpu", lambda row: _total(row, "cpu"), format="quantity"),
        Column("memory", lambda row: _total(row, "memory"), format="quantity"),
        Column("Window", lambda row: row.object.get("window", ""), format="duration"),
    ),
)
