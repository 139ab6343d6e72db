"""Runs the controllers: informers tell what changed, the queue says what is next, the Registry writes.

The one file of kubecontroller that knows asyncio. A key is in the queue at most once, so a thousand changes of one
object are one reconcile; it is never reconciled twice at the same time; and one that fails waits apart, longer each
time, while the others go on. Nothing is polled. Follows client-go ``util/workqueue``.
"""

from __future__ import annotations

import asyncio
import logging
import random
from collections import OrderedDict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

from kubeapi.events import EventRecorder
from kubeapi.faults import Subject
from kubeapi.informer import Delta, Informer, ListerWatcher
from kubeapi.meta import JSON, key_of
from kubeapi.registry import Registry
from kubeapi.scheme import RESOURCES, Resource
from kubeapi.status import NotFound, StatusError
from kubecontroller.change import (
    NORMAL,
    WARNING,
    Change,
    Create,
    Delete,
    Outcome,
    RecordEvent,
    Requeue,
    Update,
    UpdateStatus,
)
from kubecontroller.deployment import DeploymentController
from kubecontroller.endpoints import EndpointsController
from kubecontroller.endpointslice import EndpointSliceController
from kubecontroller.endpointslicemirroring import EndpointSliceMirroringController
from kubecontroller.garbagecollector import GarbageCollector
from kubecontroller.listers import Listers, ObjectId
from kubecontroller.loadbalancer import LoadBalancerController
from kubecontroller.namespace import NamespaceController
from kubecontroller.podgc import PodGarbageCollector
from kubecontroller.replicaset import ReplicaSetController

FIRST_RETRY_SECONDS = 0.005
"""Pause after the first failure of a key; it doubles each time (ItemExponentialFailureRateLimiter's base)."""
LAST_RETRY_SECONDS = 5.0
"""The longest pause. client-go goes up to 1,000 s; here nobody waits for a distant server to recover."""
KEYS_PER_TURN = 20
"""Keys and writes after which the event loop may see to its other tasks."""

Key = Any
"""What a controller works on: the ObjectKey of its kind, or whatever else names it among the controller's own."""

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class ControllerConfig:
    """What the composition root may choose.

    ``load_balancer_pool`` is the CIDR of which LoadBalancer Services get their address.
    """

    load_balancer_pool: str = "127.0.113.0/24"
    max_endpoints_per_slice: int = 100


class Controller(Protocol):
    """One controller: which keys a change concerns, and what a key needs. Pure."""

    @property
    def name(self) -> str:
        """The component that its events name."""
        ...

    @property
    def resource(self) -> Resource | None:
        """The resource whose objects its keys are; None where a key is an ObjectId, of any resource."""
        ...

    @property
    def watches(self) -> Sequence[Resource]:
        """The resources whose changes it wants to hear of."""
        ...

    def keys_for(self, resource: Resource, delta: Delta) -> Iterable[Key]:
        """Return the keys to reconcile after a change."""
        ...

    def reconcile(self, key: Key, now: float) -> list[Change]:
        """Return what ``key`` needs at ``now`` (seconds since the epoch)."""
        ...


class Item(NamedTuple):
    """One thing to do."""

    controller: str
    key: Key


