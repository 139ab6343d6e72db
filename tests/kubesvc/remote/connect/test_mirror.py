"""What the remote cluster has is here at addresses of this machine, and what cannot be carried is said."""

from __future__ import annotations

import random
from collections.abc import Iterable
from typing import Any

import pytest
from tests.helpers.objects import build_endpoint, build_pod, build_service, build_slice

from kubeapi.meta import JSON, ObjectKey
from kubeapi.registry import Registry, RegistryConfig, bootstrap
from kubeapi.scheme import ENDPOINTSLICES, NAMESPACES, PODS, SERVICES, Resource
from kubeapi.store import Store
from kubeapi.watching import Delta
from kubeproxy.tunnels import TunnelReader
from kubesvc.remote.connect.addresses import Pool
from kubesvc.remote.connect.mirror import Mirror
from kubesvc.remote.connect.podports import PodPorts
from kubesvc.remote.connect.translation import slim_pod

WEB = ObjectKey("shop", "web")
UDP = [{"name": "dns", "port": 53, "protocol": "UDP"}, {"name": "http", "port": 80, "protocol": "TCP"}]


class FakeGateways:
    """Remembers which pods are served."""

    def __init__(self) -> None:
        self.pods: dict[str, PodPorts] = {}

    def serve(self, pod: PodPorts) -> None:
        self.pods[pod.uid] = pod

    def end(self, uid: str) -> None:
        del self.pods[uid]

    def open_tunnel(self, address: str, port: int, reader: TunnelReader) -> None:
        del address, port, reader

    def renew(self) -> None:
        pass

    def problems(self) -> list[str]:
        return []

    async def close(self) -> None:
        pass


class Mirrored:
    """A mirror, with the remote cluster that it is told of."""

    def __init__(self) -> None:
        self.store = Store()
        registry = Registry(self.store, RegistryConfig(), clock=lambda: 0.0, rng=random.Random(1))
        bootstrap(registry)
        self.gateways = FakeGateways()
        self.events: list[str] = []
        pools = Pool("127.96.0.0/12", ("127.96.0.1", "127.96.0.10")), Pool("127.244.0.0/16")

        def record(_obj: JSON, _type: str, _reason: str, message: str) -> None:
            self.events.append(message)

        self.mirror = Mirror(registry, *pools, self.gateways, record)
        self._handlers = {
            SERVICES: self.mirror.update_service,
            ENDPOINTSLICES: self.mirror.update_slice,
            PODS: self.mirror.pods.update,
        }
        self._remote: dict[tuple[Resource, ObjectKey], JSON] = {}

    def tell(self, resource: Resource, obj: JSON) -> None:
        key = ObjectKey(obj["metadata"]["namespace"], obj["metadata"]["name"])
        self._handlers[resource](Delta(key, self._remote.get((resource, key)), obj))
        self._remote[resource, key] = obj
        self.mirror.settle()

    def delete(self, resource: Resource, name: str, namespace: str = "shop") -> None:
        key = ObjectKey(namespace, name)
        self._handlers[resource](Delta(key, self._remote.pop((resource, key)), None))
        self.mirror.settle()

    def find(self, resource: Resource, name: str, namespace: str = "shop") -> JSON | None:
        return self.store.find(resource, ObjectKey(namespace, name))

    def get(self, resource: Resource, name: str) -> JSON:
        return self.store.get(resource, "shop", name)

    def addresses(self, name: str = "web-1") -> list[str]:
        return [each["addresses"][0] for each in self.get(ENDPOINTSLICES, name)["endpoints"]]


@pytest.fixture
def here() -> Mirrored:
    return Mirrored()


def remote_service(name: str = "web", address: str = "10.96.7.3", **spec: Any) -> JSON:
    spec = {"clusterIP": address, "clusterIPs": [address], "ipFamilies": ["IPv4"], "selector": {"app": name}, **spec}
    metadata = {"uid": f"uid-{name}", "resourceVersion": "7", "labels": {"team": "a"}}
    return build_service(name, "shop", metadata=metadata, **spec)


