"""The table of FlowSchemas (printFlowSchema)."""

from __future__ import annotations

from kubeapi.objects.conditions import find_condition
from kubeapi.scheme import FLOWSCHEMAS
from kubeapiserver.tables.columns import AGE, NAME, Column, Row, Table
from kubeapiserver.tables.texts import NONE


def _level(row: Row) -> str:
    return str(row.spec.get("priorityLevelConfiguration", {}).get("name", ""))


def _precedence(row: Row) -> str:
    return str(row.spec.get("matchingPrecedence", 0))


def _method(row: Row) -> str:
    return str((row.spec.get("distinguisherMethod") or {"type": NONE}).get("type", ""))


def _missing(row: Row) -> str:
    dangling = find_condition(row.object, "Dangling")
    return str(dangling["status"]) if dangling else "?"


TABLE = Table(
    FLOWSCHEMAS,
    (
        NAME,
        Column("PriorityLevel", _level),
        Column("MatchingPrecedence", _precedence),
        Column("DistinguisherMethod", _method),
        AGE,
        Column("MissingPL", _missing),
    ),
)
