"""test/e2e/network/networking.go, "Networking": a server pod on each node, Services of them, and who reaches whom.

From a pod, from a node and from the server pods themselves; at the cluster IP and at every node; by HTTP and by UDP.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest
from tests.helpers.cluster.cli import eventually
from tests.helpers.cluster.ground import Ground
from tests.helpers.e2e.client import CONNECTED, OUTSIDE, Client, Place, Protocol, dial, is_down, reaches
from tests.helpers.e2e.cluster import (
    HTTP_PORT,
    SERVICE_HTTP_PORT,
    SERVICE_UDP_PORT,
    UDP_PORT,
    E2ECluster,
    Namespace,
    Service,
    agnhost,
    is_ready,
    pod,
)

GROUND = Ground(19)
ZONES = ("", "", "")

LARGE = "42" * 1000
"""2000 bytes, more than one packet of a usual network."""
DIALS = 39
"""Upstream's tries for three endpoints: one of them is missed by chance in 1 of 2.5 million."""
AFFINE_REQUESTS = 34
"""Upstream's tries; that three endpoints give one answer so often by chance has odds of 1 in 3**33."""


class Network:
    """Upstream's NetworkingTestConfig: server pods, a NodePort Service of them, an affine one, and clients."""

    def __init__(self, namespace: Namespace, **spec: Any) -> None:
        self.namespace = namespace
        self.servers = namespace.servers(*namespace.cluster.nodes, **spec)
        self.service = self.node_port_service("node-port-service")

    def node_port_service(self, name: str, **spec: Any) -> Service:
        """Create a NodePort Service of the server pods, for HTTP and UDP, and wait until it is served."""
        ports = [
            {"name": "http", "port": SERVICE_HTTP_PORT, "targetPort": HTTP_PORT},
            {"name": "udp", "port": SERVICE_UDP_PORT, "protocol": "UDP", "targetPort": UDP_PORT},
        ]
        service = self.namespace.service(name, type="NodePort", ports=ports, **spec)
        client = self.namespace.cluster.node_client(1)
        assert eventually(lambda: client.knock(service.at_cluster_ip()) == CONNECTED)
        return service

    def places(self, protocol: Protocol, service: Service | None = None) -> list[Place]:
        """Return where a Service answers: its cluster IP, and its node port at every node."""
        service = service or self.service
        if protocol == "http":
            return [service.at_cluster_ip(), *service.at_nodes()]
        return [service.at_cluster_ip(SERVICE_UDP_PORT), *service.at_nodes("UDP")]

    @property
    def pod(self) -> Client:
        """A pod that is no server."""
        return self.namespace.pod_client(node=1, name="test-container-pod")

    @property
    def node(self) -> Client:
        """A host-network pod."""
        return self.namespace.cluster.node_client(1)

    def address(self, server: str) -> str:
        """Return a server pod's address."""
        address: str = self.namespace.get("Pod", server)["status"]["podIP"]
        return address

    def assert_reached(self, client: Client, protocol: Protocol, places: Iterable[Place] = ()) -> None:
        """Assert that each server answers, and nobody else, at every place."""
        for place in places or self.places(protocol):
            assert reaches(client, place, self.servers, protocol), place


def test_n05_should_check_kube_proxy_urls(cluster: E2ECluster) -> None:
    status, health = OUTSIDE.status(Place(cluster.address(0), 10256), "/healthz")
    assert status == 200
    assert "lastUpdated" in health
    status, mode = OUTSIDE.status(Place(cluster.address(0), 10249), "/proxyMode")
    assert status == 200
    assert mode


def test_n06_should_function_for_pod_service_http(namespace: Namespace) -> None:
    network = Network(namespace)
    network.assert_reached(network.pod, "http")


def test_n07_should_function_for_pod_service_udp(namespace: Namespace) -> None:
    network = Network(namespace)
    network.assert_reached(network.pod, "udp")


def test_n09_should_function_for_node_service_http(namespace: Namespace) -> None:
    network = Network(namespace)
    network.assert_reached(network.node, "http")


def test_n10_should_function_for_node_service_udp(namespace: Namespace) -> None:
    network = Network(namespace)
    network.assert_reached(network.node, "udp")


def test_n12_should_function_for_endpoint_service_http(namespace: Namespace) -> None:
    network = Network(namespace)
    assert_endpoint_reaches_all(network, "http")


def test_n13_should_function_for_endpoint_service_udp(namespace: Namespace) -> None:
    network = Network(namespace)
    assert_endpoint_reaches_all(network, "udp")


def test_n15_should_function_for_multiple_endpoint_services_with_same_selector(namespace: Namespace) -> None:
    network = Network(namespace)
    second = network.node_port_service("second-node-port-service")
    pod = network.pod
    network.assert_reached(pod, "http")
    network.assert_reached(pod, "http", network.places("http", second))
    gone = network.places("http")
    network.service.delete()
    assert all(is_down(pod, place) for place in gone)
    network.assert_reached(pod, "http", network.places("http", second))


