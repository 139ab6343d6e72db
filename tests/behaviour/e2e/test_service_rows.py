"""test/e2e/network/service.go, "Services": what a Service's addresses lead to, as its pods and its spec change."""

from __future__ import annotations

from tests.helpers.cluster.cli import eventually
from tests.helpers.cluster.ground import Ground
from tests.helpers.e2e.client import CONNECTED, OUTSIDE, REFUSED, Client, Place, becomes, dial, is_down, reaches
from tests.helpers.e2e.cluster import (
    HTTP_PORT,
    E2ECluster,
    Namespace,
    agnhost,
    assert_reachable,
    netserver,
    path_of,
    patient,
    pod,
    unready,
)

GROUND = Ground(16)
ZONES = ("", "", "")

AGAIN = 10
"""How often a client asks to see that something stays as it is."""


def test_s01_should_provide_secure_master_service(cluster: E2ECluster) -> None:
    service = cluster.api.ask("GET", path_of("Service", "default", "kubernetes"))
    assert [(each["name"], each["port"]) for each in service["spec"]["ports"]] == [("https", 443)]


def test_s02_should_serve_a_basic_endpoint_from_pods(namespace: Namespace) -> None:
    service = namespace.service("endpoint-test2", type="NodePort")
    client = namespace.pod_client(node=1)
    assert service.becomes_endpoints({})
    assert becomes(lambda: client.knock(service.at_cluster_ip()), REFUSED)
    for pods in (["pod1"], ["pod1", "pod2"]):
        namespace.run(netserver(pods[-1], node=0))
        assert service.becomes_endpoints({name: [HTTP_PORT] for name in pods})
        assert_reachable(service, client, pods)
    namespace.delete("Pod", "pod1")
    assert service.becomes_endpoints({"pod2": [HTTP_PORT]})
    assert_reachable(service, client, ["pod2"])
    namespace.delete("Pod", "pod2")
    assert service.becomes_endpoints({})
    assert becomes(lambda: client.knock(service.at_cluster_ip()), REFUSED)


def test_s03_should_serve_multiport_endpoints_from_pods(namespace: Namespace) -> None:
    ports = [{"name": "p1", "port": 8100, "targetPort": "port1"}, {"name": "p2", "port": 8101, "targetPort": "port2"}]
    service = namespace.service("multi-endpoint-test", ports=ports)
    client = namespace.pod_client(node=1)
    assert service.becomes_endpoints({})
    namespace.run(one_port("pod1", "port1", 9100), one_port("pod2", "port2", 9101))
    assert service.becomes_endpoints({"pod1": [9100], "pod2": [9101]})
    assert reaches(client, service.at_cluster_ip(8100), {"pod1"})
    assert reaches(client, service.at_cluster_ip(8101), {"pod2"})
    namespace.delete("Pod", "pod1")
    assert service.becomes_endpoints({"pod2": [9101]})
    assert becomes(lambda: client.knock(service.at_cluster_ip(8100)), REFUSED)
    assert reaches(client, service.at_cluster_ip(8101), {"pod2"})
    namespace.delete("Pod", "pod2")
    assert service.becomes_endpoints({})
    assert becomes(lambda: client.knock(service.at_cluster_ip(8101)), REFUSED)


def test_s04_should_be_updated_after_adding_or_deleting_ports(namespace: Namespace) -> None:
    first, second = (
        {"name": "p1", "port": 8100, "targetPort": "port1"},
        {"name": "p2", "port": 8101, "targetPort": 9101},
    )
    service = namespace.service("edit-port-test", ports=[first])
    client = namespace.pod_client(node=1)
    namespace.run(one_port("pod1", "port1", 9100), one_port("pod2", "port2", 9101))
    assert service.becomes_endpoints({"pod1": [9100]})
    assert reaches(client, service.at_cluster_ip(8100), {"pod1"})
    service.patch(ports=[first, {**second, "targetPort": "port2"}])
    assert service.becomes_endpoints({"pod1": [9100], "pod2": [9101]})
    assert reaches(client, service.at_cluster_ip(8101), {"pod2"})
    assert client.get(service.at_cluster_ip(8100)) == "pod1"
    service.patch(ports=[{**second, "targetPort": "port2"}])
    assert service.becomes_endpoints({"pod2": [9101]})
    assert becomes(lambda: client.knock(service.at_cluster_ip(8100)), REFUSED)
    assert client.get(service.at_cluster_ip(8101)) == "pod2"


def test_s05_should_preserve_source_pod_ip_for_traffic_thru_service_cluster_ip(namespace: Namespace) -> None:
    service = namespace.service("sourceip-test")
    servers = set(namespace.servers(2))
    for node in (1, 2):
        client = namespace.pod_client(node)
        assert reaches(client, service.at_cluster_ip(), servers)
        seen = client.get(service.at_cluster_ip(), "/clientip")
        assert seen.rpartition(":")[0] == client.source


def test_s06_should_allow_pods_to_hairpin_back_to_themselves_through_services(namespace: Namespace) -> None:
    service = namespace.service("hairpin-test", type="NodePort")
    [hairpin] = namespace.run(netserver("hairpin", node=1))
    address = hairpin["status"]["podIP"]
    assert_reachable(service, Client(address), ["hairpin"])
    for place in (service.at_cluster_ip(), *service.at_nodes()):
        assert dial(Place(address, HTTP_PORT), place) == {"hairpin"}


