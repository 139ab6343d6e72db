"""Services whose endpoints are Services' addresses: they may stand for one another, but not go round in a circle.

IP plan: Services 127.97.11.1 to .3, the node 127.97.12.1, endpoint 127.245.11.1, port 20080, node ports 31081 to 31083.
"""

from __future__ import annotations

import contextlib
from typing import NamedTuple

import pytest
from tests.helpers.kubeproxy.cluster import (
    Cluster,
    ask,
    cluster,
    connect,
    is_refused,
    naming_endpoints,
    open_descriptors,
    receive_all,
    service,
    slice_of,
    until,
)
from tests.helpers.kubeproxy.http import GET
from tests.helpers.kubeproxy.udp import udp_client
from tests.helpers.objects import build_node

from kubeapi.meta import JSON
from kubeproxy.config import ProxyConfig
from kubesvc.network.loopback import LoopbackNetwork, LowPorts

NODE, POD, PORT = "127.97.12.1", "127.245.11.1", 20080
VIPS = {"a": "127.97.11.1", "b": "127.97.11.2", "c": "127.97.11.3"}
NODE_PORTS = {"a": 31081, "b": 31082, "c": 31083}
MOST_DESCRIPTORS = 20
"""What one client's question may cost at a Service that would go round for ever."""
GET_ONCE = GET.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n")
RESET = b"reset"
ONE_PROCESS, WORKERS = (ProxyConfig(healthz_address=None, metrics_address=None, workers=count) for count in (1, 2))


def named(name: str, *, protocol: str = "TCP", port: int = PORT, **more: str) -> JSON:
    ports = [{"port": port, "nodePort": NODE_PORTS[name], "protocol": protocol, **more}]
    return service(name, VIPS[name], type="NodePort", ports=ports)


def leads(name: str, *addresses: str, port: int = PORT, protocol: str = "TCP") -> JSON:
    ports = [{"name": "", "protocol": protocol, "port": port}]
    return slice_of(name, addresses, ports=ports)


class Story(NamedTuple):
    """Objects with a circle, and the events that tell of it, as Service and message."""

    objects: tuple[JSON, ...]
    events: tuple[tuple[str, str], ...]
    answer: bytes = RESET


ITSELF = "Endpoint {} is not dialled: default/{} would be dialled by itself, without end"
STORIES = {
    "its-own-node-port": Story(
        (named("a"), leads("a", NODE, port=31081)), (("a", ITSELF.format(f"{NODE}:31081", "a")),)
    ),
    "its-own-cluster-ip": Story(
        (named("a"), leads("a", VIPS["a"])), (("a", ITSELF.format(f"{VIPS['a']}:20080", "a")),)
    ),
    "requests": Story(
        (named("a", appProtocol="http"), leads("a", NODE, port=31081)),
        (("a", ITSELF.format(f"{NODE}:31081", "a")),),
        b"HTTP/1.1 502 Bad Gateway",
    ),
    "by-way-of-two-others": Story(
        (
            *(named(each) for each in "abc"),
            leads("a", NODE, port=31082),
            leads("b", NODE, port=31083),
            leads("c", VIPS["a"]),
        ),
        tuple(
            (
                first,
                f"Endpoint {endpoint} is not dialled: default/{first} is reached by way of default/{second} "
                f"and default/{third} from itself, without end",
            )
            for first, second, third, endpoint in (
                ("a", "b", "c", f"{NODE}:31082"),
                ("b", "c", "a", f"{NODE}:31083"),
                ("c", "a", "b", f"{VIPS['a']}:20080"),
            )
        ),
    ),
}


async def what_comes(address: str) -> bytes:
    """Return the first line of what a client gets."""
    try:
        with contextlib.closing(await connect(address)) as client:
            client.sendall(GET_ONCE)
            return (await receive_all(client)).partition(b"\r\n")[0]
    except ConnectionError:
        return RESET


def told(c: Cluster) -> list[tuple[str, str]]:
    return sorted((each.service.name, each.message) for each in c.events if each.reason == "ProxyLoop")


