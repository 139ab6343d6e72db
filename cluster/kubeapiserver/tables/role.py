"""The table of Roles, which have no printer of their own."""

from __future__ import annotations

from kubeapi.scheme import ROLES
from kubeapiserver.tables.columns import CREATED_AT, NAME, Table

TABLE = Table(ROLES, (NAME, CREATED_AT))
