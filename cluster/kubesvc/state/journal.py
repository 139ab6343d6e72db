"""The journal: every write of the Store goes to a SQLite database, in order, before it is answered.

A thread commits all writes that have arrived during its last commit (group commit); the event loop never waits for the
disk. Events and the Leases of nodes are not kept, as they concern one run: a cluster at rest writes nothing. The lock
of the state directory keeps other processes out.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import sqlite3
import threading
from collections import deque
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

from kubeapi.customresources.definitions import CustomKinds
from kubeapi.customresources.resource import resources_of
from kubeapi.meta import JSON, controller_of, key_of
from kubeapi.scheme import CUSTOM_RESOURCE_DEFINITIONS, LEASES, NODES, Resource
from kubeapi.status import InternalError
from kubeapi.store import Store
from kubeapi.watching import EventType, WatchEvent
from kubelet.leases import NAMESPACE as NODE_LEASES
from kubesvc.state.database import open_database
from kubesvc.state.saved import BATCH, KEPT

RETRY_SECONDS = 1.0
"""Pause before a failed commit is tried again: the disk may be full for a short time."""
_to_json = json.JSONEncoder(separators=(",", ":"), check_circular=False).encode
_log = logging.getLogger(__name__)


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
        """Whether the cluster itself wrote the object, so that the next start creates it again."""
        return self.resource == NODES.qualified or (self.obj is not None and controller_of(self.obj) is not None)


def _is_node_lease(resource: Resource, obj: JSON) -> bool:
    """Tell whether an object says that a node lives, which it says again every ten seconds."""
    return resource == LEASES and obj["metadata"]["namespace"] == NODE_LEASES


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
        """Why the last writes are not on disk, and the remedy; "" while all are."""
        if not self._reason:
            return ""
        return (
            f"the last changes cannot be written to {self._path} ({self._reason}) and are lost when the cluster "
            "stops: free space there, or make it writable; it is tried again every second"
        )

    def unsaved(self) -> list[str]:
        """Return the objects with writes that are not on disk, but for those that the cluster creates by itself."""
        with self._wake:
            first = self._first[-1] if self._first is not None else []
            writes = [*first, *self._batch, *self._pending]
        return list(dict.fromkeys(str(each) for each in writes if not each.is_self_made))

    def begin(self, store: Store, configuration: str, origins: Sequence[str] = ()) -> None:
        """Replace the content of the database by the Store's, and follow the Store from now on.

        ``configuration`` is JSON, "" for none; ``origins`` are the files and folders that the objects come from.
        """
        self._loop = asyncio.get_running_loop()
        version = store.resource_version
        customs = CustomKinds(store).stored()
        kept = (*KEPT.values(), *customs)
        objects = [
            _write_of(each, obj, is_gone=False, version=version)
            for each in kept
            for obj in store.list(each)
            if not _is_node_lease(each, obj)
        ]
        self._first = configuration, json.dumps(origins), version, objects
        self._noted = 1
        for each in kept:
            self._follow(store, each, version)
        self._follow_customs(store, {each.qualified for each in customs}, version)
        self._thread.start()

    def _follow_customs(self, store: Store, followed: set[str], version: int) -> None:
        """Follow the objects of new CustomResourceDefinitions, too, from before there are any."""

        def follow(event: WatchEvent) -> None:
            for each in resources_of(event.object, accepted=False):
                if each.qualified not in followed:
                    followed.add(each.qualified)
                    self._follow(store, each, int(event.resource_version))

        store.watch(CUSTOM_RESOURCE_DEFINITIONS, version, follow)

    def _follow(self, store: Store, resource: Resource, version: int) -> None:
        def note(event: WatchEvent) -> None:
            if _is_node_lease(resource, event.object):
                return
            is_gone = event.type is EventType.DELETED
            write = _write_of(resource, event.object, is_gone=is_gone, version=int(event.resource_version))
            with self._wake:
                self._noted += 1
                self._pending.append(write)
                self._wake.notify()

        store.watch(resource, version, note)

    async def flushed(self) -> None:
        """Return when every write so far is on disk; InternalError if a commit has failed."""
        if self._settled >= self._noted:
            return
        waiter = asyncio.get_running_loop().create_future()
        self._waiting.append((self._noted, waiter))
        await waiter

    async def close(self) -> None:
        """Write the rest, as far as possible (see ``unsaved``), and close the database."""
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
        """Run in the thread: open the database, then commit batch after batch."""
        database: sqlite3.Connection | None = None
        done = 0
        is_last = False
        while self._batch or self._first is not None or self._take_batch():
            try:
                database = database or open_database(self._path)
                with database:
                    self._commit(database, self._batch)
                done += len(self._batch) + (self._first is not None)
                self._first, self._batch = None, []
                self._tell(self._settle, done)
            except Exception as error:  # most likely a full disk; writers get an error rather than wait for ever
                _log.error("the state cannot be written to %s: %s", self._path, error)
                self._tell(self._note_failure, str(error))
                if is_last:
                    break
                is_last = self._pause()
        if database is not None:
            database.close()

    def _take_batch(self) -> bool:
        """Wait for writes and move them to the batch; False when the journal closes and there are none."""
        with self._wake:
            while not self._pending and not self._is_closing:
                self._wake.wait()
            self._batch = [self._pending.popleft() for _ in range(min(BATCH, len(self._pending)))]
        return bool(self._batch)

    def _pause(self) -> bool:
        """Wait before the next attempt; tell whether it is the last because the journal closes."""
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
