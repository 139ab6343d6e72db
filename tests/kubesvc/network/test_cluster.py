"""The network of the sandboxes, as the agent gets it."""

from __future__ import annotations

from kubelet.spec.sandbox import NodeNetwork
from kubesvc.addresses.plan import AddressPlan
from kubesvc.config import ClusterConfiguration, ExternalHost, NodeConfiguration
from kubesvc.network.cluster import cluster_network


def test_the_agent_gets_each_node_with_the_way_out_of_its_pods() -> None:
    network = cluster_network(ClusterConfiguration())
    assert network.nodes == (
        NodeNetwork("node-1", ("127.168.0.101",), ("127.244.1.1",), ("127.244.1.0/24",)),
        NodeNetwork("node-2", ("127.168.0.102",), ("127.244.2.1",), ("127.244.2.0/24",)),
    )
    assert (network.pod_cidrs, network.service_cidrs) == (("127.244.0.0/16",), ("127.96.0.0/12",))
    assert (network.load_balancer_cidrs, network.is_loopback_plan) == (("127.0.113.0/24",), True)


def test_in_the_exact_plan_served_hosts_outside_are_local_to_the_agents_network() -> None:
    hosts = (ExternalHost("a.com", "10.65.40.20", page="hello"), ExternalHost("b.com", "10.65.40.21"))
    network = cluster_network(ClusterConfiguration(external_hosts=hosts, plan=AddressPlan(is_exact=True)))
    assert network.load_balancer_cidrs == ("127.0.113.0/24", "10.65.40.20/32")
    assert not network.is_loopback_plan


def test_a_dual_stack_node_has_a_way_out_of_each_family() -> None:
    node = NodeConfiguration("a", "127.168.0.7", "127.244.1.0/24", {}, "fd00:10:168::7", "fd00:10:244:1::/64")
    [found] = cluster_network(ClusterConfiguration(nodes=(node,))).nodes
    assert found.gateways == ("127.244.1.1", "fd00:10:244:1::1")
