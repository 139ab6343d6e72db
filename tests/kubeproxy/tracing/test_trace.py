from __future__ import annotations

import random
from ipaddress import ip_address, ip_network
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kubeapi.balancing import hash_on
from kubeproxy.balancers import BALANCERS, Asking
from kubeproxy.balancers.random_choice import RandomChoice
from kubeproxy.balancers.round_robin import RoundRobin
from kubeproxy.loadbalancing.cookies import session_id
from kubeproxy.loadbalancing.loadbalancer import LoadBalancer
from kubeproxy.rules import Packet, Rules, SourceFilter, Verdict, compile_rules, port_rule
from kubeproxy.rules.nodes import Node, Nodes
from kubeproxy.telemetry.counters import ProxyCounters
from kubeproxy.telemetry.outcomes import Result
from kubeproxy.tracing.trace import Trace, outcome_of, reason_of, trace_packet
from kubeproxy.types import Destination, Endpoint, Route, ServicePort, ServicePortName

NODES = Nodes(
    [
        Node("node-1", "a", ("127.170.0.101",), ("127.244.1.0/24",)),
        Node("node-2", "b", ("127.170.0.102",), ("127.244.2.0/24",)),
    ]
)
OUTSIDE, POD_1, POD_2 = "127.0.0.1", "127.244.1.9", "127.244.2.9"
CLUSTER_IP = Destination("127.96.0.20", 80, "TCP")
LOAD_BALANCER = Destination("127.0.113.1", 80, "TCP")


def node_port(node: int) -> Destination:
    return Destination(f"127.170.0.10{node}", 30080, "TCP")


def name(service: str = "web") -> ServicePortName:
    return ServicePortName("default", service, "", "TCP")


def at(node: int, number: int = 1, **fields: Any) -> Endpoint:
    zone = "ab"[node - 1]
    return Endpoint(f"127.244.{node}.{number}", 8080, node_name=f"node-{node}", zone=zone, **fields)


class Ground:
    """Rules for one Service port, and the load balancer that obeys them; ``fields`` are the Service port's."""

    def __init__(self, *endpoints: Endpoint, nodes: Nodes = NODES, **fields: Any) -> None:
        given_fields = {"cluster_ips": ("127.96.0.20",), "port": 80, "node_port": 30080, **fields}
        port = ServicePort(name(), ("2026", 1), **given_fields)
        rule = port_rule(port, tuple(sorted(endpoints, key=lambda each: each.address)), nodes)
        self.rules = compile_rules(Rules(), {name().service: (rule,)}, nodes).rules
        self.now = 100.0
        self.load_balancer = LoadBalancer("random", ProxyCounters(), clock=lambda: self.now, rng=random.Random(1))
        self.load_balancer.update(name(), rule)

    def trace(self, source: str = OUTSIDE, destination: Destination = CLUSTER_IP, request: bytes = b"") -> Trace:
        return trace_packet(self.rules, self.load_balancer, Packet(source, destination, request))


