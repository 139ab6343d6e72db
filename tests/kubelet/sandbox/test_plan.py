"""The networks as the requests that make them: tests/kubelet/sandbox/test_sandboxes.py has them made."""

import pytest
from tests.helpers.kubelet.cluster import SANDBOXES

from kubehost.io.rtnetlink import TABLE_LOCAL, TABLE_MAIN
from kubehost.netlink import Message
from kubelet.sandbox import plan
from kubelet.spec.sandbox import ClusterNetwork, NodeNetwork, SandboxSpec

EXACT = ClusterNetwork(
    nodes=(NodeNetwork("node-1", ("192.168.0.101",), ("10.244.1.1",), ("10.244.1.0/24",)),),
    pod_cidrs=("10.244.0.0/16",),
    service_cidrs=("10.96.0.0/12",),
    load_balancer_cidrs=("203.0.113.0/24",),
    is_loopback_plan=False,
)
POD = SandboxSpec("uid", ("10.244.1.7",), ("10.244.1.1",), "web")
LOOPBACK_POD = SandboxSpec("uid", ("127.246.1.7",), ("127.246.1.1",), "web")


def subjects(messages: list[Message]) -> list[str]:
    return [each.subject for each in messages]


def test_all_addresses_of_a_cluster_are_local_to_it_and_those_of_no_pod_unreachable() -> None:
    assert subjects(plan.cluster_messages(EXACT)) == [
        "link 1 up",
        "address 10.244.1.1",
        "address 192.168.0.101",
        "route 10.96.0.0/12",
        "route 203.0.113.0/24",
        "route 10.244.0.0/16",
    ]


def test_what_a_node_sends_in_the_loopback_plan_comes_from_the_address_that_is_there_before_lo_is_up() -> None:
    made = subjects(plan.cluster_messages(SANDBOXES))
    assert made[:3] == [f"address {SANDBOXES.nodes[0].addresses[0]}/8", "address 127.0.0.1", "link 1 up"]


def test_a_pod_of_the_loopback_plan_has_no_more_than_one_address_of_it_on_lo() -> None:
    made = subjects(plan.pod_messages(SANDBOXES, LOOPBACK_POD, 1000, 3))
    assert made == [
        "veth eth0",
        "link 1 up",
        *("address 127.0.0.1/8 deleted", "address 127.0.0.1"),
        "address 127.246.1.7",
        "link 2 up",
        "neighbour 127.246.1.1",
        *("route 127.246.1.1", "route 127.0.0.0/8", "route 0.0.0.0/0"),
    ]


def test_a_pod_of_the_exact_plan_has_a_usual_lo_and_one_way_out() -> None:
    made = subjects(plan.pod_messages(EXACT, POD, 1000, 3))
    assert made[1:3] == ["link 1 up", "address 10.244.1.7"]
    assert made[-2:] == ["route 10.244.1.1", "route 0.0.0.0/0"]


@pytest.mark.parametrize(
    ("network", "pod", "table"),
    [
        pytest.param(SANDBOXES, LOOPBACK_POD, TABLE_LOCAL, id="before-127.0.0.0/8-itself"),
        pytest.param(EXACT, POD, TABLE_MAIN, id="as-usual"),
    ],
)
def test_a_pod_is_reached_from_its_gateway_by_a_route_of_its_own(
    network: ClusterNetwork, pod: SandboxSpec, table: int
) -> None:
    (route,) = plan.pod_routes(network, pod, 1000)
    assert (route.destination, route.source, route.table) == (pod.addresses[0], pod.gateways[0], table)


def test_settings_for_addresses_of_127_are_made_in_the_loopback_plan_alone() -> None:
    for settings in (plan.cluster_sysctls, plan.pod_sysctls):
        assert any("route_localnet" in name for name, _ in settings(SANDBOXES))
        assert not any("route_localnet" in name for name, _ in settings(EXACT))


def test_the_mac_address_has_the_ipv4_address_as_network_plugins_have_it() -> None:
    assert plan.mac_of(POD).hex(":") == "0a:58:0a:f4:01:07"
