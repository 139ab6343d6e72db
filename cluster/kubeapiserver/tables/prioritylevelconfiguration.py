"""The table of PriorityLevelConfigurations (printPriorityLevelConfiguration)."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from kubeapi.objects.parts import map_at
from kubeapi.scheme import PRIORITYLEVELCONFIGURATIONS
from kubeapiserver.tables.columns import AGE, NAME, Column, Row, Table
from kubeapiserver.tables.texts import NONE


def _type(row: Row) -> str:
    return str(row.spec.get("type", ""))


def _shares(row: Row) -> str:
    return str(map_at(row.spec, "limited").get("nominalConcurrencyShares", NONE))


def _queuing(name: str, row: Row) -> str:
    return str(map_at(row.spec, "limited", "limitResponse", "queuing").get(name, NONE))


def _of_queuing(name: str) -> Callable[[Row], str]:
    return partial(_queuing, name)


TABLE = Table(
    PRIORITYLEVELCONFIGURATIONS,
    (
        NAME,
        Column("Type", _type),
        Column("NominalConcurrencyShares", _shares),
        Column("Queues", _of_queuing("queues")),
        Column("HandSize", _of_queuing("handSize")),
        Column("QueueLengthLimit", _of_queuing("queueLengthLimit")),
        AGE,
    ),
)
