"""Gateways before kubesvc's own API server, on addresses of this machine."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from tests.helpers.direct_network import DirectNetwork
from tests.helpers.kubeapiserver.server import FakeRuntime, served
from tests.helpers.kubeclient.forwarding import WEB, echo, forwarding, listening
from tests.helpers.patience import PATIENCE

from kubeapi.meta import ObjectKey
from kubeapi.status import StatusError
from kubeapiserver.messages import Answer, PortForwardSession, Request
from kubeclient.kubeconfig.access import ConfigError
from kubeclient.portforward.io.dialling import PortForwardDialler, Wire
from kubesvc.remote.connect.gateways import PortForwardGateways
from kubesvc.remote.connect.podports import PodPorts

ADDRESS = "127.115.0.1"
PORT, OTHER_PORT = 8080, 8081


def pod(*ports: int, uid: str = "one") -> PodPorts:
    return PodPorts(WEB, uid, ADDRESS, frozenset(ports))


class Cluster:
    """Gateways, and whether the API server refuses to forward."""

    def __init__(self, dialler: PortForwardDialler) -> None:
        self._dialler = dialler
        self.refusal: Exception | None = None
        self.gateways = PortForwardGateways(self._dial, DirectNetwork())

    async def _dial(self, pod: ObjectKey) -> Wire:
        if self.refusal is not None:
            raise self.refusal
        return await self._dialler.dial(pod)


@pytest.fixture
async def cluster(tmp_path: Path) -> AsyncIterator[Cluster]:
    def session(_: Request) -> Answer:
        return PortForwardSession(WEB, ())

    async with (
        listening(echo) as address,
        served(session, runtime=FakeRuntime(address=address)) as door,
        forwarding(door.port, tmp_path) as one,
    ):
        found = Cluster(one.dialler)
        try:
            yield found
        finally:
            await found.gateways.close()


def is_taken(port: int) -> bool:
    """Tell whether something listens, without giving the event loop a turn."""
    with socket.socket() as sock:
        return sock.connect_ex((ADDRESS, port)) == 0


async def ask(port: int = PORT) -> bytes:
    reader, writer = await asyncio.open_connection(ADDRESS, port)
    try:
        writer.write(b"hello")
        return await asyncio.wait_for(reader.read(10), PATIENCE)
    finally:
        writer.close()
        with contextlib.suppress(OSError):
            await writer.wait_closed()


async def test_a_pod_answers_at_each_of_its_ports_as_soon_as_it_is_served(cluster: Cluster) -> None:
    cluster.gateways.serve(pod(PORT, OTHER_PORT))
    assert is_taken(PORT)
    assert {await ask(), await ask(OTHER_PORT)} == {b"HELLO"}
    assert cluster.gateways.problems() == []


async def test_other_ports_end_nothing_that_is_open(cluster: Cluster) -> None:
    cluster.gateways.serve(pod(PORT))
    reader, writer = await asyncio.open_connection(ADDRESS, PORT)
    writer.write(b"x")
    assert await reader.readexactly(1) == b"X"
    cluster.gateways.serve(pod(OTHER_PORT))
    assert not is_taken(PORT)
    writer.write(b"y")
    assert await reader.readexactly(1) == b"Y"
    assert await ask(OTHER_PORT) == b"HELLO"
    writer.close()


async def test_a_pod_that_has_gone_refuses_and_its_connections_are_reset(cluster: Cluster) -> None:
    cluster.gateways.serve(pod(PORT))
    reader, writer = await asyncio.open_connection(ADDRESS, PORT)
    writer.write(b"x")
    assert await reader.readexactly(1) == b"X"
    cluster.gateways.end("one")
    assert not is_taken(PORT)
    with pytest.raises(ConnectionResetError):
        await asyncio.wait_for(reader.read(), PATIENCE)
    writer.close()
    cluster.gateways.serve(pod(PORT, uid="two"))
    assert await ask() == b"HELLO"


async def test_a_gateway_that_ends_before_it_accepts_leaves_nothing(cluster: Cluster) -> None:
    cluster.gateways.serve(pod(PORT))
    cluster.gateways.end("one")
    assert not is_taken(PORT)


async def test_an_address_that_is_taken_is_said_until_it_is_not_wanted(cluster: Cluster) -> None:
    with socket.create_server((ADDRESS, PORT)):
        cluster.gateways.serve(pod(PORT, OTHER_PORT))
    assert cluster.gateways.problems() == [
        f"pod default/web does not answer at {ADDRESS}:{PORT}: Address already in use"
    ]
    assert await ask(OTHER_PORT) == b"HELLO"
    cluster.gateways.serve(pod(OTHER_PORT))
    assert cluster.gateways.problems() == []


@pytest.mark.parametrize(
    "refusal",
    [
        StatusError(403, "Forbidden", "pods/portforward is forbidden"),
        ConnectionRefusedError("https://api.test is down"),
        TimeoutError("https://api.test does not answer"),
        ConfigError("the token has expired"),
    ],
    ids=lambda each: type(each).__name__,
)
async def test_a_server_that_refuses_is_told_of_until_it_forwards(cluster: Cluster, refusal: Exception) -> None:
    cluster.gateways.serve(pod(PORT))
    cluster.refusal = refusal
    with pytest.raises(ConnectionResetError):
        await ask()
    assert cluster.gateways.problems() == [f"the last connection to pod default/web failed: {refusal}"]
    cluster.refusal = None
    assert await ask() == b"HELLO"
    assert cluster.gateways.problems() == []


async def test_gateways_listen_again_in_a_renewed_network(cluster: Cluster) -> None:
    cluster.gateways.serve(pod(PORT))
    cluster.gateways.renew()
    assert await ask() == b"HELLO"


class Heard:
    """A tunnel's reader, which remembers what the pod says."""

    def __init__(self) -> None:
        self.heard = b""
        self.is_reset = asyncio.Event()
        self.has_heard = asyncio.Event()

    def on_bytes(self, content: bytes) -> None:
        self.heard += content
        self.has_heard.set()

    def on_end(self) -> None:
        pass

    def on_room(self) -> None:
        pass

    def on_reset(self) -> None:
        self.is_reset.set()


