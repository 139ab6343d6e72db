"""Routes by which this machine itself reaches a cluster of the exact plan (``up --host-routes``, for root).

A veth connects the machine's network with the cluster's, and the cluster's ranges are routed through it. It ends with
the cluster's network, however that ends, and with it the routes: nothing is left that anybody has to take away.
"""

from __future__ import annotations

import asyncio
import errno
import logging
import socket
from collections.abc import Callable, Iterator
from contextlib import closing
from ipaddress import IPv4Address, IPv4Network
from pathlib import Path

from kubehost.io.links import wait_until_carrying
from kubehost.io.netlink import NETLINK_ROUTE, NetlinkSocket
from kubehost.io.places import Place
from kubehost.io.rtnetlink import SCOPE_LINK, Route, VethEnd, delete_link, link_up, new_address, new_neighbour, new_veth
from kubehost.netlink import EXCLUSIVE, REPLACE, Message
from kubesvc.config import ClusterConfiguration
from kubesvc.run.oserrors import oserror_text

OURS, THEIRS = "169.254.96.1", "169.254.96.2"
"""Link-local addresses of the machine's end and of the cluster's."""
_OUR_MAC, _THEIR_MAC = b"\x02\x00\x00\x60\x00\x01", b"\x02\x00\x00\x60\x00\x02"
INSIDE_LINK = 900
"""The index of the cluster's end; the pods' begin at 1000."""
_NAME_LENGTH = 15
_PAUSES = (0.0, 0.1, 0.2, 0.5, 1.0, 2.0)
"""Seconds before each attempt to connect the machine with another network of the cluster."""
_log = logging.getLogger(__name__)


class HostRoutesError(Exception):
    """The routes cannot be added; the text gives the reason and the remedy."""


def host_ranges(config: ClusterConfiguration) -> list[str]:
    """Return what is routed to the cluster: its IPv4 ranges, its nodes, and the hosts outside that it serves."""
    networking = config.networking
    ranges = [networking.service_subnet, networking.pod_subnet, networking.load_balancer_subnet]
    served = (each.address for each in config.external_hosts if each.is_served)
    alone = dict.fromkeys((*(each.address for each in config.nodes), *served))
    networks = [*map(IPv4Network, ranges)]
    outside = [each for each in alone if not any(IPv4Address(each) in network for network in networks)]
    return [*ranges, *(f"{each}/32" for each in outside)]


class HostRoutes:
    """``add``, then ``keep``. ``agent_pid`` tells the process in whose network the cluster is."""

    def __init__(self, config: ClusterConfiguration, cluster: str, agent_pid: Callable[[], int]) -> None:
        self._ranges = host_ranges(config)
        self._link = f"kubesvc-{cluster}"[:_NAME_LENGTH]
        self._agent_pid = agent_pid

    def add(self, place: Place) -> None:
        """Connect the machine with the cluster's network, ``place``. HostRoutesError."""
        try:
            self._connect(place)
        except OSError as error:
            raise HostRoutesError(_explain(error)) from error

    def _connect(self, place: Place) -> None:
        with closing(NetlinkSocket()) as outside, Path(f"/proc/{self._agent_pid()}/ns/net").open() as network:
            # The kernel takes the index of the other end only together with one of this end (veth_newlink).
            link = max(index for index, _ in socket.if_nameindex()) + 1
            ours, theirs = VethEnd(self._link, link, _OUR_MAC), VethEnd("host", INSIDE_LINK, _THEIR_MAC)
            outside.request([new_veth(ours, theirs, network.fileno())])
            try:
                sock = socket.socket(fileno=place.socket(socket.AF_NETLINK, socket.SOCK_RAW, NETLINK_ROUTE).detach())
                with closing(NetlinkSocket(sock=sock)) as inside:
                    inside.request(_inside())
                    outside.request(self._outside(link))
                    wait_until_carrying(inside, INSIDE_LINK)
            except BaseException:
                outside.request([delete_link(link)])
                raise

    async def keep(self, place: Place, has_changed: asyncio.Event) -> None:
        """Connect the machine with each later network of the cluster; runs until it is cancelled."""
        while True:
            await has_changed.wait()
            has_changed.clear()
            await self._add_again(place)

    async def _add_again(self, place: Place) -> None:
        for pause in _PAUSES:
            # The kernel takes a moment to remove the veth of the network that is gone.
            await asyncio.sleep(pause)
            try:
                self.add(place)
            except HostRoutesError as error:
                refusal = error
            else:
                return
        _log.warning("%s", refusal)

    def _outside(self, link: int) -> Iterator[Message]:
        yield new_address(link, OURS)
        yield link_up(link)
        yield new_neighbour(link, THEIRS, _THEIR_MAC)
        yield Route(THEIRS, link, source=OURS, scope=SCOPE_LINK).added()
        for each in self._ranges:
            added = Route(each, link, gateway=THEIRS, source=OURS).added()
            # A route that is there already is somebody else's.
            yield added._replace(flags=added.flags & ~REPLACE | EXCLUSIVE)


def _explain(error: OSError) -> str:
    if error.errno == errno.EPERM:
        return f"--host-routes needs root ({error.strerror}); `kubesvc shell` reaches the addresses without"
    if error.errno == errno.EEXIST:
        return (
            f"--host-routes: this machine has that already ({error.strerror}): another cluster has the routes, or the "
            "range is one of this machine's own networks; set other subnets in the configuration"
        )
    return f"the routes of --host-routes cannot be added: {oserror_text(error)}"


def _inside() -> Iterator[Message]:
    yield new_address(INSIDE_LINK, THEIRS)
    yield link_up(INSIDE_LINK)
    yield new_neighbour(INSIDE_LINK, OURS, _OUR_MAC)
    yield Route(OURS, INSIDE_LINK, source=THEIRS, scope=SCOPE_LINK).added()
