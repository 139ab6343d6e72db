"""Reads the database of the last run, once, before the next start.

A row that cannot be read costs that object alone; its text is appended to a file.
"""

from __future__ import annotations

import contextlib
import json
import os
import sqlite3
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from kubeapi.customresources.resource import resources_of
from kubeapi.kinds import KINDS, kind_of
from kubeapi.meta import JSON
from kubeapi.scheme import CUSTOM_RESOURCE_DEFINITIONS, Resource

FORMAT = 1
"""Version of the database's format (PRAGMA user_version, written by ``journal``); others are refused."""
KEPT = {str(each.resource): each.resource for each in KINDS if not each.is_record}
"""The resources that are kept, by their qualified names."""
BATCH = 5000
"""Rows that are read at once, and the most writes of one commit."""
_OF_THE_SYSTEM = frozenset(
    {
        sqlite3.SQLITE_CANTOPEN,
        sqlite3.SQLITE_FULL,
        sqlite3.SQLITE_IOERR,
        sqlite3.SQLITE_PERM,
        sqlite3.SQLITE_READONLY,
    }
)
"""Errors of the file system around a database that may be intact: reading one writes too (sqlite.org/wal.html)."""
_Row = tuple[str, str, str, str]


class UnreadableStateError(ValueError):
    """The database cannot be read; the text names it and the remedy."""


class Lost(NamedTuple):
    """A row that cannot be read as an object of its kind: its key, the reason, and its text."""

    resource: str
    namespace: str
    name: str
    why: str
    text: str

    def __str__(self) -> str:
        where = f"{self.namespace}/" if self.namespace else ""
        return f"{self.resource} {where}{self.name} ({self.why})"


class Saved(NamedTuple):
    """The content of the database. ``configuration`` is a ClusterConfiguration as JSON, "" if there was none."""

    resource_version: int
    configuration: str
    objects: tuple[tuple[Resource, JSON], ...]
    origins: tuple[str, ...] = ()
    """Files and folders that earlier runs read, the newest last."""
    lost: tuple[Lost, ...] = ()
    """Rows that cannot be read."""

    def of(self, resource: Resource) -> list[JSON]:
        """Return the objects of one resource."""
        return [obj for each, obj in self.objects if each == resource]


def read_saved(path: Path, way_out: str) -> Saved | None:
    """Return what is in the database, None if there is nothing. UnreadableStateError.

    The error names ``way_out`` if the database is damaged, not if the file system refuses to open it.
    """
    if not path.exists():
        return None
    try:
        with contextlib.closing(sqlite3.connect(path)) as database:
            return _read(database)
    except (sqlite3.Error, ValueError, KeyError, TypeError) as error:
        if getattr(error, "sqlite_errorcode", sqlite3.SQLITE_OK) & 0xFF in _OF_THE_SYSTEM:
            way_out = f"nothing is lost: {path.parent} must be writable for this user and have free space"
        message = f"the state in {path} cannot be read ({error}); {way_out}"
        raise UnreadableStateError(message) from None


def _read(database: sqlite3.Connection) -> Saved | None:
    (version,) = database.execute("PRAGMA user_version").fetchone()
    if version == 0:
        return None
    if version != FORMAT:
        message = f"it has format {version}, this kubesvc knows {FORMAT}"
        raise ValueError(message)
    facts = dict(database.execute("SELECT name, value FROM facts"))
    objects: list[tuple[Resource, JSON]] = []
    lost: list[Lost] = []
    kept = KEPT | _custom_resources(database)
    rows = database.execute("SELECT resource, namespace, name, object FROM objects")
    while batch := rows.fetchmany(BATCH):
        for row, obj in zip(batch, _read_objects(batch), strict=True):
            if row[0] not in kept:
                continue
            if why := _fault(kept[row[0]], row[1], row[2], obj):
                lost.append(Lost(row[0], row[1], row[2], why, row[3]))
            else:
                objects.append((kept[row[0]], obj))
    origins = json.loads(facts.get("origins", "[]"))
    return Saved(int(facts["resourceVersion"]), facts["configuration"], tuple(objects), tuple(origins), tuple(lost))


def _custom_resources(database: sqlite3.Connection) -> dict[str, Resource]:
    """Return the resources that the kept CustomResourceDefinitions define, by their qualified names."""
    query = "SELECT object FROM objects WHERE resource = ?"
    found: dict[str, Resource] = {}
    for (text,) in database.execute(query, (str(CUSTOM_RESOURCE_DEFINITIONS),)):
        # A definition that cannot be read is told of with the other rows.
        with contextlib.suppress(ValueError, LookupError, TypeError, AttributeError):
            found |= {str(each): each for each in resources_of(json.loads(text), accepted=False)}
    return found


def _read_objects(batch: Sequence[_Row]) -> list[Any]:
    """Return the objects of rows, None for a text that is not JSON."""
    try:
        # One call of json.loads shares the strings of field names between the objects: a quarter of their memory.
        read: list[Any] = json.loads(f"[{','.join(text for *_, text in batch)}]")
    except ValueError:
        read = []
    return read if len(read) == len(batch) else [_read_object(text) for *_, text in batch]


def _read_object(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return None


def _fault(resource: Resource, namespace: str, name: str, obj: Any) -> str:
    """Return why a value is not the object of its row, "" if it has all that readers of objects rely on."""
    match obj:
        case {"metadata": {"name": str(own), **more}} if obj.get("kind", resource.kind) == resource.kind:
            if (more.get("namespace", ""), own) != (namespace, name):
                return "it has another name"
            if kind_of(resource).requires_spec and not isinstance(obj.get("spec"), dict):
                return "it has no spec"
            return "" if isinstance(obj.get("status", {}), dict) else "its status is not an object"
        case None:
            return "it is not JSON"
    return f"it is not a {resource.kind}"


def keep_lost(lost: Iterable[Lost], path: Path) -> None:
    """Append rows that cannot be read to a file, one line of JSON each; the database loses them. OSError."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.writelines(f"{json.dumps(each._asdict())}\n" for each in lost)