def pod_endpoint(name: str, address: str, uid: str = "", **fields: Any) -> JSON:
    target = {"kind": "Pod", "name": name, "namespace": "shop", "uid": uid or f"uid-{name}"}
    return build_endpoint(address, targetRef=target, nodeName="worker-1", **fields)


def remote_slice(name: str, endpoints: Iterable[JSON], service: str = "web", **fields: Any) -> JSON:
    return build_slice(name, service, endpoints, "shop", **fields)


def remote_pod(name: str, address: str, uid: str = "", **status: Any) -> JSON:
    container = {"name": "main", "image": "web:1", "env": [{"name": "PASSWORD", "value": "x"}]}
    container["ports"] = [{"containerPort": 80, "hostPort": 80}, {"containerPort": 53, "protocol": "UDP"}]
    metadata = {"uid": uid or f"uid-{name}", "labels": {"app": "web"}}
    pod = build_pod(name, container, namespace="shop", metadata=metadata, nodeName="worker-1")
    ips = {"podIP": address, "podIPs": [{"ip": address}], "hostIP": "192.168.1.7"} if address else {}
    return slim_pod({**pod, "status": {"phase": "Running", **ips, **status}})


def test_a_service_has_an_address_here_and_its_pods_have_gateways(here: Mirrored) -> None:
    here.tell(SERVICES, remote_service())
    here.tell(ENDPOINTSLICES, remote_slice("web-1", [pod_endpoint("a", "10.244.1.5"), pod_endpoint("b", "10.244.2.6")]))
    spec = here.get(SERVICES, "web")["spec"]
    assert (spec["clusterIP"], spec["clusterIPs"]) == ("127.96.7.3", ["127.96.7.3"])
    assert here.addresses() == ["127.244.1.5", "127.244.2.6"]
    assert here.gateways.pods["uid-a"] == PodPorts(ObjectKey("shop", "a"), "uid-a", "127.244.1.5", frozenset({80}))
    assert (here.mirror.missing(WEB), here.events) == ([], [])


def test_uid_and_labels_stay_and_the_version_is_that_of_the_store_here(here: Mirrored) -> None:
    here.tell(SERVICES, remote_service())
    metadata = here.get(SERVICES, "web")["metadata"]
    assert (metadata["uid"], metadata["labels"]) == ("uid-web", {"team": "a"})
    assert metadata["resourceVersion"] == str(here.store.resource_version)


def test_slices_and_services_may_come_in_any_order(here: Mirrored) -> None:
    here.tell(ENDPOINTSLICES, remote_slice("web-1", [pod_endpoint("a", "10.244.1.5")]))
    assert (here.find(ENDPOINTSLICES, "web-1"), here.gateways.pods) == (None, {})
    here.tell(SERVICES, remote_service())
    assert here.addresses() == ["127.244.1.5"]


def test_a_service_that_goes_takes_all_with_it(here: Mirrored) -> None:
    here.tell(SERVICES, remote_service())
    here.tell(ENDPOINTSLICES, remote_slice("web-1", [pod_endpoint("a", "10.244.1.5")]))
    assert here.find(NAMESPACES, "shop", "") is not None
    here.delete(SERVICES, "web")
    assert [here.store.list(each, "shop") for each in (SERVICES, ENDPOINTSLICES, PODS)] == [[], [], []]
    assert (here.gateways.pods, here.find(NAMESPACES, "shop", "")) == ({}, None)
    here.tell(SERVICES, remote_service("other", "10.96.7.3"))
    assert here.get(SERVICES, "other")["spec"]["clusterIP"] == "127.96.7.3"


def test_the_clusters_own_api_and_dns_services_are_not_replaced(here: Mirrored) -> None:
    before = here.store.list(SERVICES)
    for namespace, name in (("default", "kubernetes"), ("kube-system", "kube-dns")):
        here.tell(SERVICES, build_service(name, namespace, clusterIP="10.96.0.1"))
        here.tell(ENDPOINTSLICES, build_slice(name, name, [build_endpoint("10.0.0.1")], namespace))
    assert (here.store.list(SERVICES), here.store.list(ENDPOINTSLICES)) == (before, [])


