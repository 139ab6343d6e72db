"""Stories of listening sockets: which are bound, which are left alone, and what happens when one cannot be.

IP plan: Services 127.97.1.1 and .2, nodes 127.97.101.1 and .2, external 127.97.102.1, load balancer 127.97.103.1,
endpoints 127.245.1.1 and .2, ports 20080 and 21000 to 21999.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import resource
import socket

import pytest
from tests.helpers.direct_network import DirectNetwork
from tests.helpers.kubeproxy.cluster import (
    ask,
    cluster,
    connect,
    echo,
    is_refused,
    naming_endpoints,
    open_descriptors,
    service,
    serving,
    slice_of,
    until,
)
from tests.helpers.objects import build_node
from tests.helpers.patience import PATIENCE

from kubehost.addresses import Address
from kubehost.openfiles import KEPT
from kubeproxy.config import ProxyConfig
from kubeproxy.loadbalancing.algorithms import unknown_balancer
from kubeproxy.portowner import NO_SCTP, explain_bind_error
from kubeproxy.types import ListenerKind

VIP, OTHER, A, B = "127.97.1.1", "127.97.1.2", "127.245.1.1", "127.245.1.2"
NODE_1, NODE_2, EXTERNAL, INGRESS = "127.97.101.1", "127.97.101.2", "127.97.102.1", "127.97.103.1"

EVERYWHERE = service(
    cluster_ip=VIP,
    type="LoadBalancer",
    ports=[{"port": 20080, "nodePort": 21030}],
    externalIPs=[EXTERNAL],
    status={"loadBalancer": {"ingress": [{"ip": INGRESS}, {"ip": "127.97.103.2", "ipMode": "Proxy"}]}},
)


async def test_every_address_of_a_service_answers() -> None:
    nodes = (build_node("n1", NODE_1), build_node("n2", NODE_2))
    async with naming_endpoints(A), cluster(*nodes, EVERYWHERE, slice_of("web", [A])) as c:
        statuses = {(each.address, each.port): each for each in c.proxy.listeners()}
        assert {to: each.kind for to, each in statuses.items()} == {
            (VIP, 20080): ListenerKind.CLUSTER_IP,
            (NODE_1, 21030): ListenerKind.NODE_PORT,
            (NODE_2, 21030): ListenerKind.NODE_PORT,
            ("127.0.0.1", 21030): ListenerKind.NODE_PORT,
            (EXTERNAL, 20080): ListenerKind.EXTERNAL_IP,
            (INGRESS, 20080): ListenerKind.LOAD_BALANCER,
        }
        assert [await ask(*to) for to in statuses] == [A] * len(statuses)


async def test_a_new_node_gets_the_node_ports_that_are_there() -> None:
    async with naming_endpoints(A), cluster(EVERYWHERE, slice_of("web", [A])) as c:
        kept = c.descriptor(VIP)
        assert await is_refused(NODE_1, 21030)
        c.put(build_node("n1", NODE_1))
        await c.settle()
        assert await ask(NODE_1, 21030) == A
        assert c.descriptor(VIP) == kept


async def test_a_service_that_is_not_changed_keeps_its_socket_and_its_connections() -> None:
    neighbour = service("api", OTHER)
    async with (
        serving(A, 20080, echo),
        cluster(service(cluster_ip=VIP), slice_of("web", [A]), neighbour, slice_of("api", [A])) as c,
    ):
        kept = c.descriptor(VIP)
        with contextlib.closing(await connect(VIP)) as client:
            c.put(service("api", "127.97.1.3"))
            c.put(slice_of("api", [B]))
            await c.settle()
            c.delete("api")
            await c.settle()
            c.put(slice_of("web", [A, B]))
            await c.settle()
            assert c.descriptor(VIP) == kept
            client.sendall(b"x")
            assert await asyncio.get_running_loop().sock_recv(client, 1) == b"x"


async def test_ports_are_bound_where_the_network_says() -> None:
    class Shifted(DirectNetwork):
        def bind(self, address: str, port: int) -> Address:
            return address, port + 10000 if port < 20000 else port

        def dial(self, address: str, port: int) -> Address:
            return A, port + 1000

    shifted = service(cluster_ip=VIP, port=11080)
    async with (
        naming_endpoints(A, port=21080),
        cluster(shifted, slice_of("web", ["10.244.0.9"]), network=Shifted()) as c,
    ):
        status = c.status(VIP)
        assert status is not None
        assert (status.port, status.requested_port) == (21080, 11080)
        assert await ask(VIP, 21080) == A


async def test_a_port_taken_by_another_process_is_reported_with_its_owner_and_bound_once_it_is_free() -> None:
    other = (service("api", OTHER), slice_of("api", [A]))
    async with naming_endpoints(A):
        squatter = socket.create_server((VIP, 20080))
        async with cluster(service(cluster_ip=VIP), slice_of("web", [A]), *other) as c:
            status = c.status(VIP)
            assert status is not None
            assert not status.is_bound
            assert status.error.startswith(f"{VIP}:20080 is already in use by ")
            assert f"(pid {os.getpid()})" in status.error
            assert [(each.service.name, each.type, each.reason) for each in c.events] == [
                ("web", "Warning", "PortBindFailed")
            ]
            assert await ask(OTHER) == A
            squatter.close()
            await c.until_bound(VIP)
            assert await ask(VIP) == A


async def test_the_older_of_two_services_keeps_an_address_until_it_goes() -> None:
    old = service("old", VIP, externalIPs=[EXTERNAL], created="2026-01-01T00:00:00Z")
    young = service("young", OTHER, externalIPs=[EXTERNAL], created="2026-01-02T00:00:00Z")
    async with naming_endpoints(A, B), cluster(young, slice_of("young", [B]), old, slice_of("old", [A])) as c:
        text = f"Port conflict detected on port {EXTERNAL}:20080/tcp. default/old vs default/young"
        assert [(each.service.name, each.reason, each.message) for each in c.events] == [
            ("young", "PortConflict", text)
        ]
        assert [each.error for each in c.proxy.listeners() if each.port_name.name == "young"] == ["", text]
        assert await ask(EXTERNAL) == A
        assert await ask(OTHER) == B
        c.delete("old")
        await c.settle()
        assert await ask(EXTERNAL) == B
        assert len(c.events) == 1


async def test_an_unknown_balancer_is_reported_once_and_the_default_used() -> None:
    odd = service(cluster_ip=VIP, annotations={"kubesvc.dev/balancer": "fastest"})
    async with naming_endpoints(A), cluster(odd, slice_of("web", [A])) as c:
        c.put(slice_of("web", [A, B]))
        await c.settle()
        assert [each.message for each in c.events] == [unknown_balancer("fastest")]


async def test_options_of_the_default_balancer_hold_for_services_that_ask_for_nothing() -> None:
    config = ProxyConfig(default_balancer="first", default_balancer_options='{"max_connections": 1}')
    plain = service("plain", cluster_ip=OTHER, annotations={"kubesvc.dev/balancer": "first"})
    slices = slice_of("web", [A, B]), slice_of("plain", [A, B])
    async with naming_endpoints(A, B), cluster(service(cluster_ip=VIP), plain, *slices, config=config):
        held = [await connect(each) for each in (VIP, OTHER)]
        assert (await ask(VIP), await ask(OTHER)) == (B, A)
        for each in held:
            each.close()


async def test_cancelling_the_proxy_closes_every_socket() -> None:
    before = len(open_descriptors())
    async with serving(A, 20080, echo):
        async with cluster(service(cluster_ip=VIP), slice_of("web", [A])):
            client = await connect(VIP)
        client.close()
        assert await is_refused(VIP)
    await until(lambda: len(open_descriptors()) <= before)


async def test_running_out_of_descriptors_while_accepting_waits_and_then_goes_on() -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    async with naming_endpoints(A), cluster(service(cluster_ip=VIP), slice_of("web", [A])) as c:
        client = socket.socket()
        client.setblocking(False)
        resource.setrlimit(resource.RLIMIT_NOFILE, (max(open_descriptors()) + 1, hard))
        spare = []
        try:
            with contextlib.suppress(OSError):
                while True:
                    spare.append(os.dup(0))
            client.connect_ex((VIP, 20080))
            await until(lambda: c.plane.counters.errors["too_many_open_files"] > 0)
        finally:
            resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
            for each in spare:
                os.close(each)
        async with asyncio.timeout(PATIENCE):
            assert await asyncio.get_running_loop().sock_recv(client, 100) == A.encode()
        client.close()


async def test_clients_leave_files_to_the_cluster_and_those_that_wait_are_served_when_others_have_gone(
    caplog: pytest.LogCaptureFixture,
) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    async with serving(A, 20080, echo):
        limit = max(max(open_descriptors()) + KEPT + 60, 4 * KEPT)  # a lower one keeps fewer back
        resource.setrlimit(resource.RLIMIT_NOFILE, (limit, hard))
        with contextlib.ExitStack() as stack:
            stack.callback(resource.setrlimit, resource.RLIMIT_NOFILE, (soft, hard))
            objects = service(cluster_ip=VIP), service("wide", OTHER), slice_of("web", [A]), slice_of("wide", [A])
            async with cluster(*objects) as c:
                waiting: list[socket.socket] = []
                while not c.plane.problems():
                    waiting.append(await connect(OTHER if len(waiting) % 2 else VIP))
                    stack.enter_context(contextlib.closing(waiting[-1]))
                [said] = c.plane.problems()
                assert said.startswith(f"clients have taken all of the {limit:,} open files but")
                assert [each.getMessage() for each in caplog.records] == [said]
                for address in (VIP, OTHER):
                    late = stack.enter_context(contextlib.closing(await connect(address)))
                    await c.settle()
                    assert max(open_descriptors()) < limit - KEPT // 2
                    waiting.append(late)
                for each in waiting[:-2]:
                    each.close()
                for late in waiting[-2:]:
                    async with asyncio.timeout(PATIENCE):
                        await asyncio.get_running_loop().sock_sendall(late, b"at last")
                        assert await asyncio.get_running_loop().sock_recv(late, 100) == b"at last"


async def test_addresses_beyond_the_limit_leave_files_to_others_and_come_when_there_is_room() -> None:
    config = ProxyConfig(healthz_address=None, metrics_address=None, listener_limit=1)
    objects = (service(cluster_ip=VIP), service("wide", OTHER, created="2026-02-01T00:00:00Z"))
    async with naming_endpoints(A), cluster(*objects, slice_of("web", [A]), slice_of("wide", [A]), config=config) as c:
        assert (c.is_bound(VIP), c.is_bound(OTHER, "wide")) == (True, False)
        status = c.status(OTHER, "wide")
        assert status is not None
        assert status.error == f"{OTHER}:20080 cannot be bound: too many open files; raise the limit (ulimit -n)"
        assert await is_refused(OTHER)
        c.delete("web")
        await c.until_bound(OTHER, "wide")
        assert await ask(OTHER) == A


@pytest.mark.parametrize(
    ("number", "owner", "text"),
    [
        pytest.param(98, "nginx (pid 7)", "127.0.0.1:80 is already in use by nginx (pid 7)", id="taken"),
        pytest.param(98, "", "127.0.0.1:80 is already in use by another process", id="taken-by-a-stranger"),
        pytest.param(
            99, "", "127.0.0.1:80 cannot be bound: 127.0.0.1 is not an address of this machine", id="no-such-address"
        ),
        pytest.param(
            24, "", "127.0.0.1:80 cannot be bound: too many open files; raise the limit (ulimit -n)", id="descriptors"
        ),
        pytest.param(93, "", f"127.0.0.1:80 cannot be bound: {NO_SCTP}", id="no-such-protocol"),
        pytest.param(5, "", "127.0.0.1:80 cannot be bound: Input/output error", id="anything-else"),
    ],
)
def test_a_failed_bind_is_explained(number: int, owner: str, text: str) -> None:
    assert explain_bind_error(OSError(number, os.strerror(number)), "127.0.0.1", 80, owner) == text


def test_a_port_without_the_privilege_names_the_first_port_that_needs_none() -> None:
    assert "ports below " in explain_bind_error(PermissionError(13, "Permission denied"), "127.0.0.1", 80)
