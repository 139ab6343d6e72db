"""The table of ConfigMaps (printConfigMap)."""

from __future__ import annotations

from kubeapi.scheme import CONFIGMAPS
from kubeapiserver.tables.columns import AGE, NAME, Column, Row, Table


def _entries(row: Row) -> int:
    return len(row.object.get("data") or ()) + len(row.object.get("binaryData") or ())


TABLE = Table(CONFIGMAPS, (NAME, Column("Data", _entries), AGE))
