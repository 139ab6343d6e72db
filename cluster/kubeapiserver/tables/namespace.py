"""The table of Namespaces (printNamespace)."""

from __future__ import annotations

from kubeapi.scheme import NAMESPACES
from kubeapiserver.tables.columns import AGE, NAME, Column, Table

TABLE = Table(NAMESPACES, (NAME, Column("Status", lambda row: row.status.get("phase", "")), AGE))
