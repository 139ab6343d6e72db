"""The rule for the internet, with a real kernel: the network of a second pod is the world, behind pasta's interface."""

from __future__ import annotations

import asyncio
import fcntl
import os
import socket
from collections.abc import AsyncIterator

import pytest
from tests.helpers.kubeproxy.pods import Pods
from tests.helpers.kubeproxy.pods import pods as running_pods
from tests.helpers.kubeproxy.pods_process import NODE
from tests.helpers.patience import PATIENCE

from kubehost.addresses import Address
from kubehost.io.links import wait_until_carrying
from kubehost.io.netlink import NETLINK_ROUTE, NetlinkSocket
from kubehost.io.places import Place, whole_socket
from kubehost.io.rtnetlink import VethEnd, link_up, new_address, new_veth
from kubehost.netlink import Message
from kubeproxy.nft.io.netfilter import FAMILY, KIND, PROTOCOL, NetfilterSocket
from kubesvc.network.masquerade import masquerading
from kubesvc.network.pasta import INTERFACE

POD, WORLD = "127.244.0.2", "127.244.0.3"
SIOCGSKNS = 0x894C
"""linux/sockios.h: the network namespace of a socket."""
PORT = 20080


@pytest.fixture
async def pods() -> AsyncIterator[Pods]:
    async with running_pods(POD, WORLD) as pods:
        yield pods


def ask(place: Place, *messages: Message, waiting_for: int = 0) -> None:
    """Have the kernel change a network, and wait until an interface of it takes packets."""
    netlink = NetlinkSocket(sock=whole_socket(place.socket(socket.AF_NETLINK, socket.SOCK_RAW, NETLINK_ROUTE)))
    netlink.request(messages)
    if waiting_for:
        wait_until_carrying(netlink, waiting_for)
    netlink.close()


def connect_to_world(pods: Pods) -> None:
    """Have pasta's interface, with a world at its other end."""
    with pods.open(WORLD) as sock:
        world = fcntl.ioctl(sock, SIOCGSKNS)
    ends = VethEnd(INTERFACE, 900, b"\2\0\0\0\0\1"), VethEnd("world0", 901, b"\2\0\0\0\0\2")
    ours = [new_address(900, each) for each in ("192.0.2.2/24", "2001:db8::2/64")]
    ask(pods.place(NODE), new_veth(*ends, world), link_up(900), *ours)
    os.close(world)
    theirs = [new_address(901, each) for each in ("192.0.2.1/24", "2001:db8::1/64")]
    ask(pods.place(WORLD), link_up(901), *theirs)
    ask(pods.place(NODE), waiting_for=900)


def masquerade(pods: Pods) -> None:
    sock = NetfilterSocket(pods.place(NODE).socket(FAMILY, KIND, PROTOCOL))
    assert sock.transact(list(masquerading())) == []
    sock.close()


@pytest.mark.parametrize(
    ("world", "seen"), [(("192.0.2.1", PORT), "192.0.2.2"), (("2001:db8::1", PORT), "2001:db8::2")]
)
async def test_the_world_sees_the_address_of_the_interface(pods: Pods, world: Address, seen: str) -> None:
    connect_to_world(pods)
    masquerade(pods)
    masquerade(pods)  # again: as for a network that is still there
    loop = asyncio.get_running_loop()
    is_ipv6 = ":" in seen
    with pods.open(WORLD, is_ipv6=is_ipv6) as server, pods.open(POD, is_ipv6=is_ipv6) as client:
        server.bind(world)
        server.listen(1)
        async with asyncio.timeout(PATIENCE):
            await loop.sock_connect(client, world)
            connection, peer = await loop.sock_accept(server)
        connection.close()
    assert peer[0] == seen
