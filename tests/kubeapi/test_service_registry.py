"""What a Service gets, keeps and gives back over its life: cluster IPs, node ports, type changes."""

from __future__ import annotations

from typing import Any

import pytest
from tests.helpers.kubeapi.objects import faults_of, new_registry, service, update_faults_of

from kubeapi.meta import JSON
from kubeapi.registry import Registry, RegistryConfig, bootstrap
from kubeapi.scheme import ENDPOINTSLICES, SERVICES
from kubeapi.status import AlreadyExists, Invalid, NotFound, StatusError

DNS_PORTS = [{"name": "dns", "port": 53, "protocol": "UDP"}, {"name": "dns-tcp", "port": 53}]


def node_ports(obj: JSON) -> list[int]:
    return [port.get("nodePort", 0) for port in obj["spec"]["ports"]]


def update(registry: Registry, name: str = "web", **spec: Any) -> JSON:
    return registry.update(SERVICES, service(name, **spec))


def can_have(registry: Registry, **spec: Any) -> bool:
    """Tell whether another Service could have these addresses and ports now."""
    try:
        registry.create(SERVICES, service("probe", **spec), dry_run=True)
    except Invalid:
        return False
    return True


def test_a_service_gets_an_address_of_the_dynamic_band() -> None:
    spec = new_registry(service_cidr="127.96.0.0/24").create(SERVICES, service())["spec"]
    assert 17 <= int(spec["clusterIP"].rpartition(".")[2]) <= 254
    assert spec["clusterIPs"] == [spec["clusterIP"]]
    assert (spec["ipFamilies"], spec["ipFamilyPolicy"]) == (["IPv4"], "SingleStack")


def test_an_address_that_is_taken_is_refused_until_it_is_free() -> None:
    registry = new_registry()
    registry.create(SERVICES, service("first", clusterIP="127.96.0.10"))
    assert faults_of(SERVICES, service(clusterIP="127.96.0.10"), registry) == [
        'spec.clusterIPs: Invalid value: ["127.96.0.10"]: failed to allocate IP 127.96.0.10: '
        "provided IP is already allocated"
    ]
    registry.delete(SERVICES, "default", "first")
    assert faults_of(SERVICES, service(clusterIP="127.96.0.10"), registry) == []


def test_a_node_port_that_is_taken_is_refused_whatever_the_protocol() -> None:
    registry = new_registry()
    registry.create(SERVICES, service("first", type="NodePort", ports=[{"port": 80, "nodePort": 30080}]))
    ports = [{"port": 80, "nodePort": 30080, "protocol": "UDP"}]
    assert faults_of(SERVICES, service(type="NodePort", ports=ports), registry) == [
        "spec.ports[0].nodePort: Invalid value: 30080: provided port is already allocated"
    ]


@pytest.mark.parametrize(
    ("spec", "fault"),
    [
        pytest.param(
            {"clusterIP": "1.1.1.1", "ports": [{"name": "a", "port": 0, "nodePort": 30080}]},
            'spec.clusterIPs: Invalid value: ["1.1.1.1"]: failed to allocate IP 1.1.1.1: the provided network '
            "does not match the current range",
            id="an address",
        ),
        pytest.param(
            {"ports": [{"name": "a", "port": 0, "nodePort": 30081}, {"name": "b", "port": 81, "nodePort": 30080}]},
            "spec.ports[1].nodePort: Invalid value: 30080: provided port is already allocated",
            id="a port",
        ),
        pytest.param(
            {"ports": [{"name": "a", "port": 80, "nodePort": 30081}, {"name": "b", "port": 81, "nodePort": 30081}]},
            "spec.ports[1].nodePort: Invalid value: 30081: provided port is already allocated",
            id="one port twice",
        ),
        pytest.param(
            {"ipFamilies": ["IPv6"], "ports": [{"port": 0, "nodePort": 30080}]},
            'spec.ipFamilies[0]: Invalid value: "IPv6": not configured on this cluster',
            id="a family",
        ),
    ],
)
def test_what_cannot_be_allocated_is_refused_before_the_object_is_judged(spec: JSON, fault: str) -> None:
    registry = new_registry()
    registry.create(SERVICES, service("first", type="NodePort", ports=[{"port": 80, "nodePort": 30080}]))
    assert faults_of(SERVICES, service(**{"type": "NodePort", **spec}), registry) == [fault]
    assert can_have(registry, type="NodePort", ports=[{"port": 80, "nodePort": 30081}])


