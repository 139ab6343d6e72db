"""Runs the controllers: informers report changes, the queue orders the work, the Registry takes the writes.

A key is in the queue at most once, so a thousand changes of one object are one reconcile; it is never reconciled twice
at the same time; one that fails waits, longer each time, while the others go on. Nothing is polled.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from dataclasses import replace

from kubeapi.customresources.resource import CustomResource
from kubeapi.events import EventRecorder
from kubeapi.extensions.answers import LateAnswers
from kubeapi.failures import Subject
from kubeapi.io.client import Admissions, Client
from kubeapi.io.informer import Informer
from kubeapi.kinds import RESOURCES
from kubeapi.registry import Registry
from kubeapi.scheme import CUSTOM_RESOURCE_DEFINITIONS, Resource
from kubeapi.status import StatusError
from kubeapi.watching import Delta, ListerWatcher
from kubecontroller.controller import Controller
from kubecontroller.controllers import ControllerConfig, new_controllers
from kubecontroller.io.folderremoval import FolderRemoval
from kubecontroller.io.lanes import Lanes
from kubecontroller.io.workqueue import Item, WorkQueue
from kubecontroller.io.writer import ChangeWriter
from kubecontroller.listers import Listers
from kubecontroller.users import controller_user

KEYS_PER_TURN = 20
"""Keys after which the event loop may run its other tasks."""

logger = logging.getLogger(__name__)


class ControllerManager:
    """All controllers of the cluster. ``run`` is the owner's task; cancelling it ends them."""

    def __init__(
        self,
        source: ListerWatcher,
        registry: Registry,
        config: ControllerConfig,
        *,
        clock: Callable[[], float],
        admissions: Admissions | None = None,
    ) -> None:
        self._source = source
        self._clock = clock
        self._failures = registry.store.failures
        self._listers = Listers(registry.store)
        self.servers = LateAnswers()
        """The extension API servers; the source is set by what knows them."""
        self._controllers = {
            each.name: each for each in new_controllers(self._listers, replace(config, servers=self.servers))
        }
        recorders = {name: EventRecorder(registry, name, clock=clock) for name in self._controllers}
        self._customs: set[str] = set()
        self._removal = FolderRemoval(self._failures)
        self._clients = {name: Client(registry, controller_user(name), admissions) for name in self._controllers}
        self._writer = ChangeWriter(self._clients, self._listers, recorders, self._removal)
        self._volume_folder = config.volumes.path

    async def run(self) -> None:
        """Reconcile until cancelled."""
        queue = WorkQueue()
        informers = [Informer(self._source, resource, self._failures) for resource in self._watched()]
        for informer in informers:
            self._follow(informer, queue)
        try:
            async with asyncio.TaskGroup() as tasks:
                for informer in informers:
                    if informer.resource == CUSTOM_RESOURCE_DEFINITIONS:
                        informer.add_handler("kube-controller-manager", lambda _: self._follow_customs(tasks, queue))
                    tasks.create_task(informer.run(), name=f"kubecontroller informer {informer.resource}")
                for informer in informers:
                    await informer.wait_for_sync()
                self._removal.begin(self._volume_folder)
                await self._work(queue, Lanes(tasks, lambda item: self._process(item, queue)))
        finally:
            queue.close()
            await self._removal.close()

    def _watched(self) -> list[Resource]:
        watched = {resource for each in self._controllers.values() for resource in each.watches}
        return [resource for resource in RESOURCES if resource in watched]

    def _follow(self, informer: Informer, queue: WorkQueue) -> None:
        """Let the indexes follow the informer, then each controller by a handler of its own.

        So a change on which one controller fails still reaches the others.
        """
        resource = informer.resource
        informer.add_handler("kube-controller-manager", lambda delta: self._listers.refresh(resource, delta.key))
        for each in self._controllers.values():
            if resource in each.watches:
                informer.add_handler(each.name, self._handler(each, resource, queue))

    def _follow_customs(self, tasks: asyncio.TaskGroup, queue: WorkQueue) -> None:
        """Follow the custom resources that are new.

        One that is gone is followed all the same: the deletions of its last objects may still be on their way.
        """
        for resource in self._listers.customs.stored():
            if resource.qualified in self._customs:
                continue
            self._customs.add(resource.qualified)
            informer = Informer(self._source, resource, self._failures)
            informer.add_handler("kube-controller-manager", self._refresher(resource))
            for each in self._controllers.values():
                if CUSTOM_RESOURCE_DEFINITIONS in each.watches:
                    informer.add_handler(each.name, self._handler(each, resource, queue))
            tasks.create_task(informer.run(), name=f"kubecontroller informer {resource}")

    def _refresher(self, resource: CustomResource) -> Callable[[Delta], None]:
        return lambda delta: self._listers.refresh(self._listers.customs.current(resource), delta.key)

    def _handler(self, controller: Controller, resource: Resource, queue: WorkQueue) -> Callable[[Delta], None]:
        def handle(delta: Delta) -> None:
            now = self._listers.customs.current(resource) if isinstance(resource, CustomResource) else resource
            for key in controller.keys_for(now, delta):
                queue.add(Item(controller.name, key))

        return handle

    async def _work(self, queue: WorkQueue, lanes: Lanes) -> None:
        """Process one item after the other, for ever; those that may have to wait for a webhook in ``lanes``."""
        done = 0
        while True:
            item = await queue.get()
            if self._clients[item.controller].is_reviewed or lanes.is_busy(item.controller):
                lanes.add(item)
            else:
                await self._process(item, queue)
            done += 1
            if done % KEYS_PER_TURN == 0:
                await asyncio.sleep(0)

    async def _process(self, item: Item, queue: WorkQueue) -> None:
        controller = self._controllers[item.controller]
        about = Subject(*item.key) if controller.resource is None else Subject(controller.resource, item.key)
        try:
            changes = controller.reconcile(item.key, self._clock())
            await self._writer.write(item, changes, queue)
        except StatusError as refusal:
            logger.debug("%s %s: %s", item.controller, item.key, refusal)
            queue.retry(item)
        except Exception as failure:  # an object that breaks one reconcile must not stop all the others
            self._failures.note(item.controller, about, failure)
            queue.retry(item)
        else:
            queue.forget(item)
            self._failures.forget(item.controller, about)