STEPS = [
    pytest.param(
        Ground(at(1), at(2)),
        OUTSIDE,
        CLUSTER_IP,
        [
            "127.0.0.1 is on no node: the packet comes from outside the cluster.",
            "127.96.0.20:80/tcp is the clusterIP of default/web.",
            "The rules of node-1 are met: a cluster IP exists on nodes only, and a client from outside is put on it.",
            "internalTrafficPolicy is Cluster: endpoints of every node count.",
        ],
        id="shell-to-cluster-ip",
    ),
    pytest.param(
        Ground(at(1), at(2), internal_traffic_policy="Local"),
        POD_2,
        CLUSTER_IP,
        [
            "127.244.2.9 is in 127.244.2.0/24, the pods of node-2.",
            "127.96.0.20:80/tcp is the clusterIP of default/web.",
            "The rules of node-2 are met: the packet starts there.",
            "internalTrafficPolicy is Local: only endpoints on node-2 count.",
        ],
        id="pod-with-internal-policy-local",
    ),
    pytest.param(
        Ground(at(1), at(2), external_traffic_policy="Local"),
        "127.170.0.102",
        node_port(2),
        [
            "127.170.0.102 is the address of node-2: the packet comes from the node itself.",
            "127.170.0.102:30080/tcp is the nodePort of default/web.",
            "The rules of node-2 are met: it has the address 127.170.0.102.",
            "externalTrafficPolicy is Local, but does not concern what comes from the node itself: "
            "endpoints of every node count.",
        ],
        id="short-circuit",
    ),
    pytest.param(
        Ground(at(1), load_balancer_ips=("127.0.113.1",), source_ranges=("10.0.0.0/8",)),
        OUTSIDE,
        LOAD_BALANCER,
        [
            "127.0.0.1 is on no node: the packet comes from outside the cluster.",
            "127.0.113.1:80/tcp is the loadBalancer of default/web.",
            "The rules of any node are met: a load balancer chooses one that has endpoints.",
            "loadBalancerSourceRanges (10.0.0.0/8) do not let 127.0.0.1 in.",
        ],
        id="source-ranges",
    ),
    pytest.param(
        Ground(at(1)),
        OUTSIDE,
        Destination("127.96.0.20", 81, "TCP"),
        [
            "127.0.0.1 is on no node: the packet comes from outside the cluster.",
            "No Service has 127.96.0.20:81/tcp.",
            "The address has other ports: 80/tcp (default/web).",
        ],
        id="no-such-port",
    ),
    pytest.param(
        Ground(at(1, zone_hints=("a",)), at(2, zone_hints=("b",))),
        POD_2,
        CLUSTER_IP,
        [
            "127.244.2.9 is in 127.244.2.0/24, the pods of node-2.",
            "127.96.0.20:80/tcp is the clusterIP of default/web.",
            "The rules of node-2 are met: the packet starts there.",
            "internalTrafficPolicy is Cluster: endpoints of every node count.",
            "Topology hints: of the endpoints those meant for the zone of node-2.",
        ],
        id="topology-hints",
    ),
    pytest.param(
        Ground(at(1, zone_hints=("a",), node_hints=("node-1",)), at(2, zone_hints=("b",))),
        POD_1,
        CLUSTER_IP,
        [
            "127.244.1.9 is in 127.244.1.0/24, the pods of node-1.",
            "127.96.0.20:80/tcp is the clusterIP of default/web.",
            "The rules of node-1 are met: the packet starts there.",
            "internalTrafficPolicy is Cluster: endpoints of every node count.",
            "Topology hints: of the endpoints those meant for the zone of node-1.",
        ],
        id="zone-hints-count-while-not-every-endpoint-has-a-node-hint",
    ),
    pytest.param(
        Ground(at(1), nodes=Nodes()),
        OUTSIDE,
        CLUSTER_IP,
        [
            "127.0.0.1 is on no node: the packet comes from outside the cluster.",
            "127.96.0.20:80/tcp is the clusterIP of default/web.",
            "There are no nodes: the rules of no node in particular are met.",
            "internalTrafficPolicy is Cluster: endpoints of every node count.",
        ],
        id="no-nodes",
    ),
]


@pytest.mark.parametrize(("ground", "source", "destination", "steps"), STEPS)
def test_a_packets_way_is_told_step_by_step(
    ground: Ground, source: str, destination: Destination, steps: list[str]
) -> None:
    assert list(ground.trace(source, destination).steps) == steps


GOING = {"is_ready": False, "is_terminating": True}
WHY_NOT = [
    pytest.param(Ground(at(1), at(1, 2, is_ready=False, is_serving=False)), OUTSIDE, "not ready", id="not-ready"),
    pytest.param(
        Ground(at(1), at(1, 2, **GOING, is_serving=False)), OUTSIDE, "terminating, and serves no more", id="gone"
    ),
    pytest.param(Ground(at(1), at(1, 2, **GOING)), OUTSIDE, "terminating, and there are ready ones", id="terminating"),
    pytest.param(
        Ground(at(1), at(2, 2), internal_traffic_policy="Local"), POD_1, "on node-2, not on node-1", id="other-node"
    ),
    pytest.param(
        Ground(at(1, zone_hints=("a",)), at(2, 2, zone_hints=("b",))), POD_1, "meant for zone b, not a", id="other-zone"
    ),
    pytest.param(
        Ground(at(1, node_hints=("node-1",)), at(2, 2, node_hints=("node-2",))),
        POD_1,
        "meant for node-2, not node-1",
        id="meant-for-another-node",
    ),
]


@pytest.mark.parametrize(("ground", "source", "why"), WHY_NOT)
def test_an_endpoint_that_cannot_be_chosen_is_told_why(ground: Ground, source: str, why: str) -> None:
    assert [each.why_not for each in ground.trace(source).candidates] == ["", why]