def test_an_address_stays_when_the_service_changes_and_two_never_share_one(here: Mirrored) -> None:
    here.tell(SERVICES, remote_service())
    here.tell(SERVICES, remote_service("twin", "172.96.7.3"))
    here.tell(SERVICES, remote_service(sessionAffinity="ClientIP"))
    addresses = [here.get(SERVICES, each)["spec"]["clusterIP"] for each in ("web", "twin")]
    assert addresses == ["127.96.7.3", "127.96.7.4"]


def test_three_hundred_services_with_few_addresses_between_them_have_as_many_here(here: Mirrored) -> None:
    for number in range(300):
        name, address = f"s{number}", f"10.{96 + 16 * (number % 2)}.0.{number // 2 % 250}"
        here.tell(SERVICES, remote_service(name, address))
        endpoints = [pod_endpoint(f"p{number}", f"10.{number % 7}.0.1")]
        here.tell(ENDPOINTSLICES, remote_slice(f"{name}-1", endpoints, name))
    services = {each["spec"]["clusterIP"] for each in here.store.list(SERVICES, "shop")}
    assert (len(services), len({each.address for each in here.gateways.pods.values()})) == (300, 300)
    assert services.isdisjoint({"127.96.0.1", "127.96.0.10"})


def test_external_and_load_balancer_addresses_are_here_too(here: Mirrored) -> None:
    status = {"loadBalancer": {"ingress": [{"ip": "203.0.113.7"}, {"ip": "2001:db8::7"}, {"hostname": "lb.example"}]}}
    spec: dict[str, Any] = {
        "type": "LoadBalancer",
        "externalIPs": ["198.51.100.4"],
        "loadBalancerSourceRanges": ["10.0.0.0/8"],
    }
    here.tell(SERVICES, {**remote_service(**spec), "status": status})
    service = here.get(SERVICES, "web")
    assert service["spec"]["externalIPs"] == ["127.99.100.4"]
    assert service["status"]["loadBalancer"]["ingress"] == [{"ip": "127.96.113.7"}, {"hostname": "lb.example"}]
    assert "loadBalancerSourceRanges" not in service["spec"]
    assert [each.partition(":")[0] for each in here.mirror.missing(WEB)] == ["loadBalancerSourceRanges"]


def test_udp_is_refused_at_once_and_an_event_says_why(here: Mirrored) -> None:
    here.tell(SERVICES, remote_service(ports=UDP))
    here.tell(ENDPOINTSLICES, remote_slice("web-1", [pod_endpoint("a", "10.244.1.5")], ports=UDP))
    assert [each["port"] for each in here.get(SERVICES, "web")["spec"]["ports"]] == [53, 80]
    assert [each["port"] for each in here.get(ENDPOINTSLICES, "web-1")["ports"]] == [80]
    assert here.gateways.pods["uid-a"].ports == {80}
    assert here.events == ["53/UDP: port-forward carries TCP alone"] == here.mirror.missing(WEB)
    here.tell(SERVICES, remote_service(ports=UDP, sessionAffinity="ClientIP"))
    assert len(here.events) == 1


@pytest.mark.parametrize(
    ("address", "kept", "said"),
    [
        ("10.0.0.5", [], "endpoint 10.0.0.5 is no pod: port-forward leads to pods alone"),
        ("8.8.8.8", ["8.8.8.8"], "endpoint 8.8.8.8 is no pod: dialled from this machine"),
    ],
)
def test_an_endpoint_that_is_no_pod_stays_only_where_its_address_means_the_same_host_here(
    here: Mirrored, address: str, kept: list[str], said: str
) -> None:
    here.tell(SERVICES, remote_service(selector={}))
    here.tell(ENDPOINTSLICES, remote_slice("web", [build_endpoint(address)]))
    assert (here.addresses("web"), here.mirror.missing(WEB)) == (kept, [said])
    assert here.gateways.pods == {}


