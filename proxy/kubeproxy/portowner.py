"""Why a port cannot be bound: the sentence for it, and the process that has the port.

Reads /proc/net and /proc/*/fd, as ``ss -lntup`` does (formats: proc(5)); processes of other users are not readable
and have no owner. One search serves all addresses that are asked for.
"""

from __future__ import annotations

import contextlib
import errno
import struct
from collections.abc import Collection, Iterable, Iterator
from ipaddress import IPv4Address, IPv6Address
from pathlib import Path
from typing import NamedTuple

from kubehost.addresses import join_host_port
from kubeproxy.types import Destination

_LISTEN = "0A"
"""TCP_LISTEN of net/tcp_states.h, as /proc/net/tcp prints it."""

NO_SCTP = (
    "SCTP is not supported by this machine's kernel as it runs now; "
    "where it has the module, `sudo modprobe sctp` loads it, and the Service answers a moment later"
)
"""Of the three protocols only SCTP may be missing."""

NEEDS_PRIVILEGE = "need a privilege"
"""Ends the sentence for a port that this user may not bind."""


class PortOwner(NamedTuple):
    """A process that listens; ``command`` is its command line."""

    pid: int
    command: str

    def __str__(self) -> str:
        return f"{self.command} (pid {self.pid})"


class OpenSocket(NamedTuple):
    """A socket that takes connections or datagrams; every address is 0.0.0.0, also for IPv6."""

    protocol: str
    address: str
    port: int
    inode: str


def find_port_owner(address: str, port: int, proc: Path = Path("/proc")) -> PortOwner | None:
    """Return the process that listens by TCP on ``address``:``port``, or on that port of every address."""
    wanted = Destination(address, port, "TCP")
    return find_port_owners({wanted}, proc).get(wanted)


def find_port_owners(wanted: Collection[Destination], proc: Path = Path("/proc")) -> dict[Destination, PortOwner]:
    """Return the owners of ``wanted`` places, as far as /proc shows them; it has no table of SCTP sockets."""
    tables = ("tcp6", "tcp", "udp6", "udp")
    inodes = {Destination(each.address, each.port, each.protocol): each.inode for each in read_sockets(tables, proc)}
    found: dict[Destination, str] = {}
    for place in wanted:
        everywhere = place._replace(address="0.0.0.0")  # noqa: S104  looked up, not bound
        inode = inodes.get(place) or inodes.get(everywhere)
        if inode:
            found[place] = inode
    owners = find_owners(set(found.values()), proc)
    return {place: owners[inode] for place, inode in found.items() if inode in owners}


def read_sockets(tables: Iterable[str], proc: Path = Path("/proc")) -> Iterator[OpenSocket]:
    """Yield the sockets of tables of /proc/net (tcp, tcp6, udp, udp6) that take connections or datagrams."""
    for table in tables:
        with contextlib.suppress(OSError):
            yield from parse_sockets((proc / "net" / table).read_text(), table[:3].upper())


def parse_sockets(text: str, protocol: str) -> Iterator[OpenSocket]:
    """Yield the sockets of one table's text; of TCP only those that listen."""
    for line in text.splitlines()[1:]:
        fields = line.split()
        if len(fields) > 9 and (protocol == "UDP" or fields[3] == _LISTEN):
            address, _, port = fields[1].partition(":")
            yield OpenSocket(protocol, _address(address), int(port, 16), fields[9])


def find_owners(inodes: Collection[str], proc: Path = Path("/proc")) -> dict[str, PortOwner]:
    """Return the processes of sockets, as far as this user may read them in /proc."""
    owners: dict[str, PortOwner] = {}
    for directory in proc.glob("[0-9]*") if inodes else ():
        if own := sockets_of(directory).intersection(inodes):
            owners.update(dict.fromkeys(own, PortOwner(int(directory.name), _command(directory))))
    return owners


def _address(text: str) -> str:
    """Read an address that the kernel prints as words in host byte order; a mapped or unspecified one becomes IPv4."""
    words = [int(text[at : at + 8], 16) for at in range(0, len(text), 8)]
    packed = struct.pack(f"={len(words)}I", *words)
    if len(packed) == 4 or packed[:12] == b"\0" * 10 + b"\xff\xff" or not any(packed):
        return str(IPv4Address(packed[-4:]))
    return str(IPv6Address(packed))


def sockets_of(process: Path) -> set[str]:
    """Return the inodes of the sockets of ``process`` (its folder in /proc), none if this user may not read it."""
    inodes: set[str] = set()
    with contextlib.suppress(OSError):
        for descriptor in (process / "fd").iterdir():
            with contextlib.suppress(OSError):
                target = str(descriptor.readlink())
                if target.startswith("socket:["):
                    inodes.add(target[8:-1])
    return inodes


def _command(process: Path) -> str:
    with contextlib.suppress(OSError):
        words = (process / "cmdline").read_bytes().rstrip(b"\0").split(b"\0")
        command = b" ".join(words).decode(errors="replace").strip()
        return command if len(command) <= 80 else f"{command[:77]}..."
    return "?"


def explain_bind_error(error: OSError, address: str, port: int, owner: str = "") -> str:
    """Return why ``address``:``port`` could not be bound, with the remedy where there is one.

    ``owner`` is the process that has the port, "" if it is not known.
    """
    where = join_host_port(address, port)
    match error.errno:
        case errno.EADDRINUSE:
            return f"{where} is already in use by {owner or 'another process'}"
        case errno.EADDRNOTAVAIL:
            return f"{where} cannot be bound: {address} is not an address of this machine"
        case errno.EACCES:
            return f"{where} cannot be bound: ports below {_first_unprivileged_port()} {NEEDS_PRIVILEGE}"
        case errno.EMFILE | errno.ENFILE:
            return f"{where} cannot be bound: too many open files; raise the limit (ulimit -n)"
        case errno.EPROTONOSUPPORT:
            return f"{where} cannot be bound: {NO_SCTP}"
    return f"{where} cannot be bound: {error.strerror or error}"


def _first_unprivileged_port() -> int:
    try:
        return int(Path("/proc/sys/net/ipv4/ip_unprivileged_port_start").read_text())
    except (OSError, ValueError):
        return 1024
