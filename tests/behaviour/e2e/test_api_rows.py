"""test/e2e/network/service.go, "Services": what the API keeps, gives and takes back as Services change."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from tests.helpers.cluster.cli import eventually
from tests.helpers.cluster.ground import Ground, listening
from tests.helpers.cluster.manifests import Manifest
from tests.helpers.e2e.client import OUTSIDE, REFUSED, Place, becomes, is_down, reaches
from tests.helpers.e2e.cluster import (
    HTTP_PORT,
    SERVICE_HTTP_PORT,
    UDP_PORT,
    E2ECluster,
    Namespace,
    RefusedError,
    Service,
    agnhost,
    path_of,
    pod,
)
from tests.helpers.e2e.raw import RawAPI
from tests.helpers.kubectl.cli import kubeconfig_of
from tests.helpers.objects import build_service

GROUND = Ground(14)
ZONES = ("", "")

HTTP = {"name": "http", "port": SERVICE_HTTP_PORT, "targetPort": HTTP_PORT, "protocol": "TCP"}
UDP = {"name": "udp", "port": SERVICE_HTTP_PORT, "targetPort": UDP_PORT, "protocol": "UDP"}
MANY = 30


@pytest.fixture
def api(cluster: E2ECluster) -> RawAPI:
    return RawAPI(kubeconfig_of(cluster.commands))


def refusal(namespace: Namespace, manifest: Manifest) -> str:
    """Return why a Service is refused."""
    with pytest.raises(RefusedError) as refused:
        namespace.create(manifest)
    return str(refused.value)


def manifest(name: str, **spec: Any) -> Manifest:
    return build_service(name, **{"ports": [HTTP], **spec})


def node_ports(service: Service) -> list[int]:
    return [each.get("nodePort", 0) for each in service.spec["ports"]]


def address_of(service: Service) -> str:
    """Return the load balancer's address, "" while there is none."""
    ingresses = service.namespace.get("Service", service.name)["status"]["loadBalancer"].get("ingress") or [{}]
    return str(ingresses[0].get("ip", ""))


def test_s10_should_work_after_restarting_apiserver(namespace: Namespace) -> None:
    pods = namespace.servers(1, 2)
    first = namespace.service("before", type="LoadBalancer")
    assert eventually(lambda: address_of(first) != "")
    held, cluster_ip, balancer = node_ports(first), first.at_cluster_ip(), address_of(first)
    assert reaches(OUTSIDE, cluster_ip, pods)
    commands = namespace.cluster.commands
    assert commands.down().returncode == 0
    assert commands.up().returncode == 0
    namespace.cluster.reconnect()
    assert (node_ports(first), first.at_cluster_ip(), address_of(first)) == (held, cluster_ip, balancer)
    assert reaches(OUTSIDE, cluster_ip, pods)
    others = [namespace.service(f"after-{number}", type="NodePort") for number in range(MANY)]
    assert len({cluster_ip.address} | {each.spec["clusterIP"] for each in others}) == MANY + 1
    assert len({*held} | {number for each in others for number in node_ports(each)}) == MANY + 1
    assert "provided IP is already allocated" in refusal(namespace, manifest("thief", clusterIP=cluster_ip.address))
    late = namespace.service("late", type="LoadBalancer")
    assert eventually(lambda: address_of(late) not in {"", balancer})


def test_s12_should_be_possible_to_connect_to_a_service_via_externalip_when_the_external_ip_is_not_assigned_to_a_node(
    namespace: Namespace,
) -> None:
    pods = namespace.servers(1, 2)
    service = namespace.service("external", externalIPs=["203.0.113.250"])
    [here] = service.spec["externalIPs"]
    assert here == "127.0.113.250"
    for client in (OUTSIDE, namespace.pod_client(node=1), namespace.cluster.node_client(2)):
        assert reaches(client, Place(here, SERVICE_HTTP_PORT), pods)