def test_an_object_with_faults_takes_nothing() -> None:
    registry = new_registry()
    ports = [{"port": 0, "nodePort": 30080}]
    assert faults_of(SERVICES, service(type="NodePort", clusterIP="127.96.0.9", ports=ports), registry)
    assert can_have(registry, type="NodePort", clusterIP="127.96.0.9", ports=[{"port": 80, "nodePort": 30080}])


@pytest.mark.parametrize(
    ("number", "reason"),
    [
        (30080, "provided port is already allocated"),
        (99999, "provided port is not in the valid range. The range of valid ports is 30000-32767"),
    ],
)
@pytest.mark.parametrize("verb", ["create", "update"])
def test_a_health_check_port_that_cannot_be_had_is_an_internal_error(number: int, reason: str, verb: str) -> None:
    registry = new_registry()
    registry.create(SERVICES, service("first", type="NodePort", ports=[{"port": 80, "nodePort": 30080}]))
    if verb == "update":
        registry.create(SERVICES, service(type="LoadBalancer"))
    wanted = service(type="LoadBalancer", externalTrafficPolicy="Local", healthCheckNodePort=number)
    with pytest.raises(StatusError) as refusal:
        getattr(registry, verb)(SERVICES, wanted)
    message = f"Internal error occurred: failed to allocate requested HealthCheck NodePort {number}: {reason}"
    assert (refusal.value.code, refusal.value.message) == (500, message)


def test_one_node_port_twice_for_a_protocol_is_an_error_of_the_server_on_update() -> None:
    registry = new_registry()
    ports = [{"name": "a", "port": 80, "nodePort": 30080}, {"name": "b", "port": 81, "nodePort": 30080}]
    registry.create(SERVICES, service(type="NodePort", ports=ports[:1]))
    with pytest.raises(StatusError, match=r"duplicate nodePort: \{TCP 30080\}") as refusal:
        update(registry, type="NodePort", ports=ports)
    assert (refusal.value.code, refusal.value.reason) == (500, "")


def test_node_ports_and_health_check_ports_are_one_pool() -> None:
    registry = new_registry()
    first = registry.create(SERVICES, service("first", type="LoadBalancer", externalTrafficPolicy="Local"))
    taken = first["spec"]["healthCheckNodePort"]
    assert taken not in node_ports(first)
    assert not can_have(registry, type="NodePort", ports=[{"port": 80, "nodePort": taken}])


@pytest.mark.parametrize("explicit", [{}, {"nodePort": 30053}], ids=["allocated", "explicit"])
@pytest.mark.parametrize("index", [0, 1])
def test_ports_of_the_same_number_share_a_node_port_on_create(explicit: JSON, index: int) -> None:
    ports = [{**port, **(explicit if at == index else {})} for at, port in enumerate(DNS_PORTS)]
    first, second = node_ports(new_registry().create(SERVICES, service(type="NodePort", ports=ports)))
    assert first == second == explicit.get("nodePort", first)


def test_a_port_added_by_an_update_gets_a_node_port_of_its_own() -> None:
    registry = new_registry()
    before = registry.create(SERVICES, service(type="NodePort", ports=DNS_PORTS[:1]))
    after = update(registry, type="NodePort", ports=DNS_PORTS)
    assert node_ports(after)[0] == node_ports(before)[0] != node_ports(after)[1]


