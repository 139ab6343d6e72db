"""The table of LimitRanges, which have no printer of their own."""

from __future__ import annotations

from kubeapi.scheme import LIMITRANGES
from kubeapiserver.tables.columns import CREATED_AT, NAME, Table

TABLE = Table(LIMITRANGES, (NAME, CREATED_AT))