def test_s13_should_be_able_to_update_service_type_to_nodeport_listening_on_same_port_number_but_different_protocols(
    namespace: Namespace,
) -> None:
    pods = namespace.servers(1, 2)
    service = namespace.service("nodeport-update", ports=[HTTP])
    assert node_ports(service) == [0]
    service.patch(type="NodePort")
    assert all(node_ports(service))
    for place in (service.at_cluster_ip(), *service.at_nodes()):
        assert reaches(OUTSIDE, place, pods)
    service.patch(type="NodePort", ports=[HTTP, UDP])
    assert all(node_ports(service))
    for place in (service.at_cluster_ip(), *service.at_nodes()):
        assert reaches(OUTSIDE, place, pods)
    for place in (service.at_cluster_ip(), *service.at_nodes("UDP")):
        assert reaches(OUTSIDE, place, pods, "udp")


def test_s14_should_be_able_to_change_the_type_from_externalname_to_clusterip(namespace: Namespace) -> None:
    pods = namespace.servers(1, 2)
    service = namespace.service("externalname", app="", type="ExternalName", externalName="foo.example.com", ports=[])
    assert "clusterIP" not in service.spec
    service.patch(type="ClusterIP", externalName=None, selector={"app": "netserver"}, ports=[HTTP])
    assert service.spec["clusterIPs"] == [service.spec["clusterIP"]]
    assert reaches(OUTSIDE, service.at_cluster_ip(), pods)
    assert service.resolve() == service.spec["clusterIP"]


def test_s15_should_be_able_to_change_the_type_from_externalname_to_nodeport(namespace: Namespace) -> None:
    pods = namespace.servers(1, 2)
    service = namespace.service("externalname", app="", type="ExternalName", externalName="foo.example.com", ports=[])
    service.patch(type="NodePort", externalName=None, selector={"app": "netserver"}, ports=[HTTP])
    for place in (service.at_cluster_ip(), *service.at_nodes()):
        assert reaches(OUTSIDE, place, pods)


def test_s16_should_be_able_to_change_the_type_from_clusterip_to_externalname(namespace: Namespace) -> None:
    pods = namespace.servers(1, 2)
    target, service = namespace.service("target"), namespace.service("changing")
    assert_becomes_external_name(service, target, pods)


def test_s17_should_be_able_to_change_the_type_from_nodeport_to_externalname(namespace: Namespace) -> None:
    pods = namespace.servers(1, 2)
    target, service = namespace.service("target"), namespace.service("changing", type="NodePort")
    held = node_ports(service)
    assert_becomes_external_name(service, target, pods)
    again = namespace.service("held", type="NodePort", ports=[{**HTTP, "nodePort": held[0]}])
    assert node_ports(again) == held


def assert_becomes_external_name(service: Service, target: Service, pods: list[str]) -> None:
    """Change the type to ExternalName: the address is cleared and free, and the name leads to ``target``."""
    namespace, before = service.namespace, service.at_cluster_ip()
    assert reaches(OUTSIDE, before, pods)
    name = f"target.{namespace.name}.svc.cluster.local"
    service.patch(type="ExternalName", externalName=name)
    assert not {"clusterIP", "clusterIPs", "ipFamilies", "ipFamilyPolicy"} & service.spec.keys()
    assert is_down(OUTSIDE, before)
    answer = sorted([f"{name}.", target.spec["clusterIP"]])
    asked = f"{service.name}.{namespace.name}.svc.cluster.local"
    assert eventually(lambda: namespace.cluster.commands.dig(asked) == answer)
    assert namespace.service("again", clusterIP=before.address).at_cluster_ip() == before


def test_s18_should_prevent_nodeport_collisions(namespace: Namespace) -> None:
    first = namespace.service("first", type="NodePort")
    [number] = node_ports(first)
    second = manifest("second", type="NodePort", ports=[{**HTTP, "nodePort": number}])
    assert re.search(f"{number}.*port is already allocated", refusal(namespace, second))
    first.delete()
    namespace.create(second)
    assert node_ports(Service(namespace, "second")) == [number]


