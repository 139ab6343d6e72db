"""Reads this machine for the doctor; the other files of the package do no IO.

A reading that fails is left empty; the checks say what that means. Formats: proc(5).
"""

from __future__ import annotations

import os
import resource
import shutil
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from kubeproxy.portowner import find_owners, read_sockets
from kubesvc.config import ClusterConfiguration
from kubesvc.doctor.tools import TOOLS
from kubesvc.network.ipv6 import LocalNetwork, bind_error, missing_networks
from kubesvc.network.loopback import LowPorts, read_low_ports
from kubesvc.state.owners import ancestors_of


class BoundSocket(NamedTuple):
    """A listening socket. ``pid`` is 0 and ``command`` "" for a process of another user."""

    protocol: str
    address: str
    port: int
    pid: int = 0
    command: str = ""
    ancestors: frozenset[int] = frozenset()


class ClusterState(NamedTuple):
    """One cluster's directory: its process (None if it does not run), and whether its control socket exists."""

    name: str
    pid: int | None
    has_leftovers: bool


@dataclass(frozen=True)
class Machine:
    """All readings that the checks judge."""

    low_ports: LowPorts
    open_files: tuple[int, int]
    """Soft and hard limit; -1 is unlimited."""
    ephemeral_ports: tuple[int, int]
    reserved_ports: tuple[tuple[int, int], ...]
    loopback_error: str
    """Why a node's address cannot be bound, "" if it can."""
    missing_ipv6: tuple[LocalNetwork, ...]
    """The IPv6 networks that the cluster needs and the machine does not have."""
    sockets: tuple[BoundSocket, ...]
    resolv_conf: str
    tools: Mapping[str, str]
    """Paths of the tools that are installed."""
    clusters: tuple[ClusterState, ...] = ()


def read_machine(
    configuration: ClusterConfiguration, clusters: tuple[ClusterState, ...], ports: Collection[int]
) -> Machine:
    """Read the machine; owners are looked up only for sockets on ``ports``."""
    return Machine(
        low_ports=read_low_ports(),
        open_files=resource.getrlimit(resource.RLIMIT_NOFILE),
        ephemeral_ports=_read_range(_text("/proc/sys/net/ipv4/ip_local_port_range")),
        reserved_ports=parse_port_ranges(_text("/proc/sys/net/ipv4/ip_local_reserved_ports")),
        loopback_error=bind_error(configuration.plan.stand_in(configuration.nodes[0].address)),
        missing_ipv6=tuple(missing_networks(configuration)),
        sockets=tuple(_bound_sockets(ports)),
        resolv_conf=_text("/etc/resolv.conf"),
        tools={tool: path for tool in TOOLS if (path := shutil.which(tool, path=_search_path()))},
        clusters=clusters,
    )


def parse_port_ranges(text: str) -> tuple[tuple[int, int], ...]:
    """Read ``8080,9000-9100`` as ip_local_reserved_ports writes it."""
    ranges = []
    for part in text.strip().split(","):
        first, _, last = part.partition("-")
        if first.isdecimal():
            ranges.append((int(first), int(last or first)))
    return tuple(ranges)


def _bound_sockets(ports: Collection[int]) -> Iterator[BoundSocket]:
    found = [each for each in read_sockets(("tcp", "tcp6", "udp", "udp6")) if each.port in ports]
    owners = find_owners({each.inode for each in found})
    for each in found:
        bound = BoundSocket(each.protocol, each.address, each.port)
        owner = owners.get(each.inode)
        yield (
            bound._replace(pid=owner.pid, command=owner.command, ancestors=ancestors_of(owner.pid)) if owner else bound
        )


def _search_path() -> str:
    """Return $PATH with Debian's directories for servers, which ordinary users lack."""
    return os.pathsep.join((os.environ.get("PATH", os.defpath), "/usr/local/sbin", "/usr/sbin", "/sbin"))


def _read_range(text: str) -> tuple[int, int]:
    numbers = [int(each) for each in text.split() if each.isdecimal()]
    return (numbers[0], numbers[1]) if len(numbers) == 2 else (32768, 60999)


def _text(path: str) -> str:
    try:
        return Path(path).read_text(errors="replace")
    except OSError:
        return ""
