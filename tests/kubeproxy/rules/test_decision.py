"""What becomes of a packet and the reasons for it, for whole rule sets of one Service port on two nodes."""

from __future__ import annotations

from typing import Any

import pytest

from kubeproxy.rules import Decision, Reason, Rules, Verdict, compile_rules, port_rule
from kubeproxy.rules.nodes import EnteredBy, Node, Nodes
from kubeproxy.types import Destination, Endpoint, Route, ServicePort, ServicePortName

NAME = ServicePortName("default", "web", "", "TCP")
NODE_1, NODE_2 = "127.170.0.101", "127.170.0.102"
NODES = Nodes(
    [
        Node("node-1", "a", (NODE_1,), ("127.244.1.0/24",)),
        Node("node-2", "b", (NODE_2,), ("127.244.2.0/24",)),
    ]
)
OUTSIDE, POD_1, POD_2 = "127.0.0.1", "127.244.1.9", "127.244.2.9"
CLUSTER_IP, LOAD_BALANCER = Destination("127.96.0.20", 80, "TCP"), Destination("127.0.113.1", 80, "TCP")
NODE_PORT_2 = Destination(NODE_2, 30080, "TCP")
ON_1 = Endpoint("127.244.1.1", 8080, node_name="node-1", zone="a")
ON_2 = Endpoint("127.244.2.1", 8080, node_name="node-2", zone="b")
UNREADY = ON_1._replace(is_ready=False, is_serving=False)
LEAVING = ON_1._replace(is_ready=False, is_terminating=True)
LOCAL = {"internal_traffic_policy": "Local", "external_traffic_policy": "Local"}
RANGES = {"source_ranges": ("10.0.0.0/8",)}


def decide(source: str, destination: Destination, *endpoints: Endpoint, **fields: Any) -> Decision:
    """Decide for a Service port with these endpoints; ``fields`` are more of its fields."""
    addresses = {"cluster_ips": ("127.96.0.20",), "load_balancer_ips": ("127.0.113.1",)}
    port = ServicePort(NAME, ("2026", 1), port=80, node_port=30080, **{**addresses, **fields})
    rule = port_rule(port, endpoints, NODES)
    return compile_rules(Rules(), {NAME.service: (rule,)}, NODES).rules.decide(source, destination)


@pytest.mark.parametrize(
    ("decision", "verdict", "reasons"),
    [
        pytest.param(
            decide(OUTSIDE, Destination("127.96.0.20", 81, "TCP"), ON_1),
            Verdict.REJECT,
            (Reason.NO_SERVICE,),
            id="no-service",
        ),
        pytest.param(
            decide(OUTSIDE, CLUSTER_IP, UNREADY),
            Verdict.REJECT,
            (Reason.POLICY_CLUSTER, Reason.NO_ENDPOINTS),
            id="no-endpoints",
        ),
        pytest.param(
            decide(OUTSIDE, LOAD_BALANCER, UNREADY, **RANGES),
            Verdict.REJECT,
            (Reason.NOT_IN_RANGES, Reason.POLICY_CLUSTER, Reason.NO_ENDPOINTS),
            id="a-refusal-comes-before-the-ranges",
        ),
        pytest.param(
            decide(OUTSIDE, LOAD_BALANCER, ON_1, **RANGES), Verdict.DROP, (Reason.NOT_IN_RANGES,), id="not-in-ranges"
        ),
        pytest.param(
            decide("10.1.2.3", LOAD_BALANCER, ON_1, **RANGES),
            Verdict.FORWARD,
            (Reason.IN_RANGES, Reason.POLICY_CLUSTER),
            id="in-ranges",
        ),
        pytest.param(
            decide(OUTSIDE, CLUSTER_IP, ON_1, **RANGES),
            Verdict.FORWARD,
            (Reason.RANGES_NOT_FOR_THIS_KIND, Reason.POLICY_CLUSTER),
            id="ranges-are-for-load-balancers",
        ),
        pytest.param(
            decide(POD_2, CLUSTER_IP, ON_1, **LOCAL),
            Verdict.DROP,
            (Reason.POLICY_LOCAL, Reason.NO_LOCAL_ENDPOINT),
            id="no-local-endpoint",
        ),
        pytest.param(
            decide(POD_2, NODE_PORT_2, ON_1, **LOCAL), Verdict.FORWARD, (Reason.POLICY_LOCAL_BYPASSED,), id="own-pod"
        ),
        pytest.param(
            decide(POD_1, CLUSTER_IP, LEAVING),
            Verdict.FORWARD,
            (Reason.POLICY_CLUSTER, Reason.TERMINATING),
            id="terminating",
        ),
        pytest.param(
            decide(POD_1, CLUSTER_IP, ON_1._replace(node_hints=("node-1",)), ON_2._replace(node_hints=("node-2",))),
            Verdict.FORWARD,
            (Reason.POLICY_CLUSTER, Reason.NODE_HINTS),
            id="node-hints",
        ),
        pytest.param(
            decide(POD_1, CLUSTER_IP, ON_1._replace(zone_hints=("a",)), ON_2._replace(zone_hints=("b",))),
            Verdict.FORWARD,
            (Reason.POLICY_CLUSTER, Reason.ZONE_HINTS),
            id="zone-hints",
        ),
    ],
)
def test_a_verdict_comes_with_its_reasons(decision: Decision, verdict: Verdict, reasons: tuple[Reason, ...]) -> None:
    assert (decision.verdict, decision.reasons) == (verdict, reasons)
    assert bool(decision.endpoints) is (decision.route is not None) is (verdict is Verdict.FORWARD)


@pytest.mark.parametrize(
    ("source", "destination", "by", "route"),
    [
        pytest.param(POD_2, CLUSTER_IP, EnteredBy.SOURCE, Route(NAME, "node-2", True), id="a-pod-of-node-2"),
        pytest.param(OUTSIDE, CLUSTER_IP, EnteredBy.CLUSTER_IP, Route(NAME, "node-1", True), id="a-shell"),
        pytest.param(OUTSIDE, NODE_PORT_2, EnteredBy.NODE_ADDRESS, Route(NAME, "node-2", True), id="at-a-node-port"),
        pytest.param(NODE_2, NODE_PORT_2, EnteredBy.NODE_ADDRESS, Route(NAME, "node-2", False), id="from-the-node"),
        pytest.param(OUTSIDE, LOAD_BALANCER, EnteredBy.LOAD_BALANCER, Route(NAME, "", True), id="at-a-load-balancer"),
        pytest.param(
            OUTSIDE,
            Destination("127.0.0.1", 30080, "TCP"),
            EnteredBy.LOCALHOST,
            Route(NAME, "node-1", False),
            id="at-localhost",
        ),
    ],
)
def test_the_route_is_that_of_the_node_where_the_packet_enters(
    source: str, destination: Destination, by: EnteredBy, route: Route
) -> None:
    decision = decide(source, destination, ON_1, ON_2, **LOCAL)
    assert decision.selection is not None
    assert (decision.selection.entry.by, decision.route) == (by, route)
