"""test/e2e/network/endpointslice.go and endpointslicemirroring.go: where Services' endpoints are said to be."""

from __future__ import annotations

from typing import Any

import pytest
from tests.helpers.cluster.cli import eventually
from tests.helpers.cluster.ground import Ground
from tests.helpers.e2e.client import OUTSIDE, reaches
from tests.helpers.e2e.cluster import (
    HTTP_PORT,
    SERVICE_HTTP_PORT,
    Item,
    Namespace,
    agnhost,
    path_of,
    pod,
)
from tests.helpers.e2e.raw import RawAPI
from tests.helpers.kubectl.cli import kubeconfig_of

GROUND = Ground(15)
ZONES = ("zone-a", "zone-b")

SLICES = "EndpointSlice"
NAME_LABEL, MANAGER_LABEL = "kubernetes.io/service-name", "endpointslice.kubernetes.io/managed-by"
OTHER_PORT = 8088


@pytest.fixture
def api(namespace: Namespace) -> RawAPI:
    return RawAPI(kubeconfig_of(namespace.cluster.commands))


def slices_of(namespace: Namespace, service: str) -> list[Item]:
    return namespace.items(SLICES, f"{NAME_LABEL}={service}")


def addresses(each: Item) -> list[str]:
    return sorted(address for one in each.get("endpoints") or () for address in one["addresses"])


def ports(each: Item) -> list[int]:
    return sorted(port["port"] for port in each.get("ports") or ())


def two_ports(name: str, node: int) -> Item:
    """Return a pod that says its own name at one port and ``other`` at a second one."""
    texts = {f"SERVE_PORT_{HTTP_PORT}": name, f"SERVE_PORT_{OTHER_PORT}": "other"}
    env = [{"name": key, "value": value} for key, value in texts.items()]
    return pod(name, node, name, agnhost("porter", env=env))


def hand_made(name: str, service: str, port_name: str, port: int, *ips: str) -> Item:
    return {
        "apiVersion": "discovery.k8s.io/v1",
        "kind": SLICES,
        "metadata": {"name": name, "labels": {NAME_LABEL: service, MANAGER_LABEL: "e2e-test.k8s.io"}},
        "addressType": "IPv4",
        "ports": [{"name": port_name, "port": port, "protocol": "TCP"}],
        "endpoints": [{"addresses": [each]} for each in ips],
    }


def test_e01_should_have_endpoints_and_endpointslices_pointing_to_api_server(api: RawAPI) -> None:
    endpoints = api.ask("GET", path_of("Endpoints", "default", "kubernetes"))
    [subset] = endpoints["subsets"]
    found = api.ask("GET", f"{path_of(SLICES, 'default')}?labelSelector={NAME_LABEL}%3Dkubernetes")
    [each] = found["items"]
    assert addresses(each) == sorted(one["ip"] for one in subset["addresses"])
    assert ports(each) == [one["port"] for one in subset["ports"]]


def test_e02_should_create_and_delete_endpoints_and_endpointslices_for_a_service_with_a_selector_specified(
    namespace: Namespace,
) -> None:
    service = namespace.service("example-empty-selector", app="does-not-match-anything")
    assert eventually(lambda: slices_of(namespace, service.name) and namespace.items("Endpoints"))
    [each] = slices_of(namespace, service.name)
    assert each["metadata"]["labels"][MANAGER_LABEL] == "endpointslice-controller.k8s.io"
    assert (each.get("endpoints") or [], each.get("ports") or []) == ([], [])
    service.delete()
    assert eventually(lambda: not slices_of(namespace, service.name) and not namespace.items("Endpoints"))


