"""The agent's sandboxes: the cluster's network, and three namespaces for each pod, held as open descriptors.

No process holds a namespace: the descriptors end with the agent. Works in a single-threaded process that is in the
cluster's namespaces, and that is root in their user namespace.
"""

from __future__ import annotations

import contextlib
import os
from pathlib import Path
from typing import NamedTuple

from kubehost.io.links import wait_until_carrying
from kubehost.io.namespaces import NEWIPC, NEWNET, NEWNS, NEWPID, NEWUTS, mount, set_hostname, setns, unmount, unshare
from kubehost.io.netlink import NetlinkSocket
from kubelet.sandbox import plan
from kubelet.spec.sandbox import ClusterNetwork, Mount, SandboxSpec

FIRST_LINK = 1000
"""The index of the first veth's end in the cluster's namespace; its name is veth1000."""
_KINDS = ("net", "uts", "ipc")
_FLAGS = NEWNET | NEWUTS | NEWIPC


class Sandbox(NamedTuple):
    """A pod's namespaces as descriptors, which ``Sandboxes`` closes; ``net`` is the cluster's for a host network."""

    spec: SandboxSpec
    link: int
    net: int
    uts: int
    ipc: int


class Sandboxes:
    """Makes, finds and removes the sandboxes of the cluster, in whose namespaces this process is.

    ``networks`` has the descriptors of the pods' network namespaces by their addresses.
    """

    def __init__(self, network: ClusterNetwork) -> None:
        self.networks: dict[str, int] = {}
        self._plan = network
        self._home = self._open_namespaces()
        self._pids = os.open("/proc/self/ns/pid", os.O_RDONLY | os.O_CLOEXEC)
        self._netlink = NetlinkSocket()
        self._sandboxes: dict[str, Sandbox] = {}
        self._next_link = FIRST_LINK

    def open(self) -> None:
        """Set up the cluster's network. OSError."""
        _set_all(plan.cluster_sysctls(self._plan))
        self._netlink.request(plan.cluster_messages(self._plan))

    def find(self, uid: str) -> Sandbox | None:
        """Return a pod's sandbox, None if it has none."""
        return self._sandboxes.get(uid)

    def make(self, spec: SandboxSpec) -> None:
        """Make a pod's sandbox, in place of one that it has. OSError: nothing is left of it then."""
        self.remove(spec.uid)
        link, self._next_link = self._next_link, self._next_link + 1
        namespaces = self._make_namespaces(spec, link)
        try:
            for each in spec.memory:
                _mount_memory(each)
        except OSError:
            for descriptor in namespaces:
                os.close(descriptor)
            _unmount_all(spec)
            raise
        self._sandboxes[spec.uid] = Sandbox(spec, link, *namespaces)
        if not spec.is_host_network:
            self.networks |= dict.fromkeys(spec.addresses, namespaces[0])

    def _make_namespaces(self, spec: SandboxSpec, link: int) -> tuple[int, int, int]:
        """Return the descriptors of new namespaces, which this process has left again."""
        unshare(_FLAGS & ~NEWNET if spec.is_host_network else _FLAGS)
        try:
            set_hostname(spec.hostname)
            if not spec.is_host_network:
                _set_all(plan.pod_sysctls(self._plan))
                self._connect(spec, link)
            _set_all(spec.sysctls)
            return self._open_namespaces()
        finally:
            for descriptor in self._home:
                setns(descriptor, 0)

    def _connect(self, spec: SandboxSpec, link: int) -> None:
        with NetlinkSocket() as netlink:
            netlink.request(plan.pod_messages(self._plan, spec, link, self._home[0]))
            self._netlink.request(plan.link_messages(self._plan, spec, link))
            wait_until_carrying(netlink, plan.ETH0_INDEX)

    def remove(self, uid: str) -> tuple[str, ...]:
        """Give a pod's sandbox up; return the addresses of its network, none for unknown uids.

        The veth goes with the last process and socket in the network.
        """
        sandbox = self._sandboxes.pop(uid, None)
        if sandbox is None:
            return ()
        if not sandbox.spec.is_host_network:
            # At once: its address may be the next pod's while a socket still holds this network.
            for route in plan.pod_routes(self._plan, sandbox.spec, sandbox.link):
                with contextlib.suppress(OSError):
                    self._netlink.request([route.deleted()])
        for descriptor in sandbox[2:]:
            os.close(descriptor)
        _unmount_all(sandbox.spec)
        if sandbox.spec.is_host_network:
            return ()
        for address in sandbox.spec.addresses:
            if self.networks.get(address) == sandbox.net:
                del self.networks[address]
        return sandbox.spec.addresses

    def fork(self, pidfd: int = -1) -> int:
        """Fork a process that is the first of a PID namespace, or one in that of the process ``pidfd``. OSError.

        As fork(2): returns 0 in the child, which ``enter`` or ``join`` has to take into the other namespaces.
        """
        if pidfd < 0:
            unshare(NEWPID)
        else:
            setns(pidfd, NEWPID)
        try:
            pid = os.fork()
        except OSError:
            setns(self._pids, NEWPID)
            raise
        if pid:
            setns(self._pids, NEWPID)
        return pid

    def enter(self, sandbox: Sandbox) -> None:
        """Take this process, the child of ``fork``, into a sandbox and a mount namespace of its own. OSError."""
        for descriptor in sandbox[2:]:
            setns(descriptor, 0)
        unshare(NEWNS)

    @staticmethod
    def join(pidfd: int) -> None:
        """Take this process, the child of ``fork``, to where a process is. OSError: ESRCH if it has ended."""
        setns(pidfd, _FLAGS | NEWNS)

    @staticmethod
    def _open_namespaces() -> tuple[int, int, int]:
        opened: list[int] = []
        try:
            for each in _KINDS:
                opened.append(os.open(f"/proc/self/ns/{each}", os.O_RDONLY | os.O_CLOEXEC))  # noqa: PERF401 - closed below
        except OSError:
            for descriptor in opened:
                os.close(descriptor)
            raise
        net, uts, ipc = opened
        return net, uts, ipc


def _set_all(sysctls: plan.Sysctls) -> None:
    """Write settings; those of IPv6 and of netfilter are left out where the kernel has none. OSError."""
    for name, value in sysctls:
        path = Path("/proc/sys", *name.split("."))
        if name.startswith(("net.ipv6.", "net.netfilter.")) and not path.exists():
            continue
        try:
            path.write_text(value)
        except OSError as error:
            raise OSError(error.errno, f"sysctl {name}={value}: {error.strerror}") from None


def _mount_memory(volume: Mount) -> None:
    """Mount a volume in memory, for its group if there is one; OSError. As with a kubelet it has a sticky bit."""
    size = f",size={volume.size}" if volume.size else ""
    if volume.group is not None:
        # EINVAL: a namespace with one id does not have the group.
        with contextlib.suppress(OSError):
            mount("tmpfs", volume.target, "tmpfs", options=f"mode=3777,gid={volume.group}{size}")
            return
    mount("tmpfs", volume.target, "tmpfs", options=f"mode=1777{size}")


def _unmount_all(spec: SandboxSpec) -> None:
    for each in spec.memory:
        with contextlib.suppress(OSError):
            unmount(each.target)
