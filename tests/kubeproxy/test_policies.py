"""Traffic policies, source ranges and topology: whose rules a client meets, and what it then sees on real sockets.

IP plan: nodes n1 127.97.151.1 (pods 127.246.1.0/24) and n2 127.97.151.2 (pods 127.246.2.0/24), cluster IP 127.97.150.1,
load balancer 127.97.152.1, one endpoint A 127.246.1.5 on n1 and B 127.246.2.5 on n2, ports 20080 and 21040.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
import socket
from typing import Any

import pytest
from tests.helpers.kubeproxy.cluster import (
    ask,
    cluster,
    connect,
    echo,
    is_refused,
    naming_endpoints,
    service,
    serving,
    slice_of,
    until,
)
from tests.helpers.kubeproxy.http import GET, Pod, Talk
from tests.helpers.objects import build_endpoint, build_node
from tests.helpers.patience import SILENCE

from kubeapi.meta import JSON, key_of
from kubeproxy.proxier import Proxier
from kubeproxy.rules import Verdict
from kubeproxy.types import Destination

VIP, LB, NODE_1, NODE_2 = "127.97.150.1", "127.97.152.1", "127.97.151.1", "127.97.151.2"
A, B = "127.246.1.5", "127.246.2.5"
POD_1, POD_2, OUTSIDE = "127.246.1.77", "127.246.2.77", "127.0.0.1"


def web(**spec: Any) -> JSON:
    """A LoadBalancer Service at all its addresses."""
    return service(
        cluster_ip=VIP,
        type="LoadBalancer",
        ports=[{"port": 20080, "nodePort": 21040}],
        status={"loadBalancer": {"ingress": [{"ip": LB}]}},
        **spec,
    )


def nodes() -> tuple[JSON, JSON]:
    """Both nodes, in zones of their own."""
    made = []
    for number, address in enumerate((NODE_1, NODE_2), start=1):
        each = build_node(f"n{number}", address)
        each["spec"] = {"podCIDR": f"127.246.{number}.0/24"}
        each["metadata"]["labels"] = {"topology.kubernetes.io/zone": f"zone-{number}"}
        made.append(each)
    return made[0], made[1]


def on(node_name: str, address: str, **more: Any) -> JSON:
    """An endpoint on a node."""
    conditions = {key: more.pop(key) for key in ("ready", "serving", "terminating") if key in more}
    return {**build_endpoint(address, **conditions), "nodeName": node_name, **more}


BOTH = (on("n1", A), on("n2", B))


def traced(source: str, to: str, port: int, *objects: JSON) -> str:
    """What becomes of a packet: the last octets but one of the endpoints, or DROP or REJECT."""
    proxier = Proxier()
    updates = {
        "Service": proxier.services.update,
        "EndpointSlice": proxier.endpoints.update,
        "Node": proxier.nodes.update,
    }
    for each in (*nodes(), *objects):
        updates[each["kind"]](key_of(each), each)
    proxier.sync()
    decision = proxier.rules.decide(source, Destination(to, port, "TCP"))
    if decision.verdict is Verdict.FORWARD:
        return " ".join({A: "A", B: "B"}[each.ip] for each in decision.endpoints)
    return decision.verdict.value


INTERNAL, EXTERNAL = {"internalTrafficPolicy": "Local"}, {"externalTrafficPolicy": "Local"}
ONLY_1 = (on("n1", A),)
LEAVING_1 = (on("n1", A, ready=False, serving=True, terminating=True), on("n2", B))


@pytest.mark.parametrize(
    ("policy", "endpoints", "source", "to", "expected"),
    [
        pytest.param({}, BOTH, POD_1, VIP, "A B", id="cluster-policy-uses-all"),
        pytest.param(INTERNAL, BOTH, POD_1, VIP, "A", id="internal-local-pod-on-n1"),
        pytest.param(INTERNAL, BOTH, POD_2, VIP, "B", id="internal-local-pod-on-n2"),
        pytest.param(INTERNAL, BOTH, NODE_2, VIP, "B", id="internal-local-from-the-node-itself"),
        pytest.param(INTERNAL, BOTH, OUTSIDE, VIP, "A", id="internal-local-a-shell-is-on-the-first-node"),
        pytest.param(INTERNAL, ONLY_1, POD_2, VIP, "DROP", id="internal-local-nothing-here-but-elsewhere"),
        pytest.param(INTERNAL, (), POD_2, VIP, "REJECT", id="internal-local-nothing-anywhere"),
        pytest.param(INTERNAL, LEAVING_1, POD_1, VIP, "A", id="internal-local-falls-back-to-terminating"),
        pytest.param(EXTERNAL, BOTH, OUTSIDE, NODE_1, "A", id="external-local-at-n1"),
        pytest.param(EXTERNAL, BOTH, OUTSIDE, NODE_2, "B", id="external-local-at-n2"),
        pytest.param(EXTERNAL, ONLY_1, OUTSIDE, NODE_2, "DROP", id="external-local-nothing-at-n2"),
        pytest.param(EXTERNAL, ONLY_1, POD_1, NODE_2, "DROP", id="external-local-a-pod-elsewhere-is-external"),
        pytest.param(EXTERNAL, ONLY_1, POD_2, NODE_2, "A", id="external-local-the-nodes-own-pod-short-circuits"),
        pytest.param(EXTERNAL, ONLY_1, NODE_2, NODE_2, "A", id="external-local-the-node-itself-short-circuits"),
        pytest.param(EXTERNAL, ONLY_1, OUTSIDE, "127.0.0.1", "A", id="localhost-is-the-node-itself"),
        pytest.param(EXTERNAL, ONLY_1, POD_2, LB, "A", id="a-pod-reaches-the-load-balancer-by-the-short-circuit"),
        pytest.param(EXTERNAL, ONLY_1, OUTSIDE, LB, "A", id="a-load-balancer-knows-the-nodes-with-endpoints"),
        pytest.param(EXTERNAL, (), OUTSIDE, NODE_2, "REJECT", id="external-local-nothing-anywhere"),
        pytest.param(EXTERNAL, LEAVING_1, OUTSIDE, NODE_1, "A", id="external-local-falls-back-to-terminating"),
        pytest.param(EXTERNAL, LEAVING_1, OUTSIDE, LB, "B", id="a-load-balancer-prefers-ready-endpoints"),
        pytest.param(EXTERNAL, BOTH, POD_1, VIP, "A B", id="the-external-policy-is-none-of-the-cluster-ips"),
        pytest.param(INTERNAL, BOTH, OUTSIDE, NODE_1, "A B", id="the-internal-policy-is-none-of-the-node-ports"),
    ],
)
def test_a_policy_is_that_of_the_node_where_the_packet_enters(
    policy: dict[str, str], endpoints: tuple[JSON, ...], source: str, to: str, expected: str
) -> None:
    port = 21040 if to in (NODE_1, NODE_2, "127.0.0.1") else 20080
    assert traced(source, to, port, web(**policy), slice_of("web", endpoints)) == expected


@pytest.mark.parametrize(
    ("ranges", "source", "to", "expected"),
    [
        pytest.param(["127.200.0.0/16"], "127.200.3.4", LB, "A B", id="inside"),
        pytest.param([" 127.200.0.0/16 "], "127.200.3.4", LB, "A B", id="spaces-are-trimmed"),
        pytest.param(["127.200.0.0/16"], OUTSIDE, LB, "DROP", id="outside"),
        pytest.param(["127.200.0.0/16"], POD_1, LB, "DROP", id="pods-are-checked-too"),
        pytest.param(["127.200.0.0/16"], OUTSIDE, NODE_1, "A B", id="not-at-node-ports"),
        pytest.param(["127.200.0.0/16"], OUTSIDE, VIP, "A B", id="not-at-the-cluster-ip"),
        pytest.param(["127.200.0.0/16", "127.0.0.0/30"], OUTSIDE, LB, "A B", id="the-second-range"),
        pytest.param([f"{NODE_1}/32"], LB, LB, "A B", id="the-load-balancers-own-probes-of-a-node-in-range"),
        pytest.param(["127.200.0.0/16"], LB, LB, "DROP", id="its-probes-when-no-node-is-in-range"),
    ],
)
def test_source_ranges_hold_at_load_balancer_addresses_alone(
    ranges: list[str], source: str, to: str, expected: str
) -> None:
    port = 21040 if to == NODE_1 else 20080
    obj = web(loadBalancerSourceRanges=ranges)
    assert traced(source, to, port, obj, slice_of("web", BOTH)) == expected


@pytest.mark.parametrize(
    ("hints", "source", "expected"),
    [
        pytest.param(("zone-1", "zone-2"), POD_1, "A", id="the-own-zone"),
        pytest.param(("zone-1", "zone-2"), POD_2, "B", id="the-other-zone"),
        pytest.param(("zone-1", "zone-1"), POD_2, "A B", id="no-hint-for-this-zone"),
        pytest.param(("zone-1", ""), POD_1, "A B", id="an-endpoint-without-a-hint"),
    ],
)
def test_hints_are_read_by_the_node_of_the_client(hints: tuple[str, str], source: str, expected: str) -> None:
    endpoints = [
        on(f"n{number}", address, **({"hints": {"forZones": [{"name": hint}]}} if hint else {}))
        for number, address, hint in zip((1, 2), (A, B), hints, strict=True)
    ]
    assert traced(source, VIP, 20080, web(), slice_of("web", endpoints)) == expected


async def test_a_client_whose_node_has_no_endpoint_hears_nothing() -> None:
    async with naming_endpoints(A), cluster(*nodes(), web(**INTERNAL), slice_of("web", [on("n1", A)])):
        assert await ask(VIP, source=POD_1) == A
        assert is_silent(VIP, 20080, POD_2)
        assert await ask(NODE_2, 21040) == A


async def test_a_node_port_without_a_local_endpoint_hears_its_own_pods_alone() -> None:
    async with naming_endpoints(A), cluster(*nodes(), web(**EXTERNAL), slice_of("web", [on("n1", A)])):
        assert is_silent(NODE_2, 21040, OUTSIDE)
        assert is_silent(NODE_2, 21040, POD_1)
        assert [await ask(NODE_2, 21040, source) for source in (POD_2, NODE_2)] == [A, A]
        assert await ask(NODE_1, 21040) == A


async def test_who_was_dropped_is_heard_when_an_endpoint_comes_and_the_socket_stays() -> None:
    async with (
        naming_endpoints(A, B),
        cluster(*nodes(), web(**INTERNAL), slice_of("web", [on("n1", A)])) as c,
    ):
        kept = c.descriptor(VIP)
        assert is_silent(VIP, 20080, POD_2)
        c.put(slice_of("web", BOTH))
        await c.settle()
        assert await ask(VIP, source=POD_2) == B
        c.put(web())
        await c.settle()
        assert {await ask(VIP, source=POD_2) for _ in range(40)} == {A, B}
        assert c.descriptor(VIP) == kept


async def test_a_service_that_takes_a_policy_begins_to_drop_and_keeps_its_connections() -> None:
    async with (
        serving(A, 20080, echo),
        cluster(*nodes(), web(), slice_of("web", [on("n1", A)])) as c,
    ):
        with contextlib.closing(await connect(VIP)) as client:
            await until(lambda: c.plane.connections() == 1)
            c.put(web(**INTERNAL))
            await c.settle()
            assert is_silent(VIP, 20080, POD_2)
            await asyncio.get_running_loop().sock_sendall(client, b"still here")
            assert await asyncio.get_running_loop().sock_recv(client, 100) == b"still here"


async def test_only_the_source_ranges_reach_the_load_balancer() -> None:
    obj = web(loadBalancerSourceRanges=["127.200.0.0/17", "127.201.7.7/32"])
    async with naming_endpoints(A, B), cluster(*nodes(), obj, slice_of("web", BOTH)) as c:
        assert {await ask(LB, source=each) for each in ("127.200.1.1", "127.201.7.7") for _ in range(9)} <= {A, B}
        assert is_silent(LB, 20080, "127.201.7.8")
        assert is_silent(LB, 20080, "127.200.128.0")
        c.put(web())
        await c.settle()
        assert await ask(LB, source="127.201.7.8") in (A, B)


async def test_nothing_anywhere_is_refused_for_everybody() -> None:
    async with cluster(*nodes(), web(**INTERNAL), slice_of("web", [on("n1", A, ready=False, serving=False)])):
        assert await is_refused(VIP)


async def test_a_thousand_changes_in_one_turn_are_one_sync_and_the_last_wins() -> None:
    async with naming_endpoints(A, B), cluster(*nodes(), web(), slice_of("web", BOTH)) as c:
        kept, before = c.descriptor(VIP), sum(c.proxy._syncs.counters.buckets)
        for number in range(1000):
            c.put(slice_of("web", [BOTH[number % 2]]))
        await until(lambda: c.proxy.rules.decide(OUTSIDE, Destination(VIP, 20080, "TCP")).route is not None)
        await c.settle()
        assert {await ask(VIP) for _ in range(10)} == {B}
        assert sum(c.proxy._syncs.counters.buckets) - before <= 2
        assert c.descriptor(VIP) == kept


async def test_an_endpoint_that_flaps_never_costs_a_connection_to_the_one_that_stays() -> None:
    async with naming_endpoints(A, B), cluster(*nodes(), web(), slice_of("web", BOTH)) as c:
        for number in range(100):
            c.put(slice_of("web", [on("n1", A), on("n2", B, ready=bool(number % 2))]))
            assert await ask(VIP) in (A, B)
        assert not c.plane.counters.errors


async def test_a_node_that_goes_takes_its_node_port_and_nothing_else() -> None:
    first, second = nodes()
    async with naming_endpoints(A), cluster(first, second, web(), slice_of("web", [on("n1", A)])) as c:
        kept = c.descriptor(NODE_1)
        assert await ask(NODE_2, 21040) == A
        c.remove(second)
        await c.settle()
        assert await is_refused(NODE_2, 21040)
        assert await ask(NODE_1, 21040) == A
        assert c.descriptor(NODE_1) == kept


def test_what_a_packet_filter_drops_is_what_the_rules_drop() -> None:
    """For random clusters the filter's sources and the route of each connection agree."""
    rng = random.Random(11)
    for _ in range(60):
        proxier = Proxier()
        endpoints = [
            on(f"n{rng.choice((1, 2))}", f"127.246.{rng.choice((1, 2))}.{number}", ready=rng.random() < 0.7)
            for number in range(5, 5 + rng.randrange(4))
        ]
        policy = rng.choice(({}, INTERNAL, EXTERNAL, {**INTERNAL, **EXTERNAL}))
        ranges = rng.choice(([], ["127.246.1.0/24"], ["127.0.0.0/24", f"{NODE_2}/32"]))
        obj, part = web(**policy, loadBalancerSourceRanges=ranges), slice_of("web", endpoints)
        for each in nodes():
            proxier.nodes.update(key_of(each), each)
        proxier.services.update(key_of(obj), obj)
        proxier.endpoints.update(key_of(part), part)
        proxier.sync()
        for destination in proxier.rules.claims:
            listener = proxier.rules.listener(destination)
            assert listener is not None
            if not listener.has_endpoints:
                continue
            for source in (POD_1, POD_2, OUTSIDE, NODE_1, NODE_2, LB):
                route = proxier.rules.decide(source, destination).route
                source_filter = listener.source_filter
                heard = source_filter is None or is_heard(source_filter, source)
                assert heard is (route is not None), (source, destination, policy, ranges)


