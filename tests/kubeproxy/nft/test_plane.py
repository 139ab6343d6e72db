"""The engine as a whole: the kernel and the userspace engine share the Services, and no client finds none of them."""

from __future__ import annotations

import asyncio
import contextlib
import errno
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from functools import partial
from socket import AF_INET, SO_REUSEADDR, SOCK_DGRAM, SOL_SOCKET
from typing import Any

import pytest
from tests.helpers.kubeproxy.cluster import Cluster, cluster, service, slice_of, until
from tests.helpers.kubeproxy.kernelrules import SERVER_PORT, Answer, Servers, endpoint
from tests.helpers.kubeproxy.labnetwork import LabNetwork
from tests.helpers.kubeproxy.podnetwork import PodNetwork, pod_network
from tests.helpers.objects import build_node

from kubeapi.meta import JSON
from kubeproxy.config import NFTABLES, ProxyConfig
from kubeproxy.nft import division
from kubeproxy.nft import statements as st
from kubeproxy.nft.io.netfilter import NetfilterSocket
from kubeproxy.nft.io.plane import NftPlane
from kubeproxy.nft.netlink.forms import V4
from kubeproxy.nft.netlink.messages import delete_table
from kubeproxy.nft.tables import Chain, Part
from kubeproxy.rules import Packet, Rules
from kubeproxy.telemetry.recent import ConnectionRecord, Follower
from kubeproxy.types import Destination, ServicePortName

PODS = ("127.244.1.2", "127.244.1.3", "127.244.2.4")
WEB = ("127.96.0.20", 20080)
ROUND_ROBIN = {"kubesvc.dev/balancer": "round_robin"}
CONFIG = ProxyConfig(healthz_address=None, metrics_address=None, mode=NFTABLES)


class Lab:
    """Pods with servers, and a proxy that may change its network."""

    def __init__(self, network: PodNetwork) -> None:
        self.inside = network
        self.pods = [network.add_pod(each) for each in PODS]
        self.servers = Servers(network, self.pods)
        self.network = LabNetwork(network)

    async def ask(self, place: str = PODS[0]) -> Answer:
        """Connect to the Service from a place, while the proxy runs."""
        return await asyncio.to_thread(self.servers.ask, place, WEB)

    async def is_refused(self) -> bool:
        """Tell whether the Service refuses a pod."""
        try:
            await self.ask()
        except ConnectionRefusedError:
            return True
        return False


@pytest.fixture
def lab() -> Iterator[Lab]:
    with pod_network() as network:
        found = Lab(network)
        yield found
        found.servers.close()


def nodes() -> list[JSON]:
    cidrs = [f"127.244.{number}.0/24" for number in (1, 2)]
    return [
        build_node(f"node-{number}", f"127.168.0.10{number}", podCIDR=cidr, podCIDRs=[cidr])
        for number, cidr in enumerate(cidrs, 1)
    ]


def slices(*pods: str, port: int = SERVER_PORT) -> JSON:
    return slice_of("web", [endpoint(each) for each in pods], port)


@contextlib.asynccontextmanager
async def proxy(lab: Lab, *objects: JSON) -> AsyncIterator[Cluster]:
    """Run a proxy with the kernel's engine."""
    wanted = objects or (service(cluster_ip=WEB[0], port=WEB[1]), slices(*PODS))
    async with cluster(*nodes(), *wanted, network=lab.network, config=CONFIG) as running:
        yield running


def plane_of(running: Cluster) -> NftPlane:
    assert isinstance(running.proxy.plane, NftPlane)
    return running.proxy.plane


NAME = ServicePortName("default", "web", "", "TCP")


def is_heard(lab: Lab) -> bool:
    """Tell whether a socket of the userspace engine has the Service's address in the cluster's network."""
    with lab.inside.socket() as probe:
        probe.setsockopt(SOL_SOCKET, SO_REUSEADDR, 1)  # connections that were accepted there do not count
        try:
            probe.bind(WEB)
        except OSError:
            return True
    return False


async def test_the_kernel_serves_pods_and_sockets_serve_the_host(lab: Lab) -> None:
    async with proxy(lab) as running:
        assert plane_of(running).serves(NAME)
        assert not is_heard(lab)
        assert (await lab.ask(PODS[1])).client in (PODS[1], "127.244.1.1")
        reader, writer = await asyncio.open_connection(*WEB)
        writer.close()
        del reader
        assert running.is_bound(WEB[0])