async def test_a_tunnel_leads_to_a_served_port_of_a_pod_and_is_reset_with_it(cluster: Cluster) -> None:
    cluster.gateways.serve(pod(PORT))
    heard = Heard()
    tunnel = cluster.gateways.open_tunnel(ADDRESS, PORT, heard)
    assert tunnel is not None
    tunnel.send(b"hello")
    await asyncio.wait_for(heard.has_heard.wait(), PATIENCE)
    assert heard.heard == b"HELLO"
    cluster.gateways.end("one")
    assert heard.is_reset.is_set()


@pytest.mark.parametrize(("address", "port"), [(ADDRESS, OTHER_PORT), ("127.115.0.2", PORT)], ids=["port", "address"])
async def test_no_tunnel_leads_to_what_is_not_served(cluster: Cluster, address: str, port: int) -> None:
    cluster.gateways.serve(pod(PORT))
    assert cluster.gateways.open_tunnel(address, port, Heard()) is None
    cluster.gateways.end("one")
    assert cluster.gateways.open_tunnel(ADDRESS, PORT, Heard()) is None


async def test_a_successor_at_a_pod_s_address_has_its_tunnels(cluster: Cluster) -> None:
    cluster.gateways.serve(pod(PORT))
    cluster.gateways.end("one")
    cluster.gateways.serve(pod(PORT, uid="two"))
    heard = Heard()
    tunnel = cluster.gateways.open_tunnel(ADDRESS, PORT, heard)
    assert tunnel is not None
    tunnel.send(b"x")
    await asyncio.wait_for(heard.has_heard.wait(), PATIENCE)
    tunnel.close(is_reset=True)
