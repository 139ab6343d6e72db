"""UDP through a whole proxy: Services and EndpointSlices in, datagrams out."""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Iterator
from typing import Any

import pytest
from tests.helpers.kubeproxy.cluster import (
    ask,
    cluster,
    is_refused,
    naming_endpoints,
    service,
    slice_of,
    until,
)
from tests.helpers.kubeproxy.udp import hear, udp_ask, udp_client, udp_endpoint, udp_name, udp_silence
from tests.helpers.objects import build_endpoint, build_node

from kubeapi.meta import JSON

VIP, A, B, C = "127.82.21.1", "127.82.22.1", "127.82.22.2", "127.82.22.3"
NODE_1, NODE_2, POD_2 = "127.82.23.1", "127.82.23.2", "127.82.25.7"
PORT, NODE_PORT = 20080, 21082

UDP: JSON = {"name": "dns", "port": PORT, "protocol": "UDP", "nodePort": NODE_PORT}
TCP: JSON = {"name": "dns-tcp", "port": PORT, "protocol": "TCP", "nodePort": NODE_PORT}


def dns(*ports: JSON, **spec: Any) -> JSON:
    return service("dns", VIP, type="NodePort", ports=list(ports or (UDP,)), **spec)


def slices(*endpoints: str | JSON, ports: tuple[JSON, ...] = (UDP,)) -> JSON:
    listed = [{"name": each["name"], "protocol": each["protocol"], "port": PORT} for each in ports]
    return slice_of("dns", endpoints) | {"ports": listed}


@contextlib.contextmanager
def named(*addresses: str) -> Iterator[None]:
    with contextlib.ExitStack() as stack:
        for each in addresses:
            stack.enter_context(udp_endpoint(each, udp_name(each), PORT))
        yield


async def udp_hosts(count: int, to: str = VIP, port: int = PORT, source: str = "127.82.9.1") -> set[str]:
    """Ask from ``count`` ports, one after the other."""
    hosts = set()
    for _ in range(count):
        with udp_client((to, port), (source, 0)) as client:
            hosts.add((await udp_ask(client)).decode())
    return hosts


async def is_udp_refused(to: str = VIP, port: int = PORT) -> bool:
    with udp_client((to, port)) as client:
        try:
            client.send(b"?")
            await hear(client)
        except ConnectionRefusedError:
            return True
        return False


async def test_every_address_of_a_udp_service_reaches_every_endpoint() -> None:
    nodes = (build_node("n1", NODE_1), build_node("n2", NODE_2))
    with named(A, B):
        async with cluster(*nodes, dns(), slices(A, B)):
            for place in ((VIP, PORT), (NODE_1, NODE_PORT), (NODE_2, NODE_PORT), ("127.0.0.1", NODE_PORT)):
                assert await udp_hosts(20, *place) == {A, B}


async def test_tcp_and_udp_share_a_node_port_and_each_goes_alone() -> None:
    both = (UDP, TCP)
    async with naming_endpoints(B), cluster(build_node("n1", NODE_1), dns(*both), slices(A, B, ports=both)) as c:
        with named(A, B):
            assert await udp_hosts(20, NODE_1, NODE_PORT) == {A, B}
            assert await ask(NODE_1, NODE_PORT) == B
            c.put(dns(TCP))
            await c.settle()
            assert await is_udp_refused(NODE_1, NODE_PORT)
            assert await ask(NODE_1, NODE_PORT) == B
            c.put(dns(UDP))
            await c.settle()
            assert await is_refused(NODE_1, NODE_PORT)
            assert await udp_hosts(20) == {A, B}


async def test_without_endpoints_datagrams_are_refused_and_with_one_they_are_answered() -> None:
    with named(A):
        async with cluster(dns()) as c:
            with udp_client((VIP, PORT)) as client:
                with pytest.raises(ConnectionRefusedError):
                    await udp_ask(client)
                c.put(slices(A))
                await c.settle()
                assert await udp_ask(client) == A.encode()


async def test_a_client_with_a_fixed_port_follows_the_pod_that_replaces_its_own() -> None:
    with named(A, B):
        async with cluster(dns(), slices(A)) as c:
            with udp_client((VIP, PORT)) as client:
                assert await udp_ask(client) == A.encode()
                c.put(slices(B))
                await c.settle()
                assert await udp_ask(client) == B.encode()


