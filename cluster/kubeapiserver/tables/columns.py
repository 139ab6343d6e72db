"""A table: its columns, each with what it shows of an object (``Column("Ready", ready_of)``). Pure."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from operator import attrgetter
from typing import Any, Generic, TypeVar

from kubeapi.meta import JSON
from kubeapi.objects.parts import spec_of, status_of
from kubeapi.scheme import Resource
from kubeapiserver.tables.texts import since


class Row:
    """An object to be shown at a time, in seconds since the epoch: what cells are computed from."""

    __slots__ = ("now", "object", "spec", "status")

    def __init__(self, obj: JSON, now: float) -> None:
        self.object = obj
        self.now = now
        self.spec = spec_of(obj)
        self.status = status_of(obj)

    @property
    def name(self) -> str:
        """The object's name."""
        name: str = self.object["metadata"]["name"]
        return name

    def since(self, timestamp: str | None) -> str:
        """Return how long ago a timestamp was."""
        return since(timestamp, self.now)

    @property
    def age(self) -> str:
        """How long ago the object was created."""
        return since(self.object["metadata"].get("creationTimestamp"), self.now)


R = TypeVar("R", bound=Row)


@dataclass(frozen=True, slots=True)
class Column(Generic[R]):
    """One column; ``priority`` 1 is shown by ``-o wide`` only."""

    name: str
    cell: Callable[[R], Any]
    """Return what the column shows of a row: a string, or an integer."""
    type: str = "string"
    priority: int = 0
    format: str = ""
    description: str = ""

    def definition(self) -> JSON:
        """Return the column as a Table defines it."""
        return {
            "name": self.name,
            "type": self.type,
            "format": self.format,
            "description": self.description,
            "priority": self.priority,
        }


def wide(name: str, cell: Callable[[R], Any], kind: str = "string") -> Column[R]:
    """Return a column that only ``-o wide`` shows."""
    return Column(name, cell, kind, 1)


NAME: Column[Any] = Column("Name", attrgetter("name"), format="name")
AGE: Column[Any] = Column("Age", attrgetter("age"))
CREATED_AT: Column[Any] = Column("Created At", lambda row: row.object["metadata"]["creationTimestamp"], "date")
"""What kinds without a printer have instead (apiserver ``registry/rest/table.go``)."""


def _no_conditions(row: Row) -> list[JSON]:
    return []


@dataclass(frozen=True, slots=True)
class Table(Generic[R]):
    """How objects of one kind are shown."""

    resource: Resource
    columns: Sequence[Column[R]]
    read: Callable[[JSON, float], R] = Row  # type: ignore[assignment]  # where R is Row
    conditions: Callable[[R], list[JSON]] = field(default=_no_conditions)
    """Conditions of an object's row, such as that the object has ended."""

    def row(self, obj: JSON, now: float) -> JSON:
        """Return an object's row as a Table has it, at a time in seconds since the epoch."""
        read = self.read(obj, now)
        row: JSON = {"cells": [column.cell(read) for column in self.columns]}
        if conditions := self.conditions(read):
            row["conditions"] = conditions
        return row