def test_one_node_port_for_two_port_numbers_fails_on_create_and_succeeds_on_update() -> None:
    ports = [
        {"name": "a", "port": 80, "nodePort": 30080},
        {"name": "b", "port": 81, "nodePort": 30080, "protocol": "UDP"},
    ]
    registry = new_registry()
    assert faults_of(SERVICES, service(type="NodePort", ports=ports), registry) == [
        "spec.ports[1].nodePort: Invalid value: 30080: provided port is already allocated"
    ]
    registry.create(SERVICES, service(type="NodePort", ports=ports[:1]))
    assert node_ports(update(registry, type="NodePort", ports=ports)) == [30080, 30080]


def test_sending_the_same_manifest_again_keeps_everything_and_writes_nothing() -> None:
    registry = new_registry()
    manifest = service(type="LoadBalancer", externalTrafficPolicy="Local", ports=DNS_PORTS)
    before = registry.create(SERVICES, manifest)
    assert registry.update(SERVICES, manifest) == before
    assert registry.store.get(SERVICES, "default", "web") is before


def test_a_node_port_follows_the_name_of_its_port() -> None:
    registry = new_registry()
    before = registry.create(SERVICES, service(type="NodePort", ports=[{"name": "http", "port": 80}]))
    after = update(registry, type="NodePort", ports=[{"name": "x", "port": 81}, {"name": "http", "port": 8080}])
    assert node_ports(after)[1] == node_ports(before)[0] != node_ports(after)[0]


def test_the_node_port_of_a_removed_port_is_freed() -> None:
    registry = new_registry()
    ports = [{"name": "a", "port": 80, "nodePort": 30080}, {"name": "b", "port": 81, "nodePort": 30081}]
    registry.create(SERVICES, service(type="NodePort", ports=ports))
    update(registry, type="NodePort", ports=ports[1:])
    assert can_have(registry, type="NodePort", ports=[{"port": 80, "nodePort": 30080}])
    assert not can_have(registry, type="NodePort", ports=[{"port": 80, "nodePort": 30081}])


def test_a_refused_update_frees_nothing_and_takes_nothing() -> None:
    registry = new_registry()
    registry.create(SERVICES, service("other", type="NodePort", ports=[{"port": 80, "nodePort": 30099}]))
    registry.create(SERVICES, service(type="NodePort", ports=[{"port": 80, "nodePort": 30080}]))
    ports = [{"name": "a", "port": 80, "nodePort": 30081}, {"name": "b", "port": 81, "nodePort": 30099}]
    with pytest.raises(Invalid, match="already allocated"):
        update(registry, type="NodePort", ports=ports)
    assert not can_have(registry, type="NodePort", ports=[{"port": 80, "nodePort": 30080}])
    assert can_have(registry, type="NodePort", ports=[{"port": 80, "nodePort": 30081}])


def test_dry_run_allocates_and_gives_everything_back() -> None:
    registry = new_registry(service_cidr="127.96.0.0/30")
    manifest = service(type="NodePort")
    for _ in range(3):
        answer = registry.create(SERVICES, manifest, dry_run=True)
        assert answer["spec"]["clusterIP"].startswith("127.96.0.")
        assert node_ports(answer) != [0]
    assert registry.store.list(SERVICES) == []


def test_a_full_range_is_an_internal_error() -> None:
    registry = new_registry(service_cidr="127.96.0.0/30", node_port_range=(30000, 30000))
    registry.create(SERVICES, service("a", type="NodePort"))
    with pytest.raises(StatusError, match="failed to allocate a nodePort: range is full") as port_refusal:
        registry.create(SERVICES, service("b", type="NodePort"))
    assert port_refusal.value.code == 500
    registry.create(SERVICES, service("b"))
    with pytest.raises(StatusError, match='failed to allocate a serviceIP for Service "c": range is full'):
        registry.create(SERVICES, service("c"))


def test_a_name_that_exists_takes_no_address() -> None:
    registry = new_registry(service_cidr="127.96.0.0/30")
    registry.create(SERVICES, service())
    with pytest.raises(AlreadyExists, match='services "web" already exists'):
        registry.create(SERVICES, service())
    registry.create(SERVICES, service("other"))