async def test_node_ports_at_localhost_are_left_to_sockets(lab: Lab) -> None:
    ports = [{"port": WEB[1], "nodePort": 30080}]
    async with proxy(lab, service(cluster_ip=WEB[0], type="NodePort", ports=ports), slices(*PODS)) as running:
        assert plane_of(running).serves(NAME)
        for address in ("127.0.0.1", "127.168.0.101"):
            answer = await asyncio.to_thread(lab.servers.ask, "", (address, 30080))
            assert answer.client == "127.244.1.1", address


async def test_nothing_is_left_when_the_proxy_ends(lab: Lab) -> None:
    async with proxy(lab):
        assert not await lab.is_refused()
    assert await lab.is_refused()


@pytest.mark.parametrize(
    "changed",
    [
        pytest.param(service(cluster_ip=WEB[0], port=WEB[1], annotations=ROUND_ROBIN), id="another-algorithm"),
        pytest.param(service(cluster_ip=WEB[0], ports=[{"port": WEB[1], "appProtocol": "http"}]), id="requests"),
    ],
)
async def test_what_the_kernel_cannot_do_is_served_by_sockets(lab: Lab, changed: JSON) -> None:
    async with proxy(lab, changed, slices(*PODS)) as running:
        assert not plane_of(running).serves(NAME)
        assert is_heard(lab)


async def test_an_endpoint_on_the_host_is_served_by_sockets(lab: Lab) -> None:
    async with proxy(lab, service(cluster_ip=WEB[0], port=WEB[1]), slices("127.0.0.9", PODS[0])) as running:
        assert plane_of(running).why_not(NAME) == "endpoint 127.0.0.9:8080 is outside of the cluster's network"
        running.put(slices(PODS[0]))
        await running.settle()
        assert plane_of(running).serves(NAME)
        assert (await lab.ask(PODS[1])).pod == PODS[0]


class Clients:
    """Connect from a pod without a pause, in a thread of their own; a refused one fails the test."""

    def __init__(self, lab: Lab) -> None:
        self._lab = lab
        self._is_stopped = False
        self._task = asyncio.create_task(asyncio.to_thread(self._run))

    async def stop(self) -> Counter[str]:
        """Return how often each pod has answered."""
        self._is_stopped = True
        return await self._task

    def _run(self) -> Counter[str]:
        seen: Counter[str] = Counter()
        while not self._is_stopped:
            seen[self._lab.servers.ask(PODS[0], WEB).pod] += 1
        return seen


async def test_no_client_is_refused_while_a_service_changes_hands(lab: Lab) -> None:
    async with proxy(lab) as running:
        clients = Clients(lab)
        heard: list[bool] = []
        for turn in range(40):
            annotations = ROUND_ROBIN if turn % 2 else {}
            running.put(service(cluster_ip=WEB[0], port=WEB[1], annotations=annotations))
            await running.settle()
            heard.append(is_heard(lab))
        seen = await clients.stop()
    assert heard == [False, True] * 20
    assert set(seen) == set(PODS)


@pytest.mark.parametrize("spec", [{}, {"sessionAffinity": "ClientIP"}], ids=["at-random", "sticky"])
async def test_no_client_is_refused_while_endpoints_come_and_go(lab: Lab, spec: dict[str, Any]) -> None:
    async with proxy(lab, service(cluster_ip=WEB[0], port=WEB[1], **spec), slices(*PODS)) as running:
        clients = Clients(lab)
        for turn in range(60):
            running.put(slices(*(each for number, each in enumerate(PODS) if number != turn % 3)))
            await running.settle()
            await asyncio.sleep(0)
        seen = await clients.stop()
    assert set(seen) <= set(PODS)
    assert seen.total()