def test_s19_should_check_nodeport_out_of_range(namespace: Namespace) -> None:
    service = namespace.service("in-range", type="NodePort")
    outside = namespace.cluster.ground.first_node_port - 1
    text = f"{outside}.*port is not in the valid range"
    with pytest.raises(RefusedError, match=text):
        service.patch(ports=[{**HTTP, "nodePort": outside}])
    service.delete()
    assert re.search(
        text, refusal(namespace, manifest("out-of-range", type="NodePort", ports=[{**HTTP, "nodePort": outside}]))
    )


def test_s20_should_release_nodeports_on_delete(namespace: Namespace) -> None:
    pods = namespace.servers(1)
    service = namespace.service("released", type="NodePort")
    [number] = node_ports(service)
    assert reaches(OUTSIDE, service.at_node(1), pods)
    assert number in {port for _, port in listening()}
    service.delete()
    assert eventually(lambda: number not in {port for _, port in listening()})
    namespace.create(manifest("released", type="NodePort", ports=[{**HTTP, "nodePort": number}]))


def test_s33_should_be_rejected_for_evicted_pods(namespace: Namespace) -> None:
    over = agnhost("pause") | {"command": ["/bin/sh", "-c", "exit 1"]}
    namespace.create(pod("evicted", 1, "evicted", over, restartPolicy="Never"))
    assert eventually(lambda: namespace.get("Pod", "evicted")["status"]["phase"] == "Failed")
    path = f"{path_of('Pod', namespace.name, 'evicted')}/status"
    patch = {"status": {"reason": "Evicted", "message": "The node was low on resource: ephemeral-storage."}}
    namespace.cluster.api.ask("PATCH", path, patch, "application/merge-patch+json")
    service = namespace.service("evicted-pods", "evicted", publishNotReadyAddresses=True)
    assert eventually(lambda: namespace.items("EndpointSlice"))
    [empty] = namespace.items("EndpointSlice")
    assert not empty.get("endpoints")
    assert eventually(lambda: namespace.items("Endpoints"))
    assert not namespace.get("Endpoints", "evicted-pods").get("subsets")
    client = namespace.pod_client(node=1)
    assert becomes(lambda: client.knock(service.at_cluster_ip()), REFUSED)


def test_s42_should_find_a_service_from_listing_all_namespaces(cluster: E2ECluster) -> None:
    listed = cluster.api.ask("GET", "/api/v1/services")["items"]
    assert ("default", "kubernetes") in [(each["metadata"]["namespace"], each["metadata"]["name"]) for each in listed]


def test_s43_should_test_the_lifecycle_of_an_endpoint(namespace: Namespace, api: RawAPI) -> None:
    path, selector = path_of("Endpoints", namespace.name), "test-endpoint-static=true"
    version = api.version(path)
    subsets = [{"addresses": [{"ip": "10.0.0.24"}], "ports": [{"name": "http", "port": 80, "protocol": "TCP"}]}]
    labels = {"test-endpoint-static": "true"}
    written = namespace.create(
        {"apiVersion": "v1", "kind": "Endpoints", "metadata": {"name": "test", "labels": labels}, "subsets": subsets}
    )
    written["metadata"]["labels"]["test-service"] = "updated"
    api.ask("PUT", f"{path}/test", written)
    patch = {"metadata": {"labels": {"test-service": "patched"}}, "subsets": [{"addresses": [{"ip": "10.0.0.25"}]}]}
    patched = api.ask("PATCH", f"{path}/test", patch, "application/strategic-merge-patch+json")
    assert patched["subsets"] == [{"addresses": [{"ip": "10.0.0.25"}]}]
    api.ask("DELETE", f"{path}?labelSelector={selector}")
    events = api.events(path, version, 4, selector)
    assert [kind for kind, _ in events] == ["ADDED", "MODIFIED", "MODIFIED", "DELETED"]
    assert [each["metadata"]["labels"].get("test-service") for _, each in events] == [
        None,
        "updated",
        "patched",
        "patched",
    ]