def test_a_pin_is_shown_with_the_time_that_is_left() -> None:
    ground = Ground(at(1), at(2), affinity_seconds=600)
    first = ground.trace().balancing
    assert first == "random: each connection gets one of 2 with the same chance and pinned to it for 600 s."
    route = ground.rules.decide(OUTSIDE, CLUSTER_IP).route
    assert route is not None
    choice = ground.load_balancer.next_endpoint(route, Asking(OUTSIDE, CLUSTER_IP))
    assert choice is not None
    ground.now += 60
    trace = ground.trace()
    address = choice.endpoint.address
    assert trace.balancing == f"Session affinity: 127.0.0.1 is pinned to {address}, 540 s left."
    assert trace.chosen == address


def test_endpoints_of_weight_0_get_nothing_new_and_all_of_them_are_as_none() -> None:
    trace = Ground(at(1), at(2, weight=0)).trace()
    assert [each.why_not for each in trace.candidates] == ["", "weight 0: gets nothing new"]
    assert trace.balancing == "random: each connection gets one of 1 with the same chance."
    trace = Ground(at(1, weight=0), at(2, weight=0)).trace()
    assert [each.why_not for each in trace.candidates] == ["weight 0: gets nothing new"] * 2
    assert trace.decision.verdict is Verdict.REJECT
    assert reason_of(trace.decision) == "all endpoints of default/web that serve have the weight 0"


def test_a_client_that_an_algorithm_gives_no_endpoint_is_told_so() -> None:
    ground = Ground(at(1), at(2, weight=0), balancer="sh", affinity_seconds=60)
    route = Route(name(), "node-1", is_local=False)
    refused, served = "127.0.0.1", "127.0.0.5"
    assert ground.load_balancer.next_endpoint(route, Asking(refused, CLUSTER_IP)) is None
    trace = ground.trace(refused)
    assert trace.balancing == (
        "sh: each connection gets the one of 1 that its client's address hashes to, none at weight 0; "
        "this connection gets none."
    )
    assert trace.is_refused
    assert not trace.chosen
    assert not ground.trace(served).is_refused


def test_what_is_hashed_of_requests_is_said_with_what_becomes_of_those_without_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    class Hashing(RoundRobin):
        name = "hashing"
        options = (hash_on(),)

    monkeypatch.setitem(BALANCERS, Hashing.name, Hashing)
    asked: dict[str, Any] = {"balancer": Hashing.name, "balancer_options": '{"hash_on": "header:X-User"}'}
    ground = Ground(at(1), is_http=True, **asked)
    said = "hashing: each request is hashed by its header X-User; one without it "
    assert ground.trace().balancing == f"{said}is hashed by its source; no request has come on this route yet."
    route = ground.rules.decide(OUTSIDE, CLUSTER_IP).route
    assert route is not None
    ground.load_balancer.next_endpoint(route, Asking(OUTSIDE, CLUSTER_IP))
    assert (ground.trace().balancing, ground.trace().chosen) == (f"{said}gets 127.244.1.1:8080.", "")
    for head, how in (
        (b"X-User: ada\r\n", " header X-User 'ada' is hashed, the next request gets 127.244.1.1:8080."),
        (b"", " without header X-User the source is hashed, the next request gets 127.244.1.1:8080."),
    ):
        trace = ground.trace(request=b"GET / HTTP/1.1\r\nHost: a\r\n" + head + b"\r\n")
        assert (trace.balancing, trace.chosen) == (f"hashing:{how}", "127.244.1.1:8080")
    plain = Ground(at(1), **asked)
    plain.load_balancer.next_endpoint(route, Asking(OUTSIDE, CLUSTER_IP))
    assert plain.trace().chosen == "127.244.1.1:8080"


def test_a_choice_by_the_clients_port_is_not_foretold() -> None:
    ground = Ground(at(1), at(2), balancer="ring_hash", balancer_options='{"hash_on": "source_port"}')
    route = ground.rules.decide(OUTSIDE, CLUSTER_IP).route
    assert route is not None
    ground.load_balancer.next_endpoint(route, Asking(OUTSIDE, CLUSTER_IP, 40000))
    trace = ground.trace()
    assert trace.balancing.startswith("ring_hash: each connection gets the one of 2 ")
    assert trace.chosen == ""


