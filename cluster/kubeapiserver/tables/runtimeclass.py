"""The table of RuntimeClasses (printRuntimeClass)."""

from __future__ import annotations

from kubeapi.scheme import RUNTIMECLASSES
from kubeapiserver.tables.columns import AGE, NAME, Column, Table

TABLE = Table(RUNTIMECLASSES, (NAME, Column("Handler", lambda row: row.object.get("handler", "")), AGE))
