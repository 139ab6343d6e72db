"""What the cluster's network, a pod's sandbox and a container's file system are, as the agent gets them. Pure.

Named tuples of plain JSON: they travel to the agent (``kubelet.process.zygote``) as their ``_asdict``.
"""

from __future__ import annotations

from typing import NamedTuple


class NodeNetwork(NamedTuple):
    """One node of the cluster's network.

    ``gateways`` are the first hosts of its pod CIDRs: the way out of its pods, and the source of what the node sends.
    ``addresses``, ``gateways`` and ``pod_cidrs`` are of one family each, that of the preferred family first.
    """

    name: str
    addresses: tuple[str, ...]
    gateways: tuple[str, ...]
    pod_cidrs: tuple[str, ...]


class ClusterNetwork(NamedTuple):
    """The network that all nodes share, in a namespace of its own; every address of the CIDRs is local there.

    ``is_loopback_plan``: the IPv4 addresses are in 127.0.0.0/8, otherwise (the exact plan) they are as written.
    """

    nodes: tuple[NodeNetwork, ...]
    pod_cidrs: tuple[str, ...]
    service_cidrs: tuple[str, ...]
    load_balancer_cidrs: tuple[str, ...]
    is_loopback_plan: bool = True


class SandboxSpec(NamedTuple):
    """The sandbox of one pod: its network, UTS and IPC namespaces. ``uid`` is the pod's.

    ``addresses`` are one of each family, ``gateways`` those of its node in the same order. With ``is_host_network`` the
    pod is in the cluster's network namespace: nothing is made for the addresses. ``sysctls`` are names with dots, and
    their values, of the three namespaces.
    """

    uid: str
    addresses: tuple[str, ...]
    gateways: tuple[str, ...]
    hostname: str
    is_host_network: bool = False
    sysctls: tuple[tuple[str, str], ...] = ()


class Mount(NamedTuple):
    """A mount in a container: the ``source``, a file or folder of the machine, or a tmpfs if it is "".

    ``target`` is absolute, and made if it is missing. ``size`` is that of the tmpfs in bytes, 0 for the kernel's
    default.
    """

    target: str
    source: str = ""
    is_read_only: bool = False
    size: int = 0


class Root(NamedTuple):
    """What a container sees of the file system, and its user; ``kubelet.process.rootfs`` makes it so.

    The machine's own root with ``mounts`` in this order. ``tmp`` is the folder that it has as /tmp, "" for the
    machine's, where the entries named by ``kept_in_tmp`` stay visible. ``capabilities`` are the numbers of those that
    it keeps (linux/capability.h). ``user`` and ``group`` are ids inside the cluster's user namespace.
    """

    mounts: tuple[Mount, ...] = ()
    tmp: str = ""
    kept_in_tmp: tuple[str, ...] = ()
    is_read_only: bool = False
    user: int = 0
    group: int = 0
    groups: tuple[int, ...] = ()
    capabilities: tuple[int, ...] = ()
    has_no_new_privileges: bool = False