def is_heard(source_filter: Any, source: str) -> bool:
    """What an SourceFilter says of a source, read without BPF."""
    from ipaddress import ip_address, ip_network

    number = ip_address(source)
    if source_filter.ranges and not any(number in ip_network(each) for each in source_filter.ranges):
        return False
    verdicts = (heard for cidr, heard in source_filter.homes if number in ip_network(cidr))
    return bool(next(verdicts, source_filter.is_outside_accepted))


def is_silent(address: str, port: int, source: str) -> bool:
    """Whether a connection from ``source`` gets no answer at all; a refusal or an acceptance is one."""
    with socket.socket() as sock:
        sock.bind((source, 0))
        sock.settimeout(SILENCE)
        try:
            sock.connect((address, port))
        except TimeoutError:
            return True
        except OSError:
            return False
        return False


HTTP_PORTS = [{"port": 20080, "nodePort": 21040, "appProtocol": "http"}]


@pytest.mark.parametrize(
    ("before", "place", "source", "endpoints"),
    [
        pytest.param({"type": "NodePort"}, (NODE_1, 21040), OUTSIDE, BOTH, id="by-node-port"),
        pytest.param({"type": "NodePort"}, (VIP, 20080), NODE_1, BOTH, id="by-cluster-ip"),
        pytest.param({"type": "NodePort"}, (VIP, 20080), NODE_1, BOTH[1:], id="by-cluster-ip-with-another-nodes-pods"),
        pytest.param(
            {"type": "NodePort", "externalTrafficPolicy": "Local"}, (NODE_1, 21040), OUTSIDE, BOTH, id="already-local"
        ),
    ],
)
async def test_a_kept_http_connection_goes_on_when_type_and_policy_change(
    before: JSON, place: tuple[str, int], source: str, endpoints: tuple[JSON, ...]
) -> None:
    async with Pod(A).running(), Pod(B).running():
        first = service(cluster_ip=VIP, ports=HTTP_PORTS, **before)
        async with cluster(*nodes(), first, slice_of("web", endpoints)) as c:
            with socket.socket() as client:
                client.setblocking(False)
                client.bind((source, 0))
                await asyncio.get_running_loop().sock_connect(client, place)
                talk = Talk(client)
                await talk.send(GET)
                assert (await talk.answer()).status == 200
                c.put(
                    service(
                        cluster_ip=VIP, ports=[{"port": 20080, "appProtocol": "http"}], internalTrafficPolicy="Local"
                    )
                )
                await c.settle()
                for _ in range(3):
                    await talk.send(GET)
                    reply = await talk.answer()
                    assert (reply.status, reply.body.decode() in (A, B)) == (200, True)
                c.put(slice_of("web", []))
                await c.settle()
                await talk.send(GET)
                assert (await talk.answer()).status == 503
