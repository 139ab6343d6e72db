"""The tables of one node of a real cluster: whose address endpoints see, and what kube-proxy refuses."""

from __future__ import annotations

from typing import Any

import pytest
from tests.helpers.kubeproxy.ruletrace import MASQUERADED, Packet, Table, Way
from tests.kubeproxy.nft.test_serviceport import BALANCER, CLUSTER_IP, EXTERNAL, NODE_1, ON_1, ON_2, OUTSIDE, rules_of

from kubeproxy.nft.serviceport import service_part
from kubeproxy.nft.skeleton import NodeTables, skeleton
from kubeproxy.rules.nodes import Node, Nodes

POD = "10.244.1.9"
NODES = Nodes(
    [Node("node-1", "a", (NODE_1, "10.0.0.7"), ("10.244.0.0/16",))],
    localhost_node_ports=False,
    own="node-1",
    port_addresses=(NODE_1,),
)
BOTH, HERE = frozenset({"10.244.1.2:8080", "10.244.2.2:8080"}), frozenset({"10.244.1.2:8080"})


def way(source: str, destination: str, port: int = 80, own: NodeTables | None = None, **fields: Any) -> Way:
    rules = rules_of(ON_1, ON_2, nodes=NODES, **fields)
    parts = [skeleton(NODES, "IPv4", own or NodeTables()), *(service_part(rules, each) for each in rules.ports)]
    return Table(parts).way(Packet(source, destination, port, "TCP", source in (NODE_1, "10.0.0.7")))


@pytest.mark.parametrize(
    ("source", "destination", "port", "fields", "endpoints", "seen"),
    [
        pytest.param(POD, CLUSTER_IP, 80, {}, BOTH, POD, id="a pod keeps its address"),
        pytest.param(OUTSIDE, CLUSTER_IP, 80, {}, BOTH, MASQUERADED, id="from outside the cluster's range"),
        pytest.param(NODE_1, CLUSTER_IP, 80, {}, BOTH, MASQUERADED, id="the node itself"),
        pytest.param(OUTSIDE, NODE_1, 30080, {}, BOTH, MASQUERADED, id="a node port"),
        pytest.param(
            OUTSIDE, BALANCER, 80, {"external_traffic_policy": "Local"}, HERE, OUTSIDE, id="Local keeps the client"
        ),
        pytest.param(
            POD, EXTERNAL, 80, {"external_traffic_policy": "Local"}, BOTH, POD, id="a pod's short way around Local"
        ),
        pytest.param(
            "10.0.0.7", BALANCER, 80, {"external_traffic_policy": "Local"}, BOTH, MASQUERADED, id="any address of it"
        ),
        pytest.param(POD, CLUSTER_IP, 80, {"internal_traffic_policy": "Local"}, HERE, POD, id="internal Local"),
    ],
)
def test_endpoints_see_the_client_where_kube_proxy_lets_them(
    source: str, destination: str, port: int, fields: dict[str, Any], endpoints: frozenset[str], seen: str
) -> None:
    assert way(source, destination, port, **fields) == Way("FORWARD", endpoints, seen)


def test_all_traffic_to_cluster_ips_is_masqueraded_if_that_is_wanted() -> None:
    assert way(POD, CLUSTER_IP, own=NodeTables(masquerades_all=True)) == Way("FORWARD", BOTH, MASQUERADED)


def test_a_cluster_ip_that_no_service_has_is_dropped_where_the_ranges_are_known() -> None:
    own = NodeTables(service_cidrs=("10.96.0.0/12", "fd00:10:96::/108"))
    assert way(POD, "10.111.0.1", own=own).verdict == "DROP"
    assert way(POD, CLUSTER_IP, 81, own=own).verdict == "REJECT"
    assert way(POD, CLUSTER_IP, own=own).verdict == "FORWARD"
    assert way(POD, "10.111.0.1").verdict == way(POD, "10.112.0.1", own=own).verdict == ""


def test_a_port_that_a_cluster_ip_has_not_is_refused_and_one_of_the_node_is_left_alone() -> None:
    assert way(POD, CLUSTER_IP, 81).verdict == "REJECT"
    assert way(OUTSIDE, "10.0.0.7", 30080).verdict == ""