class WorkQueue:
    """Keys to reconcile, in the order in which they came, each once; some only after a while."""

    def __init__(self) -> None:
        self._ready: OrderedDict[Item, None] = OrderedDict()
        self._delayed: dict[Item, asyncio.TimerHandle] = {}
        self._failures: dict[Item, int] = {}
        self._wake = asyncio.Event()

    def add(self, item: Item) -> None:
        """Have the item done soon."""
        self._ready[item] = None
        self._wake.set()

    def add_after(self, item: Item, seconds: float) -> None:
        """Have the item done after a while; the earlier of two such times counts."""
        loop = asyncio.get_running_loop()
        when = loop.time() + seconds
        waiting = self._delayed.get(item)
        if waiting is not None:
            if waiting.when() <= when:
                return
            waiting.cancel()
        self._delayed[item] = loop.call_at(when, self._mature, item)

    def _mature(self, item: Item) -> None:
        del self._delayed[item]
        self.add(item)

    def retry(self, item: Item) -> None:
        """Have an item that failed done again, after a pause that doubles with every failure in a row."""
        failures = self._failures.get(item, 0)
        self._failures[item] = failures + 1
        self.add_after(item, min(FIRST_RETRY_SECONDS * 2.0 ** min(failures, 30), LAST_RETRY_SECONDS))

    def forget(self, item: Item) -> None:
        """Record that the item succeeded."""
        self._failures.pop(item, None)

    async def get(self) -> Item:
        """Return the next item, once there is one."""
        while not self._ready:
            self._wake.clear()
            await self._wake.wait()
        item, _ = self._ready.popitem(last=False)
        return item

    def close(self) -> None:
        """Cancel all that was to be done later."""
        for handle in self._delayed.values():
            handle.cancel()
        self._delayed.clear()


