"""The columns of both kinds of role bindings."""

from __future__ import annotations

from collections.abc import Callable

from kubeapi.objects.parts import list_at, map_at
from kubeapiserver.tables.columns import AGE, NAME, Column, Row, wide


def _role(row: Row) -> str:
    role = map_at(row.object, "roleRef")
    return f"{role.get('kind', '')}/{role.get('name', '')}"


def _subjects(kind: str) -> Callable[[Row], str]:
    def cell(row: Row) -> str:
        found = [each for each in list_at(row.object, "subjects") if each.get("kind") == kind]
        if kind == "ServiceAccount":
            return ", ".join(f"{each.get('namespace', '')}/{each.get('name', '')}" for each in found)
        return ", ".join(each.get("name", "") for each in found)

    return cell


BINDING_COLUMNS = (
    NAME,
    Column("Role", _role),
    AGE,
    wide("Users", _subjects("User")),
    wide("Groups", _subjects("Group")),
    wide("ServiceAccounts", _subjects("ServiceAccount")),
)
