"""The kubelet's nodes: their Node objects, written at the start and again when a user has created one.

Follows k8s.io/kubernetes ``pkg/kubelet/kubelet_node_status.go`` (registerWithAPIServer). A Node that is deleted is not
made again before the next start; its pods are the pod garbage collector's.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import platform
from pathlib import Path

from kubeapi.events import EventRecorder
from kubeapi.io.client import Client
from kubeapi.meta import JSON, ObjectKey
from kubeapi.objects.node import read_node
from kubeapi.scheme import LEASES, NODES
from kubeapi.status import StatusError
from kubeapi.users import node_user
from kubeapi.watching import Delta
from kubelet.leases import NAMESPACE as LEASE_NAMESPACE
from kubelet.leases import RENEW_SECONDS, node_lease
from kubelet.nodes import (
    Machine,
    NodeConfig,
    PodAddresses,
    is_unreported,
    node_object,
    node_status,
    registered_again,
    with_extended_resources,
)
from kubelet.runtime.dependencies import COMPONENT, Dependencies

ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64", "armv7l": "arm"}
"""Go's names of architectures, by uname's."""


class LocalNode:
    """One of the kubelet's nodes: the addresses of its pods, the recorder of its events, and what it writes with."""

    def __init__(self, config: NodeConfig, recorder: EventRecorder, client: Client) -> None:
        self.config = config
        self.recorder = recorder
        self.client = client
        self.addresses = PodAddresses(config.pod_cidr)
        self.is_lost = False
        """Whether its condition Ready is Unknown, which means that nothing is heard of its kubelet."""


class NodeRegistration:
    """``nodes`` are the kubelet's, by name; all are this ``machine``.

    Every change of a Node object has to be passed to ``on_node``.
    """

    def __init__(self, dependencies: Dependencies) -> None:
        registry, clock = dependencies.registry, dependencies.clock
        self.nodes = {
            each.name: LocalNode(
                each,
                EventRecorder(registry, COMPONENT, clock=clock, host=each.name),
                Client(registry, node_user(each.name), dependencies.admissions),
            )
            for each in dependencies.config.nodes
        }
        self._registry = registry
        self._clock = clock
        self.machine = _read_machine(dependencies.config.work_dir)

    def register_all(self) -> None:
        """Write every Node object; StatusError."""
        for node in self.nodes.values():
            self._register(node, self._registry.store.find(NODES, ObjectKey("", node.config.name)))

    def on_node(self, delta: Delta) -> bool:
        """Complete the object of one of the kubelet's nodes that a user has created or given resources.

        Returns whether the node is lost now, or found again.
        """
        node = self.nodes.get(delta.key.name)
        stored = self._registry.store.find(NODES, delta.key)
        if node is None or stored is None:
            return False
        was_lost, node.is_lost = node.is_lost, read_node(stored).is_lost
        with contextlib.suppress(StatusError):
            if is_unreported(stored):
                self._register(node, stored)
            elif (completed := with_extended_resources(stored)) is not stored:
                self._registry.update_status(NODES, completed)
        return node.is_lost != was_lost

    async def renew_leases(self) -> None:
        """Renew the Leases of the nodes that have objects, until cancelled. A refused write waits for the next one."""
        while True:
            for name in self.nodes:
                with contextlib.suppress(StatusError):
                    self._renew(name)
            await asyncio.sleep(RENEW_SECONDS)

    def _renew(self, name: str) -> None:
        store = self._registry.store
        node, stored = store.find(NODES, ObjectKey("", name)), store.find(LEASES, ObjectKey(LEASE_NAMESPACE, name))
        if node is not None and not self.nodes[name].is_lost:
            lease = node_lease(node, stored, self._clock())
            (self._registry.create if stored is None else self._registry.update)(LEASES, lease)

    def _register(self, node: LocalNode, stored: JSON | None) -> None:
        wanted = node_object(node.config, self.machine, node.addresses.capacity)
        if stored is None:
            stored = self._registry.create(NODES, wanted)
        else:
            stored = self._registry.update(NODES, registered_again(wanted, stored))
        status = node_status(node.config, self.machine, node.addresses.capacity, self._clock())
        self._registry.update_status(NODES, {**stored, "status": status})


def _read_machine(folder: Path) -> Machine:
    """Return the facts, of the disk those where ``folder`` is or will be; one that cannot be read has its default."""
    kernel = os.uname()
    return Machine(
        os_image=_os_image(),
        kernel_version=kernel.release,
        architecture=ARCHITECTURES.get(kernel.machine, kernel.machine),
        machine_id=_read("/etc/machine-id"),
        cpus=os.cpu_count() or 1,
        memory_kib=os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 1024,
        disk_kib=_disk_kib(folder),
    )


def _disk_kib(folder: Path) -> int:
    there = next((each for each in (folder, *folder.parents) if each.exists()), folder)
    try:
        disk = os.statvfs(there)
    except OSError:
        return 0
    return disk.f_blocks * disk.f_frsize // 1024


def _os_image() -> str:
    try:
        return platform.freedesktop_os_release().get("PRETTY_NAME", "Linux")
    except OSError:
        return "Linux"


def _read(path: str) -> str:
    try:
        return Path(path).read_text().strip()
    except OSError:
        return ""
