"""The table of ClusterRoles, which have no printer of their own."""

from __future__ import annotations

from kubeapi.scheme import CLUSTERROLES
from kubeapiserver.tables.columns import CREATED_AT, NAME, Table

TABLE = Table(CLUSTERROLES, (NAME, CREATED_AT))
