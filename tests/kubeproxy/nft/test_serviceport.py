"""The tables say what the rules decide: packets are sent through both, and must end alike."""

from __future__ import annotations

from itertools import product
from typing import Any

import pytest
from tests.helpers.kubeproxy.ruletrace import Packet, Table, Way

from kubehost.addresses import LOCALHOST
from kubeproxy.nft.naming import affinity_set, service_chain
from kubeproxy.nft.serviceport import service_part
from kubeproxy.nft.skeleton import skeleton
from kubeproxy.rules import Rules, compile_rules, port_rule
from kubeproxy.rules.nodes import Node, Nodes
from kubeproxy.types import Destination, Endpoint, Route, ServicePort, ServicePortName

NAME, OTHER = ServicePortName("default", "web", "http", "TCP"), ServicePortName("default", "other", "", "TCP")
NODE_1, NODE_2 = "192.168.0.101", "192.168.0.102"
GATEWAY_1, GATEWAY_2 = "10.244.1.1", "10.244.2.1"
NODES = Nodes([Node("node-1", "a", (NODE_1,), ("10.244.1.0/24",)), Node("node-2", "b", (NODE_2,), ("10.244.2.0/24",))])
POD_1, POD_2, OUTSIDE = "10.244.1.9", "10.244.2.9", "172.16.0.1"
CLUSTER_IP, EXTERNAL, BALANCER = "10.96.0.20", "198.51.100.7", "203.0.113.1"
ON_1 = Endpoint("10.244.1.2", 8080, node_name="node-1", zone="a")
ON_1_TOO = Endpoint("10.244.1.3", 8080, node_name="node-1", zone="a")
ON_2 = Endpoint("10.244.2.2", 8080, node_name="node-2", zone="b")
LEAVING = ON_1._replace(is_ready=False, is_terminating=True)
UNREADY = ON_2._replace(is_ready=False, is_serving=False)
HINTED = (ON_1._replace(zone_hints=("a",)), ON_2._replace(zone_hints=("b",)))

POLICIES = [
    {"internal_traffic_policy": internal, "external_traffic_policy": external}
    for internal, external in product(("Cluster", "Local"), repeat=2)
]
ENDPOINTS = {
    "none": (),
    "one": (ON_1,),
    "on-both-nodes": (ON_1, ON_1_TOO, ON_2),
    "on-the-other-node": (ON_2,),
    "leaving": (LEAVING, UNREADY),
    "hinted": HINTED,
}
MORE: dict[str, dict[str, Any]] = {
    "plain": {},
    "sticky": {"affinity_seconds": 60},
    "ranges": {"source_ranges": ("172.16.0.0/16", "10.244.2.0/24", "10.244.2.0/25")},
    "a-node-in-the-ranges": {"source_ranges": ("192.168.0.0/24",)},
}
DESTINATIONS = [
    Destination(CLUSTER_IP, 80, "TCP"),
    Destination(NODE_1, 30080, "TCP"),
    Destination(NODE_2, 30080, "TCP"),
    Destination(LOCALHOST, 30080, "TCP"),
    Destination(EXTERNAL, 80, "TCP"),
    Destination(BALANCER, 80, "TCP"),
    Destination(CLUSTER_IP, 81, "TCP"),
]
SOURCES = [POD_1, POD_2, ON_1.ip, NODE_1, NODE_2, OUTSIDE, BALANCER]
HERE = {NODE_1, NODE_2, BALANCER}


def rules_of(*endpoints: Endpoint, nodes: Nodes = NODES, **fields: Any) -> Rules:
    """Rules of one Service port at all kinds of addresses."""
    addresses = {"cluster_ips": (CLUSTER_IP,), "external_ips": (EXTERNAL,), "load_balancer_ips": (BALANCER,)}
    port = ServicePort(NAME, ("2026", 1), port=80, node_port=30080, **{**addresses, **fields})
    return compile_rules(Rules(), {NAME.service: (port_rule(port, endpoints, nodes),)}, nodes).rules


def table_of(rules: Rules, pinned: frozenset[str] = frozenset()) -> Table:
    """The table for the rules."""
    return Table([skeleton(rules.nodes, "IPv4"), *(service_part(rules, each) for each in rules.ports)], pinned)


def packet(source: str, destination: Destination) -> Packet:
    return Packet(source, destination.address, destination.port, destination.protocol, source in HERE)


@pytest.mark.parametrize("policies", POLICIES, ids=lambda each: "-".join(each.values()))
@pytest.mark.parametrize("endpoints", ENDPOINTS.values(), ids=ENDPOINTS.keys())
@pytest.mark.parametrize("more", MORE.values(), ids=MORE.keys())
def test_a_table_does_what_the_rules_decide(
    policies: dict[str, Any], endpoints: tuple[Endpoint, ...], more: dict[str, Any]
) -> None:
    rules = rules_of(*endpoints, **policies, **more)
    table = table_of(rules)
    for source, destination in product(SOURCES, DESTINATIONS):
        decision = rules.decide(source, destination)
        way = table.way(packet(source, destination))
        if decision.claim is None or destination.address == LOCALHOST:
            assert way == Way(""), "no rule concerns what no Service has, or what is left to sockets"
            continue
        wanted = frozenset(each.address for each in decision.endpoints)
        assert (way.verdict, way.endpoints) == (decision.verdict.value, wanted), f"{source} to {destination}"


