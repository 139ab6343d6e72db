"""The ground that a story's cluster stands on: addresses of its own, and what must not be left there at the end."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path
from typing import Any

ZONE_LABEL = "topology.kubernetes.io/zone"
_LISTEN = "0A"
"""TCP_LISTEN of net/tcp_states.h."""


@dataclass(frozen=True)
class Ground:
    """Subnets that neither the default cluster nor another number's has; ``number`` is 0 to 31."""

    number: int

    @property
    def services(self) -> str:
        """The first octets of the service subnet."""
        return f"127.{112 + self.number}"

    @property
    def first_node_port(self) -> int:
        """The first of a hundred node ports."""
        return 20000 + 100 * self.number

    def node(self, number: int) -> str:
        """Return a node's address; numbers begin with 1."""
        return f"127.170.{self.number}.{100 + number}"

    def configuration(
        self, more: str = "", zones: Sequence[str] = ("", ""), *, services_v6: str = "", pods_v6: str = ""
    ) -> str:
        """Return the ClusterConfiguration, a YAML document with a node in each of ``zones``, "" for a node in none.

        ``more`` is top-level YAML to add. IPv6 subnets for services and pods make the cluster dual-stack.
        """
        services = ",".join(filter(None, (f"{self.services}.0.0/16", services_v6)))
        pods = ",".join(filter(None, (f"127.{200 + self.number}.0.0/16", pods_v6)))
        last = self.first_node_port + 99
        nodes = "".join(self._node(number, zone) for number, zone in enumerate(zones, 1))
        return f"""\
apiVersion: kubesvc.dev/v1alpha1
kind: ClusterConfiguration
networking:
  serviceSubnet: {services}
  podSubnet: {pods}
  loadBalancerSubnet: 127.171.{self.number}.0/24
  serviceNodePortRange: {self.first_node_port}-{last}
nodes:
{nodes}proxy:
  healthzBindAddress: {self.node(0)}:10256
  metricsBindAddress: {self.node(0)}:10249
dns:
  bindAddresses: []
  upstreams: []
{more}"""

    def _node(self, number: int, zone: str) -> str:
        labels = f"    labels: {{{ZONE_LABEL}: {zone}}}\n" if zone else ""
        return f"  - name: node-{number}\n    address: {self.node(number)}\n{labels}"


def listening() -> set[tuple[str, int]]:
    """Return every IPv4 address and port at which a process of this machine takes TCP connections."""
    found = set()
    for line in Path("/proc/net/tcp").read_text().splitlines()[1:]:
        fields = line.split()
        if fields[3] == _LISTEN:
            address, _, port = fields[1].partition(":")
            found.add((str(ip_address(int.from_bytes(bytes.fromhex(address), "little"))), int(port, 16)))
    return found


def left_listening(status: dict[str, Any]) -> set[tuple[str, int]]:
    """Return where somebody listens that the cluster of a status document had, and any port of its pods' addresses."""
    listeners = [each for service in status["services"] for each in service["listeners"] if each["bound"]]
    places = {(each["address"], each["port"]) for each in (*listeners, *status["dns"]["addresses"])}
    pods = {pod["podIP"] for pod in status["pods"]}
    return {(address, port) for address, port in listening() if (address, port) in places or address in pods}


def processes_of(state: Path) -> set[int]:
    """Return the processes that carry a state directory in their environment or run in it, zombies left out."""
    return {pid for pid in _pids() if _belongs(pid, state)}


def _pids() -> Iterator[int]:
    return (int(entry.name) for entry in os.scandir("/proc") if entry.name.isdecimal())


def _belongs(pid: int, state: Path) -> bool:
    process = Path(f"/proc/{pid}")
    try:
        environment = (process / "environ").read_bytes().split(b"\0")
        return f"KUBESVC_STATE={state}".encode() in environment or (process / "cwd").readlink().is_relative_to(state)
    except OSError:
        return False


def is_alive(pid: int) -> bool:
    """Tell whether a process is there and no zombie."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def readable_by_others(state: Path) -> list[str]:
    """Return the paths that somebody other than the owner can get at: what is in a closed folder is closed."""
    mode = state.stat().st_mode
    if not mode & (stat.S_IRWXG | stat.S_IRWXO):
        return []
    inside = [found for child in state.iterdir() for found in readable_by_others(child)] if state.is_dir() else []
    return [f"{stat.filemode(mode)} {state}", *inside]
