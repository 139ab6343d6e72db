"""What a cluster has accepted, on disk: every write of the Store in a SQLite database, in order, before it is answered.

A thread of its own commits whatever has piled up while it committed the last (group commit); the event loop never
waits for the disk. Events are not kept, as nobody would want the last run's. The database is one cluster's; the state
directory's lock is what keeps others out.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import os
import sqlite3
import threading
from collections import deque
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from kubeapi.meta import JSON, controller_of, key_of
from kubeapi.scheme import DEPLOYMENTS, EVENTS, NODES, PODS, REPLICASETS, RESOURCES, SERVICES, Resource
from kubeapi.status import InternalError
from kubeapi.store import EventType, Store, WatchEvent

FORMAT = 1
"""Of the database (PRAGMA user_version in the schema); another one is refused rather than guessed at."""
RETRY_SECONDS = 1.0
"""Pause before a failed commit is tried again: the disk may be full for a moment."""
BATCH = 5000
"""Writes of one commit."""
_OF_THE_SYSTEM = frozenset(
    {
        sqlite3.SQLITE_CANTOPEN,
        sqlite3.SQLITE_FULL,
        sqlite3.SQLITE_IOERR,
        sqlite3.SQLITE_PERM,
        sqlite3.SQLITE_READONLY,
    }
)
"""What keeps a database from being read that may be whole: to be read it is written to, too (sqlite.org/wal.html)."""
PAGE_BYTES = 16384
"""Of a new database: an object of 1 KiB takes a page of its own from one of 4 KiB, which made 57 MB out of 18."""

_WITH_SPEC = frozenset((DEPLOYMENTS, PODS, REPLICASETS, SERVICES))
_Row = tuple[str, str, str, str]
_KEPT = {each.qualified: each for each in RESOURCES if each is not EVENTS}
_SCHEMA = """
BEGIN;
CREATE TABLE objects (resource TEXT, namespace TEXT, name TEXT, object TEXT, PRIMARY KEY (resource, namespace, name))
WITHOUT ROWID;
CREATE TABLE facts (name TEXT PRIMARY KEY, value TEXT) WITHOUT ROWID;
INSERT INTO facts VALUES ('resourceVersion', '0'), ('configuration', '');
PRAGMA user_version = 1;
COMMIT;
"""
_to_json = json.JSONEncoder(separators=(",", ":"), check_circular=False).encode
_log = logging.getLogger(__name__)


class UnreadableStateError(ValueError):
    """The database cannot be read; the text names it and the way out."""


class Lost(NamedTuple):
    """A row that is no object: what it was to be, why it is none, and its text."""

    resource: str
    namespace: str
    name: str
    why: str
    text: str

    def __str__(self) -> str:
        where = f"{self.namespace}/" if self.namespace else ""
        return f"{self.resource} {where}{self.name} ({self.why})"


class Saved(NamedTuple):
    """What was kept of the last run. ``configuration`` is a ClusterConfiguration as JSON, "" if there was none."""

    resource_version: int
    configuration: str
    objects: tuple[tuple[Resource, JSON], ...]
    origins: tuple[str, ...] = ()
    """Files and folders that the runs before this one were given, the newest last."""
    lost: tuple[Lost, ...] = ()
    """What cannot be read; the others can."""


def read_saved(path: Path, way_out: str) -> Saved | None:
    """Return what is in the database, None if there is nothing. UnreadableStateError.

    It tells of ``way_out`` where the database is broken, not where the system keeps it from being opened.
    """
    if not path.exists():
        return None
    try:
        with contextlib.closing(sqlite3.connect(path)) as database:
            return _read(database)
    except (sqlite3.Error, ValueError, KeyError, TypeError) as error:
        if getattr(error, "sqlite_errorcode", sqlite3.SQLITE_OK) & 0xFF in _OF_THE_SYSTEM:
            way_out = f"nothing of it is lost: let this user write in {path.parent}, where there must be room"
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
    rows = database.execute("SELECT resource, namespace, name, object FROM objects")
    while batch := rows.fetchmany(BATCH):
        for row, obj in zip(batch, _read_objects(batch), strict=True):
            if row[0] not in _KEPT:
                continue
            if why := _fault(_KEPT[row[0]], row[1], row[2], obj):
                lost.append(Lost(row[0], row[1], row[2], why, row[3]))
            else:
                objects.append((_KEPT[row[0]], obj))
    origins = json.loads(facts.get("origins", "[]"))
    return Saved(int(facts["resourceVersion"]), facts["configuration"], tuple(objects), tuple(origins), tuple(lost))


def _read_objects(batch: Sequence[_Row]) -> list[Any]:
    """Return the objects of rows, None where a text is no JSON."""
    try:
        # Read together, objects share the names of their fields, which would be a quarter of their memory.
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
    """Return why a value is no object of its row, "" if it is one: what everybody takes for granted must be there."""
    match obj:
        case {"metadata": {"name": str(own), **more}} if obj.get("kind", resource.kind) == resource.kind:
            if (more.get("namespace", ""), own) != (namespace, name):
                return "it has another name"
            if resource in _WITH_SPEC and not isinstance(obj.get("spec"), dict):
                return "it has no spec"
            return "" if isinstance(obj.get("status", {}), dict) else "its status is no object"
        case None:
            return "it is no JSON"
    return f"it is no {resource.kind}"


def keep_lost(lost: Iterable[Lost], path: Path) -> None:
    """Append what cannot be read to a file, a line of JSON for each; the database loses it. OSError."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.writelines(f"{json.dumps(each._asdict())}\n" for each in lost)


