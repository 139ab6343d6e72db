"""Who has a TCP port: the process that an error message should name.

Reads /proc/net/tcp and /proc/*/fd, as ``ss -ltnp`` does; processes of other users are not readable, then the answer
is None. Looks once for all the addresses it is asked about.
"""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Collection
from pathlib import Path
from typing import NamedTuple

_LISTEN = "0A"
"""TCP_LISTEN of net/tcp_states.h, as /proc/net/tcp prints it."""


class PortOwner(NamedTuple):
    """A process that listens; ``command`` is its command line."""

    pid: int
    command: str

    def __str__(self) -> str:
        return f"{self.command} (pid {self.pid})"


def find_port_owner(address: str, port: int, proc: Path = Path("/proc")) -> PortOwner | None:
    """Return who listens on ``address``:``port`` or on that port of every address."""
    return find_port_owners({(address, port)}, proc).get((address, port))


def find_port_owners(
    wanted: Collection[tuple[str, int]], proc: Path = Path("/proc")
) -> dict[tuple[str, int], PortOwner]:
    """Return the owners of those of the ``wanted`` addresses that have one we may know."""
    inodes = _listening_inodes(proc)
    found: dict[str, list[tuple[str, int]]] = {}
    for address, port in wanted:
        inode = inodes.get((address, port)) or inodes.get(("0.0.0.0", port))  # noqa: S104  looked up, not bound
        if inode:
            found.setdefault(inode, []).append((address, port))
    owners: dict[tuple[str, int], PortOwner] = {}
    if found:
        for directory in proc.glob("[0-9]*"):
            for inode in _sockets_of(directory) & found.keys():
                owners.update(dict.fromkeys(found[inode], PortOwner(int(directory.name), _command(directory))))
    return owners


def _listening_inodes(proc: Path) -> dict[tuple[str, int], str]:
    inodes: dict[tuple[str, int], str] = {}
    for name in ("tcp6", "tcp"):
        with contextlib.suppress(OSError):
            for line in (proc / "net" / name).read_text().splitlines()[1:]:
                fields = line.split()
                if fields[3] == _LISTEN:
                    address, _, port = fields[1].partition(":")
                    inodes[_address(address), int(port, 16)] = fields[9]
    return inodes


def _address(text: str) -> str:
    """Read an address as the kernel prints it, in words of host byte order; a mapped or unspecified one as IPv4."""
    words = bytes.fromhex(text)
    packed = b"".join(words[at : at + 4][::-1] for at in range(0, len(words), 4))
    if len(packed) == 4 or packed[:12] == b"\0" * 10 + b"\xff\xff" or not any(packed):
        return socket.inet_ntop(socket.AF_INET, packed[-4:])
    return socket.inet_ntop(socket.AF_INET6, packed)


def _sockets_of(process: Path) -> set[str]:
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
