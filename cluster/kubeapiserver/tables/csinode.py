"""The table of CSINodes (printCSINode)."""

from __future__ import annotations

from kubeapi.scheme import CSINODES
from kubeapiserver.tables.columns import AGE, NAME, Column, Row, Table


def _drivers(row: Row) -> int:
    return len(row.spec.get("drivers") or ())


TABLE = Table(CSINODES, (NAME, Column("Drivers", _drivers, "integer"), AGE))
