"""The table of Leases (printLease)."""

from __future__ import annotations

from kubeapi.scheme import LEASES
from kubeapiserver.tables.columns import AGE, NAME, Column, Table

TABLE = Table(LEASES, (NAME, Column("Holder", lambda row: row.spec.get("holderIdentity") or ""), AGE))
