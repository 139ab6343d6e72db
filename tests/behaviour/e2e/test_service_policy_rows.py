"""test/e2e/network/service.go, "Services": traffic policies, and endpoints that serve while they terminate."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest
from tests.helpers.cluster.cli import eventually
from tests.helpers.cluster.ground import Ground
from tests.helpers.e2e.client import OUTSIDE, REFUSED, TIMEOUT, Client, Place, reaches
from tests.helpers.e2e.cluster import Namespace, Service, netserver, patient

GROUND = Ground(18)
ZONES = ("", "")

TRIES = 5
"""Upstream's, for traffic that must come through and for traffic that must not."""


def test_s34_should_respect_internaltrafficpolicy_local_pod_to_pod(namespace: Namespace) -> None:
    service = namespace.service("svc-itp", internalTrafficPolicy="Local")
    servers = namespace.servers(1)
    near, far = (namespace.pod_client(node) for node in (1, 2))
    assert_only_for(near, far, service.at_cluster_ip(), servers[0])


def test_s35_should_respect_internaltrafficpolicy_local_pod_hostnetwork_true_to_pod(namespace: Namespace) -> None:
    service = namespace.service("svc-itp", internalTrafficPolicy="Local")
    servers = namespace.servers(1)
    near, far = (namespace.cluster.node_client(node) for node in (1, 2))
    assert_only_for(near, far, service.at_cluster_ip(), servers[0])


@pytest.mark.parametrize("is_host", [False, True], ids=["pod", "host"])
def test_s36_should_respect_internaltrafficpolicy_local_pod_and_node_to_pod_hostnetwork_true(
    namespace: Namespace, *, is_host: bool
) -> None:
    service = namespace.service("svc-itp", internalTrafficPolicy="Local")
    servers = namespace.servers(1, hostNetwork=True)
    clients = namespace.cluster.node_client if is_host else namespace.pod_client
    near, far = (clients(node) for node in (1, 2))
    assert_only_for(near, far, service.at_cluster_ip(), servers[0])


def test_s37_should_fail_health_check_node_port_if_there_are_only_terminating_endpoints(namespace: Namespace) -> None:
    service = namespace.service("svc-hc", type="LoadBalancer", externalTrafficPolicy="Local")
    [server] = namespace.run(patient(netserver("server", node=1)))
    place = service.at_node(1)
    health = Place(place.address, service.spec["healthCheckNodePort"])
    client = namespace.pod_client(node=2)
    assert reaches(client, place, {"server"})
    assert eventually(lambda: client.status(health)[0] == 200), client.status(health)
    terminate(namespace, service, server["metadata"]["name"])
    assert eventually(lambda: client.status(health)[0] == 503), client.status(health)
    assert {each.get(place) for each in (client, OUTSIDE) for _ in range(TRIES)} == {"server"}


def test_s38_should_fallback_to_terminating_endpoints_when_there_are_no_ready_endpoints_with_internaltrafficpolicy_cluster(  # noqa: E501 - upstream's name
    namespace: Namespace,
) -> None:
    service = namespace.service("svc", internalTrafficPolicy="Cluster")
    run_and_terminate(namespace, service)
    for node in (1, 2):
        assert_answered(namespace.pod_client(node), service.at_cluster_ip())


def test_s39_should_fallback_to_local_terminating_endpoints_when_there_are_no_ready_endpoints_with_internaltrafficpolicy_local(  # noqa: E501 - upstream's name
    namespace: Namespace,
) -> None:
    service = namespace.service("svc", internalTrafficPolicy="Local")
    run_and_terminate(namespace, service)
    near, far = (namespace.pod_client(node) for node in (1, 2))
    assert_only_for(near, far, service.at_cluster_ip(), "server")


def test_s40_should_fallback_to_terminating_endpoints_when_there_are_no_ready_endpoints_with_externalltrafficpolicy_cluster(  # noqa: E501 - upstream's name
    namespace: Namespace,
) -> None:
    service = namespace.service("svc", type="NodePort", externalTrafficPolicy="Cluster")
    run_and_terminate(namespace, service)
    for node in (1, 2):
        assert_answered(namespace.pod_client(node), service.at_node(1))
    assert_answered(OUTSIDE, service.at_node(2))


def test_s41_should_fallback_to_local_terminating_endpoints_when_there_are_no_ready_endpoints_with_externaltrafficpolicy_local(  # noqa: E501 - upstream's name
    namespace: Namespace,
) -> None:
    service = namespace.service("svc", type="NodePort", externalTrafficPolicy="Local")
    run_and_terminate(namespace, service)
    first, second = (namespace.pod_client(node) for node in (1, 2))
    assert_answered(first, service.at_node(1))
    assert_answered(second, service.at_node(1))
    assert_unanswered(first, service.at_node(2))
    assert_unanswered(OUTSIDE, service.at_node(2))


def run_and_terminate(namespace: Namespace, service: Service) -> None:
    """Run the pod ``server`` on node 1, and begin to delete it: it serves on."""
    namespace.run(patient(netserver("server", node=1)))
    terminate(namespace, service, "server")


def terminate(namespace: Namespace, service: Service, pod: str) -> None:
    """Begin to delete a patient pod and return when the Service has nothing but terminating endpoints."""
    namespace.delete("Pod", pod)
    assert eventually(lambda: namespace.is_terminating(service.name, is_serving=True)), namespace.conditions(
        service.name
    )


def assert_answered(client: Client, place: Place) -> None:
    """Assert that the pod ``server`` answers, each time."""
    assert reaches(client, place, {"server"})
    assert {client.get(place) for _ in range(TRIES)} == {"server"}


def assert_unanswered(client: Client, place: Place) -> None:
    """Assert that packets are dropped, not refused, once the change has arrived."""
    assert eventually(lambda: client.knock(place) != REFUSED)
    with ThreadPoolExecutor(TRIES) as pool:
        assert set(pool.map(client.knock, [place] * TRIES)) == {TIMEOUT}


def assert_only_for(near: Client, far: Client, place: Place, server: str) -> None:
    """Assert that the client near the server reaches it, and the far one nobody."""
    assert reaches(near, place, {server})
    assert {near.get(place) for _ in range(TRIES)} == {server}
    assert_unanswered(far, place)
