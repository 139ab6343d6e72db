"""Binds pods to the nodes that have been chosen for them, as the user that the scheduler is.

A binding is made at once, as long as no webhook may have to be asked about it. Otherwise the scheduler goes on, and
counts the pod on its node meanwhile, as kube-scheduler does (``schedule_one.go``, bindingCycle).
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from kubeapi.io.client import Client
from kubeapi.meta import JSON, ObjectKey, format_time
from kubeapi.registry import Registry
from kubeapi.registry.admission import ADMIT_ALL
from kubeapi.registry.binding import admitted_node
from kubeapi.scheme import PODS
from kubeapi.status import NotFound, StatusError
from kubeapi.users import User
from kubescheduler.scheduling import bound, is_waiting, with_scheduled

SCHEDULER = User("system:kube-scheduler", ("system:authenticated",))


class Binder:
    """``done`` and ``failed`` are called with what comes of a binding that was not made at once."""

    def __init__(
        self,
        client: Client,
        clock: Callable[[], float],
        done: Callable[[ObjectKey, JSON], None],
        failed: Callable[[ObjectKey, StatusError], None],
    ) -> None:
        self._client = client
        self._clock = clock
        self._done = done
        self._failed = failed
        self._tasks: dict[ObjectKey, asyncio.Task[None]] = {}

    def is_binding(self, key: ObjectKey) -> bool:
        """Tell whether a pod's binding is under way."""
        return key in self._tasks

    def bind(self, key: ObjectKey, node: str) -> None:
        """Bind a pod to a node; StatusError if that is refused at once."""
        if self._client.is_reviewed:
            work = self._bind(key, node)
            self._tasks[key] = asyncio.get_running_loop().create_task(work, name=f"binding of {key}")
        else:
            self._done(key, self._bound(self._client.registry, key, node))

    async def _bind(self, key: ObjectKey, node: str) -> None:
        try:
            assigned = await self._client.write(lambda registry: self._bound(registry, key, node))
        except StatusError as refusal:
            del self._tasks[key]
            self._failed(key, refusal)
        else:
            del self._tasks[key]
            self._done(key, assigned)

    def _bound(self, registry: Registry, key: ObjectKey, node: str) -> JSON:
        pod = registry.store.get(PODS, *key)
        if not is_waiting(pod):
            raise NotFound(PODS, key.name)
        own = registry
        if registry.admission is not ADMIT_ALL:
            node, own = admitted_node(registry.admission, key, node), registry.acting(ADMIT_ALL)
        assigned = own.update(PODS, bound(pod, node))
        return own.update_status(PODS, with_scheduled(assigned, format_time(self._clock())))

    async def close(self) -> None:
        """Give up the bindings that are under way."""
        for task in self._tasks.values():
            task.cancel()
        await asyncio.gather(*self._tasks.values(), return_exceptions=True)
