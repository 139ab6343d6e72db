"""Which IPv6 addresses of a dual-stack cluster this machine can bind: ``::1``, and networks with a local route.

Unlike 127.0.0.0/8 an IPv6 network needs set-up. Whether it is there is tested by binding; nothing changes the machine's
routes, but the messages contain the command that adds the missing one.
"""

from __future__ import annotations

import errno
import socket
from collections.abc import Callable, Iterator
from ipaddress import IPv6Network
from typing import TYPE_CHECKING, NamedTuple

from kubehost.io.binding import bind_socket, socket_family

if TYPE_CHECKING:
    from kubesvc.config import ClusterConfiguration

LOOPBACK_V6 = "::1"
FIRST_NODE_V6 = "fd00:10:168::101"
"""The first node's address where pods have networks of their own, in which ``::1`` is the pod. The host has ``::1``."""


class LocalNetwork(NamedTuple):
    """Addresses that a cluster binds: their purpose, their route (address or CIDR), and one of them to test."""

    purpose: str
    route: str
    sample: str

    @property
    def remedy(self) -> str:
        """The command that makes the addresses local until the next reboot."""
        if self.sample == LOOPBACK_V6:
            return "sudo sysctl -w net.ipv6.conf.lo.disable_ipv6=0"
        return f"sudo ip -6 route add local {self.route} dev lo"


def local_networks(configuration: ClusterConfiguration) -> Iterator[LocalNetwork]:
    """Yield the IPv6 networks that the cluster binds; none for a single-stack cluster."""
    subnet = configuration.networking.service_subnet_v6
    if subnet:
        yield LocalNetwork("cluster IPs", subnet, str(IPv6Network(subnet)[1]))
    for node in configuration.nodes:
        if node.address_v6:
            here = host_address(node.address_v6)
            yield LocalNetwork(f"node ports of {node.name}", here, here)


def host_address(address: str) -> str:
    """Return where the host has an address of the cluster."""
    return LOOPBACK_V6 if address == FIRST_NODE_V6 else address


def bind_error(address: str) -> str:
    """Return why this machine cannot bind an address, "" if it can."""
    try:
        with socket.socket(socket_family(address), socket.SOCK_STREAM) as probe:
            bind_socket(probe, (address, 0))
    except OSError as error:
        return f"{errno.errorcode.get(error.errno or 0, '')} {error.strerror}".strip()
    return ""


def missing_networks(
    configuration: ClusterConfiguration, why: Callable[[str], str] = bind_error
) -> Iterator[LocalNetwork]:
    """Yield the networks that this machine cannot bind; ``why`` returns the reason for an address, "" without one."""
    return (each for each in local_networks(configuration) if why(each.sample))


def problem(missing: LocalNetwork, where: str = "") -> str:
    """Return a sentence with the problem and the remedy; ``where`` is " on the host" if it is nowhere else."""
    problem = f"IPv6 {missing.purpose} do not answer{where}: {missing.route} is not local to this machine"
    return f"{problem}. To fix it: {missing.remedy}"