@pytest.mark.parametrize("target", [{}, {"targetRef": {"kind": "Pod", "name": "a"}}], ids=["", "of a pod"])
def test_an_endpoint_that_is_a_name_is_left_out(here: Mirrored, target: JSON) -> None:
    here.tell(SERVICES, remote_service(selector={}))
    here.tell(ENDPOINTSLICES, remote_slice("web-1", [build_endpoint("db.example", **target)], addressType="FQDN"))
    assert here.addresses() == []
    assert here.mirror.missing(WEB) == ["endpoint db.example is no pod: port-forward leads to pods alone"]


def test_a_dual_stack_service_answers_by_ipv4(here: Mirrored) -> None:
    both: dict[str, Any] = {"clusterIPs": ["10.96.7.3", "fd00::3"], "ipFamilies": ["IPv4", "IPv6"]}
    here.tell(SERVICES, remote_service(ipFamilyPolicy="PreferDualStack", **both))
    here.tell(ENDPOINTSLICES, remote_slice("web-4", [pod_endpoint("a", "10.244.1.5")]))
    here.tell(ENDPOINTSLICES, remote_slice("web-6", [pod_endpoint("a", "fd00:1::5")]))
    spec = here.get(SERVICES, "web")["spec"]
    assert [spec[each] for each in ("clusterIPs", "ipFamilies", "ipFamilyPolicy")] == [
        ["127.96.7.3"],
        ["IPv4"],
        "SingleStack",
    ]
    assert (here.addresses("web-4"), here.find(ENDPOINTSLICES, "web-6")) == (["127.244.1.5"], None)
    assert here.mirror.missing(WEB) == ["IPv6: a dual-stack Service answers by IPv4 alone"]


def test_a_service_of_ipv6_alone_answers_by_ipv4_too(here: Mirrored) -> None:
    here.tell(SERVICES, remote_service(address="fd00::703", ipFamilies=["IPv6"]))
    here.tell(ENDPOINTSLICES, remote_slice("web-1", [pod_endpoint("a", "fd00:1::105")]))
    assert here.get(SERVICES, "web")["spec"]["clusterIP"] == "127.96.7.3"
    assert (here.get(ENDPOINTSLICES, "web-1")["addressType"], here.addresses()) == ("IPv4", ["127.244.1.5"])


def test_headless_and_external_names_stay_what_they_are(here: Mirrored) -> None:
    here.tell(SERVICES, remote_service(address="None"))
    outside = build_service("db", "shop", type="ExternalName", externalName="db.example", ports=[])
    here.tell(SERVICES, outside)
    assert here.get(SERVICES, "web")["spec"]["clusterIP"] == "None"
    assert here.get(SERVICES, "db")["spec"] == outside["spec"]


def test_external_addresses_of_an_external_name_mean_nothing(here: Mirrored) -> None:
    own: dict[str, Any] = {"type": "ExternalName", "externalName": "db.example", "externalIPs": ["192.0.2.7"]}
    here.tell(SERVICES, build_service("db", "shop", ports=[], **own))
    assert here.get(SERVICES, "db")["spec"]["externalIPs"] == []


def test_pods_in_the_network_of_one_node_have_addresses_of_their_own(here: Mirrored) -> None:
    here.tell(SERVICES, remote_service())
    node = "192.168.1.7"
    here.tell(ENDPOINTSLICES, remote_slice("web-1", [pod_endpoint("a", node), pod_endpoint("b", node)]))
    assert here.addresses() == ["127.244.1.7", "127.244.1.8"]