def test_s44_should_complete_a_service_status_lifecycle(namespace: Namespace, api: RawAPI) -> None:
    path, at = path_of("Service", namespace.name), path_of("Service", namespace.name, "status-lifecycle")
    version = api.version(path)
    namespace.create(
        manifest("status-lifecycle", type="LoadBalancer", loadBalancerClass="example.com/internal-vip")
        | {"metadata": {"name": "status-lifecycle", "labels": {"test-service-static": "true"}}}
    )
    assert api.ask("GET", f"{at}/status")["status"] == {"loadBalancer": {}}
    ingress = {"ingress": [{"ip": "203.0.113.1"}]}
    patch = {"metadata": {"annotations": {"patchedstatus": "true"}}, "status": {"loadBalancer": ingress}}
    patched = api.ask("PATCH", f"{at}/status", patch, "application/merge-patch+json")
    assert patched["status"]["loadBalancer"] == {"ingress": [{"ip": "203.0.113.1", "ipMode": "VIP"}]}
    condition = {
        "type": "StatusUpdate",
        "status": "True",
        "reason": "E2E",
        "message": "Set from e2e test",
        "lastTransitionTime": "2026-01-02T03:04:05Z",
    }
    patched["status"]["conditions"] = [condition]
    assert api.ask("PUT", f"{at}/status", patched)["status"]["conditions"] == [condition]
    labelled = {"metadata": {"labels": {"test-service": "patched"}}}
    api.ask("PATCH", at, labelled, "application/strategic-merge-patch+json")
    kept = api.ask("GET", at)["status"]
    assert (kept["conditions"], kept["loadBalancer"]) == ([condition], patched["status"]["loadBalancer"])
    api.ask("DELETE", at)
    events = api.events(path, version, 5, "test-service-static=true")
    assert [kind for kind, _ in events] == ["ADDED", "MODIFIED", "MODIFIED", "MODIFIED", "DELETED"]
    assert events[2][1]["status"]["conditions"] == [condition]


def test_s45_should_delete_a_collection_of_services(namespace: Namespace) -> None:
    for name in ("e2e-svc-a", "e2e-svc-b", "e2e-svc-c"):
        kept = {"metadata": {"name": name, "labels": {"e2e-svc": "kept" if name.endswith("c") else "goes"}}}
        namespace.create(manifest(name) | kept)
    api = namespace.cluster.api
    api.ask("DELETE", f"{path_of('Service', namespace.name)}?labelSelector=e2e-svc%3Dgoes")
    assert [each["metadata"]["name"] for each in namespace.items("Service")] == ["e2e-svc-c"]


def test_s46_should_serve_endpoints_on_same_port_and_different_protocols(namespace: Namespace) -> None:
    pods = namespace.servers(1)
    service = namespace.service("multiprotocol", ports=[HTTP, UDP])
    client = namespace.pod_client(node=1)
    place = service.at_cluster_ip()
    assert reaches(client, place, pods)
    assert reaches(client, place, pods, "udp")
    service.patch(ports=[HTTP])
    assert is_down(client, place, "udp")
    assert reaches(client, place, pods)
    service.patch(ports=[UDP])
    assert is_down(client, place)
    assert reaches(client, place, pods, "udp")


def test_s47_should_serve_endpoints_on_same_port_and_different_protocol_for_internal_traffic_on_type_loadbalancer(
    namespace: Namespace,
) -> None:
    pods = namespace.servers(1)
    service = namespace.service(
        "multiprotocol", type="LoadBalancer", loadBalancerClass="example.com/nobody", ports=[HTTP, UDP]
    )
    client = namespace.pod_client(node=2)
    assert reaches(client, service.at_cluster_ip(), pods)
    assert reaches(client, service.at_cluster_ip(), pods, "udp")
    assert address_of(service) == ""