def test_e03_should_create_endpoints_and_endpointslices_for_pods_matching_a_service(namespace: Namespace) -> None:
    pods = {
        name: pod(name, node, "", agnhost("pause", ports=[{"name": "example-name", "containerPort": port}]))
        for name, node, port in (("pod1", 1, 3000), ("pod2", 2, 3001))
    }
    for name, each in pods.items():
        each["metadata"]["labels"] = {"shared": "yes", name: "yes"}
    ips = {each["metadata"]["name"]: each["status"]["podIP"] for each in namespace.run(*pods.values())}
    for name, selector, target, expected in (
        ("example-int-port", {"pod1": "yes"}, 8099, {(8099,): ["pod1"]}),
        ("example-named-port", {"shared": "yes"}, "example-name", {(3000,): ["pod1"], (3001,): ["pod2"]}),
        ("example-no-match", {"nothing": "yes"}, 8099, {(): []}),
    ):
        port = {"name": "example", "port": 80, "targetPort": target}
        namespace.service(name, app="", selector=selector, ports=[port])
        assert_endpoints(namespace, name, {key: [ips[each] for each in found] for key, found in expected.items()})
    for each in slices_of(namespace, "example-named-port"):
        targets = [(one["targetRef"]["kind"], one["targetRef"]["name"]) for one in each["endpoints"]]
        assert targets == [("Pod", "pod1" if ports(each) == [3000] else "pod2")]
        assert each["endpoints"][0]["zone"] == ("zone-a" if ports(each) == [3000] else "zone-b")
    before = {each["metadata"]["uid"] for each in slices_of(namespace, "example-named-port")}
    namespace.delete(SLICES, *(each["metadata"]["name"] for each in slices_of(namespace, "example-named-port")))
    assert_endpoints(namespace, "example-named-port", {(3000,): [ips["pod1"]], (3001,): [ips["pod2"]]})
    assert not before & {each["metadata"]["uid"] for each in slices_of(namespace, "example-named-port")}


def assert_endpoints(namespace: Namespace, service: str, wanted: dict[tuple[int, ...], list[str]]) -> None:
    """Assert that the slices, and the subsets of the Endpoints, come to have these addresses by port."""

    def is_so() -> bool:
        slices = {tuple(ports(each)): addresses(each) for each in slices_of(namespace, service)}
        subsets = {
            tuple(port["port"] for port in each["ports"]): [one["ip"] for one in each["addresses"]]
            for found in namespace.items("Endpoints")
            if found["metadata"]["name"] == service
            for each in found.get("subsets") or ()
        }
        return slices == wanted and subsets == {key: found for key, found in wanted.items() if key}

    assert eventually(is_so), slices_of(namespace, service)


def test_e04_should_support_creating_endpointslice_api_operations(namespace: Namespace, api: RawAPI) -> None:
    assert "discovery.k8s.io" in [each["name"] for each in api.ask("GET", "/apis")["groups"]]
    served = api.ask("GET", "/apis/discovery.k8s.io/v1")["resources"]
    assert "endpointslices" in [each["name"] for each in served]
    path, label = path_of(SLICES, namespace.name), "special-label"
    version = api.version(path)
    names = [f"e2e-example-{number}" for number in range(3)]
    for name in names:
        made = hand_made(name, "nobody", "http", 80, "10.0.0.1")
        made["metadata"]["labels"] = {label: namespace.name}
        made["endpoints"] = [{"addresses": ["10.0.0.1", "10.0.0.2"], "conditions": {"ready": True}}]
        api.ask("POST", path, made)
    query = f"?labelSelector={label}%3D{namespace.name}"
    for at in (path, path_of(SLICES, "")):
        assert [each["metadata"]["name"] for each in api.ask("GET", at + query)["items"]] == names
        events = api.events(at, version, 3, f"{label}%3D{namespace.name}")
        assert [(kind, each["metadata"]["name"]) for kind, each in events] == [("ADDED", each) for each in names]
    patch = {"metadata": {"annotations": {"patched": "true"}}}
    patched = api.ask("PATCH", f"{path}/{names[0]}", patch, "application/merge-patch+json")
    assert patched["metadata"]["annotations"] == {"patched": "true"}
    patched["metadata"]["annotations"]["updated"] = "true"
    patched["endpoints"][0]["addresses"] = ["10.0.0.5"]
    updated = api.ask("PUT", f"{path}/{names[0]}", patched)
    assert updated["endpoints"][0]["addresses"] == ["10.0.0.5"]
    api.ask("DELETE", f"{path}/{names[0]}")
    api.ask("DELETE", path + query)
    events = api.events(path, version, 8, f"{label}%3D{namespace.name}")
    assert [kind for kind, _ in events] == ["ADDED"] * 3 + ["MODIFIED"] * 2 + ["DELETED"] * 3
    assert api.ask("GET", path + query)["items"] == []


def test_e05_should_support_a_service_with_multiple_ports_specified_in_multiple_endpointslices(
    namespace: Namespace,
) -> None:
    [running] = namespace.run(two_ports("pod1", 1))
    ip = running["status"]["podIP"]
    service = namespace.service("example-custom", app="", ports=custom_ports())
    namespace.create(hand_made("example-custom-1", service.name, "one", HTTP_PORT, ip))
    namespace.create(hand_made("example-custom-2", service.name, "two", OTHER_PORT, ip))
    assert reaches(OUTSIDE, service.at_cluster_ip(), {"pod1"})
    assert reaches(OUTSIDE, service.at_cluster_ip(SERVICE_HTTP_PORT + 1), {"other"})


