"""The nodes of the cluster: their Node objects and the addresses of their pods. Pure."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from typing import NamedTuple

from kubeapi.meta import JSON, format_time, labels_of
from kubeapi.objects.conditions import find_condition
from kubeapi.objects.parts import map_at, spec_of, status_of

KUBELET_VERSION = "v1.37.2+kubesvc"
RUNTIME_VERSION = "kubesvc://0.1.0"
KUBELET_PORT = 10250
"""The port that a Node names as its kubelet's. Nothing listens there: the API server serves logs and commands."""
FIRST_HOST = 2
"""The first host of a pod CIDR, .1, is the bridge in a cluster with the usual network plug-ins."""


class NodeConfig(NamedTuple):
    """One node: its name, its address, the CIDR of its pods, and its labels in addition to the usual ones.

    ``address_v6`` and ``pod_cidr_v6`` are "" unless the cluster is dual-stack. ``capacity`` is what it has for pods in
    place of the machine's.
    """

    name: str
    address: str
    pod_cidr: str
    labels: Mapping[str, str] = {}
    address_v6: str = ""
    pod_cidr_v6: str = ""
    capacity: Mapping[str, str] = {}

    @property
    def addresses(self) -> tuple[str, ...]:
        """The node's addresses, that of the cluster's preferred family first."""
        return tuple(filter(None, (self.address, self.address_v6)))

    @property
    def pod_cidrs(self) -> tuple[str, ...]:
        """The CIDRs of its pods, in the same order."""
        return tuple(filter(None, (self.pod_cidr, self.pod_cidr_v6)))

    @property
    def gateways(self) -> tuple[str, ...]:
        """The way out of its pods' networks: the first host of each CIDR, as the usual network plug-ins have it."""
        return tuple(str(ipaddress.ip_network(each).network_address + 1) for each in self.pod_cidrs)

    def pod_addresses(self, address: str) -> tuple[str, ...]:
        """Return the addresses of the pod that has ``address``: the same host in every CIDR."""
        return tuple(_same_host(address, self.pod_cidr, cidr) for cidr in self.pod_cidrs)


def _same_host(address: str, cidr: str, other: str) -> str:
    host = int(ipaddress.ip_address(address)) - int(ipaddress.ip_network(cidr).network_address)
    return str(ipaddress.ip_network(other).network_address + host)


class Machine(NamedTuple):
    """The facts about this machine that Node objects show."""

    os_image: str = "Linux"
    kernel_version: str = ""
    architecture: str = "amd64"
    machine_id: str = ""
    cpus: int = 1
    memory_kib: int = 0
    disk_kib: int = 0

    @property
    def resources(self) -> dict[str, str]:
        """What the containers of a node can have, as quantities."""
        disk, memory = f"{self.disk_kib}Ki", f"{self.memory_kib}Ki"
        return {"cpu": str(self.cpus), "ephemeral-storage": disk, "memory": memory}


class PodAddresses:
    """The addresses of one pod CIDR. They are allocated round robin, so that a released one is not reused at once."""

    def __init__(self, pod_cidr: str) -> None:
        network = ipaddress.ip_network(pod_cidr)
        self._first = int(network.network_address) + FIRST_HOST
        self._count = max(network.num_addresses - FIRST_HOST - (1 if network.version == 4 else 0), 0)
        self._make = type(network.network_address)
        self._next = 0
        self._used: set[int] = set()

    @property
    def capacity(self) -> int:
        """The number of pods that can have an address."""
        return self._count

    def allocate(self) -> str | None:
        """Return a free address, None if there is none."""
        for step in range(self._count):
            offset = (self._next + step) % self._count
            if offset not in self._used:
                self._used.add(offset)
                self._next = (offset + 1) % self._count
                return str(self._make(self._first + offset))
        return None

    def release(self, address: str) -> None:
        """Make an address free again."""
        self._used.discard(int(ipaddress.ip_address(address)) - self._first)