def test_a_cookie_goes_before_everything_else_and_nobody_knows_it() -> None:
    trace = Ground(at(1), at(2), is_http=True, affinity_cookie="id").trace()
    assert trace.balancing == (
        "A request with the cookie id of an endpoint gets that one. Without it: "
        "random: each request gets one of 2 with the same chance."
    )
    assert trace.chosen == ""


@pytest.mark.parametrize(
    ("cookie", "how", "chosen"),
    [
        (session_id(name(), "127.244.2.1:8080"), "The cookie id is that of 127.244.2.1:8080.", "127.244.2.1:8080"),
        ("x", "The cookie id is of no endpoint that is there. random: each request gets one of 2 with the sa", ""),
        ("", "The cookie id does not come. random: each request gets one of 2 with the same chance.", ""),
    ],
)
def test_a_request_is_traced_with_its_cookie(cookie: str, how: str, chosen: str) -> None:
    ground = Ground(at(1), at(2), is_http=True, affinity_cookie="id")
    trace = ground.trace(request=f"GET / HTTP/1.1\r\nHost: a\r\nCookie: a=b; id={cookie}\r\n\r\n".encode())
    assert trace.balancing.startswith(how)
    assert trace.chosen == chosen


def test_a_rotation_is_looked_at_and_stays_where_it_is() -> None:
    ground = Ground(at(1), at(2), balancer="round_robin")
    assert ground.trace().balancing == (
        "round_robin: each connection gets the next of 2 in turn; no connection has come on this route yet."
    )
    route = ground.rules.decide(OUTSIDE, CLUSTER_IP).route
    assert route is not None
    for _ in range(5):
        taken = ground.load_balancer.next_endpoint(route, Asking(OUTSIDE, CLUSTER_IP))
        foretold = {ground.trace().chosen for _ in range(3)}
        following = ground.load_balancer.next_endpoint(route, Asking(OUTSIDE, CLUSTER_IP))
        assert taken is not None
        assert following is not None
        assert foretold == {following.endpoint.address} != {taken.endpoint.address}