def test_e06_should_support_a_service_with_multiple_endpoint_ips_specified_in_multiple_endpointslices(
    namespace: Namespace,
) -> None:
    running = namespace.run(two_ports("pod1", 1), two_ports("pod2", 2))
    first, second = (each["status"]["podIP"] for each in running)
    service = namespace.service("example-custom", app="", ports=custom_ports())
    for number, ip in enumerate((first, second), 1):
        manifest = hand_made(f"example-custom-{number}", service.name, "one", HTTP_PORT, ip)
        manifest["ports"].append({"name": "two", "port": OTHER_PORT, "protocol": "TCP"})
        namespace.create(manifest)
    assert reaches(OUTSIDE, service.at_cluster_ip(), {"pod1", "pod2"})
    assert reaches(OUTSIDE, service.at_cluster_ip(SERVICE_HTTP_PORT + 1), {"other"})


def custom_ports() -> list[Item]:
    return [{"name": "one", "port": SERVICE_HTTP_PORT}, {"name": "two", "port": SERVICE_HTTP_PORT + 1}]


def endpoints(name: str, *subsets: Item) -> Item:
    return {"apiVersion": "v1", "kind": "Endpoints", "metadata": {"name": name}, "subsets": list(subsets)}


def subset(ip: str, **port: Any) -> Item:
    return {"addresses": [{"ip": ip}], "ports": [{"protocol": "TCP", **port}]}


def test_m01_should_mirror_a_custom_endpoints_resource_through_create_update_and_delete(namespace: Namespace) -> None:
    service = namespace.service("example-custom-endpoints", app="")

    def mirrored() -> list[tuple[list[str], list[tuple[str, int]]]]:
        return [
            (addresses(each), [(port["name"], port["port"]) for port in each["ports"]])
            for each in slices_of(namespace, service.name)
            if each["metadata"]["labels"][MANAGER_LABEL] == "endpointslicemirroring-controller.k8s.io"
        ]

    made = namespace.create(endpoints(service.name, subset("10.1.2.3", port=80)))
    assert eventually(lambda: mirrored() == [(["10.1.2.3"], [("", 80)])]), mirrored()
    made["subsets"][0]["addresses"] = [{"ip": "10.2.3.4"}]
    namespace.cluster.api.ask("PUT", path_of("Endpoints", namespace.name, service.name), made)
    assert eventually(lambda: mirrored() == [(["10.2.3.4"], [("", 80)])]), mirrored()
    namespace.delete("Endpoints", service.name)
    assert eventually(lambda: not mirrored())


def test_m02_should_mirror_a_custom_endpoint_with_multiple_subsets_and_same_ip_address(namespace: Namespace) -> None:
    [running] = namespace.run(two_ports("pod1", 1))
    ip = running["status"]["podIP"]
    service = namespace.service("example-custom-endpoints", app="", ports=custom_ports())
    both = subset(ip, name="one", port=HTTP_PORT), subset(ip, name="two", port=OTHER_PORT)
    namespace.create(endpoints(service.name, *both))
    assert reaches(OUTSIDE, service.at_cluster_ip(), {"pod1"})
    assert reaches(OUTSIDE, service.at_cluster_ip(SERVICE_HTTP_PORT + 1), {"other"})
    namespace.delete("Endpoints", service.name)
    assert eventually(lambda: not slices_of(namespace, service.name))


# What the documentation says of topology, beyond the rows.


def test_hints_in_proportion_come_and_go_with_the_annotation(namespace: Namespace) -> None:
    namespace.servers(1, 2)
    service = namespace.service("close")
    annotate(namespace, service.name, "Auto")
    assert eventually(lambda: hinted_zones(namespace, service.name) == ["zone-a", "zone-b"])
    annotate(namespace, service.name, "Disabled")
    assert eventually(lambda: hinted_zones(namespace, service.name) == [])


def annotate(namespace: Namespace, service: str, mode: str) -> None:
    patch = {"metadata": {"annotations": {"service.kubernetes.io/topology-mode": mode}}}
    namespace.patch("Service", service, patch)


def hinted_zones(namespace: Namespace, service: str) -> list[str]:
    found = [one.get("hints") or {} for each in slices_of(namespace, service) for one in each.get("endpoints") or ()]
    return sorted(zone["name"] for each in found for zone in each.get("forZones") or ())
