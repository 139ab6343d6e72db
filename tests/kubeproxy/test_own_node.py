"""The proxy of one node: which endpoints are local, where its node ports answer, and where packets enter."""

from __future__ import annotations

from typing import Any

import pytest
from tests.helpers.kubeproxy.cluster import service, slice_of
from tests.helpers.objects import build_endpoint, build_node

from kubeapi.meta import JSON, ObjectKey
from kubeproxy.config import PRIMARY, ProxyConfig
from kubeproxy.proxier import Proxier
from kubeproxy.rules import Decision
from kubeproxy.types import Destination

OWN, OTHER = "192.168.0.101", "192.168.0.102"
HERE, THERE = "10.244.1.2", "10.244.2.2"
OUTSIDE = "198.51.100.99"
BALANCER = "203.0.113.7"


def on(node: str, address: str) -> JSON:
    return {**build_endpoint(address), "nodeName": node}


def proxier(*, node: JSON | None = None, **config: Any) -> Proxier:
    found = Proxier(ProxyConfig(node_name="node-1", **config))
    found.nodes.update(ObjectKey("", "node-2"), build_node("node-2", OTHER, podCIDR="10.244.2.0/24"))
    if node is not None:
        found.nodes.update(ObjectKey("", "node-1"), node)
    return found


def node_1(**spec: Any) -> JSON:
    return build_node("node-1", OWN, podCIDR="10.244.1.0/24", **spec)


def serve(found: Proxier, **spec: Any) -> None:
    whole = {
        "type": "LoadBalancer",
        "ports": [{"port": 80, "nodePort": 30080}],
        "status": {"loadBalancer": {"ingress": [{"ip": BALANCER}]}},
        **spec,
    }
    found.services.update(ObjectKey("default", "web"), service("web", "10.96.0.20", **whole))
    slices = slice_of("web", [on("node-1", HERE), on("node-2", THERE)], 8080)
    found.endpoints.update(ObjectKey("default", "web-abcde"), slices)
    found.sync()


def decide(found: Proxier, source: str, address: str, port: int = 80) -> Decision:
    return found.rules.decide(source, Destination(address, port, "TCP"))


def ips(decision: Decision) -> list[str]:
    return [each.ip for each in decision.endpoints]


@pytest.mark.parametrize("is_there", [True, False], ids=["with its Node", "before its Node is known"])
def test_the_policy_local_means_endpoints_of_this_node(is_there: bool) -> None:
    found = proxier(node=node_1() if is_there else None)
    serve(found, internalTrafficPolicy="Local", externalTrafficPolicy="Local")
    assert ips(decide(found, OUTSIDE, "10.96.0.20")) == [HERE]
    assert ips(decide(found, OUTSIDE, BALANCER)) == [HERE]


def test_what_comes_to_a_load_balancers_address_has_come_to_this_node() -> None:
    found = proxier(node=node_1())
    serve(found, externalTrafficPolicy="Local")
    found.endpoints.update(ObjectKey("default", "web-abcde"), slice_of("web", [on("node-2", THERE)], 8080))
    found.sync()
    assert str(decide(found, OUTSIDE, BALANCER).verdict) == "DROP"
    assert ips(decide(found, OWN, BALANCER)) == [THERE]


@pytest.mark.parametrize(
    ("config", "addresses"),
    [
        pytest.param({"node_port_addresses": (PRIMARY,)}, {OWN, "127.0.0.1"}, id="primary"),
        pytest.param({"node_port_addresses": ("10.0.0.7",)}, {"10.0.0.7", "127.0.0.1"}, id="another one"),
        pytest.param(
            {"node_port_addresses": (PRIMARY,), "localhost_node_ports": False}, {OWN}, id="primary, not localhost"
        ),
    ],
)
def test_node_ports_answer_at_the_addresses_of_the_configuration(config: dict[str, Any], addresses: set[str]) -> None:
    found = proxier(node=node_1(), own_addresses=("127.0.0.1", OWN, "10.0.0.7"), **config)
    serve(found)
    assert {each.address for each in found.rules.claims if each.port == 30080} == addresses


def test_node_ports_follow_the_nodes_address() -> None:
    found = proxier(node=node_1(), own_addresses=(OWN, "10.0.0.7"), node_port_addresses=(PRIMARY,))
    serve(found)
    found.nodes.update(ObjectKey("", "node-1"), build_node("node-1", "10.0.0.7"))
    found.sync()
    assert {each.address for each in found.rules.claims if each.port == 30080} == {"10.0.0.7", "127.0.0.1"}


def test_a_node_without_internal_address_is_at_its_external_one() -> None:
    node = build_node("node-1")
    node["status"] = {"addresses": [{"type": "Hostname", "address": "x"}, {"type": "ExternalIP", "address": "8.8.4.4"}]}
    found = proxier(node=node, node_port_addresses=(PRIMARY,))
    serve(found)
    assert Destination("8.8.4.4", 30080, "TCP") in found.rules.claims


def test_every_address_of_the_machine_and_every_local_pod_is_on_the_node() -> None:
    found = proxier(node=node_1(), own_addresses=("10.0.0.7",), local_cidrs=("10.244.0.0/16",))
    serve(found, externalTrafficPolicy="Local")
    for source in ("10.0.0.7", OWN, "10.244.2.9"):
        assert ips(decide(found, source, BALANCER)) == [HERE, THERE], source
    assert ips(decide(found, OUTSIDE, BALANCER)) == [HERE]
