"""The table of ServiceCIDRs (printServiceCIDR)."""

from __future__ import annotations

from kubeapi.objects.servicecidr import read_cidrs
from kubeapi.scheme import SERVICECIDRS
from kubeapiserver.tables.columns import AGE, NAME, Column, Table

TABLE = Table(SERVICECIDRS, (NAME, Column("CIDRs", lambda row: ",".join(read_cidrs(row.object))), AGE))