async def test_a_service_that_the_kernel_refuses_is_served_by_sockets_and_said(
    lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(rules: Rules, name: ServicePortName) -> Part:
        del rules, name
        return Part({"service-x": Chain(((st.Goto("nowhere"),),))})

    monkeypatch.setattr(division, "service_part", refused)
    async with proxy(lab) as running:
        (event,) = running.events
        assert event.reason == "KernelRulesRefused"
        why = "the kernel refuses its rules: a rule of chain service-x: No such file or directory"
        assert event.message == f"Served by the userspace engine: {why}"
        assert (await lab.ask()).pod in PODS


async def test_without_nf_tables_everything_is_served_by_sockets_and_said(lab: Lab) -> None:
    lab.network.refuses_netlink = True
    async with proxy(lab) as running:
        assert running.proxy.problems() == [
            "nftables does not serve, the userspace engine does: Protocol not supported"
        ]
        assert (await lab.ask()).pod in PODS


async def test_without_sandboxes_everything_is_served_by_sockets_and_said(lab: Lab) -> None:
    lab.network.places = lab.network.places[:1]
    async with proxy(lab) as running:
        (problem,) = running.proxy.problems()
        assert "pods have no networks of their own" in problem
        assert running.is_bound(WEB[0])


async def test_new_networks_have_all_rules_again(lab: Lab) -> None:
    async with proxy(lab) as running:
        with pod_network() as inside:
            other = Lab(inside)
            lab.network.network = None
            running.put(slices(PODS[1]))
            await running.settle()
            lab.network.network = inside
            running.proxy.renew_networks()
            assert not is_heard(other)
            assert (await other.ask()).pod == PODS[1]
            other.servers.close()


async def test_tables_that_somebody_has_removed_come_back_with_the_next_change(lab: Lab) -> None:
    async with proxy(lab) as running:
        with contextlib.closing(plane_of(running).open_socket()) as sock:
            assert sock.transact([delete_table(V4)]) == []
        assert await lab.is_refused()
        running.put(slices(PODS[1]))
        await running.settle()
        assert plane_of(running).serves(NAME)
        assert (await lab.ask()).pod == PODS[1]
        assert running.proxy.problems() == []


async def test_networks_that_come_late_have_all_rules(lab: Lab) -> None:
    lab.network.network = None
    async with proxy(lab) as running:
        assert running.proxy.problems() == []
        lab.network.network = lab.inside
        running.proxy.renew_networks()
        assert plane_of(running).serves(NAME)
        assert (await lab.ask()).pod in PODS


async def test_connections_of_the_kernel_are_shown_with_their_endpoint_and_bytes(lab: Lab) -> None:
    async with proxy(lab) as running:
        client, accepted, answer = await asyncio.to_thread(lab.servers.connect, PODS[0], WEB)
        client.send(b"12345")
        accepted.recv(16)
        (record,) = await running.proxy.plane.traffic.records()
        assert (record.client, record.destination) == (PODS[0], Destination(*WEB, "TCP"))
        assert record.choice is not None
        assert record.choice.endpoint.ip == answer.pod
        assert record.outcome == ""
        assert record.bytes_to_endpoint > 5
        client.close()
        accepted.close()
        (record,) = await running.proxy.plane.traffic.records()
        assert record.outcome == "closed"


async def test_a_follower_is_told_of_the_kernels_connections(lab: Lab) -> None:
    async with proxy(lab) as running:
        follower = Follower(lambda: None)
        stop = running.proxy.plane.traffic.follow(follower)
        answer = await lab.ask()
        told: list[ConnectionRecord] = []

        def has_ended() -> bool:
            told.extend(each for each in follower.take()[0] if each.outcome)
            return bool(told)

        await until(has_ended)
        (record,) = told
        assert record.choice is not None
        assert (record.choice.endpoint.ip, record.outcome) == (answer.pod, "closed")
        assert record.bytes_to_endpoint
        assert record.bytes_to_client
        stop()
        await lab.ask()
        await running.settle()
        assert follower.take() == ([], 0)


async def test_a_follower_is_told_of_connections_that_an_endpoint_refuses(lab: Lab) -> None:
    async with proxy(lab, service(cluster_ip=WEB[0], port=WEB[1]), slices(PODS[1], port=9)) as running:
        follower = Follower(lambda: None)
        stop = running.proxy.plane.traffic.follow(follower)
        assert await lab.is_refused()
        told: list[ConnectionRecord] = []

        def has_ended() -> bool:
            told.extend(each for each in follower.take()[0] if each.outcome)
            return bool(told)

        await until(has_ended)
        assert [(each.outcome, each.failures) for each in told] == [
            ("connect_refused", ((f"{PODS[1]}:9", "connect_refused"),))
        ]
        stop()


async def test_a_follower_is_told_that_events_were_lost(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    async with proxy(lab) as running:
        follower = Follower(lambda: None)
        stop = running.proxy.plane.traffic.follow(follower)

        def overflow(_sock: NetfilterSocket) -> Iterator[tuple[int, bytes]]:
            raise OSError(errno.ENOBUFS, "No buffer space available")

        with monkeypatch.context() as patch:
            patch.setattr(NetfilterSocket, "receive", overflow)
            await lab.ask()
            await until(lambda: follower.take()[1] > 0)
        stop()


def udp_service(**fields: Any) -> JSON:
    return service(cluster_ip=WEB[0], ports=[{"port": 53, "protocol": "UDP"}], **fields)


def udp_slices(*pods: str) -> JSON:
    ports = [{"name": "", "protocol": "UDP", "port": SERVER_PORT}]
    return slice_of("web", [endpoint(each) for each in pods], ports=ports)


async def test_a_udp_flow_ends_with_its_endpoint(lab: Lab) -> None:
    async with proxy(lab, udp_service(), udp_slices(PODS[1])) as running:
        with lab.inside.socket(PODS[0], AF_INET, SOCK_DGRAM) as client:
            client.connect((WEB[0], 53))
            assert lab.servers.exchange_by(client).pod == PODS[1]
            running.put(udp_slices(PODS[2]))
            await running.settle()
            assert lab.servers.exchange_by(client).pod == PODS[2]


def has_hands(running: Cluster, name: ServicePortName, *, is_kernels: bool) -> bool:
    """Tell whether the kernel, or else the userspace engine, serves a Service port."""
    return plane_of(running).serves(name) is is_kernels


async def test_a_udp_flow_goes_on_when_its_service_changes_hands(lab: Lab) -> None:
    async with proxy(lab, udp_service(annotations=ROUND_ROBIN), udp_slices(PODS[1])) as running:
        with lab.inside.socket(PODS[0], AF_INET, SOCK_DGRAM) as client:
            client.connect((WEB[0], 53))
            for annotations in (ROUND_ROBIN, {}, ROUND_ROBIN, {}):
                running.put(udp_service(annotations=annotations))
                # A datagram that is under way while the hands change may get lost, as UDP's do.
                is_kernels = not annotations
                await until(partial(has_hands, running, NAME._replace(protocol="UDP"), is_kernels=is_kernels))
                assert (await asyncio.to_thread(lab.servers.exchange_by, client)).pod == PODS[1]


async def test_draining_refuses_new_clients_and_waits_for_the_others(lab: Lab) -> None:
    async with proxy(lab) as running:
        client, accepted, _ = await asyncio.to_thread(lab.servers.connect, PODS[0], WEB)
        draining = asyncio.create_task(running.proxy.drain(60))
        await running.settle()
        assert await lab.is_refused()
        client.send(b"still here")
        assert accepted.recv(16) == b"still here"
        assert not draining.done()
        client.close()
        accepted.close()
        await draining


async def test_a_trace_says_which_engine_takes_the_packet(lab: Lab) -> None:
    async with proxy(lab) as running:

        async def last_step(source: str) -> str:
            return (await running.proxy.plane.traffic.trace(Packet(source, Destination(*WEB, "TCP")))).steps[-1]

        assert await last_step(PODS[0]) == "nftables in the network of the pods takes it."
        assert "nftables" not in await last_step("127.0.0.1")
        running.put(service(cluster_ip=WEB[0], port=WEB[1], annotations=ROUND_ROBIN))
        await running.settle()
        assert await last_step(PODS[0]) == (
            "The userspace engine takes it: the algorithm round_robin is not one of nftables."
        )


async def test_a_trace_names_the_endpoint_to_which_the_kernel_has_pinned_a_client(lab: Lab) -> None:
    sticky = service(cluster_ip=WEB[0], port=WEB[1], sessionAffinity="ClientIP")
    async with proxy(lab, sticky, slices(*PODS)) as running:
        packet = Packet(PODS[0], Destination(*WEB, "TCP"))
        assert (await running.proxy.plane.traffic.trace(packet)).chosen == ""
        answer = await lab.ask()
        trace = await running.proxy.plane.traffic.trace(packet)
        assert trace.chosen == f"{answer.pod}:{SERVER_PORT}"
        assert trace.balancing.startswith(f"Session affinity: {PODS[0]} is pinned to {trace.chosen}, 10")


async def test_unused_chains_go_a_little_later(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("kubeproxy.nft.io.plane.STALE_SECONDS", 0.0)
    async with proxy(lab) as running:
        running.delete("web")
        await running.settle()
        ruleset = plane_of(running)._ruleset
        assert ruleset is not None
        await until(lambda: not ruleset.stale())
        assert running.proxy.problems() == []