def test_a_registry_on_a_store_with_services_knows_what_they_hold() -> None:
    first = new_registry()
    first.create(SERVICES, service(type="NodePort", clusterIP="127.96.0.9", ports=[{"port": 80, "nodePort": 30080}]))
    second = Registry(first.store, RegistryConfig(), clock=lambda: 0.0, rng=first.rng)
    assert not can_have(second, clusterIP="127.96.0.9")
    assert not can_have(second, type="NodePort", ports=[{"port": 80, "nodePort": 30080}])


def test_cluster_ip_becomes_node_port_with_its_address() -> None:
    registry = new_registry()
    before = registry.create(SERVICES, service())
    after = update(registry, type="NodePort")
    assert after["spec"]["clusterIP"] == before["spec"]["clusterIP"]
    assert node_ports(after) != [0]


def test_node_port_and_load_balancer_keep_address_and_ports_and_shed_what_only_the_latter_has() -> None:
    registry = new_registry()
    before = registry.create(SERVICES, service(type="NodePort"))
    balanced = update(registry, type="LoadBalancer", externalTrafficPolicy="Local", loadBalancerClass="a")
    assert balanced["spec"]["healthCheckNodePort"]
    assert balanced["spec"]["allocateLoadBalancerNodePorts"] is True
    back = registry.update(SERVICES, {**balanced, "spec": {**balanced["spec"], "type": "NodePort"}})
    assert node_ports(before) == node_ports(balanced) == node_ports(back)
    assert back["spec"]["clusterIP"] == before["spec"]["clusterIP"]
    assert not {"healthCheckNodePort", "allocateLoadBalancerNodePorts", "loadBalancerClass"} & back["spec"].keys()
    freed = balanced["spec"]["healthCheckNodePort"]
    assert can_have(registry, type="NodePort", ports=[{"port": 80, "nodePort": freed}])


def test_node_ports_are_wiped_and_freed_on_the_way_to_cluster_ip() -> None:
    registry = new_registry()
    before = registry.create(SERVICES, service(type="NodePort"))
    after = registry.update(SERVICES, {**before, "spec": {**before["spec"], "type": "ClusterIP"}})
    assert node_ports(after) == [0]
    assert "externalTrafficPolicy" not in after["spec"]
    assert can_have(registry, type="NodePort", ports=[{"port": 80, "nodePort": node_ports(before)[0]}])


def test_a_new_node_port_on_the_way_to_cluster_ip_is_a_fault() -> None:
    registry = new_registry()
    registry.create(SERVICES, service(type="NodePort", ports=[{"port": 80, "nodePort": 30080}]))
    assert update_faults_of(SERVICES, service(ports=[{"port": 80, "nodePort": 30081}]), registry) == [
        "spec.ports[0].nodePort: Forbidden: may not be used when `type` is 'ClusterIP'"
    ]


def test_external_name_loses_address_and_node_ports_and_keeps_the_rest() -> None:
    registry = new_registry()
    before = registry.create(SERVICES, service(type="NodePort", selector={"app": "web"}))
    spec = {**before["spec"], "type": "ExternalName", "externalName": "a.example"}
    after = registry.update(SERVICES, {**before, "spec": spec})["spec"]
    assert not {"clusterIP", "clusterIPs", "ipFamilies", "ipFamilyPolicy", "internalTrafficPolicy"} & after.keys()
    assert after["selector"] == {"app": "web"}
    assert "nodePort" not in after["ports"][0]
    assert can_have(registry, clusterIP=before["spec"]["clusterIP"])
    assert can_have(registry, type="NodePort", ports=[{"port": 80, "nodePort": node_ports(before)[0]}])


def test_external_name_becomes_cluster_ip_with_a_fresh_address() -> None:
    registry = new_registry()
    registry.create(SERVICES, service(type="ExternalName", externalName="a.example"))
    assert update(registry)["spec"]["clusterIP"].startswith("127.")


