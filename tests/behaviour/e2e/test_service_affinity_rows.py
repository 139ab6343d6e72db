"""test/e2e/network/service.go, "Services": session affinity, and Services that outlive the proxy.

Upstream waits for a time-out of two minutes; here it is two seconds, and instead of asking one client until it gets
another pod, many clients ask once.
"""

from __future__ import annotations

import time
from typing import Any

from tests.helpers.cluster.cli import eventually
from tests.helpers.cluster.ground import Ground
from tests.helpers.e2e.client import Client, Place, reaches
from tests.helpers.e2e.cluster import Namespace, Service

GROUND = Ground(17)
ZONES = ("", "", "")

REQUESTS = 15
"""As many in a row must come from one pod, or with three pods (2 chances in 3**14) must not."""
AFFINITY_SECONDS = 2
CLIENTS = 20


def test_s24_should_have_session_affinity_work_for_service_with_type_clusterip(namespace: Namespace) -> None:
    service = affine_service(namespace)
    assert_sticky(namespace.pod_client(node=1), service.at_cluster_ip())


def test_s25_should_have_session_affinity_timeout_work_for_service_with_type_clusterip(namespace: Namespace) -> None:
    service = affine_service(namespace, AFFINITY_SECONDS)
    assert_sticky_until_the_timeout(service.at_cluster_ip())


def test_s26_should_be_able_to_switch_session_affinity_for_service_with_type_clusterip(namespace: Namespace) -> None:
    service = affine_service(namespace)
    assert_switchable(service, namespace.pod_client(node=1), service.at_cluster_ip())


def test_s27_should_have_session_affinity_work_for_nodeport_service(namespace: Namespace) -> None:
    service = affine_service(namespace, type="NodePort")
    client = namespace.pod_client(node=1)
    for place in service.at_nodes():
        assert_sticky(client, place)


def test_s28_should_have_session_affinity_timeout_work_for_nodeport_service(namespace: Namespace) -> None:
    service = affine_service(namespace, AFFINITY_SECONDS, type="NodePort")
    assert_sticky_until_the_timeout(service.at_node(1))


def test_s29_should_be_able_to_switch_session_affinity_for_nodeport_service(namespace: Namespace) -> None:
    service = affine_service(namespace, type="NodePort")
    assert_switchable(service, namespace.pod_client(node=1), service.at_node(1))


def test_s09_should_work_after_restarting_kube_proxy(namespace: Namespace) -> None:
    pods = {app: namespace.servers(1, 2, 3, app=app) for app in ("restart-proxy-1", "restart-proxy-2")}
    services = [namespace.service(app, app) for app in pods]
    client = namespace.cluster.node_client(1)
    places = {each.name: each.at_cluster_ip() for each in services}
    assert all(reaches(client, places[app], pods[app]) for app in pods)
    commands = namespace.cluster.commands
    assert commands.down().returncode == 0
    assert commands.up().returncode == 0
    namespace.cluster.reconnect()
    assert {each.name: each.at_cluster_ip() for each in services} == places
    assert all(reaches(client, places[app], pods[app]) for app in pods)


def affine_service(namespace: Namespace, seconds: int = 0, **spec: Any) -> Service:
    """Return a Service with session affinity whose three pods are ready."""
    config: dict[str, Any] = {"sessionAffinityConfig": {"clientIP": {"timeoutSeconds": seconds}}} if seconds else {}
    pods = namespace.servers(1, 2, 3)
    service = namespace.service("affinity", sessionAffinity="ClientIP", **config, **spec)
    assert eventually(lambda: namespace.endpoints("affinity").keys() == set(pods))
    return service


def seen(client: Client, place: Place) -> set[str]:
    """Return who answers the requests of one client."""
    return {client.get(place) for _ in range(REQUESTS)}


def assert_sticky(client: Client, place: Place) -> None:
    """Assert that one client meets one pod, once the Service is there."""
    assert eventually(lambda: client.knock(place) == "CONNECTED")
    assert eventually(lambda: len(seen(client, place)) == 1)
    assert len(seen(client, place)) == 1


def assert_switchable(service: Service, client: Client, place: Place) -> None:
    """Assert that one client meets one pod, without affinity several, and then one again."""
    assert_sticky(client, place)
    service.patch(sessionAffinity="None")
    assert eventually(lambda: len(seen(client, place)) > 1)
    service.patch(sessionAffinity="ClientIP")
    assert_sticky(client, place)


def assert_sticky_until_the_timeout(place: Place) -> None:
    """Assert that clients keep their pods while they come back in time, and lose them when they do not."""
    clients = [Client(f"127.0.1.{number}") for number in range(1, CLIENTS + 1)]
    assert eventually(lambda: clients[0].knock(place) == "CONNECTED")
    first, asked = {}, {}
    for client in clients:
        first[client], asked[client] = client.get(place), time.monotonic()
    assert len(set(first.values())) > 1
    for client in clients:
        again, now = client.get(place), time.monotonic()
        # A machine that stood still meanwhile proves nothing.
        assert again == first[client] or now - asked[client] >= AFFINITY_SECONDS
        first[client] = again
    time.sleep(AFFINITY_SECONDS + 0.2)
    assert {client: client.get(place) for client in clients} != first
