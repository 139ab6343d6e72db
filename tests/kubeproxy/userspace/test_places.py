"""Services in two places: on the host, and in the network where pods meet, whose pods have networks of their own.

IP plan: Service 127.97.90.1; the pods and the node of ``tests.helpers.kubeproxy.pods``.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import socket
from collections.abc import AsyncIterator, Coroutine
from dataclasses import dataclass
from typing import Any

import pytest
from tests.helpers.kubeproxy.cluster import (
    Cluster,
    cluster,
    open_descriptors,
    receive_all,
    reset,
    service,
    slice_of,
    until,
)
from tests.helpers.kubeproxy.pods import A_6, B_6, A, B, C, Pods, pods
from tests.helpers.kubeproxy.pods_process import BALANCER, GATEWAY, GATEWAY_6, NODE, POD_CIDR
from tests.helpers.objects import build_endpoint, build_node, build_pod
from tests.helpers.patience import PATIENCE, SILENCE

from kubeapi.meta import JSON
from kubehost.addresses import LOCALHOST
from kubeproxy.config import ProxyConfig
from kubeproxy.telemetry.recent import ConnectionRecord
from kubeproxy.userspace.sockets import is_at_mark
from kubeproxy.userspace.workers.io.workers import Workers

VIP, VIP_6, PORT = "127.97.90.1", "fd00:96::1", 20080
UDP = {"name": "udp", "port": PORT, "protocol": "UDP"}


@dataclass
class Ground:
    """Pods with networks of their own, and a proxy for them."""

    pods: Pods
    cluster: Cluster


@contextlib.asynccontextmanager
async def ground(*objects: JSON, workers: int = 1) -> AsyncIterator[Ground]:
    config = ProxyConfig(healthz_address=None, metrics_address=None, workers=workers)
    async with (
        asyncio.timeout(PATIENCE),
        pods(A, B, C) as lab,
        cluster(*objects, network=lab.network, config=config) as c,
    ):
        yield Ground(lab, c)


def web(*endpoints: str, **spec: Any) -> tuple[JSON, JSON]:
    return service(cluster_ip=VIP, **spec), slice_of("web", endpoints)


def dns(*endpoints: str, **spec: Any) -> tuple[JSON, JSON]:
    listed = [{"name": "udp", "protocol": "UDP", "port": PORT}]
    return service("dns", VIP, ports=[UDP], **spec), slice_of("dns", endpoints) | {"ports": listed}


SEEN = [
    pytest.param(A, "", B, A, id="a-pod-keeps-its-address"),
    pytest.param(A, "", A, GATEWAY, id="a-pod-that-gets-to-itself-comes-from-its-node"),
    pytest.param(LOCALHOST, "", B, GATEWAY, id="the-host-comes-from-the-node"),
    pytest.param(NODE, NODE, B, NODE, id="a-node-keeps-its-address"),
    pytest.param(NODE, "", B, NODE, id="a-program-of-the-node-comes-from-the-node"),
    pytest.param(LOCALHOST, A, B, A, id="the-host-in-a-pods-name"),
    pytest.param(LOCALHOST, "127.0.0.7", B, "127.0.0.7", id="the-host-from-an-address-of-its-own"),
    pytest.param(A, "", LOCALHOST, A, id="a-server-on-the-host-sees-a-pod"),
    pytest.param(LOCALHOST, "", LOCALHOST, LOCALHOST, id="a-server-on-the-host-sees-the-host"),
]


@pytest.mark.parametrize("workers", [1, 2])
@pytest.mark.parametrize(("client", "source", "endpoint", "seen"), SEEN)
async def test_an_endpoint_sees(client: str, source: str, endpoint: str, seen: str, workers: int) -> None:
    async with ground(*web(endpoint), workers=workers) as g:
        with g.pods.saying_peers(endpoint, endpoint, PORT):
            assert await g.pods.ask(client, (VIP, PORT), source) == seen


@pytest.mark.parametrize(("client", "source", "endpoint", "seen"), SEEN)
async def test_an_endpoint_of_datagrams_sees(client: str, source: str, endpoint: str, seen: str) -> None:
    async with ground(*dns(endpoint)) as g:
        with g.pods.datagrams(endpoint, (endpoint, PORT)) as server, g.pods.datagrams(client, (source, 0)) as sock:
            sock.connect((VIP, PORT))
            for word in (b"one", b"two"):
                sock.send(word)
                assert await hear_from(server) == (word, seen)


@pytest.mark.parametrize("workers", [1, 2])
@pytest.mark.parametrize(
    ("client", "endpoint", "seen"),
    [
        pytest.param(A, B_6, A_6, id="a-pod-keeps-its-address"),
        pytest.param(A, A_6, GATEWAY_6, id="a-pod-that-gets-to-itself-comes-from-its-node"),
    ],
)
async def test_an_endpoint_of_ipv6_sees(client: str, endpoint: str, seen: str, workers: int) -> None:
    dual = service(cluster_ip=VIP_6, clusterIPs=[VIP_6], ipFamilies=["IPv6"])
    listed = slice_of("web", [endpoint], addressType="IPv6")
    async with ground(dual, listed, workers=workers) as g:
        with g.pods.saying_peers(endpoint, endpoint, PORT):
            assert await g.pods.ask(client, (VIP_6, PORT)) == seen


async def test_datagrams_of_ipv6_keep_their_pods_address_and_refusals_reach_it() -> None:
    port = {"name": "udp", "port": PORT, "protocol": "UDP"}
    dual = service("dns", VIP_6, clusterIPs=[VIP_6], ipFamilies=["IPv6"], ports=[port])
    listed = slice_of("dns", [B_6], addressType="IPv6") | {"ports": [port]}
    async with ground(dual, listed) as g:
        with g.pods.open(B, "UDP", is_ipv6=True) as server, g.pods.open(A, "UDP", is_ipv6=True) as client:
            client.connect((VIP_6, PORT))
            client.send(b"?")
            with pytest.raises(ConnectionRefusedError):
                await asyncio.get_running_loop().sock_recv(client, 10)
            server.bind((B_6, PORT))
            client.send(b"?")
            assert await hear_from(server) == (b"?", A_6)
            assert await asyncio.get_running_loop().sock_recv(client, 10) == b"?"


async def hear_from(server: socket.socket) -> tuple[bytes, str]:
    """Receive a datagram and answer it; return it with its sender's address."""
    datagram, peer = await asyncio.get_running_loop().sock_recvfrom(server, 65536)
    server.sendto(datagram, peer)
    return datagram, peer[0]


