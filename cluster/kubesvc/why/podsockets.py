"""Finds pods' programs that listen on all addresses: without sandboxes they take each other's clients.

Looks after a change of a pod's status, while programs are young, and on request; not at built-in servers, which bind
their pod's address. /proc/net has the listening sockets (``kubeproxy.portowner``), /proc/PID/fd their owners. Without a
new socket on all addresses a look costs one read of four tables.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from kubeapi.events import EventRecorder
from kubeapi.meta import ObjectKey, is_terminating
from kubeapi.objects.conditions import is_condition_true
from kubeapi.scheme import EVENTS, PODS
from kubeapi.store import Store
from kubelet.pod.programs import PLACE_OF_ITS_OWN, RunningProgram
from kubeproxy.portowner import OpenSocket, read_sockets, sockets_of

EVENT = "ListensOnAllAddresses"
TAKEN = "AddressInUse"
"""The kubelet's reason for the event of a container that ended because its address is taken."""
LOOK_SECONDS = 1.0
"""Pause between a change of a pod and the look: programs bind soon after they have started."""
YOUNG_SECONDS = 10.0
"""Age up to which a program is looked at repeatedly, as some bind late."""
_EVERYBODY = "0.0.0.0"  # noqa: S104 - compared with, not bound
_TABLES = ("tcp", "tcp6", "udp", "udp6")


class Wildcard(NamedTuple):
    """A port at which a container's program listens on all addresses."""

    pod: ObjectKey
    container: str
    pod_ip: str
    protocol: str
    port: int

    is_host_network: bool = False

    def __str__(self) -> str:
        place = "the network of all nodes" if self.is_host_network else "this machine"
        others = "the nodes' Services and other pods with hostNetwork" if self.is_host_network else "other pods"
        remedy = "" if self.is_host_network else f"; {PLACE_OF_ITS_OWN}"
        return (
            f"container {self.container} of pod {self.pod} listens on port {self.port}/{self.protocol} of all "
            f"addresses of {place}, so it takes what is meant for {others} at that port: have it bind $POD_IP "
            f"({self.pod_ip}){remedy}"
        )


class PodSockets:
    """Looks at the sockets of ``programs``, and records an event on the pod once for each run of a container."""

    def __init__(
        self,
        store: Store,
        programs: Callable[[], Sequence[RunningProgram]],
        recorder: EventRecorder,
        clock: Callable[[], float],
        proc: Path = Path("/proc"),
    ) -> None:
        self._store = store
        self._programs = programs
        self._recorder = recorder
        self._clock = clock
        self._proc = proc
        self._ephemeral = _ephemeral_ports(proc)
        self._foreign: frozenset[str] = frozenset()
        self._told: frozenset[tuple[int, Wildcard]] = frozenset()
        self._timer: asyncio.TimerHandle | None = None

    def note(self) -> None:
        """Schedule a look, because a pod has changed."""
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(LOOK_SECONDS, self._look_in_time)

    def close(self) -> None:
        """Cancel the scheduled look."""
        if self._timer is not None:
            self._timer.cancel()

    def look(self) -> list[Wildcard]:
        """Return what listens on all addresses now; records an event for what is new."""
        found = self._find(self._programs())
        told = frozenset(found)
        for _, wildcard in sorted(told - self._told):
            pod = self._store.find(PODS, wildcard.pod)
            if pod is not None:
                self._recorder.event(pod, "Warning", EVENT, str(wildcard))
        self._told = told
        return sorted({wildcard for _, wildcard in found})

    def _look_in_time(self) -> None:
        self._timer = None
        self.look()
        now = self._clock()
        if any(now - each.started_at < YOUNG_SECONDS for each in self._programs()):
            self.note()

    def _find(self, programs: Sequence[RunningProgram]) -> list[tuple[int, Wildcard]]:
        shared = [each for each in programs if each.shares_network]
        in_nodes = [each for each in shared if each.is_sandboxed]
        on_machine = [each for each in shared if not each.is_sandboxed]
        found = self._find_in(self._proc, on_machine) if on_machine else []
        return found + (self._find_in(self._proc / str(in_nodes[0].pid), in_nodes) if in_nodes else [])

    def _find_in(self, network: Path, programs: Sequence[RunningProgram]) -> list[tuple[int, Wildcard]]:
        """Return the wildcards of programs that are all in one network, whose tables are in ``network``."""
        declared = {port for each in programs for port in each.ports}
        sockets = {
            each.inode: each
            for each in read_sockets(_TABLES, network)
            if each.address == _EVERYBODY and each.inode not in self._foreign and self._is_server(each, declared)
        }
        if not sockets:
            return []
        found: list[tuple[int, Wildcard]] = []
        ours: set[str] = set()
        for program in programs:
            for inode in self._inodes(program.pid).intersection(sockets):
                ours.add(inode)
                sock = sockets[inode]
                known = (program.pod, program.container, program.pod_ip, sock.protocol, sock.port)
                found.append((program.pid, Wildcard(*known, program.is_sandboxed)))
        # Inodes of other processes' sockets need no second look: a pod's later socket has a new inode.
        self._foreign |= sockets.keys() - ours
        return found

    def _is_server(self, sock: OpenSocket, declared: Iterable[tuple[str, int]]) -> bool:
        """Tell whether a socket is a server's: a UDP client is bound to all addresses too, at an ephemeral port."""
        low, high = self._ephemeral
        return not low <= sock.port <= high or (sock.protocol, sock.port) in declared

    def _inodes(self, pid: int) -> set[str]:
        return {inode for each in self._tree(pid) for inode in sockets_of(self._proc / str(each))}

    def _tree(self, pid: int) -> Iterator[int]:
        """Yield a process and its descendants."""
        yield pid
        try:
            children = (self._proc / str(pid) / "task" / str(pid) / "children").read_text().split()
        except OSError:
            return
        for each in children:
            yield from self._tree(int(each))


def taken_addresses(store: Store) -> list[str]:
    """Return one sentence per pod that is not ready because its address was taken."""
    events = sorted(
        (each for each in store.list(EVENTS) if each.get("reason") == TAKEN),
        key=lambda each: each.get("lastTimestamp") or "",
    )
    taken: dict[ObjectKey, str] = {}
    for each in events:
        about = each["involvedObject"]
        key = ObjectKey(about.get("namespace", ""), about["name"])
        pod = store.find(PODS, key)
        is_same = pod is not None and about.get("uid", "") in ("", pod["metadata"].get("uid", ""))
        if pod is not None and is_same and not is_condition_true(pod, "Ready") and not is_terminating(pod):
            taken[key] = each["message"]
    return [f"Pod {key}: {message}" for key, message in sorted(taken.items())]


def listening_ports(pid: int, proc: Path = Path("/proc")) -> set[tuple[str, int]]:
    """Return the addresses and ports of the TCP sockets that listen in the network of a process, of this one for 0.

    The address of a wildcard is 0.0.0.0. None are there once the process has ended.
    """
    return {(each.address, each.port) for each in read_sockets(("tcp", "tcp6"), proc / str(pid) if pid else proc)}


def _ephemeral_ports(proc: Path) -> tuple[int, int]:
    try:
        low, high = map(int, (proc / "sys/net/ipv4/ip_local_port_range").read_text().split())
    except (OSError, ValueError):
        return 32768, 60999  # the kernel's default
    return low, high
