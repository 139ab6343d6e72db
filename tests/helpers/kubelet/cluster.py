"""A kubelet on a real Store with real processes, and the pods that its stories are about."""

from __future__ import annotations

import asyncio
import os
import random
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

from tests.helpers.direct_network import DirectNetwork
from tests.helpers.objects import build_pod
from tests.helpers.patience import PATIENCE

from kubeapi.io.storelisterwatcher import StoreListerWatcher
from kubeapi.meta import JSON, ObjectKey
from kubeapi.podoptions import PodExecOptions, PodLogOptions
from kubeapi.registry import Registry, RegistryConfig
from kubeapi.scheme import EVENTS, PODS
from kubeapi.store import Store
from kubehost.io.cgroups import NO_CGROUPS, Cgroups
from kubehost.network import Network
from kubelet.config import KubeletConfig
from kubelet.nodes import NodeConfig
from kubelet.pod.limitedresources import LIMITED_RESOURCES
from kubelet.process.orphans import marker
from kubelet.process.runner import ProcessRunner
from kubelet.runtime.dependencies import Dependencies
from kubelet.runtime.kubelet import Kubelet
from kubelet.spec.sandbox import ClusterNetwork, NodeNetwork

NODES = (
    NodeConfig("node-a", "127.169.0.1", "127.246.1.0/24", {"topology.kubernetes.io/zone": "a"}),
    NodeConfig("node-b", "127.169.0.2", "127.246.2.0/24"),
)

SANDBOXES = ClusterNetwork(
    nodes=tuple(NodeNetwork(each.name, each.addresses, each.gateways, each.pod_cidrs) for each in NODES),
    pod_cidrs=("127.246.0.0/16",),
    service_cidrs=("127.97.0.0/16",),
    load_balancer_cidrs=("127.0.114.0/24",),
)
"""The network of the nodes, for pods that have sandboxes."""


def make_pod(name: str, *containers: JSON, node: str = "node-a", **spec: Any) -> JSON:
    """Return a Pod of namespace default that is scheduled already."""
    named = [{"name": "c", **each} if "name" not in each else each for each in containers]
    whole = {"nodeName": node, "restartPolicy": "Always", "terminationGracePeriodSeconds": 5, **spec}
    return build_pod(name, *named, namespace="default", metadata={"labels": {"app": name}}, **whole)


def shell(script: str, **fields: Any) -> JSON:
    """Return a container that runs a shell script."""
    return {"image": "busybox", "command": ["sh", "-c", script], **fields}