async def test_requests_of_all_clients_come_from_the_node_and_name_their_client() -> None:
    http = {"ports": [{"port": PORT, "appProtocol": "http"}]}
    loop = asyncio.get_running_loop()
    async with ground(*web(B, **http)) as g:
        with g.pods.listening(B, B, PORT) as listener, await g.pods.connect(A, (VIP, PORT)) as client:
            client.send(b"GET / HTTP/1.1\r\nHost: web\r\n\r\n")
            server, peer = await loop.sock_accept(listener)
            with server:
                assert peer[0] == GATEWAY
                assert f"x-forwarded-for: {A}\r\n" in (await loop.sock_recv(server, 4096)).decode().lower()
                server.send(b"HTTP/1.1 204 No Content\r\n\r\n")
                assert (await loop.sock_recv(client, 4096)).startswith(b"HTTP/1.1 204")


@pytest.mark.parametrize("client", [A, NODE, LOCALHOST])
async def test_a_service_without_endpoints_refuses_at_once(client: str) -> None:
    async with ground(*web(), *dns()) as g:
        with pytest.raises(ConnectionRefusedError):
            await g.pods.ask(client, (VIP, PORT))
        with g.pods.datagrams(client) as sock, pytest.raises(ConnectionRefusedError):
            sock.connect((VIP, PORT))
            sock.send(b"?")
            await asyncio.get_running_loop().sock_recv(sock, 10)


@pytest.mark.parametrize("client", [A, NODE, LOCALHOST])
async def test_the_refusal_of_an_endpoint_reaches_a_client_of_datagrams(client: str) -> None:
    async with ground(*dns(B)) as g:
        with g.pods.datagrams(client) as sock, g.pods.datagrams(C) as other:
            for each in (sock, other):
                each.connect((VIP, PORT))
            sock.send(b"?")
            with pytest.raises(ConnectionRefusedError):
                await asyncio.get_running_loop().sock_recv(sock, 10)
            with pytest.raises(BlockingIOError):
                other.recv(1)
            with g.pods.datagrams(B, (B, PORT)) as server:
                sock.send(b"later")
                assert await hear_from(server) == (b"later", GATEWAY if client == LOCALHOST else client)


