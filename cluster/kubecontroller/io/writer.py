"""Writes what the controllers want, through the Registry, and records the events that tell of it."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path

from kubeapi.events import EventRecorder
from kubeapi.io.client import Client
from kubeapi.meta import JSON, key_of
from kubeapi.registry import DeleteOptions, Registry
from kubeapi.registry.creation import is_in_vain
from kubeapi.registry.scaling import scale
from kubeapi.status import NotFound, StatusError
from kubecontroller.change import (
    NORMAL,
    WARNING,
    Change,
    Create,
    Delete,
    Outcome,
    RecordEvent,
    RemoveFolder,
    Requeue,
    Scale,
    Update,
    UpdateStatus,
)
from kubecontroller.io.folderremoval import FolderRemoval
from kubecontroller.io.workqueue import Item, WorkQueue
from kubecontroller.listers import Listers, ObjectId
from kubehost.errortexts import errno_text

WRITES_PER_TURN = 20
"""Writes after which the event loop may run its other tasks."""


class ChangeWriter:
    """Executes changes, each as its controller's user; the indexes of ``listers`` follow each write at once."""

    def __init__(
        self,
        clients: Mapping[str, Client],
        listers: Listers,
        recorders: Mapping[str, EventRecorder],
        removal: FolderRemoval,
    ) -> None:
        self._clients = clients
        self._listers = listers
        self._recorders = recorders
        self._removal = removal

    async def write(self, item: Item, changes: Iterable[Change], queue: WorkQueue) -> None:
        """Execute an item's changes in order; StatusError when one is refused, which ends the list.

        A refused creation or deletion that has an Outcome (a pod that cannot be created) ends only the creations and
        deletions: the status, which says how many there are, is written all the same.
        """
        versions: dict[ObjectId, str] = {}
        refused: StatusError | None = None
        for written, change in enumerate(changes, start=1):
            match change:
                case Requeue(after):
                    queue.add_after(item, after)
                case RecordEvent(about, event_type, reason, message):
                    self._recorders[item.controller].event(about, event_type, reason, message)
                case RemoveFolder():
                    self._remove_folder(item, change)
                case Delete(holds_up=False):
                    refused = await self._create_or_delete(item, change) or refused
                case Create() | Delete() if refused is None:
                    refused = await self._create_or_delete(item, change)
                case UpdateStatus(refused=after) if refused is not None and after is not None:
                    await self._update(item, replace(change, obj=after(str(refused))), versions)
                case Update() | Scale() | UpdateStatus():
                    await self._update(item, change, versions)
            if written % WRITES_PER_TURN == 0:
                await asyncio.sleep(0)
        if refused is not None:
            raise refused

    async def _create_or_delete(self, item: Item, change: Create | Delete) -> StatusError | None:
        """Create or delete, and record the event of its Outcome; return a refusal that an event tells of."""
        outcome = change.outcome
        try:
            obj = await (self._create(item, change) if isinstance(change, Create) else self._delete(item, change))
        except StatusError as refusal:
            if isinstance(change, Create) and is_in_vain(refusal):
                return None
            if outcome is None:
                raise
            self._record_refusal(item, outcome, refusal)
            return refusal
        if outcome is not None and outcome.done and obj is not None:
            message = outcome.done_message.format(name=obj["metadata"]["name"])
            self._recorders[item.controller].event(outcome.about, NORMAL, outcome.done, message)
        return None

    def _remove_folder(self, item: Item, change: RemoveFolder) -> None:
        try:
            self._removal.remove(Path(change.path))
        except OSError as error:
            refusal = StatusError(500, "InternalError", f"{change.path}: {errno_text(error)}")
            self._record_refusal(item, change.outcome, refusal)
            raise refusal from error

    def _record_refusal(self, item: Item, outcome: Outcome, refusal: StatusError) -> None:
        if outcome.failed:
            message = outcome.failed_message.format(error=refusal)
            self._recorders[item.controller].event(outcome.about, WARNING, outcome.failed, message)

    async def _create(self, item: Item, change: Create) -> JSON | None:
        created = await self._clients[item.controller].write(
            lambda registry: registry.create(change.resource, change.obj)
        )
        self._listers.refresh(change.resource, key_of(created))
        return created

    async def _delete(self, item: Item, change: Delete) -> JSON | None:
        """Delete the object with the change's uid and return it; None if there is none."""

        def delete(registry: Registry) -> JSON | None:
            stored = registry.store.find(change.resource, change.key)
            if stored is None or stored["metadata"].get("uid", "") != change.uid:
                return None
            return registry.delete(change.resource, *change.key, DeleteOptions(change.grace_seconds))

        try:
            return await self._clients[item.controller].write(delete)
        except NotFound:
            return None
        finally:
            self._listers.refresh(change.resource, change.key)

    async def _update(self, item: Item, change: Update | Scale | UpdateStatus, versions: dict[ObjectId, str]) -> None:
        """Write an object. If the same changes have written it before, it states the version of that write."""
        key = key_of(change.obj)
        target = ObjectId(change.resource, key)
        version = versions.get(target)
        obj = change.obj
        if version is not None:
            obj = {**obj, "metadata": {**obj["metadata"], "resourceVersion": version}}
        try:
            stored = await self._clients[item.controller].write(lambda registry: _replace(registry, change, obj))
        except StatusError as refusal:
            if not isinstance(change, UpdateStatus) and change.outcome is not None:
                self._record_refusal(item, change.outcome, refusal)
            raise
        versions[target] = stored["metadata"]["resourceVersion"]
        self._listers.refresh(change.resource, key)


def _replace(registry: Registry, change: Update | Scale | UpdateStatus, obj: JSON) -> JSON:
    if isinstance(change, Scale):
        return scale(registry, change.resource, key_of(obj), change.replicas, obj["metadata"]["resourceVersion"])
    if isinstance(change, Update):
        return registry.update(change.resource, obj)
    metadata = obj["metadata"] if change.has_metadata else None
    return registry.update_status(change.resource, obj, metadata=metadata)