class _Write(NamedTuple):
    resource: str
    namespace: str
    name: str
    obj: JSON | None
    resource_version: int

    def __str__(self) -> str:
        return f"{self.resource} {self.namespace}/{self.name}" if self.namespace else f"{self.resource} {self.name}"

    @property
    def is_self_made(self) -> bool:
        """Whether the next start makes it again, as nobody but the cluster has written it."""
        return self.resource == NODES.qualified or (self.obj is not None and controller_of(self.obj) is not None)


class Journal:
    """Keeps a Store on disk from ``begin`` to ``close``."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._pending: deque[_Write] = deque()
        self._batch: list[_Write] = []
        self._first: tuple[str, str, int, list[_Write]] | None = None
        self._wake = threading.Condition()
        self._is_closing = False
        self._noted = 0
        self._settled = 0
        self._waiting: deque[tuple[int, asyncio.Future[None]]] = deque()
        self._thread = threading.Thread(target=self._work, name="journal")
        self._loop: asyncio.AbstractEventLoop | None = None
        self._reason = ""

    @property
    def problem(self) -> str:
        """Why what was written is not on disk, and what to do, "" while it is."""
        if not self._reason:
            return ""
        return (
            f"what has changed lately cannot be written to {self._path} ({self._reason}) and is lost when the cluster "
            "stops: make room there, or let it be written to; it is tried again every second"
        )

    def unsaved(self) -> list[str]:
        """Return what has been written to the Store and is not on disk, without what the cluster makes by itself."""
        with self._wake:
            first = self._first[-1] if self._first is not None else []
            writes = [*first, *self._batch, *self._pending]
        return list(dict.fromkeys(str(each) for each in writes if not each.is_self_made))

    def begin(self, store: Store, configuration: str, origins: Sequence[str] = ()) -> None:
        """Keep what is in the Store now in place of what was kept, and every write from now on.

        ``origins`` are the files and folders that it comes from.
        """
        self._loop = asyncio.get_running_loop()
        version = store.resource_version
        objects = [
            _write_of(resource, obj, is_gone=False, version=version)
            for resource in _KEPT.values()
            for obj in store.list(resource)
        ]
        self._first = configuration, json.dumps(origins), version, objects
        self._noted = 1
        for resource in _KEPT.values():
            self._follow(store, resource, version)
        self._thread.start()

    def _follow(self, store: Store, resource: Resource, version: int) -> None:
        def note(event: WatchEvent) -> None:
            is_gone = event.type is EventType.DELETED
            write = _write_of(resource, event.object, is_gone=is_gone, version=event.resource_version)
            with self._wake:
                self._noted += 1
                self._pending.append(write)
                self._wake.notify()

        store.watch(resource, version, note)

    async def flushed(self) -> None:
        """Return when everything that was written so far is on disk; InternalError if that has failed."""
        if self._settled >= self._noted:
            return
        waiter = asyncio.get_running_loop().create_future()
        self._waiting.append((self._noted, waiter))
        await waiter

    async def close(self) -> None:
        """Write what is left, as far as that is possible (``unsaved``), and let go of the database."""
        with self._wake:
            self._is_closing = True
            self._wake.notify()
        if self._thread.ident is not None:
            await asyncio.to_thread(self._thread.join)
        self._fail("the cluster has stopped")

    def _settle(self, count: int) -> None:
        self._settled = count
        self._reason = ""
        while self._waiting and self._waiting[0][0] <= count:
            _, waiter = self._waiting.popleft()
            if not waiter.done():
                waiter.set_result(None)

    def _note_failure(self, reason: str) -> None:
        self._reason = reason
        self._fail(reason)

    def _fail(self, reason: str) -> None:
        waiting, self._waiting = self._waiting, deque()
        for _, waiter in waiting:
            if not waiter.done():
                waiter.set_exception(InternalError(f"the write is not on disk yet: {reason}"))

    def _work(self) -> None:
        """Be the thread: open, then commit batch after batch."""
        database: sqlite3.Connection | None = None
        done = 0
        is_last = False
        while self._batch or self._first is not None or self._take_batch():
            try:
                database = database or _open(self._path)
                with database:
                    self._commit(database, self._batch)
                done += len(self._batch) + (self._first is not None)
                self._first, self._batch = None, []
                self._tell(self._settle, done)
            except Exception as error:  # most likely a full disk; whatever it is, writers must not wait for ever
                _log.error("the state cannot be written to %s: %s", self._path, error)
                self._tell(self._note_failure, str(error))
                if is_last:
                    break
                is_last = self._pause()
        if database is not None:
            database.close()

    def _take_batch(self) -> bool:
        """Wait for writes and take them; tell whether there are any, none when the journal closes."""
        with self._wake:
            while not self._pending and not self._is_closing:
                self._wake.wait()
            self._batch = [self._pending.popleft() for _ in range(min(BATCH, len(self._pending)))]
        return bool(self._batch)

    def _pause(self) -> bool:
        """Wait before the next attempt; tell whether that is the last."""
        with self._wake:
            return self._wake.wait_for(lambda: self._is_closing, RETRY_SECONDS)

    def _tell(self, what: object, argument: object) -> None:
        assert self._loop is not None
        with contextlib.suppress(RuntimeError):
            self._loop.call_soon_threadsafe(what, argument)  # type: ignore[arg-type]  # both take one argument

    def _commit(self, database: sqlite3.Connection, batch: Iterable[_Write]) -> None:
        version = 0
        if self._first is not None:
            configuration, origins, version, objects = self._first
            database.execute("DELETE FROM objects")
            _put(database, objects)
            facts = (("configuration", configuration), ("origins", origins))
            database.executemany("REPLACE INTO facts VALUES (?, ?)", facts)
        for write in batch:
            version = write.resource_version
            if write.obj is None:
                database.execute("DELETE FROM objects WHERE resource = ? AND namespace = ? AND name = ?", write[:3])
            else:
                _put(database, [write])
        database.execute("REPLACE INTO facts VALUES ('resourceVersion', ?)", (str(version),))


def _write_of(resource: Resource, obj: JSON, *, is_gone: bool, version: int) -> _Write:
    return _Write(resource.qualified, *key_of(obj), None if is_gone else obj, version)


def _put(database: sqlite3.Connection, writes: Iterable[_Write]) -> None:
    rows = ((*each[:3], _to_json(each.obj)) for each in writes)
    database.executemany("REPLACE INTO objects VALUES (?, ?, ?, ?)", rows)


def _open(path: Path) -> sqlite3.Connection:
    """Open the database, made for its owner alone if it is not there."""
    with contextlib.suppress(OSError):
        os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o600))
    database = sqlite3.connect(path, isolation_level="IMMEDIATE")
    try:
        database.execute(f"PRAGMA page_size = {PAGE_BYTES}")
        database.execute("PRAGMA journal_mode = WAL")
        database.execute("PRAGMA synchronous = FULL")
        if database.execute("PRAGMA user_version").fetchone() == (0,):
            database.executescript(_SCHEMA)
    except sqlite3.Error:
        database.close()
        raise
    return database