@pytest.mark.parametrize(("client", "is_served"), [(A, True), (B, False), (LOCALHOST, False)])
@pytest.mark.parametrize("objects", [web, dns])
async def test_who_is_not_in_the_source_ranges_hears_nothing(client: str, is_served: bool, objects: Any) -> None:
    balanced = {"status": {"loadBalancer": {"ingress": [{"ip": BALANCER}]}}, "type": "LoadBalancer"}
    spec = {"loadBalancerSourceRanges": [f"{A}/32"], **balanced}
    async with ground(*objects(C, **spec)) as g:
        asked: Coroutine[Any, Any, Any]
        with contextlib.ExitStack() as stack:
            if objects is web:
                stack.enter_context(g.pods.saying_peers(C, C, PORT))
                asked = g.pods.ask(client, (BALANCER, PORT))
            else:
                server = stack.enter_context(g.pods.datagrams(C, (C, PORT)))
                sock = stack.enter_context(g.pods.datagrams(client))
                sock.connect((BALANCER, PORT))
                sock.send(b"?")
                asked = hear_from(server)
            if is_served:
                await asked
            else:
                with pytest.raises(TimeoutError):
                    await asyncio.wait_for(asked, SILENCE)


@contextlib.asynccontextmanager
async def relayed(client: str, endpoint: str) -> AsyncIterator[tuple[socket.socket, socket.socket]]:
    """Have the sockets of a connection through the proxy: the client's and the endpoint's."""
    async with ground(*web(endpoint)) as g:
        with g.pods.listening(endpoint, endpoint, PORT) as listener, await g.pods.connect(client, (VIP, PORT)) as near:
            far, _ = await asyncio.get_running_loop().sock_accept(listener)
            with far:
                yield near, far


WAYS = pytest.mark.parametrize(("client", "endpoint"), [(A, B), (A, A), (LOCALHOST, B), (A, LOCALHOST)])


@WAYS
async def test_each_direction_ends_by_itself(client: str, endpoint: str) -> None:
    loop = asyncio.get_running_loop()
    async with relayed(client, endpoint) as (near, far):
        near.send(b"question")
        near.shutdown(socket.SHUT_WR)
        assert await receive_all(far) == b"question"
        await loop.sock_sendall(far, b"answer" * 100_000)
        far.shutdown(socket.SHUT_WR)
        assert await receive_all(near) == b"answer" * 100_000


@WAYS
async def test_a_reset_is_passed_on(client: str, endpoint: str) -> None:
    async with relayed(client, endpoint) as (near, far):
        near.send(b"?")
        assert await asyncio.get_running_loop().sock_recv(far, 10) == b"?"
        reset(far)
        with pytest.raises(ConnectionResetError):
            await receive_all(near)


@WAYS
async def test_an_urgent_byte_is_still_urgent(client: str, endpoint: str) -> None:
    async with relayed(client, endpoint) as (near, far):
        near.send(b"x")
        assert await asyncio.get_running_loop().sock_recv(far, 10) == b"x"
        near.send(b"!", socket.MSG_OOB)
        await until(lambda: is_at_mark(far.fileno()))
        assert far.recv(1, socket.MSG_OOB) == b"!"


async def test_bursts_of_datagrams_come_back_whole_to_their_pods() -> None:
    async with ground(*dns(C)) as g:
        with g.pods.datagrams(C, (C, PORT)) as server, g.pods.datagrams(A) as one, g.pods.datagrams(B) as other:
            loop, got = asyncio.get_running_loop(), {one: set[bytes](), other: set[bytes]()}
            for sock, name in ((one, b"a"), (other, b"b")):
                sock.connect((VIP, PORT))
                for number in range(40):
                    sock.send(name * (1 + number * 40))
            for _ in range(80):
                await hear_from(server)
            for sock, answers in got.items():
                for _ in range(40):
                    answers.add(await loop.sock_recv(sock, 65536))
            assert got[one] == {b"a" * (1 + number * 40) for number in range(40)}
            assert got[other] == {b"b" * (1 + number * 40) for number in range(40)}


async def test_what_a_pod_sends_first_arrives_however_soon_it_sends() -> None:
    async with ground(*dns(LOCALHOST)) as g:
        with g.pods.datagrams(LOCALHOST, (LOCALHOST, PORT)) as server:
            for address in (f"127.244.0.{number}" for number in range(10, 70)):
                g.pods.add(address)
                with g.pods.datagrams(address) as client:
                    client.connect((VIP, PORT))
                    client.send(b"?")
                    assert await hear_from(server) == (b"?", address)
                g.pods.end(address)