def test_what_load_and_chance_decide_is_not_foretold_and_a_used_route_is_not_called_unused(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    class LoadAndChance(RandomChoice):
        name = "load_and_chance"
        shares_counts = True

    monkeypatch.setitem(BALANCERS, LoadAndChance.name, LoadAndChance)
    ground = Ground(at(1), at(2), balancer=LoadAndChance.name)
    said = "load_and_chance: each connection gets one of 2 with the same chance"
    assert ground.trace().balancing == f"{said}; no connection has come on this route yet."
    route = ground.rules.decide(OUTSIDE, CLUSTER_IP).route
    assert route is not None
    ground.load_balancer.next_endpoint(route, Asking(OUTSIDE, CLUSTER_IP))
    assert (ground.trace().balancing, ground.trace().chosen) == (f"{said}.", "")


def test_a_trace_tells_what_outlier_detection_leaves_out() -> None:
    options = '{"outlier_detection": true, "always_eject_one_host": true}'
    ground = Ground(at(1), at(2), balancer="round_robin", balancer_options=options)
    route = ground.rules.decide(OUTSIDE, CLUSTER_IP).route
    assert route is not None
    ground.load_balancer.next_endpoint(route, Asking(OUTSIDE, CLUSTER_IP))
    balancer = ground.load_balancer.balancer(route)
    failing = balancer.upcoming(Asking(OUTSIDE, CLUSTER_IP)) if balancer else None
    assert failing is not None
    for _ in range(5):
        failing.counters.completed(Result.SERVER_ERROR)
    trace = ground.trace()
    assert trace.chosen in {at(1).address, at(2).address} - {failing.address}
    assert trace.balancing == (
        f"round_robin: the next connection gets {trace.chosen}; outlier detection leaves out {failing.address}."
    )


@pytest.mark.parametrize(
    ("verdict", "protocol", "expected"),
    [
        pytest.param(Verdict.REJECT, "TCP", "The client is refused at once (ECONNREFUSED).", id="reject"),
        pytest.param(Verdict.REJECT, "UDP", "The client is refused on its next call (ECONNREFUSED).", id="reject-udp"),
        pytest.param(Verdict.DROP, "TCP", "The client hears nothing, until it gives up (time-out).", id="drop"),
        pytest.param(Verdict.FORWARD, "TCP", "The connection is made.", id="forward"),
        pytest.param(Verdict.FORWARD, "UDP", "The datagram is delivered.", id="forward-udp"),
    ],
)
def test_a_verdict_is_said_as_the_client_sees_it(verdict: Verdict, protocol: str, expected: str) -> None:
    assert outcome_of(verdict, protocol) == expected


def is_heard(source_filter: SourceFilter | None, source: str) -> bool:
    """What the packet filter of a listening socket does, in the words of its definition."""
    if source_filter is None:
        return True
    address = ip_address(source)
    if source_filter.ranges and not any(address in ip_network(each, strict=False) for each in source_filter.ranges):
        return False
    homes = (heard for cidr, heard in source_filter.homes if address in ip_network(cidr, strict=False))
    return next(homes, source_filter.is_outside_accepted)


def what_listeners_do(rules: Rules, packet: Packet) -> tuple[str, Route | None]:
    """Decide as the sockets do: nothing listens, the filter swallows it, no route, or a route."""
    listener = rules.listener(packet.destination)
    if listener is None or not listener.has_endpoints:
        return "REJECT", None
    route = rules.decide(packet.source, packet.destination).route
    if not is_heard(listener.source_filter, packet.source) or route is None:
        return "DROP", None
    return "FORWARD", route


POLICIES = st.sampled_from(["Cluster", "Local"])
HINTS = st.sampled_from([(), ("a",), ("b",)])
ENDPOINTS = st.lists(
    st.builds(
        Endpoint,
        ip=st.integers(1, 6).map(lambda number: f"127.244.{number % 2 + 1}.{number}"),
        port=st.just(8080),
        is_ready=st.booleans(),
        is_serving=st.booleans(),
        is_terminating=st.booleans(),
        node_name=st.sampled_from(["node-1", "node-2", ""]),
        zone_hints=HINTS,
        node_hints=st.sampled_from([(), ("node-1",), ("node-2",)]),
        weight=st.sampled_from([1, 3, 0]),
    ),
    max_size=5,
    unique_by=lambda each: each.address,
)
SOURCES = st.sampled_from([OUTSIDE, POD_1, POD_2, "127.170.0.101", "127.170.0.102", "10.0.0.9", "127.0.113.1"])
DESTINATIONS = st.sampled_from(
    [
        CLUSTER_IP,
        LOAD_BALANCER,
        node_port(1),
        node_port(2),
        Destination("127.0.0.1", 30080, "TCP"),
        Destination("10.9.9.9", 80, "TCP"),
        Destination("127.96.0.20", 81, "TCP"),
    ]
)


@given(
    endpoints=ENDPOINTS,
    internal=POLICIES,
    external=POLICIES,
    ranges=st.sampled_from([(), ("10.0.0.0/8",), ("127.244.1.0/24", "127.170.0.101/32")]),
    affinity=st.sampled_from([0, 60]),
    balancer=st.sampled_from(sorted(BALANCERS)),
    has_nodes=st.booleans(),
    source=SOURCES,
    destination=DESTINATIONS,
)
def test_a_trace_never_disagrees_with_the_listeners(
    endpoints: list[Endpoint],
    internal: str,
    external: str,
    ranges: tuple[str, ...],
    affinity: int,
    balancer: str,
    has_nodes: bool,
    source: str,
    destination: Destination,
) -> None:
    ground = Ground(
        *endpoints,
        nodes=NODES if has_nodes else Nodes(),
        internal_traffic_policy=internal,
        external_traffic_policy=external,
        load_balancer_ips=("127.0.113.1",),
        external_ips=("10.9.9.9",),
        source_ranges=ranges,
        affinity_seconds=affinity,
        balancer=balancer,
    )
    for _ in range(3):
        trace = ground.trace(source, destination)
        seen, route = what_listeners_do(ground.rules, Packet(source, destination))
        assert trace.decision.verdict == seen
        assert trace.decision.route == route
        eligible = {each.endpoint.address for each in trace.candidates if not each.why_not}
        if route is None:
            assert not eligible
            continue
        was_unused = ground.load_balancer.is_unused(route)
        choice = ground.load_balancer.next_endpoint(route, Asking(source, destination))
        if choice is None:
            # Hashed to an endpoint of weight 0.
            assert BALANCERS[balancer].name in ("dh", "sh")
            assert trace.is_refused or was_unused
            assert not trace.chosen
            continue
        assert not trace.is_refused
        assert choice.endpoint.address in eligible
        assert trace.chosen in ("", choice.endpoint.address)
        assert choice.is_pinned == trace.balancing.startswith("Session affinity")