@pytest.mark.parametrize("config", [ONE_PROCESS, WORKERS], ids=["one-process", "workers"])
@pytest.mark.parametrize("name", STORIES)
async def test_a_service_that_leads_to_itself_dials_nothing_and_says_so(name: str, config: ProxyConfig) -> None:
    story = STORIES[name]
    network = LoopbackNetwork("127.245.0.0/16", (), LowPorts(0, has_capability=True))
    async with cluster(build_node("n1", NODE), *story.objects, network=network, config=config) as c:
        before = len(open_descriptors())
        assert await what_comes(VIPS["a"]) == story.answer
        assert len(open_descriptors()) < before + MOST_DESCRIPTORS
        assert (await c.proxy.plane.traffic.count()).errors["proxy_loop"] >= 1
        record = (await c.proxy.plane.traffic.records())[-1]
        assert {reason for _, reason in record.failures} == {"proxy_loop"}
        assert told(c) == sorted(story.events)


async def test_a_datagram_for_a_service_that_leads_to_itself_is_dropped() -> None:
    looped = (named("a", protocol="UDP"), leads("a", NODE, port=31081, protocol="UDP"))
    async with cluster(build_node("n1", NODE), *looped) as c:
        with udp_client((VIPS["a"], PORT)) as client:
            client.send(b"?")
            await until(lambda: c.plane.counters.errors["proxy_loop"] == 1)
            assert c.plane.recent.records()[-1].outcome == "proxy_loop"
        assert [each for each, _ in told(c)] == ["a"]


async def test_a_service_may_stand_for_another() -> None:
    objects = (named("a"), leads("a", NODE, port=31082), named("b"), leads("b", POD))
    async with naming_endpoints(POD), cluster(build_node("n1", NODE), *objects) as c:
        assert await ask(VIPS["a"]) == POD
        assert told(c) == []


async def test_who_has_another_endpoint_is_served_by_that_one() -> None:
    objects = (named("a"), slice_of("a", [POD]), leads("a", NODE, port=31081) | {"metadata": other_slice("a")})
    async with naming_endpoints(POD), cluster(build_node("n1", NODE), *objects):
        assert {await ask(VIPS["a"]) for _ in range(20)} == {POD}


def other_slice(name: str) -> JSON:
    return {"namespace": "default", "name": f"{name}-other", "labels": {"kubernetes.io/service-name": name}}


async def test_a_circle_is_told_when_it_closes_and_is_over_when_it_opens() -> None:
    objects = (named("a"), leads("a", NODE, port=31082), named("b"), leads("b", POD))
    async with naming_endpoints(POD), cluster(build_node("n1", NODE), *objects) as c:
        c.put(leads("b", NODE, port=31081))
        await c.settle()
        assert [each for each, _ in told(c)] == ["a", "b"]
        with pytest.raises(ConnectionResetError):
            await ask(VIPS["a"])
        c.put(leads("b", POD))
        await c.settle()
        assert await ask(VIPS["a"]) == POD
        assert len(told(c)) == 2


async def test_a_port_that_is_bound_elsewhere_is_known_where_it_is_bound() -> None:
    """Without the privilege for port 80, 10080 is the Service's own."""
    network = LoopbackNetwork("127.245.0.0/16", (), LowPorts(1024, has_capability=False))
    objects = (named("a", port=80), leads("a", VIPS["a"], port=10080))
    async with cluster(build_node("n1", NODE), *objects, network=network) as c:
        with pytest.raises(ConnectionResetError):
            await ask(VIPS["a"], 10080)
        assert c.plane.counters.errors["proxy_loop"] >= 1
        assert [each for each, _ in told(c)] == ["a"]


async def test_a_port_of_that_number_that_is_nobodys_is_dialled() -> None:
    network = LoopbackNetwork("127.245.0.0/16", (), LowPorts(1024, has_capability=False))
    objects = (named("a", port=80), leads("a", POD, port=10080))
    async with (
        naming_endpoints(POD, port=10080),
        cluster(build_node("n1", NODE), *objects, network=network),
    ):
        assert await ask(VIPS["a"], 10080) == POD
        assert await is_refused(VIPS["b"], 10080)
