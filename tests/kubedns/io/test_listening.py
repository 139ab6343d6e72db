"""A name server in several places, with real networks."""

from __future__ import annotations

import asyncio
import socket

import dnslib
import pytest
from tests.helpers.kubedns.server import serving
from tests.helpers.kubelet.agent_process import running_agent
from tests.helpers.patience import PATIENCE

from kubehost.io.agentplace import AgentPlace
from kubehost.io.places import HOST, Place, as_it_is, whole_socket
from kubehost.io.socketsource import SocketSource

NAME = "cart.shop.svc.cluster.local"
ADDRESS = ("127.98.0.21", 20053)


async def ask(place: Place, kind: socket.SocketKind) -> str:
    """Return what the server at ADDRESS says in a place."""
    loop = asyncio.get_running_loop()
    packet = dnslib.DNSRecord.question(NAME).pack()
    sock = whole_socket(place.socket(socket.AF_INET, kind))
    with sock:
        async with asyncio.timeout(PATIENCE):
            await loop.sock_connect(sock, ADDRESS)
            head = len(packet).to_bytes(2, "big") if kind == socket.SOCK_STREAM else b""
            await loop.sock_sendall(sock, head + packet)
            received = b""
            while len(received) <= len(head):
                received += await loop.sock_recv(sock, 4096)
    return str(dnslib.DNSRecord.parse(received[len(head) :]).rr[0].rdata)


@pytest.mark.parametrize("kind", [socket.SOCK_DGRAM, socket.SOCK_STREAM], ids=["UDP", "TCP"])
async def test_a_name_server_answers_in_every_place_at_one_address(kind: socket.SocketKind) -> None:
    with running_agent() as agent:
        source = SocketSource()
        agent.attach(source)
        cluster = AgentPlace("cluster", as_it_is, source)
        async with serving(addresses=(ADDRESS,)) as served:
            with pytest.raises(ConnectionRefusedError):
                await ask(cluster, kind)
            assert served.server.listen(cluster, [ADDRESS]).bound == (ADDRESS,)
            assert [await ask(place, kind) for place in (HOST, cluster)] == ["10.96.0.20"] * 2
            assert served.server.addresses == (ADDRESS,)
        source.close()


async def test_a_place_that_was_made_again_is_served_again() -> None:
    source = SocketSource()
    cluster = AgentPlace("cluster", as_it_is, source)
    async with serving(addresses=(ADDRESS,)) as served:
        for _ in range(2):
            with running_agent() as agent:
                agent.attach(source)
                assert served.server.listen(cluster, [ADDRESS]).bound == (ADDRESS,)
                assert await ask(cluster, socket.SOCK_STREAM) == "10.96.0.20"
                assert await ask(cluster, socket.SOCK_DGRAM) == "10.96.0.20"
        assert await ask(HOST, socket.SOCK_DGRAM) == "10.96.0.20"
    source.close()


async def test_a_place_that_is_gone_is_a_failure_of_each_address() -> None:
    async with serving(addresses=(ADDRESS,)) as served:
        listening = served.server.listen(AgentPlace("cluster", as_it_is, SocketSource()), [ADDRESS])
        assert (listening.bound, [each.address for each in listening.failed]) == ((), [ADDRESS])
        assert await ask(HOST, socket.SOCK_DGRAM) == "10.96.0.20"
