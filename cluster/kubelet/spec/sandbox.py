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
    their values, of the three namespaces. ``memory`` are the tmpfs that its containers share (volumes in memory): the
    agent mounts them on these folders in its own mount namespace, from which those of the containers are copied, and
    unmounts them with the sandbox.
    """

    uid: str
    addresses: tuple[str, ...]
    gateways: tuple[str, ...]
    hostname: str
    is_host_network: bool = False
    sysctls: tuple[tuple[str, str], ...] = ()
    memory: tuple[Mount, ...] = ()


class Mount(NamedTuple):
    """A mount in a container: the ``source``, a file or folder of the machine, or a tmpfs if it is "".

    ``target`` is absolute, and made if it is missing. ``size`` is that of the tmpfs in bytes, 0 for the kernel's
    default; with ``group`` it is that group's, and so is what is made in it, if the user namespace has the group. Of
    the source only ``sub_path`` is mounted if there is one: relative, made if it is missing, and never followed out of
    the source by a link. What is mounted below the source comes along; with ``is_recursive_read_only`` that is
    read-only too. A file that ``is_copied`` is not mounted at all: its text becomes one of the container's own root.
    """

    target: str
    source: str = ""
    is_read_only: bool = False
    size: int = 0
    sub_path: str = ""
    is_recursive_read_only: bool = False
    group: int | None = None
    is_copied: bool = False


class Root(NamedTuple):
    """What a container sees of the file system, and its user.

    The machine's own root with ``mounts`` in this order, made by ``kubelet.sandbox.io.rootfs.build`` in a new mount
    namespace, which also makes ``working_dir`` if it is missing. ``is_privileged`` and ``is_proc_unmasked`` leave the
    machine's /dev, or what a container may not see of /proc, as they are.

    ``kubelet.sandbox.io.privileges.restrict`` does the rest, also for a command in a running container. ``user``,
    ``group`` and ``groups`` are ids inside the cluster's user namespace; those that it does not have become the
    process's own in a user namespace of its own. ``capabilities`` are the numbers of those that it keeps
    (linux/capability.h).
    """

    mounts: tuple[Mount, ...] = ()
    working_dir: str = ""
    is_read_only: bool = False
    is_privileged: bool = False
    is_proc_unmasked: bool = False
    user: int = 0
    group: int = 0
    groups: tuple[int, ...] = ()
    capabilities: tuple[int, ...] = ()
    has_no_new_privileges: bool = False
