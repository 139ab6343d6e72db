"""Runs the scheduler: pods that wait for a node get one, in the order in which they came.

A pod that fits on no node waits until a node or a pod changes in a way that may help it; nothing is polled.
Follows k8s.io/kubernetes ``pkg/scheduler``.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Mapping, Sequence

from kubeapi.events import EventRecorder
from kubeapi.failures import Subject
from kubeapi.io.client import Admissions, Client
from kubeapi.io.informer import Informer
from kubeapi.meta import JSON, ObjectKey, format_time, labels_of
from kubeapi.objects.budget import read_budget
from kubeapi.objects.parts import status_of
from kubeapi.objects.priority import priority_of
from kubeapi.registry import Registry
from kubeapi.scheme import NAMESPACES, NODES, PODDISRUPTIONBUDGETS, PODS
from kubeapi.status import StatusError
from kubeapi.watching import Delta, ListerWatcher
from kubescheduler.changes import BY_NEIGHBOURS, concerns_neighbours, gives_up_room, has_new_spec
from kubescheduler.io.binder import SCHEDULER, Binder
from kubescheduler.io.executor import Executor
from kubescheduler.nodes import Nodes
from kubescheduler.queue import SchedulingQueue
from kubescheduler.scheduling import (
    SCHEDULER_NAME,
    Facts,
    Unschedulable,
    bound,
    is_waiting,
    schedule,
    with_scheduled,
)
from kubescheduler.storage import WAITING, WATCHED, Objects, PodStorage, pod_storage

PODS_PER_TURN = 20
"""Pods after which the event loop may run its other tasks."""
RETRY_SECONDS = 0.1
"""Pause after a binding that was refused because another writer came first."""
CLAIM_SECONDS = 1.0
"""How long a pod may wait for a volume that is being made before its event says so."""
LAST_RETRY_SECONDS = 10.0
"""The longest pause before a pod is tried again after an error in its scheduling (podMaxBackoff)."""


class Scheduler:
    """Assigns pods to nodes. ``run`` is the owner's task; cancelling it ends the scheduler."""

    def __init__(
        self,
        source: ListerWatcher,
        registry: Registry,
        *,
        clock: Callable[[], float],
        rng: random.Random,
        admissions: Admissions | None = None,
    ) -> None:
        self._source = source
        self._registry = registry
        self._clock = clock
        self._rng = rng
        self._events = EventRecorder(registry, SCHEDULER_NAME, clock=clock)
        self._binder = Binder(Client(registry, SCHEDULER, admissions), clock, self._bound, self._unbound)
        self._executor = Executor(registry, self._events, clock)
        self._facts = Facts(lambda: [read_budget(each) for each in registry.store.list(PODDISRUPTIONBUDGETS)], clock)
        self._failures = registry.store.failures
        self._nodes = Nodes()
        self._waiting = SchedulingQueue()
        self._unschedulable: dict[ObjectKey, str] = {}
        self._failed_attempts: dict[ObjectKey, int] = {}
        self._wake = asyncio.Event()
        self._retries: dict[ObjectKey, asyncio.TimerHandle] = {}

    async def run(self) -> None:
        """Schedule until cancelled."""
        nodes, pods = (Informer(self._source, each, self._failures) for each in (NODES, PODS))
        nodes.add_handler(SCHEDULER_NAME, self._record_node, self._retry_unschedulable)
        pods.add_handler(SCHEDULER_NAME, self._record_pod)
        storage = [Informer(self._source, each, self._failures) for each in WATCHED]
        for informer in storage:
            informer.add_handler(SCHEDULER_NAME, self._retry_without_storage)
        try:
            async with asyncio.TaskGroup() as tasks:
                for informer in (nodes, pods, *storage):
                    tasks.create_task(informer.run(), name=f"kubescheduler informer {informer.resource}")
                await nodes.wait_for_sync()
                await pods.wait_for_sync()
                while True:
                    await self._wake.wait()
                    self._wake.clear()
                    await self._schedule_waiting()
        finally:
            for handle in self._retries.values():
                handle.cancel()
            await self._binder.close()

    def _record_node(self, delta: Delta) -> None:
        self._nodes.put_node(delta.key.name, delta.new)

    def _record_pod(self, delta: Delta) -> None:
        pod = self._registry.store.find(PODS, delta.key)
        has_made_room = self._nodes.put_pod(delta.key, pod)
        if pod is not None and is_waiting(pod):
            if delta.key not in self._unschedulable or has_new_spec(delta):
                self._enqueue(delta.key)
            return
        self._unschedulable.pop(delta.key, None)
        if has_made_room or gives_up_room(delta):
            self._retry_unschedulable()
        elif concerns_neighbours(delta):
            self._retry_unschedulable(BY_NEIGHBOURS)

    def _retry_unschedulable(self, reasons: Sequence[str] = ("",)) -> None:
        """Try again the pods that wait, or those that wait for one of these reasons."""
        for key, message in self._unschedulable.items():
            if any(each in message for each in reasons):
                self._enqueue(key)

    def _retry_without_storage(self, _: Delta) -> None:
        for key, message in self._unschedulable.items():
            if "persistentvolume" in message.lower():
                self._enqueue(key)

    def _enqueue(self, key: ObjectKey) -> None:
        pod = self._registry.store.find(PODS, key)
        if pod is not None:
            self._waiting.add(key, priority_of(pod))
            self._wake.set()

    def _enqueue_later(self, key: ObjectKey, seconds: float = RETRY_SECONDS) -> None:
        def enqueue() -> None:
            self._retries.pop(key, None)
            self._enqueue(key)

        if key not in self._retries:
            self._retries[key] = asyncio.get_running_loop().call_later(seconds, enqueue)

    async def _schedule_waiting(self) -> None:
        done = 0
        while self._waiting:
            key = self._waiting.pop()
            try:
                self._schedule(key)
            except StatusError:
                self._enqueue_later(key)
            except Exception as failure:
                attempts = self._failed_attempts[key] = self._failed_attempts.get(key, 0) + 1
                self._failures.note(SCHEDULER_NAME, Subject(PODS, key), failure)
                self._enqueue_later(key, min(RETRY_SECONDS * 2.0 ** min(attempts, 30), LAST_RETRY_SECONDS))
            else:
                if self._failed_attempts.pop(key, 0):
                    self._failures.forget(SCHEDULER_NAME, Subject(PODS, key))
            done += 1
            if done % PODS_PER_TURN == 0:
                await asyncio.sleep(0)

    def _schedule(self, key: ObjectKey) -> None:
        pod = self._registry.store.find(PODS, key)
        if pod is None or not is_waiting(pod) or self._binder.is_binding(key):
            return
        world = self._nodes.world(self._namespace_labels)
        storage = pod_storage(pod, Objects(self._registry.store.find, self._registry.store.list))
        decision = schedule(pod, world, self._rng, storage, self._facts)
        if isinstance(decision, Unschedulable):
            if storage is None or not storage.is_being_made or not self._is_early(key):
                self._refuse(key, pod, decision)
        elif storage is None or storage.is_complete:
            self._bind(key, pod, decision)
        else:
            self._reserve(key, storage, decision)

    def _is_early(self, key: ObjectKey) -> bool:
        """Tell whether a pod waits for its volumes only since a moment, in which its claims may still be bound."""
        if self._unschedulable.get(key) is not None:
            return key in self._retries
        self._unschedulable[key] = WAITING
        self._enqueue_later(key, CLAIM_SECONDS)
        return True

    def _reserve(self, key: ObjectKey, storage: PodStorage, node_name: str) -> None:
        """Ask for the volumes of a pod on a node; it is scheduled again when its claims have them."""
        self._unschedulable[key] = WAITING
        node = self._registry.store.get(NODES, "", node_name)
        for resource, obj in storage.reservations(node):
            self._registry.update(resource, obj)

    def _bind(self, key: ObjectKey, pod: JSON, node_name: str) -> None:
        self._nodes.put_pod(key, bound(pod, node_name))
        try:
            self._binder.bind(key, node_name)
        except StatusError:
            self._nodes.put_pod(key, pod)
            raise

    def _bound(self, key: ObjectKey, assigned: JSON) -> None:
        self._nodes.put_pod(key, assigned)
        self._unschedulable.pop(key, None)
        node_name = assigned["spec"]["nodeName"]
        self._events.event(assigned, "Normal", "Scheduled", f"Successfully assigned {key} to {node_name}")

    def _unbound(self, key: ObjectKey, refusal: StatusError) -> None:
        """Note that a pod was not bound after all, and try it again later."""
        pod = self._registry.store.find(PODS, key)
        self._nodes.put_pod(key, pod)
        if pod is not None and is_waiting(pod):
            self._events.event(pod, "Warning", "FailedScheduling", f"binding rejected: {refusal}")
            self._enqueue_later(key, LAST_RETRY_SECONDS)

    def _refuse(self, key: ObjectKey, pod: JSON, decision: Unschedulable) -> None:
        """Note why a pod has to wait, and make room for it where that is possible."""
        message, before = decision.message, status_of(pod).get("nominatedNodeName", "")
        nominated = before if decision.keeps_nomination else ""
        if decision.preemption is not None:
            nominated = decision.preemption.node
        if self._unschedulable.get(key) != message or nominated != before:
            self._unschedulable[key] = message
            changed = with_scheduled(pod, format_time(self._clock()), message, nominated)
            pod = self._registry.update_status(PODS, changed)
            self._nodes.put_pod(key, pod)
            self._events.event(pod, "Warning", "FailedScheduling", message)
        if decision.preemption is not None:
            for each in list(self._nodes.nominated_on(nominated)):
                if priority_of(each) < priority_of(pod):
                    self._enqueue(self._executor.withdraw(each))
            self._executor.preempt(decision.preemption, pod)

    def _namespace_labels(self, name: str) -> Mapping[str, str]:
        found = self._registry.store.find(NAMESPACES, ObjectKey("", name))
        return labels_of(found) if found is not None else {}