async def test_the_flows_of_a_pod_end_with_its_network() -> None:
    async with ground(*dns(C)) as g:
        with g.pods.datagrams(C, (C, PORT)) as server, g.pods.datagrams(A) as one, g.pods.datagrams(B) as other:
            for sock in (one, other):
                sock.connect((VIP, PORT))
                sock.send(b"?")
                await hear_from(server)
            g.pods.end(A)
            await until(lambda: not open_flows(g, A))
            assert len(open_flows(g, B)) == 1


def open_flows(g: Ground, client: str) -> list[ConnectionRecord]:
    return [each for each in g.cluster.plane.recent.records() if each.client == client and each.ended_at is None]


@pytest.mark.parametrize("workers", [1, 2])
async def test_a_new_agent_has_the_services_in_new_networks_and_the_host_is_not_disturbed(workers: int) -> None:
    loop = asyncio.get_running_loop()
    apart = service("apart", "127.97.90.2"), slice_of("apart", [LOCALHOST], port=PORT + 1)
    async with ground(*web(B), *apart, workers=workers) as g:
        with g.pods.listening(LOCALHOST, LOCALHOST, PORT + 1) as listener:
            hosts = await g.pods.connect(LOCALHOST, ("127.97.90.2", PORT))
            server, _ = await loop.sock_accept(listener)
            with g.pods.listening(B, B, PORT) as old, hosts, server:
                mixed = await g.pods.connect(LOCALHOST, (VIP, PORT))
                dead, _ = await loop.sock_accept(old)
                with mixed, dead:
                    g.pods.lose(A, B)
                    g.cluster.proxy.renew_networks()
                    with pytest.raises(ConnectionResetError):
                        await receive_all(mixed)
                hosts.send(b"still here")
                assert await loop.sock_recv(server, 100) == b"still here"
        with g.pods.saying_peers(B, B, PORT):
            assert await until_served(g, A) == A
            assert await g.pods.ask(LOCALHOST, (VIP, PORT)) == GATEWAY
        assert not g.cluster.events


async def test_a_worker_that_was_killed_is_followed_by_one_that_has_the_pods_networks_too() -> None:
    async with ground(*web(B), workers=2) as g:
        carrier = g.cluster.engine.traffic
        assert isinstance(carrier, Workers)
        before = [each.process.pid for each in carrier._workers if each.process is not None]
        with g.pods.saying_peers(B, B, PORT):
            for pid in before:
                os.kill(pid, signal.SIGKILL)
            assert [await until_served(g, A) for _ in range(8)] == [A] * 8
        after = [each.process.pid for each in carrier._workers if each.process is not None]
        assert after != before


async def test_pods_that_come_and_go_leave_nothing_open() -> None:
    async with ground(*web(C), *dns(C)) as g:
        with g.pods.saying_peers(C, C, PORT), g.pods.datagrams(C, (C, PORT)) as server:
            counts = []
            for number in range(30):
                address = f"127.244.0.{number + 10}"
                g.pods.add(address)
                assert await g.pods.ask(address, (VIP, PORT)) == address
                with g.pods.datagrams(address) as client:
                    client.connect((VIP, PORT))
                    client.send(b"?")
                    assert await hear_from(server) == (b"?", address)
                g.pods.end(address)
                await until(lambda address=address: not open_flows(g, address))  # type: ignore[misc]  # bound at once
                counts.append(len(open_descriptors()))
            assert counts[-1] <= counts[5]


async def until_served(g: Ground, client: str) -> str:
    """Ask until the Service answers there: workers close the old sockets in their own time."""
    while True:
        with contextlib.suppress(ConnectionRefusedError):
            return await g.pods.ask(client, (VIP, PORT))
        await asyncio.sleep(0.01)


async def test_services_wait_in_silence_for_the_network_of_the_pods() -> None:
    async with ground() as g:
        g.pods.network.close()
        for each in web(B):
            g.cluster.put(each)
        await g.cluster.until_bound(VIP)
        assert g.cluster.status(VIP).error == ""  # type: ignore[union-attr]
        g.pods.close_agent()
        g.pods.lose(A, B)
        g.cluster.proxy.renew_networks()
        with g.pods.saying_peers(B, B, PORT):
            assert await g.pods.ask(A, (VIP, PORT)) == A
        assert not g.cluster.events


async def test_a_port_that_a_program_has_in_the_pods_network_is_an_error_of_the_service() -> None:
    async with ground() as g:
        with g.pods.listening(NODE, VIP, PORT):
            for each in web(B):
                g.cluster.put(each)
            await g.cluster.until_bound(VIP)
            text = f"in the network of the pods {VIP}:{PORT} is already in use by another process"
            assert g.cluster.status(VIP).error == text  # type: ignore[union-attr]
            assert [each.message for each in g.cluster.events] == [text]
        await until(lambda: not g.cluster.status(VIP).error)  # type: ignore[union-attr]