async def test_a_flow_outlives_the_readiness_of_its_endpoint_while_that_still_serves() -> None:
    with named(A, B):
        async with cluster(dns(), slices(A)) as c:
            with udp_client((VIP, PORT)) as client:
                assert await udp_ask(client) == A.encode()
                c.put(slices(build_endpoint(A, ready=False, serving=True, terminating=True), B))
                await c.settle()
                assert await udp_ask(client) == A.encode()
                assert await udp_hosts(10) == {B}
                c.put(slices(build_endpoint(A, ready=False, serving=False, terminating=True), B))
                await c.settle()
                assert await udp_ask(client) == B.encode()


async def test_affinity_is_of_the_clients_address_whatever_its_port() -> None:
    with named(A, B, C):
        async with cluster(dns(sessionAffinity="ClientIP"), slices(A, B, C)):
            for source in ("127.82.9.1", "127.82.9.2", "127.82.9.3"):
                assert len(await udp_hosts(10, source=source)) == 1
            hosts = {each for last in range(1, 20) for each in await udp_hosts(1, source=f"127.82.9.{last}")}
            assert hosts == {A, B, C}


async def test_a_node_port_is_refused_once_its_service_is_gone() -> None:
    with named(A):
        async with cluster(build_node("n1", NODE_1), dns(), slices(A)) as c:
            with udp_client((NODE_1, NODE_PORT)) as client:
                assert await udp_ask(client) == A.encode()
                c.delete("dns")
                await c.settle()
                with pytest.raises(ConnectionRefusedError):
                    await udp_ask(client)


async def test_a_client_whose_node_has_no_endpoint_of_a_local_service_hears_nothing() -> None:
    pod_cidrs = [{"podCIDR": f"127.82.{octet}.0/24", "podCIDRs": [f"127.82.{octet}.0/24"]} for octet in (24, 25)]
    nodes = [
        build_node(name, address) | {"spec": cidr}
        for name, address, cidr in zip(("n1", "n2"), (NODE_1, NODE_2), pod_cidrs, strict=True)
    ]
    local = build_endpoint(A) | {"nodeName": "n1"}
    with named(A):
        async with cluster(*nodes, dns(internalTrafficPolicy="Local"), slices(local)) as c:
            assert await udp_hosts(1, source="127.82.24.7") == {A}
            with udp_client((VIP, PORT), (POD_2, 0)) as stranger:
                stranger.send(b"?")
                assert await udp_hosts(1, source="127.82.24.8") == {A}
                with pytest.raises(BlockingIOError):
                    stranger.recv(100)
                c.put(slices(local, build_endpoint(B) | {"nodeName": "n2"}))
                await c.settle()
                with named(B):
                    assert await udp_ask(stranger) == B.encode()


async def test_least_connections_counts_flows() -> None:
    with named(A, B), contextlib.ExitStack() as clients:
        service_of = dns(annotations={"kubesvc.dev/balancer": "least_connections"})
        async with cluster(service_of, slices(A, B)):
            heard = []
            for _ in range(6):
                client = clients.enter_context(udp_client((VIP, PORT)))
                heard.append(await udp_ask(client))
            assert sorted(heard) == [A.encode()] * 3 + [B.encode()] * 3


async def test_a_udp_port_taken_by_another_process_is_reported_with_its_owner() -> None:
    with socket.socket(type=socket.SOCK_DGRAM) as squatter:
        squatter.bind((VIP, PORT))
        async with cluster(dns(), slices(A)) as c:
            (event,) = c.events
            assert event.message.startswith(f"{VIP}:{PORT} is already in use by ")
            assert "another process" not in event.message


async def test_cancelling_the_proxy_ends_its_flows() -> None:
    with udp_endpoint(A, udp_silence, PORT) as silent:
        async with cluster(dns(), slices(A)) as c:
            with udp_client((VIP, PORT)) as client:
                client.send(b"?")
                await until(lambda: bool(silent.received))
                flows = c.plane._flows
                assert len(flows) == 1
        assert len(flows) == 0
        assert await is_udp_refused()