def test_a_health_check_port_is_freed_when_the_policy_is_cluster_again() -> None:
    registry = new_registry()
    before = registry.create(SERVICES, service(type="LoadBalancer", externalTrafficPolicy="Local"))
    spec = {**before["spec"], "externalTrafficPolicy": "Cluster"}
    after = registry.update(SERVICES, {**before, "spec": spec})
    assert "healthCheckNodePort" not in after["spec"]
    freed = before["spec"]["healthCheckNodePort"]
    assert can_have(registry, type="NodePort", ports=[{"port": 80, "nodePort": freed}])


def test_a_load_balancer_may_do_without_node_ports() -> None:
    registry = new_registry()
    ports = [{"name": "a", "port": 80}, {"name": "b", "port": 81, "nodePort": 30081}]
    spec: JSON = {"type": "LoadBalancer", "allocateLoadBalancerNodePorts": False, "ports": ports}
    assert node_ports(registry.create(SERVICES, service(**spec))) == [0, 30081]
    assert node_ports(registry.update(SERVICES, service(**spec))) == [0, 30081]


@pytest.mark.parametrize("number", [0, None])
def test_a_load_balancer_without_allocation_gives_its_node_port_back_when_it_is_left_out(number: int | None) -> None:
    registry = new_registry()
    before = registry.create(SERVICES, service(type="LoadBalancer"))
    assert node_ports(update(registry, type="LoadBalancer", allocateLoadBalancerNodePorts=False)) == [0]
    after = update(
        registry,
        type="LoadBalancer",
        allocateLoadBalancerNodePorts=False,
        ports=[{"port": 80} if number is None else {"port": 80, "nodePort": number}],
    )
    assert node_ports(after) == [0]
    assert can_have(registry, type="NodePort", ports=[{"port": 80, "nodePort": node_ports(before)[0]}])


def test_the_address_of_a_service_that_is_there_is_not_taken_for_a_refused_change() -> None:
    registry = new_registry()
    registry.create(SERVICES, service("first", clusterIP="127.96.0.10"))
    registry.create(SERVICES, service(clusterIP="127.96.0.9"))
    assert update_faults_of(SERVICES, service(clusterIP="127.96.0.10"), registry) == [
        'spec.clusterIPs[0]: Invalid value: ["127.96.0.10"]: may not change once set'
    ]


def test_bootstrap_makes_what_every_cluster_has_and_may_be_repeated() -> None:
    registry = new_registry()
    bootstrap(registry)
    version = registry.store.resource_version
    bootstrap(registry)
    assert registry.store.resource_version == version
    api, dns = registry.store.list(SERVICES)
    assert (api["spec"]["clusterIP"], api["spec"]["ports"][0]["targetPort"]) == ("127.96.0.1", 6443)
    assert dns["spec"]["clusterIP"] == "127.96.0.10"
    assert dns["metadata"]["labels"]["service.kubernetes.io/service-proxy-name"] == "kubedns"


def test_the_dns_server_may_have_another_address() -> None:
    registry = new_registry()
    bootstrap(registry, cluster_dns="127.96.0.53")
    assert registry.store.get(SERVICES, "kube-system", "kube-dns")["spec"]["clusterIP"] == "127.96.0.53"


def test_an_address_type_may_not_change() -> None:
    registry = new_registry()
    endpoint_slice = {"metadata": {"name": "web-1"}, "addressType": "IPv4", "endpoints": []}
    registry.create(ENDPOINTSLICES, endpoint_slice)
    assert update_faults_of(ENDPOINTSLICES, {**endpoint_slice, "addressType": "IPv6"}, registry) == [
        'addressType: Invalid value: "IPv6": field is immutable'
    ]


def test_an_update_of_what_is_not_there_is_not_found() -> None:
    with pytest.raises(NotFound, match='services "web" not found'):
        update(new_registry())