def test_a_pod_shows_its_address_here_and_none_of_its_secrets(here: Mirrored) -> None:
    here.tell(SERVICES, remote_service())
    here.tell(ENDPOINTSLICES, remote_slice("web-1", [pod_endpoint("a", "10.244.1.5")], ports=[{"port": 8080}]))
    here.tell(PODS, remote_pod("a", "10.244.1.5"))
    pod = here.get(PODS, "a")
    assert (pod["status"]["podIP"], pod["status"]["podIPs"]) == ("127.244.1.5", [{"ip": "127.244.1.5"}])
    assert "hostIP" not in pod["status"]
    ports = [{"containerPort": 80}, {"containerPort": 53, "protocol": "UDP"}]
    assert pod["spec"]["containers"] == [{"name": "main", "image": "web:1", "ports": ports}]
    assert here.gateways.pods["uid-a"].ports == {80, 8080}


def test_a_pod_is_served_until_it_is_deleted_and_not_only_as_long_as_it_is_an_endpoint(here: Mirrored) -> None:
    here.tell(SERVICES, remote_service())
    here.tell(PODS, remote_pod("a", "10.244.1.5"))
    here.tell(ENDPOINTSLICES, remote_slice("web-1", [pod_endpoint("a", "10.244.1.5")]))
    here.tell(ENDPOINTSLICES, remote_slice("web-1", []))
    assert "uid-a" in here.gateways.pods
    here.delete(PODS, "a")
    assert (here.gateways.pods, here.find(PODS, "a")) == ({}, None)


def test_a_pod_that_is_deleted_ends_before_its_slices_know(here: Mirrored) -> None:
    here.tell(SERVICES, remote_service())
    here.tell(PODS, remote_pod("a", "10.244.1.5"))
    here.tell(ENDPOINTSLICES, remote_slice("web-1", [pod_endpoint("a", "10.244.1.5")]))
    here.delete(PODS, "a")
    assert here.gateways.pods == {}
    here.tell(ENDPOINTSLICES, remote_slice("web-1", []))
    assert (here.gateways.pods, here.addresses()) == ({}, [])


def test_a_pod_that_has_the_name_of_a_former_one_is_another_pod(here: Mirrored) -> None:
    here.tell(SERVICES, remote_service())
    here.tell(PODS, remote_pod("a", "10.244.1.5", "first"))
    here.tell(ENDPOINTSLICES, remote_slice("web-1", [pod_endpoint("a", "10.244.1.5", "first")]))
    here.tell(PODS, remote_pod("a", "10.244.1.9", "second"))
    here.tell(ENDPOINTSLICES, remote_slice("web-1", [pod_endpoint("a", "10.244.1.9", "second")]))
    assert {uid: each.address for uid, each in here.gateways.pods.items()} == {"second": "127.244.1.9"}
    assert here.get(PODS, "a")["metadata"]["uid"] == "second"


def test_pods_that_a_service_means_are_shown_before_they_are_endpoints_and_others_never(here: Mirrored) -> None:
    here.tell(PODS, remote_pod("a", "", phase="Pending"))
    other = remote_pod("job", "10.244.1.9")
    here.tell(PODS, {**other, "metadata": {**other["metadata"], "labels": {"app": "job"}}})
    assert here.store.list(PODS) == []
    here.tell(SERVICES, remote_service())
    assert [each["metadata"]["name"] for each in here.store.list(PODS)] == ["a"]
    assert here.gateways.pods == {}
    here.tell(SERVICES, remote_service(selector={"app": "else"}))
    assert here.store.list(PODS) == []


def test_without_leave_to_list_pods_the_endpoints_say_what_there_is_of_them(here: Mirrored) -> None:
    here.mirror.pods.are_listed = False
    here.tell(SERVICES, remote_service())
    here.tell(ENDPOINTSLICES, remote_slice("web-1", [pod_endpoint("a", "10.244.1.5", ready=False)]))
    pod = here.get(PODS, "a")
    assert (pod["status"]["podIP"], pod["spec"]["nodeName"]) == ("127.244.1.5", "worker-1")
    assert pod["status"]["conditions"] == [{"type": "Ready", "status": "False"}]
    here.tell(ENDPOINTSLICES, remote_slice("web-1", []))
    assert (here.find(PODS, "a"), here.gateways.pods) == (None, {})