@pytest.mark.parametrize(
    ("source", "destination", "seen"),
    [
        pytest.param(POD_1, DESTINATIONS[0], POD_1, id="a-pod-keeps-its-address-to-a-cluster-ip"),
        pytest.param(NODE_2, DESTINATIONS[0], GATEWAY_2, id="a-node-comes-from-its-gateway"),
        pytest.param(OUTSIDE, DESTINATIONS[0], GATEWAY_1, id="a-client-from-outside-comes-from-the-first-node"),
        pytest.param(POD_1, DESTINATIONS[2], GATEWAY_2, id="a-pod-at-a-node-port-comes-from-that-node"),
        pytest.param(OUTSIDE, DESTINATIONS[1], GATEWAY_1, id="a-client-at-a-node-port-comes-from-that-node"),
        pytest.param(POD_2, DESTINATIONS[5], GATEWAY_2, id="a-pod-at-a-load-balancer-comes-from-its-node"),
    ],
)
def test_a_server_sees_what_kube_proxy_would_show_it(source: str, destination: Destination, seen: str) -> None:
    assert table_of(rules_of(ON_2)).way(packet(source, destination)).source == seen


@pytest.mark.parametrize("destination", [*DESTINATIONS[:3], *DESTINATIONS[4:6]], ids=str)
def test_a_pod_that_reaches_itself_comes_from_its_gateway(destination: Destination) -> None:
    rules = rules_of(ON_1, external_traffic_policy="Local")
    way = table_of(rules).way(packet(ON_1.ip, destination))
    wanted = GATEWAY_2 if destination.address == NODE_2 else GATEWAY_1
    assert way.source == wanted or way.verdict == "DROP"


@pytest.mark.parametrize(
    ("source", "destination", "seen"),
    [
        pytest.param(OUTSIDE, DESTINATIONS[2], OUTSIDE, id="from-outside"),
        pytest.param(POD_1, DESTINATIONS[5], POD_1, id="from-a-pod"),
        pytest.param(NODE_2, DESTINATIONS[2], GATEWAY_2, id="but-not-from-a-node"),
    ],
)
def test_a_client_keeps_its_address_where_only_local_endpoints_serve(
    source: str, destination: Destination, seen: str
) -> None:
    rules = rules_of(ON_2, external_traffic_policy="Local")
    assert table_of(rules).way(packet(source, destination)).source == seen


def test_a_pinned_client_gets_its_endpoint() -> None:
    rules = rules_of(ON_1, ON_1_TOO, ON_2, affinity_seconds=60)
    to, client = DESTINATIONS[0], POD_1
    route = rules.decide(client, to).route
    assert route is not None
    table = table_of(rules, frozenset({affinity_set(route, ON_1_TOO)}))
    assert table.way(packet(client, to)).endpoints == {ON_1_TOO.address}


def test_pins_are_kept_for_each_node() -> None:
    rules = rules_of(ON_1, ON_2, affinity_seconds=60)
    pinned = affinity_set(Route(NAME, "node-1", False), ON_1)
    table = table_of(rules, frozenset({pinned}))
    assert table.way(packet(POD_1, DESTINATIONS[0])).endpoints == {ON_1.address}
    assert table.way(packet(POD_2, DESTINATIONS[0])).endpoints == {ON_1.address, ON_2.address}


def test_one_chain_serves_all_nodes_where_they_do_not_differ() -> None:
    part = service_part(rules_of(ON_1, ON_2), NAME)
    assert sorted(each.split("-")[0] for each in part.chains) == ["external", "service"]


def test_only_the_older_service_has_a_destination() -> None:
    older = ServicePort(OTHER, ("2025", 1), cluster_ips=(CLUSTER_IP,), port=80)
    rules = compile_rules(rules_of(ON_1), {OTHER.service: (port_rule(older, (ON_2,), NODES),)}, NODES).rules
    assert table_of(rules).way(packet(POD_1, DESTINATIONS[0])).endpoints == {ON_2.address}


def test_a_service_that_is_gone_has_nothing() -> None:
    assert service_part(Rules(), NAME) == service_part(Rules(), OTHER)
    assert not service_part(Rules(), NAME).chains


def test_a_table_without_nodes_serves_and_translates_no_source() -> None:
    rules = rules_of(ON_1, nodes=Nodes(localhost_node_ports=False))
    assert table_of(rules).way(packet(OUTSIDE, DESTINATIONS[4])) == Way("FORWARD", frozenset({ON_1.address}), OUTSIDE)


def test_the_names_of_long_services_are_cut_and_differ() -> None:
    long = ServicePortName("n" * 63, "s" * 63, "p" * 15, "TCP")
    names = {service_chain(Route(long, "n" * 200 + end, False)) for end in "ab"}
    assert len(names) == 2
    assert all(len(each) < 256 for each in names)


@pytest.mark.parametrize("node_port", [0, 30080])
def test_ipv6_services_lead_to_ipv6_endpoints(node_port: int) -> None:
    name = NAME._replace(family="IPv6")
    nodes = Nodes([Node("node-1", "", ("fd00::101",), ("fd00:10:244:1::/64",))])
    port = ServicePort(name, ("2026", 1), cluster_ips=("fd00:10:96::20",), port=80, node_port=node_port)
    endpoint = Endpoint("fd00:10:244:1::2", 8080, node_name="node-1")
    rules = compile_rules(Rules(), {name.service: (port_rule(port, (endpoint,), nodes),)}, nodes).rules
    table = Table([skeleton(nodes, "IPv6"), service_part(rules, name)])
    way = table.way(Packet("fd00:10:244:1::2", "fd00:10:96::20", 80))
    assert way == Way("FORWARD", frozenset({"fd00:10:244:1::2:8080"}), "fd00:10:244:1::1")
