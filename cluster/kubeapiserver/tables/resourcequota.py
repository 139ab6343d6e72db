"""The table of ResourceQuotas (printResourceQuota)."""

from __future__ import annotations

from kubeapi.objects.parts import map_at
from kubeapi.scheme import RESOURCEQUOTAS
from kubeapiserver.tables.columns import AGE, NAME, Column, Row, Table


def _used(row: Row, *, is_limit: bool) -> str:
    hard, used = map_at(row.status, "hard"), map_at(row.status, "used")
    names = [each for each in sorted(hard) if each.startswith("limits.") == is_limit]
    return ", ".join(f"{each}: {used.get(each, '0')}/{hard[each]}" for each in names)


TABLE = Table(
    RESOURCEQUOTAS,
    (
        NAME,
        Column("Request", lambda row: _used(row, is_limit=False)),
        Column("Limit", lambda row: _used(row, is_limit=True)),
        AGE,
    ),
)
