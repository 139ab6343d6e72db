"""Where the kubelet connects to a pod that has a network of its own: its probes from the node, port-forward inside."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from tests.helpers.direct_network import DirectNetwork
from tests.helpers.kubelet.agent_process import running_agent
from tests.helpers.loops import settled

from kubehost.io.connecting import tcp_socket
from kubehost.io.places import HOST, Place
from kubehost.network import Network
from kubelet.process.runner import ProcessRunner
from kubelet.runtime.portforward import open_port
from kubelet.runtime.prober.target import ProbeTarget
from kubelet.runtime.prober.tcp import TCPSocket
from kubelet.spec.process import ProcessSpec
from kubesvc.config import ClusterConfiguration
from kubesvc.network.loopback import LowPorts
from kubesvc.network.sandbox import SandboxNetwork

POD, NODE, PORT = "127.244.1.2", "127.168.0.101", 20080


@pytest.fixture
async def network() -> AsyncIterator[SandboxNetwork]:
    network = SandboxNetwork.of(ClusterConfiguration(), LowPorts(0, has_capability=True))
    with running_agent(POD) as agent:
        agent.attach(network)
        yield network
    network.close()


@contextlib.asynccontextmanager
async def greeting(place: Place | None, words: str, address: str = "127.0.0.1") -> AsyncIterator[None]:
    """Have a server in a place that says some words and closes."""
    assert place is not None

    def greet(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(words.encode())
        writer.close()

    sock = tcp_socket(place, address)
    sock.bind((address, PORT))
    async with await asyncio.start_server(greet, sock=sock):
        yield
        await settled()


async def heard(network: Network, pod: str) -> str:
    reader, writer = await asyncio.open_connection(sock=await open_port(network, pod, PORT))
    words = await reader.read()
    writer.close()
    await writer.wait_closed()
    return words.decode()


@pytest.mark.parametrize("address", ["127.0.0.1", "::1"])
async def test_a_forwarded_port_is_that_of_localhost_inside_the_pod(network: SandboxNetwork, address: str) -> None:
    async with (
        greeting(HOST, "the host's"),
        greeting(network.inside(NODE), "the node's"),
        greeting(network.inside(POD), "the pod's", address),
    ):
        assert await heard(network, POD) == "the pod's"
        assert await heard(network, NODE) == "the node's"


async def test_a_forwarded_port_at_which_nothing_listens_is_refused_in_containerd_s_words(
    network: SandboxNetwork,
) -> None:
    with pytest.raises(OSError) as refused:
        await open_port(network, POD, PORT)
    assert str(refused.value).endswith(
        f"failed to connect to localhost:{PORT} inside namespace of {POD}, "
        f"IPv4: dial tcp4 127.0.0.1:{PORT}: connect: connection refused "
        f"IPv6: dial tcp6 [::1]:{PORT}: connect: connection refused"
    )


async def test_without_a_network_of_its_own_a_pod_s_port_is_at_its_address() -> None:
    async with greeting(HOST, "the pod's", POD):
        assert await heard(DirectNetwork(), POD) == "the pod's"


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
async def test_a_probe_of_localhost_asks_the_node(network: SandboxNetwork, tmp_path: Path, host: str) -> None:
    target = ProbeTarget(POD, {}, network, ProcessRunner({"KUBESVC_STATE": str(tmp_path)}), ProcessSpec)
    probe = TCPSocket(PORT, host)
    async with greeting(HOST, "the host's"), greeting(network.inside(POD), "the pod's"):
        assert not (await probe.attempt(target, 5)).is_success
        async with greeting(network.inside(NODE), "the node's"):
            assert (await probe.attempt(target, 5)).is_success


async def test_a_probe_asks_the_pod_s_address_from_the_node(network: SandboxNetwork, tmp_path: Path) -> None:
    target = ProbeTarget(NODE, {}, network, ProcessRunner({"KUBESVC_STATE": str(tmp_path)}), ProcessSpec)
    async with greeting(HOST, "the host's", NODE):
        assert not (await TCPSocket(PORT).attempt(target, 5)).is_success
        async with greeting(network.places[1], "the pod's", NODE):
            assert (await TCPSocket(PORT).attempt(target, 5)).is_success