def test_n16_should_update_endpoints_http(namespace: Namespace) -> None:
    assert_endpoints_follow_pods(Network(namespace), "http")


def test_n17_should_update_endpoints_udp(namespace: Namespace) -> None:
    assert_endpoints_follow_pods(Network(namespace), "udp")


def test_n18_should_update_nodeport_http(namespace: Namespace) -> None:
    assert_node_ports_end_with_the_service(Network(namespace), "http")


def test_n19_should_support_basic_nodeport_udp_functionality(namespace: Namespace) -> None:
    network = Network(namespace)
    network.assert_reached(network.node, "udp", network.service.at_nodes("UDP"))
    network.assert_reached(OUTSIDE, "udp", network.service.at_nodes("UDP"))


def test_n20_should_update_nodeport_udp(namespace: Namespace) -> None:
    assert_node_ports_end_with_the_service(Network(namespace), "udp")


def test_n21_should_function_for_client_ip_based_session_affinity_http(namespace: Namespace) -> None:
    assert_one_endpoint_for_a_client(Network(namespace), "http")


def test_n22_should_function_for_client_ip_based_session_affinity_udp(namespace: Namespace) -> None:
    assert_one_endpoint_for_a_client(Network(namespace), "udp")


def test_n23_should_be_able_to_handle_large_requests_http(namespace: Namespace) -> None:
    assert_large_messages_come_back(Network(namespace), "http")


def test_n24_should_be_able_to_handle_large_requests_udp(namespace: Namespace) -> None:
    assert_large_messages_come_back(Network(namespace), "udp")


@pytest.mark.parametrize("protocol", ["http", "udp"])
def test_n25_should_function_for_service_endpoints_using_hostnetwork(namespace: Namespace, protocol: Protocol) -> None:
    network = Network(namespace, hostNetwork=True)
    network.assert_reached(network.pod, protocol)
    assert_large_messages_come_back(network, protocol)


def test_n27_should_allow_creating_a_pod_with_an_sctp_hostport(namespace: Namespace) -> None:
    before = has_sctp_module()
    port = {"containerPort": 5060, "hostPort": 5060, "protocol": "SCTP"}
    [created] = namespace.run(pod("hostport", 1, "", agnhost("pause", ports=[port])))
    assert is_ready(created)
    assert created["spec"]["containers"][0]["ports"] == [port]
    assert has_sctp_module() == before


def has_sctp_module() -> bool:
    """Tell whether the kernel has loaded sctp.ko, as far as it lists its modules."""
    modules = Path("/proc/modules")
    return modules.exists() and any(line.startswith("sctp ") for line in modules.read_text().splitlines())


def assert_endpoint_reaches_all(network: Network, protocol: Protocol) -> None:
    """Assert that a server reaches each, itself included: by its address, and asked to do so itself."""
    address = network.address(network.servers[0])
    network.assert_reached(Client(address), protocol)
    for place in network.places(protocol):
        assert dial(Place(address, HTTP_PORT), place, protocol, DIALS) == set(network.servers)


def assert_endpoints_follow_pods(network: Network, protocol: Protocol) -> None:
    """Assert that a deleted server is not reached any more, and the others are."""
    client, place = network.pod, network.places(protocol)[0]
    assert reaches(client, place, network.servers, protocol)
    network.namespace.delete("Pod", network.servers.pop(0))
    assert reaches(client, place, network.servers, protocol)


def assert_node_ports_end_with_the_service(network: Network, protocol: Protocol) -> None:
    """Assert that nobody answers at the node ports of a Service that is gone."""
    places = network.places(protocol)[1:]
    network.assert_reached(network.node, protocol, places)
    network.service.delete()
    assert all(is_down(network.node, place, protocol) for place in places)


def assert_one_endpoint_for_a_client(network: Network, protocol: Protocol) -> None:
    """Assert that many requests of one client, each from another port, meet one server."""
    service = network.node_port_service("session-affinity-service", sessionAffinity="ClientIP")
    assert eventually(lambda: network.namespace.endpoints(service.name).keys() == set(network.servers))
    client, place = network.pod, network.places(protocol, service)[0]
    assert eventually(lambda: client.knock(place, protocol) == CONNECTED)
    assert len({client.hostname(place, protocol) for _ in range(AFFINE_REQUESTS)}) == 1


def assert_large_messages_come_back(network: Network, protocol: Protocol) -> None:
    """Assert that a large message comes back as it was, from every place."""
    network.assert_reached(network.node, protocol)
    for place in network.places(protocol):
        assert network.node.echo(place, LARGE, protocol) == LARGE
