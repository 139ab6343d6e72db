"""Where a dual-stack cluster's IPv6 addresses answer: ``::1`` on every machine, the others where it has a local route.

Unlike 127.0.0.0/8 no IPv6 network is the machine's own without set-up. Whether it is, is found out by binding; the
machine's routes are never changed here, but the command that adds what is missing is known.
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


class LocalNetwork(NamedTuple):
    """Addresses that a cluster wants to bind: what for, all of them as the kernel's routes name them, and one."""

    purpose: str
    route: str
    sample: str

    @property
    def remedy(self) -> str:
        """The command that makes the addresses the machine's own, until it is started again."""
        if self.sample == LOOPBACK_V6:
            return "sudo sysctl -w net.ipv6.conf.lo.disable_ipv6=0"
        return f"sudo ip -6 route add local {self.route} dev lo"


def local_networks(configuration: ClusterConfiguration) -> Iterator[LocalNetwork]:
    """Yield what the cluster wants to bind of IPv6; nothing for a cluster of one family."""
    subnet = configuration.networking.service_subnet_v6
    if subnet:
        yield LocalNetwork("cluster IPs", subnet, str(IPv6Network(subnet)[1]))
    for node in configuration.nodes:
        if node.address_v6:
            yield LocalNetwork(f"node ports of {node.name}", node.address_v6, node.address_v6)


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
    """Yield what this machine cannot bind; ``why`` tells the reason for an address, "" if there is none."""
    return (each for each in local_networks(configuration) if why(each.sample))


def problem(missing: LocalNetwork) -> str:
    """Return in a sentence what does not answer and what helps."""
    return f"IPv6 {missing.purpose} do not answer: {missing.route} is not this machine's. To mend it: {missing.remedy}"
