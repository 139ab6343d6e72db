"""test/e2e/network/traffic_distribution.go, "Traffic Distribution": near endpoints, else far ones."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from tests.helpers.cluster.cli import eventually
from tests.helpers.cluster.ground import Ground
from tests.helpers.e2e.client import CONNECTED, Client, Place
from tests.helpers.e2e.cluster import Namespace, Service, is_ready, netserver, pause

GROUND = Ground(21)
ZONES = ("east", "east", "west", "west", "north")
"""Nodes 1 and 2, 3 and 4, 5."""

IN_A_ROW = 10
"""Good requests in a row that upstream asks for."""


def test_t01_should_route_traffic_to_an_endpoint_in_the_same_zone_when_using_preferclose(namespace: Namespace) -> None:
    assert_routed_within_zones(namespace, "PreferClose")


def test_t02_should_route_traffic_correctly_between_pods_on_multiple_nodes_when_using_preferclose(
    namespace: Namespace,
) -> None:
    assert_routed_within_zones_of_many_nodes(namespace, "PreferClose")


def test_t03_should_route_traffic_to_an_endpoint_in_the_same_zone_when_using_prefersamezone(
    namespace: Namespace,
) -> None:
    assert_routed_within_zones(namespace, "PreferSameZone")


def test_t04_should_route_traffic_correctly_between_pods_on_multiple_nodes_when_using_prefersamezone(
    namespace: Namespace,
) -> None:
    assert_routed_within_zones_of_many_nodes(namespace, "PreferSameZone")


def test_t05_should_route_traffic_to_an_endpoint_on_the_same_node_or_fall_back_to_same_zone_when_using_prefersamenode(
    namespace: Namespace,
) -> None:
    service, clients = run(namespace, "PreferSameNode", servers=(1, 2, 3), clients=(1, 2, 3, 4, 5))
    assert_only(clients[1], service.at_cluster_ip(), {"server-1"})
    assert_only(clients[2], service.at_cluster_ip(), {"server-2"})
    assert_only(clients[3], service.at_cluster_ip(), {"server-3"})
    assert_only(clients[4], service.at_cluster_ip(), {"server-3"})
    assert_only(clients[5], service.at_cluster_ip(), {"server-1", "server-2", "server-3"})


def test_t06_should_route_traffic_to_an_endpoint_on_the_same_node_when_using_prefersamenode_and_fall_back_when_the_endpoint_becomes_unavailable(  # noqa: E501 - upstream's name
    namespace: Namespace,
) -> None:
    service, clients = run(namespace, "PreferSameNode", servers=(1, 3), clients=(1, 3))
    place = service.at_cluster_ip()
    assert_only(clients[1], place, {"server-1"})
    assert_only(clients[3], place, {"server-3"})
    namespace.delete("Pod", "server-1", grace=0)
    assert_only(clients[1], place, {"server-3"})
    assert_only(clients[3], place, {"server-3"})
    assert eventually(lambda: len(namespace.items("Pod", "app=netserver")) == 1)
    namespace.run(netserver("server-1", node=1))
    assert_only(clients[1], place, {"server-1"})
    assert_only(clients[3], place, {"server-3"})


def assert_routed_within_zones(namespace: Namespace, distribution: str) -> None:
    """Assert that clients stay in their zones, three of which have a node; the one without a server goes anywhere."""
    service, clients = run(namespace, distribution, servers=(1, 3), clients=(1, 3, 5))
    assert_only(clients[1], service.at_cluster_ip(), {"server-1"})
    assert_only(clients[3], service.at_cluster_ip(), {"server-3"})
    assert_only(clients[5], service.at_cluster_ip(), {"server-1", "server-3"})


def assert_routed_within_zones_of_many_nodes(namespace: Namespace, distribution: str) -> None:
    """Assert that clients use all of their zone, not only their node, and nothing else."""
    service, clients = run(namespace, distribution, servers=(1, 2, 3), clients=(1, 2, 3, 4))
    for node in (1, 2):
        assert_only(clients[node], service.at_cluster_ip(), {"server-1", "server-2"})
    for node in (3, 4):
        assert_only(clients[node], service.at_cluster_ip(), {"server-3"})


def run(
    namespace: Namespace, distribution: str, servers: Sequence[int], clients: Sequence[int]
) -> tuple[Service, dict[int, Client]]:
    """Run a Service with a server on each of some nodes, and a client pod on each of others."""
    service = namespace.service("traffic-dist-test-service", trafficDistribution=distribution)
    namespace.run(*(netserver(f"server-{node}", node) for node in servers))
    pods = namespace.run(*(pause(f"client-{node}", node) for node in clients))
    assert all(map(is_ready, pods))
    found = {node: Client(each["status"]["podIP"]) for node, each in zip(clients, pods, strict=True)}
    wanted = {f"server-{node}" for node in servers}
    assert eventually(lambda: namespace.endpoints(service.name).keys() == wanted)
    assert eventually(lambda: next(iter(found.values())).knock(service.at_cluster_ip()) == CONNECTED)
    return service, found


def assert_only(client: Client, place: Place, wanted: Collection[str]) -> None:
    """Assert that before long a client meets all of these and, so many times in a row, nobody else."""
    assert eventually(lambda: answering(client, place) == set(wanted)), (client, wanted)


def answering(client: Client, place: Place) -> set[str]:
    """Return who answers a row of requests: of three endpoints, one is missed by chance in 1 of 100,000 rows."""
    return {client.try_hostname(place) for _ in range(3 * IN_A_ROW)}