def test_s07_should_be_able_to_up_and_down_services(namespace: Namespace) -> None:
    pods = {app: set(namespace.servers(1, 2, 3, app=app)) for app in ("up-down-1", "up-down-2", "up-down-3")}
    clients = (namespace.pod_client(node=1), namespace.cluster.node_client(1))
    first, second = (namespace.service(app, app) for app in ("up-down-1", "up-down-2"))
    assert all(
        reaches(each, service.at_cluster_ip(), pods[service.name]) for each in clients for service in (first, second)
    )
    gone = first.at_cluster_ip()
    first.delete()
    assert all(is_down(each, gone) for each in clients)
    assert all(reaches(each, second.at_cluster_ip(), pods["up-down-2"]) for each in clients)
    third = namespace.service("up-down-3", "up-down-3")
    assert third.at_cluster_ip() != second.at_cluster_ip()
    assert all(
        reaches(each, service.at_cluster_ip(), pods[service.name]) for each in clients for service in (second, third)
    )


def test_s08_should_work_after_the_service_has_been_recreated(namespace: Namespace) -> None:
    pods = set(namespace.servers(1))
    client = namespace.pod_client(node=2)
    service = namespace.service("test-service", type="NodePort")
    assert_reachable(service, client, pods)
    old = service.at_cluster_ip()
    service.delete()
    assert is_down(client, old)
    again = namespace.service("test-service", type="NodePort")
    assert_reachable(again, client, pods)


def test_s11_should_be_able_to_create_a_functioning_nodeport_service(namespace: Namespace) -> None:
    service = namespace.service("nodeport-test", type="NodePort")
    pods = namespace.servers(1, 2)
    assert_reachable(service, namespace.pod_client(node=1), pods)
    assert_reachable(service, OUTSIDE, pods)


def test_s21_should_create_endpoints_for_unready_pods(namespace: Namespace) -> None:
    service = namespace.service("tolerate-unready", publishNotReadyAddresses=True)
    client = namespace.pod_client(node=1)
    namespace.create(unready(patient(netserver("slow-terminating-unready-pod", node=2))))
    place = service.at_cluster_ip()
    assert reaches(client, place, {"slow-terminating-unready-pod"})
    namespace.delete("Pod", "slow-terminating-unready-pod")
    assert eventually(lambda: [each["terminating"] for each in namespace.conditions(service.name)] == [True])
    assert reaches(client, place, {"slow-terminating-unready-pod"})
    service.patch(publishNotReadyAddresses=False)
    assert becomes(lambda: client.knock(place), REFUSED)
    service.patch(publishNotReadyAddresses=True)
    assert reaches(client, place, {"slow-terminating-unready-pod"})


def test_s22_should_be_able_to_connect_to_terminating_and_unready_endpoints_if_publishnotreadyaddresses_is_true(
    namespace: Namespace,
) -> None:
    service = namespace.service("unready", type="NodePort", publishNotReadyAddresses=True)
    client = namespace.pod_client(node=2)
    namespace.create(unready(patient(netserver("server", node=1))))
    places = [service.at_cluster_ip(), *service.at_nodes()]
    assert all(reaches(client, place, {"server"}) for place in places)
    namespace.delete("Pod", "server")
    assert eventually(lambda: [each["terminating"] for each in namespace.conditions(service.name)] == [True])
    assert {client.get(place) for place in places for _ in range(AGAIN)} == {"server"}


def test_s23_should_not_be_able_to_connect_to_terminating_and_unready_endpoints_if_publishnotreadyaddresses_is_false(
    namespace: Namespace,
) -> None:
    service = namespace.service("unready", type="NodePort")
    client = namespace.pod_client(node=2)
    control = namespace.service("control", type="NodePort", publishNotReadyAddresses=True)
    namespace.create(unready(patient(netserver("server", node=1))))
    assert reaches(client, control.at_cluster_ip(), {"server"})
    namespace.delete("Pod", "server")
    assert eventually(lambda: namespace.is_terminating(service.name, is_serving=False))
    assert reaches(client, control.at_cluster_ip(), {"server"})
    places = [service.at_cluster_ip(), *service.at_nodes()]
    assert {client.knock(place) for place in places} == {REFUSED}


def test_s30_should_implement_service_kubernetes_io_service_proxy_name(namespace: Namespace) -> None:
    assert_unserved_with_label(namespace, "service.kubernetes.io/service-proxy-name")


def test_s31_should_implement_service_kubernetes_io_headless(namespace: Namespace) -> None:
    assert_unserved_with_label(namespace, "service.kubernetes.io/headless")


def test_s32_should_be_rejected_when_no_endpoints_exist(namespace: Namespace) -> None:
    service = namespace.service("no-pods", type="NodePort")
    clients = (namespace.pod_client(node=1), namespace.cluster.node_client(1), OUTSIDE)
    for client in clients:
        for place in (service.at_cluster_ip(), *service.at_nodes()):
            assert client.knock(place) == REFUSED


def assert_unserved_with_label(namespace: Namespace, label: str) -> None:
    """Assert that a Service with this label is not served, and that the label can be put on and taken away."""
    pods = set(namespace.servers(1, 2, 3))
    client = namespace.pod_client(node=1)
    labelled, toggled = namespace.service("disabled", labels={label: "foo-bar"}), namespace.service("toggled")
    assert labelled.spec["clusterIP"] != "None"
    assert reaches(client, toggled.at_cluster_ip(), pods)
    assert client.knock(labelled.at_cluster_ip()) != CONNECTED
    toggled.label(label, "foo-bar")
    assert is_down(client, toggled.at_cluster_ip())
    toggled.label(label, None)
    assert reaches(client, toggled.at_cluster_ip(), pods)
    assert client.knock(labelled.at_cluster_ip()) != CONNECTED


def one_port(name: str, port: str, number: int) -> dict[str, object]:
    """Return a netexec pod with one named port."""
    container = agnhost(
        "netexec", f"--http-port={number}", "--udp-port=-1", ports=[{"name": port, "containerPort": number}]
    )
    return pod(name, 0, "netserver", container)
