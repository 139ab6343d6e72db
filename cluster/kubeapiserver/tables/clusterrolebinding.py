"""The table of ClusterRoleBindings (printClusterRoleBinding)."""

from __future__ import annotations

from kubeapi.scheme import CLUSTERROLEBINDINGS
from kubeapiserver.tables.binding import BINDING_COLUMNS
from kubeapiserver.tables.columns import Table

TABLE = Table(CLUSTERROLEBINDINGS, BINDING_COLUMNS)