def test_s48_should_allow_creating_a_basic_sctp_service_with_pod_and_endpoints(namespace: Namespace) -> None:
    port = {"name": "sctp", "containerPort": 5060, "protocol": "SCTP"}
    namespace.run(pod("hostport", 1, "sctp", agnhost("pause", ports=[port])))
    loaded = "sctp" in _modules()
    service = namespace.service("sctp-endpoint-test", "sctp", ports=[{"port": 5060, "protocol": "SCTP"}])
    assert service.becomes_endpoints({"hostport": [5060]})
    assert namespace.get("Endpoints", service.name)["subsets"][0]["ports"] == [{"port": 5060, "protocol": "SCTP"}]
    namespace.delete("Pod", "hostport", grace=0)
    assert service.becomes_endpoints({})
    assert ("sctp" in _modules()) is loaded


def _modules() -> set[str]:
    try:
        return {line.split()[0] for line in Path("/proc/modules").read_text().splitlines()}
    except OSError:
        return set()


def test_s49_should_use_same_nodeport_with_same_port_but_different_protocols(namespace: Namespace) -> None:
    ports = [{"name": "tcp-port", "port": 53, "protocol": "TCP"}, {"name": "udp-port", "port": 53, "protocol": "UDP"}]
    first, second = node_ports(namespace.service("dns-like", type="NodePort", ports=ports))
    assert first == second != 0


# What the documentation says of load balancers, beyond the rows.


def test_an_address_in_mode_proxy_is_not_the_nodes_to_serve(namespace: Namespace) -> None:
    pods = namespace.servers(1, 2)
    service = namespace.service("moded", type="LoadBalancer")
    assert eventually(lambda: address_of(service) != "")
    place = Place(address_of(service), SERVICE_HTTP_PORT)
    assert reaches(OUTSIDE, place, pods)
    path = f"{path_of('Service', namespace.name, 'moded')}/status"
    for mode in ("Proxy", "VIP"):
        ingress = [{"ip": place.address, "ipMode": mode}]
        body = {"status": {"loadBalancer": {"ingress": ingress}}}
        namespace.cluster.api.ask("PATCH", path, body, "application/merge-patch+json")
        assert is_down(OUTSIDE, place) if mode == "Proxy" else reaches(OUTSIDE, place, pods)
    assert eventually(lambda: address_of(service) == place.address)


def test_a_load_balancer_may_have_a_name_only(namespace: Namespace) -> None:
    service = namespace.service("named", type="LoadBalancer")
    assert eventually(lambda: address_of(service) != "")
    path = f"{path_of('Service', namespace.name, 'named')}/status"
    body = {"status": {"loadBalancer": {"ingress": [{"hostname": "lb.example.com"}]}}}
    namespace.cluster.api.ask("PATCH", path, body, "application/merge-patch+json")
    table = "application/json;as=Table;v=v1;g=meta.k8s.io"
    raw = RawAPI(kubeconfig_of(namespace.cluster.commands))
    rows = json.loads(raw.raw("GET", path_of("Service", namespace.name), Accept=table).text)["rows"]
    assert rows[0]["cells"][3] == "lb.example.com"


def test_the_pool_gives_an_address_back_with_the_type(namespace: Namespace) -> None:
    service = namespace.service("changing", type="LoadBalancer")
    assert eventually(lambda: address_of(service) != "")
    place = Place(address_of(service), SERVICE_HTTP_PORT)
    service.patch(type="ClusterIP")
    assert namespace.get("Service", "changing")["status"]["loadBalancer"] == {}
    assert "nodePort" not in service.spec["ports"][0]
    taker = namespace.service("taker", type="LoadBalancer", loadBalancerIP=place.address)
    assert eventually(lambda: address_of(taker) == place.address)