def pod(name: str, ip: str, ports: list[JSON], **spec: Any) -> JSON:
    status = {"phase": "Running", "podIP": ip}
    container = {"name": "main", "ports": ports}
    return build_pod(name, container, namespace="default", nodeName="n1", **spec) | {"status": status}


N1 = build_node("n1", NODE, podCIDR=POD_CIDR, podCIDRs=[POD_CIDR])


@pytest.mark.parametrize("client", [A, LOCALHOST])
async def test_an_endpoint_may_be_the_address_of_another_service_but_not_of_its_own(client: str) -> None:
    other = service("other", "127.97.90.2"), slice_of("other", [VIP])
    circle = service("circle", "127.97.90.3"), slice_of("circle", ["127.97.90.3"])
    async with ground(*web(B), *other, *circle) as g:
        with g.pods.saying_peers(B, B, PORT):
            assert await g.pods.ask(client, ("127.97.90.2", PORT)) == (A if client == A else NODE)
        with pytest.raises(ConnectionResetError):
            await g.pods.ask(client, ("127.97.90.3", PORT))
        assert [each.reason for each in g.cluster.events] == ["ProxyLoop"]


async def test_clients_of_a_lost_agent_are_reset_at_once() -> None:
    async with ground(*web(B)) as g:
        g.pods.close_agent()
        with pytest.raises(ConnectionResetError):
            await g.pods.ask(LOCALHOST, (VIP, PORT))
        assert [each.outcome for each in g.cluster.plane.recent.records()] == ["network_gone"]
        g.pods.lose()


@pytest.mark.parametrize("workers", [1, 2])
async def test_the_host_reaches_a_pods_own_ports(workers: int) -> None:
    ports: list[JSON] = [{"containerPort": PORT}, {"containerPort": PORT, "protocol": "UDP"}]
    async with ground(N1, pod("a", A, ports), workers=workers) as g:
        with g.pods.saying_peers(A, A, PORT):
            assert await g.pods.ask(LOCALHOST, (A, PORT)) == GATEWAY
        with g.pods.datagrams(A, (A, PORT)) as server, g.pods.datagrams(LOCALHOST) as client:
            client.connect((A, PORT))
            client.send(b"?")
            assert await hear_from(server) == (b"?", GATEWAY)
        assert g.cluster.proxy.listeners() == []


async def test_a_pods_port_that_a_program_of_the_host_has_is_an_event_of_the_pod() -> None:
    async with ground(N1) as g:
        with g.pods.listening(LOCALHOST, A, PORT), g.pods.saying_peers(A, A, PORT):
            g.cluster.put(pod("a", A, [{"containerPort": PORT}]))
            await until(lambda: bool(g.cluster.events))
            (event,) = g.cluster.events
            assert (str(event.service), event.reason) == ("default/pod/a", "PortBindFailed")
            assert event.message.startswith(f"{A}:{PORT} is already in use by ")
            assert event.message.endswith("; this machine does not reach the pod there, pods and nodes do")
            assert await g.pods.ask(B, (A, PORT)) == B


async def test_the_host_reaches_the_endpoints_of_a_headless_service() -> None:
    headless = slice_of("web", [build_endpoint(A, targetRef={"kind": "Pod", "name": "a"})])
    headless["metadata"]["labels"]["service.kubernetes.io/headless"] = ""
    async with ground(N1, pod("a", A, []), headless) as g:
        with g.pods.saying_peers(A, A, PORT):
            assert await g.pods.ask(LOCALHOST, (A, PORT)) == GATEWAY


async def test_a_host_port_answers_at_the_node_to_the_host_to_pods_and_to_the_node() -> None:
    ports = [{"containerPort": PORT, "hostPort": 20443}]
    async with ground(N1, pod("a", A, ports)) as g:
        with g.pods.saying_peers(A, A, PORT):
            assert await g.pods.ask(LOCALHOST, (NODE, 20443)) == GATEWAY
            assert await g.pods.ask(B, (NODE, 20443)) == B
            assert await g.pods.ask(NODE, (NODE, 20443), NODE) == NODE


async def test_a_port_where_no_pod_listens_refuses_the_host() -> None:
    async with ground(N1, pod("a", A, [{"containerPort": PORT}])) as g:
        with pytest.raises(ConnectionResetError):
            await g.pods.ask(LOCALHOST, (A, PORT))