class ControllerManager:
    """All controllers of the cluster. ``run`` is the owner's task; cancelling it ends them."""

    def __init__(
        self,
        source: ListerWatcher,
        registry: Registry,
        config: ControllerConfig,
        *,
        clock: Callable[[], float],
        rng: random.Random,
    ) -> None:
        self._source = source
        self._registry = registry
        self._clock = clock
        self._rng = rng
        self._faults = registry.store.faults
        self._listers = Listers(registry.store)
        self._controllers = {each.name: each for each in _controllers(self._listers, config)}
        self._recorders = {name: EventRecorder(registry, name, clock=clock) for name in self._controllers}

    async def run(self) -> None:
        """Reconcile until cancelled."""
        queue = WorkQueue()
        informers = [Informer(self._source, resource, self._faults) for resource in self._watched()]
        for informer in informers:
            self._follow(informer, queue)
        try:
            async with asyncio.TaskGroup() as tasks:
                for informer in informers:
                    tasks.create_task(informer.run(), name=f"kubecontroller informer {informer.resource}")
                for informer in informers:
                    await informer.wait_for_sync()
                await self._work(queue)
        finally:
            queue.close()

    def _watched(self) -> list[Resource]:
        watched = {resource for each in self._controllers.values() for resource in each.watches}
        return [resource for resource in RESOURCES if resource in watched]

    def _follow(self, informer: Informer, queue: WorkQueue) -> None:
        """Have the indexes follow, and then each controller apart: what one fails at, the others still get."""
        resource = informer.resource
        informer.add_handler("kube-controller-manager", lambda delta: self._listers.refresh(resource, delta.key))
        for each in self._controllers.values():
            if resource in each.watches:
                informer.add_handler(each.name, self._handler(each, resource, queue))

    def _handler(self, controller: Controller, resource: Resource, queue: WorkQueue) -> Callable[[Delta], None]:
        def handle(delta: Delta) -> None:
            for key in controller.keys_for(resource, delta):
                queue.add(Item(controller.name, key))

        return handle

    async def _work(self, queue: WorkQueue) -> None:
        """Do one item after the other, for ever."""
        done = 0
        while True:
            item = await queue.get()
            await self._process(item, queue)
            done += 1
            if done % KEYS_PER_TURN == 0:
                await asyncio.sleep(0)

    async def _process(self, item: Item, queue: WorkQueue) -> None:
        controller = self._controllers[item.controller]
        about = Subject(*item.key) if controller.resource is None else Subject(controller.resource, item.key)
        try:
            changes = controller.reconcile(item.key, self._clock())
            await self._execute(item, changes, queue)
        except StatusError as refusal:
            logger.debug("%s %s: %s", item.controller, item.key, refusal)
            queue.retry(item)
        except Exception as fault:  # an object that breaks one reconcile must not stop all the others
            self._faults.note(item.controller, about, fault)
            queue.retry(item)
        else:
            queue.forget(item)
            self._faults.forget(item.controller, about)

    async def _execute(self, item: Item, changes: Iterable[Change], queue: WorkQueue) -> None:
        """Write the changes in order; StatusError when one is refused, which ends the list.

        A refusal that an event tells of (a pod that cannot be made) ends only the making: the status that says how
        many there are is written all the same.
        """
        versions: dict[ObjectId, str] = {}
        refused: StatusError | None = None
        for written, change in enumerate(changes, start=1):
            match change:
                case Requeue(after):
                    queue.add_after(item, after)
                case RecordEvent(about, event_type, reason, message):
                    self._record(item, about, event_type, reason, message)
                case Create() | Delete() if refused is None:
                    refused = self._with_outcome(item, change)
                case Update() | UpdateStatus():
                    self._update(item, change, versions)
            if written % KEYS_PER_TURN == 0:
                await asyncio.sleep(0)
        if refused is not None:
            raise refused

    def _with_outcome(self, item: Item, change: Create | Delete) -> StatusError | None:
        """Create or delete, and tell how it went; the refusal is returned when an event has told of it."""
        try:
            obj = self._create(change) if isinstance(change, Create) else self._delete(change)
        except StatusError as refusal:
            if change.outcome is None:
                raise
            self._tell_refusal(item, change.outcome, refusal)
            return refusal
        if change.outcome is not None and change.outcome.done and obj is not None:
            message = change.outcome.done_message.format(name=obj["metadata"]["name"])
            self._record(item, change.outcome.about, NORMAL, change.outcome.done, message)
        return None

    def _tell_refusal(self, item: Item, outcome: Outcome, refusal: StatusError) -> None:
        self._record(item, outcome.about, WARNING, outcome.failed, outcome.failed_message.format(error=refusal))

    def _record(self, item: Item, about: JSON, event_type: str, reason: str, message: str) -> None:
        """Record an event; one that is refused (in a namespace that is going) must not hold up what it tells of."""
        try:
            self._recorders[item.controller].event(about, event_type, reason, message)
        except StatusError as refusal:
            logger.debug("%s %s: event %s: %s", item.controller, item.key, reason, refusal)

    def _create(self, change: Create) -> JSON:
        created = self._registry.create(change.resource, change.obj)
        self._listers.refresh(change.resource, key_of(created))
        return created

    def _delete(self, change: Delete) -> JSON | None:
        """Delete the object if it is still the one that was meant; None if it is gone."""
        stored = self._registry.store.find(change.resource, change.key)
        if stored is None or stored["metadata"].get("uid", "") != change.uid:
            return None
        try:
            return self._registry.delete(change.resource, *change.key, grace_period_seconds=change.grace_seconds)
        except NotFound:
            return None
        finally:
            self._listers.refresh(change.resource, change.key)

    def _update(self, item: Item, change: Update | UpdateStatus, versions: dict[ObjectId, str]) -> None:
        """Write an object; a list that writes it twice states its own first write's version the second time."""
        key = key_of(change.obj)
        target = ObjectId(change.resource, key)
        version = versions.get(target)
        obj = change.obj
        if version is not None:
            obj = {**obj, "metadata": {**obj["metadata"], "resourceVersion": version}}
        try:
            if isinstance(change, Update):
                stored = self._registry.update(change.resource, obj)
            else:
                metadata = obj["metadata"] if change.has_metadata else None
                stored = self._registry.update_status(change.resource, obj, metadata=metadata)
        except StatusError as refusal:
            if isinstance(change, Update) and change.outcome is not None:
                self._tell_refusal(item, change.outcome, refusal)
            raise
        versions[target] = stored["metadata"]["resourceVersion"]
        self._listers.refresh(change.resource, key)


def _controllers(listers: Listers, config: ControllerConfig) -> list[Controller]:
    return [
        DeploymentController(listers),
        ReplicaSetController(listers),
        EndpointSliceController(listers, config.max_endpoints_per_slice),
        EndpointsController(listers),
        EndpointSliceMirroringController(listers),
        LoadBalancerController(listers, config.load_balancer_pool),
        GarbageCollector(listers),
        PodGarbageCollector(listers),
        NamespaceController(listers),
    ]
