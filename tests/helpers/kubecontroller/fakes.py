"""A small cluster in memory for the controllers: Store, Registry, nodes, a kubelet that only pretends, a clock.

The clock is the event loop's, so looptime turns minutes into nothing. The kubelet gives every pod that is assigned
to a node an address, makes it ready at once (or when told to) and removes it as soon as it is to be deleted.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

from tests.helpers.objects import build_deployment, build_node, build_service

from kubeapi.io.client import Admissions
from kubeapi.io.informer import Informer
from kubeapi.io.storelisterwatcher import StoreListerWatcher
from kubeapi.meta import JSON, ObjectKey, format_time, is_terminating
from kubeapi.registry import DeleteOptions, Registry, RegistryConfig
from kubeapi.scheme import EVENTS, NAMESPACES, NODES, PODS, Resource
from kubeapi.store import Store
from kubeapi.watching import Delta
from kubecontroller.controllers import ControllerConfig
from kubecontroller.io.controllermanager import ControllerManager
from kubescheduler.io.scheduler import Scheduler

EPOCH = 1_700_000_000.0


class FakeKubelet:
    """Runs pods that do nothing; ``is_automatic`` says whether they become ready by themselves."""

    def __init__(self, registry: Registry, clock: Callable[[], float], *, is_automatic: bool = True) -> None:
        self.registry = registry
        self.clock = clock
        self.is_automatic = is_automatic
        self._addresses = 0

    def handle(self, delta: Delta) -> None:
        asyncio.get_running_loop().call_soon(self.sync, delta)

    def sync(self, delta: Delta) -> None:
        pod = self.registry.store.find(PODS, delta.key)
        if pod is None or not pod["spec"].get("nodeName"):
            return
        if is_terminating(pod):
            self.registry.delete(PODS, *delta.key, DeleteOptions(0))
        elif not (pod.get("status") or {}).get("podIP"):
            self.start(delta.key)
            if self.is_automatic:
                self.set_ready(delta.key, True)

    def start(self, key: ObjectKey) -> None:
        self._addresses += 1
        address = f"127.244.{self._addresses // 250}.{self._addresses % 250 + 1}"
        self._change(key, {"phase": "Running", "podIP": address, "podIPs": [{"ip": address}]})

    def set_ready(self, key: ObjectKey, is_ready: bool) -> None:
        status = "True" if is_ready else "False"
        ready = {"type": "Ready", "status": status, "lastTransitionTime": format_time(self.clock())}
        self._change(key, {"conditions": [ready]})

    def end(self, key: ObjectKey, phase: str = "Failed") -> None:
        self._change(key, {"phase": phase, "conditions": []})

    def _change(self, key: ObjectKey, status: JSON) -> None:
        pod = self.registry.store.get(PODS, *key)
        self.registry.update_status(PODS, {**pod, "status": {**(pod.get("status") or {}), **status}})


class FakeCluster:
    """Everything between a manifest and its endpoints, but for processes and sockets."""

    def __init__(self, *, nodes: int = 2, is_automatic: bool = True, config: ControllerConfig | None = None) -> None:
        loop = asyncio.get_running_loop()
        self.start_of_loop = loop.time()
        self.clock: Callable[[], float] = lambda: EPOCH + loop.time() - self.start_of_loop
        self.store = Store()
        self.registry = Registry(self.store, RegistryConfig(), clock=self.clock, rng=random.Random(1))
        self.source = StoreListerWatcher(self.store)
        self.kubelet = FakeKubelet(self.registry, self.clock, is_automatic=is_automatic)
        self.config = config or ControllerConfig()
        self.admissions: Admissions | None = None
        for name in ("default", "kube-system"):
            self.registry.create(NAMESPACES, {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})
        for number in range(1, nodes + 1):
            self.registry.create(NODES, node(f"node-{number}"))

    @asynccontextmanager
    async def running(self) -> AsyncIterator[FakeCluster]:
        controllers = ControllerManager(
            self.source, self.registry, self.config, clock=self.clock, admissions=self.admissions
        )
        rng, admissions = random.Random(3), self.admissions
        scheduler = Scheduler(self.source, self.registry, clock=self.clock, rng=rng, admissions=admissions)
        pods = Informer(self.source, PODS)
        pods.add_handler("kubelet", self.kubelet.handle)
        tasks = [asyncio.create_task(each.run()) for each in (controllers, scheduler, pods)]
        try:
            await self.settle()
            yield self
        finally:
            for task in tasks:
                task.cancel()
            results = await asyncio.gather(*tasks, return_exceptions=True)
        for result in results:
            if isinstance(result, Exception):
                raise result

    async def settle(self, quiet_turns: int = 10) -> int:
        """Let the loop turn until nothing has been written for some turns; return how many it took."""
        quiet = turns = 0
        while quiet < quiet_turns:
            before = self.store.resource_version
            await asyncio.sleep(0)
            turns += 1
            assert turns < 20_000, "the controllers do not come to rest"
            quiet = quiet + 1 if self.store.resource_version == before else 0
        return turns

    def apply(self, resource: Resource, obj: JSON) -> JSON:
        """Create the object, or give the one that is there the spec (and labels) of ``obj``."""
        metadata = obj["metadata"]
        stored = self.store.find(resource, ObjectKey(metadata.get("namespace", ""), metadata["name"]))
        if stored is None:
            return self.registry.create(resource, obj)
        merged = {**stored["metadata"], "labels": metadata.get("labels") or {}}
        return self.registry.update(resource, {**stored, "metadata": merged, "spec": obj["spec"]})

    def one(self, resource: Resource, name: str, namespace: str = "default") -> JSON:
        return self.store.get(resource, namespace if resource.namespaced else "", name)

    def pods(self, namespace: str = "default") -> list[JSON]:
        return self.store.list(PODS, namespace)

    def events(self, reason: str) -> list[str]:
        return [each["message"] for each in self.store.list(EVENTS) if each["reason"] == reason]


def node(name: str, zone: str = "", **spec: Any) -> JSON:
    labels = {"kubernetes.io/hostname": name} | ({"topology.kubernetes.io/zone": zone} if zone else {})
    found = build_node(name, labels=labels, **spec)
    found["status"]["allocatable"] = {"cpu": "64", "memory": "256Gi", "pods": "110"}
    return found


def deployment(name: str = "nginx", replicas: int = 2, image: str = "nginx", **spec: Any) -> JSON:
    container = {"name": "main", "image": image, "ports": [{"name": "http", "containerPort": 80, "protocol": "TCP"}]}
    return build_deployment(name, container, namespace="default", replicas=replicas, **spec)


def service(name: str = "nginx-svc", app: str | None = "nginx", target: int | str = 80, **spec: Any) -> JSON:
    selector = {"selector": {"app": app}} if app else {}
    ports = [{"port": 80, "protocol": "TCP", "targetPort": target}]
    return build_service(name, "default", **{"ports": ports, **selector, **spec})