def node_object(node: NodeConfig, machine: Machine, max_pods: int) -> JSON:
    """Return the Node without its status."""
    labels = {
        "kubernetes.io/hostname": node.name,
        "kubernetes.io/os": "linux",
        "kubernetes.io/arch": machine.architecture,
        "beta.kubernetes.io/os": "linux",
        "beta.kubernetes.io/arch": machine.architecture,
        **node.labels,
    }
    return {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {"name": node.name, "labels": labels},
        "spec": {"podCIDR": node.pod_cidr, "podCIDRs": list(node.pod_cidrs)},
        "status": {"capacity": {"pods": str(max_pods)}},
    }


def registered_again(node: JSON, stored: JSON) -> JSON:
    """Return the Node that is stored already, as its kubelet writes it when it starts again.

    The kubelet's own labels are restored. All that others have set stays: labels, taints, whether it is cordoned, and
    pod CIDRs, which a Node gets once.
    """
    metadata, before = stored["metadata"], spec_of(stored)
    labels = {**labels_of(stored), **node["metadata"]["labels"]}
    spec = {**node["spec"], **before} if before.get("podCIDRs") else {**before, **node["spec"]}
    return {**stored, "metadata": {**metadata, "labels": labels}, "spec": spec}


def is_unreported(node: JSON) -> bool:
    """Tell whether the Node has no condition Ready yet: a user has created the object, and no kubelet has seen it."""
    return find_condition(node, "Ready") is None


def with_extended_resources(node: JSON) -> JSON:
    """Return the Node with all of its extended resources for pods, as a kubelet keeps it (Setters, MachineInfo).

    A user adds such a resource (example.com/gpu) to the capacity alone, and takes it away there.
    """
    capacity, allocatable = (map_at(node, "status", name) for name in ("capacity", "allocatable"))
    own = {name: value for name, value in allocatable.items() if "/" not in name}
    extended = {name: value for name, value in capacity.items() if "/" in name}
    found = {**own, **extended}
    return node if found == allocatable else {**node, "status": {**status_of(node), "allocatable": found}}


def node_status(node: NodeConfig, machine: Machine, max_pods: int, now: float) -> JSON:
    """Return the status of a node that is well."""
    resources = {**machine.resources, "pods": str(max_pods), **node.capacity}
    return {
        "addresses": [
            *({"type": "InternalIP", "address": each} for each in node.addresses),
            {"type": "Hostname", "address": node.name},
        ],
        "capacity": resources,
        "allocatable": resources,
        "daemonEndpoints": {"kubeletEndpoint": {"Port": KUBELET_PORT}},
        "conditions": [
            _condition("MemoryPressure", "False", "KubeletHasSufficientMemory", "sufficient memory available", now),
            _condition("DiskPressure", "False", "KubeletHasNoDiskPressure", "no disk pressure", now),
            _condition("PIDPressure", "False", "KubeletHasSufficientPID", "sufficient PID available", now),
            _condition("Ready", "True", "KubeletReady", "posting ready status", now),
        ],
        "nodeInfo": _node_info(machine),
    }


def _node_info(machine: Machine) -> JSON:
    return {
        "machineID": machine.machine_id,
        "systemUUID": machine.machine_id,
        "bootID": "",
        "kernelVersion": machine.kernel_version,
        "osImage": machine.os_image,
        "containerRuntimeVersion": RUNTIME_VERSION,
        "kubeletVersion": KUBELET_VERSION,
        "kubeProxyVersion": KUBELET_VERSION,
        "operatingSystem": "linux",
        "architecture": machine.architecture,
    }


def _condition(kind: str, status: str, reason: str, message: str, now: float) -> JSON:
    return {
        "type": kind,
        "status": status,
        "lastHeartbeatTime": format_time(now),
        "lastTransitionTime": format_time(now),
        "reason": reason,
        "message": f"kubelet has {message}" if status == "False" else f"kubelet is {message}",
    }
