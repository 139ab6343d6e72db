"""healthCheckNodePort: what a load balancer hears of each node.

IP plan: nodes n1 127.97.161.1 and n2 127.97.161.2, cluster IP 127.97.160.1, endpoints 127.246.3.1 and .2, port 21050.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
from typing import Any

from tests.helpers.kubeproxy.cluster import Cluster, cluster, is_refused, service, slice_of
from tests.helpers.objects import build_endpoint, build_node
from tests.helpers.patience import PATIENCE

from kubeapi.meta import JSON

NODE_1, NODE_2, A, B = "127.97.161.1", "127.97.161.2", "127.246.3.1", "127.246.3.2"
NODES = (build_node("n1", NODE_1), build_node("n2", NODE_2))


def web(**spec: Any) -> JSON:
    """A LoadBalancer Service with the policy Local."""
    wanted: dict[str, Any] = {"type": "LoadBalancer", "externalTrafficPolicy": "Local", "healthCheckNodePort": 21050}
    return service(cluster_ip="127.97.160.1", **(wanted | spec))


def on(node_name: str, address: str, **conditions: bool) -> JSON:
    """An endpoint on a node."""
    return {**build_endpoint(address, **conditions), "nodeName": node_name}


async def probe(address: str, path: str = "/") -> tuple[int, dict[str, str], str]:
    """GET: status, headers, body."""
    async with asyncio.timeout(PATIENCE):
        reader, writer = await asyncio.open_connection(address, 21050)
        writer.write(f"GET {path} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
        head, _, body = (await reader.read()).decode().partition("\r\n\r\n")
        writer.close()
        await writer.wait_closed()
    first, *lines = head.split("\r\n")
    return int(first.split()[1]), dict(line.split(": ", 1) for line in lines), body


async def counts(c: Cluster) -> list[tuple[int, int]]:
    """Status and local endpoints of both nodes."""
    await c.settle()
    answers = [await probe(each) for each in (NODE_1, NODE_2)]
    return [(status, json.loads(body)["localEndpoints"]) for status, _, body in answers]


async def test_a_node_is_healthy_while_it_has_a_ready_endpoint_of_its_own() -> None:
    async with cluster(*NODES, web(), slice_of("web", [on("n1", A)])) as c:
        assert await counts(c) == [(200, 1), (503, 0)]
        c.put(slice_of("web", [on("n1", A), on("n2", B)]))
        assert await counts(c) == [(200, 1), (200, 1)]
        c.put(slice_of("web", [on("n1", A, ready=False, serving=True, terminating=True), on("n2", B)]))
        assert await counts(c) == [(503, 0), (200, 1)]


async def test_a_pod_of_a_dual_stack_service_counts_once() -> None:
    both = [
        slice_of(
            "web", [{**on("n1", address), "targetRef": {"kind": "Pod", "name": "a"}}], name=family, addressType=family
        )
        for family, address in (("IPv4", A), ("IPv6", "fd00:246:3::1"))
    ]
    async with cluster(*NODES, web(clusterIPs=["127.97.160.1", "fd00:97:160::1"]), *both) as c:
        assert await counts(c) == [(200, 1), (503, 0)]


async def test_the_answer_is_kube_proxys_to_the_letter_at_any_path() -> None:
    async with cluster(*NODES, web(), slice_of("web", [on("n1", A), on("n1", B)])):
        status, headers, body = await probe("127.0.0.1", "/any/path?x")
        assert (status, headers["X-Load-Balancing-Endpoint-Weight"]) == (200, "2")
        assert (headers["Content-Type"], headers["X-Content-Type-Options"]) == ("application/json", "nosniff")
        assert body == (
            '{\n\t"service": {\n\t\t"namespace": "default",\n\t\t"name": "web"\n\t},\n'
            '\t"localEndpoints": 2,\n\t"serviceProxyHealthy": true\n}'
        )


async def test_the_port_is_closed_when_the_service_needs_it_no_longer() -> None:
    async with cluster(*NODES, web(), slice_of("web", [on("n1", A)])) as c:
        assert (await probe(NODE_1))[0] == 200
        c.put(web(externalTrafficPolicy="Cluster", healthCheckNodePort=0))
        await c.settle()
        assert await is_refused(NODE_1, 21050)


async def test_a_port_that_is_taken_is_told_in_an_event_and_harms_no_other_node() -> None:
    with contextlib.closing(socket.create_server((NODE_1, 21050))):
        async with cluster(*NODES, web(), slice_of("web", [on("n2", B)])) as c:
            (event,) = [each for each in c.events if each.reason == "FailedToStartServiceHealthcheck"]
            assert event.message.startswith('node n1 failed to start healthcheck "default/web" on port 21050: ')
            assert (await probe(NODE_2))[0] == 200