class KubeletCluster:
    """Store, registry and a running kubelet."""

    def __init__(
        self,
        folder: Path,
        network: Network | None = None,
        nodes: tuple[NodeConfig, ...] = NODES,
        store: Store | None = None,
        sandboxes: ClusterNetwork | None = None,
        groups: Cgroups = NO_CGROUPS,
    ) -> None:
        self.folder = folder
        self.groups = groups
        self._sandboxes = sandboxes
        self.store = store or Store()
        config = RegistryConfig(
            has_sandboxes=sandboxes is not None,
            has_all_ids=os.geteuid() == 0,
            limited_resources=groups.controllers & LIMITED_RESOURCES,
        )
        self.registry = Registry(self.store, config, clock=time.time, rng=random.Random(1))
        self.config = KubeletConfig(
            nodes, folder / "logs", folder / "pods", marker=marker("test", folder), working_dir=str(folder)
        )
        self._network = network or DirectNetwork()
        self.restart()

    def restart(self) -> None:
        """Make a new kubelet on what the Store has; ``serve`` runs it."""
        self._runner = ProcessRunner(self.config.marker, self._sandboxes, self.groups)
        dependencies = Dependencies(
            self.config,
            self.registry,
            self._network,
            self._runner,
            clock=time.time,
            monotonic=time.monotonic,
            rng=random.Random(2),
        )
        self.kubelet = Kubelet(StoreListerWatcher(self.store), dependencies)

    async def serve(self) -> None:
        """Run the kubelet until cancelled, and end its processes."""
        try:
            await self.kubelet.run()
        finally:
            await self._runner.close()

    def run(self, pod: JSON) -> JSON:
        """Create a pod."""
        return self.registry.create(PODS, pod)

    def pod(self, name: str) -> JSON:
        """Return a pod as it is stored."""
        return self.store.get(PODS, "default", name)

    def status(self, name: str, container: int = 0) -> JSON:
        """Return the status of a pod's container, {} before there is one."""
        statuses = (self.pod(name).get("status") or {}).get("containerStatuses") or [{}] * 9
        return dict(statuses[container])

    def is_ready(self, name: str) -> bool:
        """Tell whether the pod's Ready condition is True."""
        conditions = (self.pod(name).get("status") or {}).get("conditions") or ()
        return any(each["type"] == "Ready" and each["status"] == "True" for each in conditions)

    def phase(self, name: str) -> str:
        """Return the pod's phase, "" before there is one."""
        return str((self.pod(name).get("status") or {}).get("phase", ""))

    def events(self, name: str, reason: str = "") -> list[str]:
        """Return the messages of a pod's events."""
        found = [each for each in self.store.list(EVENTS) if each["involvedObject"]["name"] == name]
        return [each["message"] for each in found if not reason or each["reason"] == reason]

    def pid(self, name: str, container: str = "c") -> int:
        """Return the pid of a running container, 0 if it does not run."""
        pods = {key.name: pids for key, pids in self.kubelet.pids().items()}
        return pods.get(name, {}).get(container, 0)

    def is_gone(self, name: str) -> bool:
        """Tell whether the Pod object no longer exists."""
        return not any(each["metadata"]["name"] == name for each in self.store.list(PODS))

    def key(self, name: str) -> ObjectKey:
        """Return the key of a pod."""
        return ObjectKey("default", name)

    async def sh(self, name: str, script: str, container: str = "c") -> str:
        """Run a shell script in a container; return what it wrote to both outputs, without the last line feed."""
        options = PodExecOptions(container, ("sh", "-c", script), has_stdin=False, is_tty=False)
        command = await self.kubelet.exec(self.key(name), options)
        chunks = []
        while (read := await command.read()) is not None:
            chunks.append(read[1])
        await command.close()
        return b"".join(chunks).decode().rstrip("\n")

    async def logs(self, name: str, container: str = "", **options: Any) -> bytes:
        """Return a log as a whole."""
        chunks = [chunk async for chunk in self.kubelet.logs(self.key(name), PodLogOptions(container, **options))]
        return b"".join(chunks)


async def until(holds: Callable[[], object], what: str = "") -> None:
    """Return once the condition holds; fail after a bound that only a defect reaches."""
    async with asyncio.timeout(PATIENCE):
        while not holds():
            await asyncio.sleep(0.005)


@asynccontextmanager
async def running_kubelet(
    folder: Path,
    network: Network | None = None,
    nodes: tuple[NodeConfig, ...] = NODES,
    store: Store | None = None,
    sandboxes: ClusterNetwork | None = None,
    groups: Cgroups = NO_CGROUPS,
) -> AsyncIterator[KubeletCluster]:
    """Run a kubelet, on what an earlier one left in ``store``, if any; at the end its processes are gone."""
    cluster = KubeletCluster(folder, network, nodes, store, sandboxes, groups)
    task = asyncio.create_task(cluster.serve(), name="kubelet")
    try:
        yield cluster
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


def is_alive(pid: int) -> bool:
    """Tell whether a process exists and is no zombie."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state not in "ZX"


def children_of(pid: int) -> list[int]:
    """Return the pids of a process's children."""
    return [int(each) for each in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def private_kib(pid: int) -> int:
    """Return the private memory of a process in KiB."""
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    return sum(int(line.split()[1]) for line in lines if line.startswith("Private_"))
