"""The table of RoleBindings (printRoleBinding)."""

from __future__ import annotations

from kubeapi.scheme import ROLEBINDINGS
from kubeapiserver.tables.binding import BINDING_COLUMNS
from kubeapiserver.tables.columns import Table

TABLE = Table(ROLEBINDINGS, BINDING_COLUMNS)
