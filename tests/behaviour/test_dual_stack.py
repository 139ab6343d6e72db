"""test/e2e/network/dual_stack.go, and what goes with it: a cluster of both families, with every way in that it has.

The cluster has a network of its own with routes for its IPv6 addresses, as root can prepare a machine. Whoever may not
have that sees what a machine without them does: node ports answer at [::1], and everything else is true in the API.
From a pod means that the pod itself dials, for of IPv6 all sources on this machine are ::1, which is node 1. Where pods
have networks of their own, ::1 is the pod; to them node 1 has an address as the others have.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.helpers.cluster.cli import ClusterCommands, eventually, running
from tests.helpers.cluster.ground import Ground
from tests.helpers.e2e.client import CONNECTED, REFUSED, Client, Place, Protocol, dial, is_down, reaches
from tests.helpers.e2e.cluster import (
    HTTP_PORT,
    SERVICE_HTTP_PORT,
    SERVICE_UDP_PORT,
    UDP_PORT,
    E2ECluster,
    Namespace,
    RefusedError,
    Service,
    netserver,
)
from tests.helpers.kubectl.cli import Kubectl, find_kubectls, kubeconfig_of, preferred
from tests.helpers.network_namespace import own_network

GROUND = Ground(10)
ZONES = ("", "")
SERVICES_V6, PODS_V6, NODES_V6 = "fd00:84:96::/108", "fd00:84:244::/48", "fd00:10:168::/64"
NODES = {1: ("127.170.10.101", "::1"), 2: ("127.170.10.102", "fd00:10:168::102")}
"""Where the nodes are to the host."""
NODE, NODE_V4 = Client("::1"), Client("127.170.10.101")
"""Node 1 itself, by each family; a shell on this machine is nobody else by IPv6."""
LARGE = "42" * 1000
AFFINE_REQUESTS = 20
DIALS = 30
PORTS = [
    {"name": "http", "port": SERVICE_HTTP_PORT, "targetPort": HTTP_PORT},
    {"name": "udp", "port": SERVICE_UDP_PORT, "protocol": "UDP", "targetPort": UDP_PORT},
]


@pytest.fixture(scope="module")
def has_routes() -> Iterator[bool]:
    """Have the network of this module."""
    with own_network([SERVICES_V6, NODES_V6]) as has_routes:
        yield has_routes


@pytest.fixture(scope="module")
def cluster(has_routes: bool, tmp_path_factory: pytest.TempPathFactory) -> Iterator[E2ECluster]:
    """Have the dual-stack cluster."""
    del has_routes
    file = tmp_path_factory.mktemp("configuration") / "cluster.yaml"
    file.write_text(GROUND.configuration(zones=ZONES, services_v6=SERVICES_V6, pods_v6=PODS_V6))
    with running(ClusterCommands(tmp_path_factory.mktemp("state"), "both"), str(file)) as commands:
        yield E2ECluster(commands, GROUND, ZONES)


class Network:
    """Upstream's NetworkingTestConfig for the second family: servers and a dual-stack Service of them."""

    def __init__(self, namespace: Namespace, *, has_routes: bool, **spec: Any) -> None:
        self.namespace = namespace
        self.has_routes = has_routes
        self.servers = namespace.servers(*namespace.cluster.nodes, **spec)
        self.service = self.node_port_service("node-port-service")

    def node_port_service(self, name: str, **spec: Any) -> Service:
        """Create a dual-stack NodePort Service of the server pods and wait until it is served."""
        wanted: dict[str, Any] = {"type": "NodePort", "ipFamilyPolicy": "RequireDualStack", "ports": PORTS, **spec}
        service = self.namespace.service(name, **wanted)
        assert all(is_open(place, "http") for place in self.places("http", service))
        assert all(is_open(place, "udp") for place in self.places("udp", service))
        return service

    def places(self, protocol: Protocol, service: Service | None = None) -> list[Place]:
        """Return where a Service answers by IPv6: its second cluster IP, and its node port at every node."""
        service = service or self.service
        name, port = ("TCP", SERVICE_HTTP_PORT) if protocol == "http" else ("UDP", SERVICE_UDP_PORT)
        node_port = service.node_port(name)
        first = Place("::1", node_port)
        if not self.has_routes:
            return [first]
        return [Place(service.spec["clusterIPs"][1], port), first, Place(NODES[2][1], node_port)]

    def at(self, place: Place) -> Place:
        """Return where a pod finds what the host finds at a place."""
        node = nodes_of(self.namespace.cluster)[1][1]
        return Place(node, place.port) if place.address == "::1" else place

    def assert_reached_by_node(self, protocol: Protocol, places: Iterable[Place] = ()) -> None:
        """Assert that each server answers the node, and nobody else, at every place."""
        for place in places or self.places(protocol):
            assert reaches(NODE, place, self.servers, protocol), place

    def assert_reached_by_pod(self, pod: str, protocol: Protocol) -> None:
        """Assert that each server answers a pod, and nobody else, at every place."""
        at = Place(self.namespace.get("Pod", pod)["status"]["podIP"], HTTP_PORT)
        for place in self.places(protocol):
            assert dial(at, self.at(place), protocol, DIALS) == set(self.servers), place


def nodes_of(cluster: E2ECluster) -> dict[int, tuple[str, str]]:
    """Return the addresses of the nodes in the API, which are those to pods."""
    has_sandboxes = cluster.commands.status()["sandbox"]["mode"] == "namespaces"
    return {**NODES, 1: (NODES[1][0], "fd00:10:168::101")} if has_sandboxes else NODES


@pytest.fixture
def network(namespace: Namespace, has_routes: bool) -> Network:
    """Have servers and their Service."""
    return Network(namespace, has_routes=has_routes)


def is_open(place: Place, protocol: Protocol) -> bool:
    """Tell whether somebody answers the node before long."""
    return eventually(lambda: NODE.knock(place, protocol) == CONNECTED)


def has_endpoints(namespace: Namespace, service: str, wanted: dict[str, set[str]]) -> bool:
    """Tell whether a Service's endpoints are these, by address family, before long."""
    return eventually(lambda: addresses_of(namespace, service) == wanted)


def addresses_of(namespace: Namespace, service: str) -> dict[str, set[str]]:
    """Return the endpoints of a Service by address family."""
    found: dict[str, set[str]] = {}
    for each in namespace.items("EndpointSlice", f"kubernetes.io/service-name={service}"):
        addresses = found.setdefault(each["addressType"], set())
        addresses |= {endpoint["addresses"][0] for endpoint in each.get("endpoints") or ()}
    return found


def families_of(service: Service) -> tuple[str, list[str], list[str]]:
    """Return policy, families and the families of the cluster IPs."""
    spec = service.spec
    return (
        spec["ipFamilyPolicy"],
        spec["ipFamilies"],
        ["IPv6" if ":" in each else "IPv4" for each in spec["clusterIPs"]],
    )


def assert_single(namespace: Namespace, family: str, **spec: Any) -> None:
    """Assert that a Service with this spec is of one family, and its endpoints too."""
    pods = namespace.run(netserver("server", 1))
    service = namespace.service("defaultclusterip", **spec)
    assert families_of(service) == ("SingleStack", [family], [family])
    wanted = {each["ip"] for each in pods[0]["status"]["podIPs"] if (":" in each["ip"]) == (family == "IPv6")}
    assert has_endpoints(namespace, "defaultclusterip", {family: wanted})


def assert_dual(namespace: Namespace, families: list[str]) -> None:
    """Assert that a Service that asks for these families has them in this order, in its endpoints as well."""
    pods = namespace.run(netserver("server", 1))
    service = namespace.service("defaultclusterip", ipFamilyPolicy="RequireDualStack", ipFamilies=families)
    assert families_of(service) == ("RequireDualStack", families, families)
    first, second = (each["ip"] for each in pods[0]["status"]["podIPs"])
    assert eventually(lambda: addresses_of(namespace, "defaultclusterip") == {"IPv4": {first}, "IPv6": {second}}), (
        addresses_of(namespace, "defaultclusterip")
    )
    primary = namespace.get("Endpoints", "defaultclusterip")["subsets"][0]["addresses"]
    assert [each["ip"] for each in primary] == [first if families[0] == "IPv4" else second]


def test_d01_should_have_ipv4_and_ipv6_internal_node_ip(cluster: E2ECluster) -> None:
    for number, addresses in nodes_of(cluster).items():
        node = cluster.api.ask("GET", f"/api/v1/nodes/node-{number}")
        internal = [each["address"] for each in node["status"]["addresses"] if each["type"] == "InternalIP"]
        assert internal == list(addresses)


def test_d02_should_have_ipv4_and_ipv6_node_podcidrs(cluster: E2ECluster) -> None:
    for number in NODES:
        spec = cluster.api.ask("GET", f"/api/v1/nodes/node-{number}")["spec"]
        assert spec["podCIDRs"] == [f"127.210.{number}.0/24", f"fd00:84:244:{number}::/64"]
        assert spec["podCIDR"] == spec["podCIDRs"][0]


def test_d03_should_create_pod_add_ipv6_and_ipv4_ip_to_pod_ips(namespace: Namespace) -> None:
    status = namespace.run(netserver("server", 2))[0]["status"]
    host = int(status["podIP"].rpartition(".")[2])
    assert status["podIPs"] == [{"ip": status["podIP"]}, {"ip": f"fd00:84:244:2::{host:x}"}]
    assert [each["ip"] for each in status["hostIPs"]] == list(NODES[2])


def test_d04_should_be_able_to_reach_pod_on_ipv4_and_ipv6_ip(namespace: Namespace, has_routes: bool) -> None:
    for node in NODES:
        pod = namespace.run(netserver(f"server-{node}", node, app=f"app-{node}"))[0]
        assert NODE_V4.get(Place(pod["status"]["podIP"], HTTP_PORT)) == f"server-{node}"
        service = namespace.service(f"only-{node}", app=f"app-{node}", type="NodePort", ipFamilies=["IPv6"])
        assert has_endpoints(namespace, f"only-{node}", {"IPv6": {pod["status"]["podIPs"][1]["ip"]}})
        assert reaches(NODE, Place("::1", service.node_port()), {f"server-{node}"})
        if has_routes:
            assert reaches(NODE, service.at_cluster_ip(), {f"server-{node}"})


def test_d05_should_create_a_single_stack_service_with_cluster_ip_from_primary_service_range(
    namespace: Namespace,
) -> None:
    assert_single(namespace, "IPv4")


def test_d06_should_create_service_with_ipv4_cluster_ip(namespace: Namespace) -> None:
    assert_single(namespace, "IPv4", ipFamilies=["IPv4"])


def test_d07_should_create_service_with_ipv6_cluster_ip(namespace: Namespace) -> None:
    assert_single(namespace, "IPv6", ipFamilies=["IPv6"])


def test_d08_should_create_service_with_ipv4_v6_cluster_ip(namespace: Namespace) -> None:
    assert_dual(namespace, ["IPv4", "IPv6"])


def test_d09_should_create_service_with_ipv6_v4_cluster_ip(namespace: Namespace) -> None:
    assert_dual(namespace, ["IPv6", "IPv4"])


@pytest.mark.parametrize("protocol", ["http", "udp"])
def test_d10_d11_services_secondary_ip_family_should_function_for_pod_service(
    network: Network, protocol: Protocol
) -> None:
    network.namespace.run(netserver("test-container-pod", 1, app="client"))
    network.assert_reached_by_pod("test-container-pod", protocol)


@pytest.mark.parametrize("protocol", ["http", "udp"])
def test_d13_d14_services_secondary_ip_family_should_function_for_node_service(
    network: Network, protocol: Protocol
) -> None:
    network.assert_reached_by_node(protocol)


@pytest.mark.parametrize("protocol", ["http", "udp"])
def test_d15_d16_services_secondary_ip_family_should_function_for_endpoint_service(
    network: Network, protocol: Protocol
) -> None:
    network.assert_reached_by_pod(network.servers[0], protocol)


@pytest.mark.parametrize("protocol", ["http", "udp"])
def test_d17_d18_services_secondary_ip_family_should_update_endpoints(network: Network, protocol: Protocol) -> None:
    network.assert_reached_by_node(protocol)
    network.namespace.delete("Pod", network.servers.pop(0))
    network.assert_reached_by_node(protocol)


@pytest.mark.parametrize("protocol", ["http", "udp"])
def test_d19_d20_services_secondary_ip_family_should_function_for_client_ip_based_session_affinity(
    network: Network, protocol: Protocol
) -> None:
    service = network.node_port_service("session-affinity-service", sessionAffinity="ClientIP")
    for place in network.places(protocol, service):
        assert len({NODE.hostname(place, protocol) for _ in range(AFFINE_REQUESTS)}) == 1, place


@pytest.mark.parametrize("protocol", ["http", "udp"])
def test_d21_d22_services_secondary_ip_family_should_be_able_to_handle_large_requests(
    network: Network, protocol: Protocol
) -> None:
    for place in network.places(protocol):
        assert NODE.echo(place, LARGE, protocol) == LARGE


@pytest.mark.parametrize("protocol", ["http", "udp"])
def test_d23_services_secondary_ip_family_should_function_for_service_endpoints_using_hostnetwork(
    namespace: Namespace, has_routes: bool, protocol: Protocol
) -> None:
    network = Network(namespace, has_routes=has_routes, hostNetwork=True)
    nodes = nodes_of(namespace.cluster).values()
    wanted = {"IPv4": {each[0] for each in nodes}, "IPv6": {each[1] for each in nodes}}
    assert has_endpoints(namespace, network.service.name, wanted)
    for place in network.places(protocol):
        assert NODE.knock(place, protocol) == CONNECTED


def test_a_service_goes_from_one_family_to_both_and_back(namespace: Namespace, has_routes: bool) -> None:
    namespace.servers(1)
    service = namespace.service("web", type="NodePort")
    at_v4, at_v6 = service.at_node(1), Place("::1", service.node_port())
    assert reaches(NODE_V4, at_v4, {"netserver-0"})
    assert NODE.knock(at_v6) == REFUSED
    service.patch(ipFamilyPolicy="PreferDualStack")
    assert families_of(service) == ("PreferDualStack", ["IPv4", "IPv6"], ["IPv4", "IPv6"])
    assert reaches(NODE, at_v6, {"netserver-0"})
    second = service.spec["clusterIPs"][1]
    name = f"web.{namespace.name}.svc.cluster.local"
    assert eventually(lambda: namespace.cluster.commands.dig(name, "AAAA") == [second])
    assert namespace.cluster.commands.dig("-x", second) == [f"{name}."]
    if has_routes:
        assert reaches(NODE, Place(second, SERVICE_HTTP_PORT), {"netserver-0"})
    with pytest.raises(RefusedError, match="must be 'SingleStack' to release the secondary cluster IP"):
        service.patch(clusterIPs=service.spec["clusterIPs"][:1])
    service.patch(ipFamilyPolicy="SingleStack")
    assert families_of(service) == ("SingleStack", ["IPv4"], ["IPv4"])
    assert is_down(NODE, at_v6)
    assert reaches(NODE_V4, at_v4, {"netserver-0"})
    assert eventually(lambda: namespace.cluster.commands.dig(name, "AAAA") == [])
    assert eventually(lambda: addresses_of(namespace, "web").keys() == {"IPv4"})
    assert families_of(namespace.service("other", clusterIP=second, app=""))[1] == ["IPv6"]


def test_names_have_addresses_of_both_families(namespace: Namespace) -> None:
    pods = namespace.run(netserver("one", 1), netserver("two", 2))
    first, second = zip(*([each["ip"] for each in pod["status"]["podIPs"]] for pod in pods), strict=True)
    service = namespace.service("both", ipFamilyPolicy="RequireDualStack")
    headless = namespace.service("headless", clusterIP="None", ipFamilyPolicy="RequireDualStack")
    dig, zone = namespace.cluster.commands.dig, f"{namespace.name}.svc.cluster.local"
    assert eventually(lambda: dig(f"headless.{zone}", "AAAA") == sorted(second))
    assert dig(f"headless.{zone}") == sorted(first)
    assert headless.spec["clusterIPs"] == ["None"]
    assert dig(f"both.{zone}") + dig(f"both.{zone}", "AAAA") == service.spec["clusterIPs"]
    assert dig(f"_http._tcp.both.{zone}", "SRV") == [f"0 50 {SERVICE_HTTP_PORT} both.{zone}."]
    records = [record.split() for record in dig(f"_http._tcp.headless.{zone}", "SRV")]
    assert [record[:3] for record in records] == [["0", "25", str(HTTP_PORT)]] * 4
    assert {dig(record[3], "AAAA" if "--" in record[3] else "A")[0] for record in records} == {*first, *second}
    labels = {each.replace(".", "-").replace(":", "-") for each in (*first, *second)}
    assert {record[3].partition(".")[0] for record in records} == labels
    pointer = second[0].replace(":", "-")
    assert f"{pointer}.headless.{zone}." in dig("-x", second[0])


def test_a_selector_less_headless_service_is_of_both_families_and_mirrors_them(namespace: Namespace) -> None:
    service = namespace.service("outside", app="", clusterIP="None")
    assert (service.spec["ipFamilyPolicy"], service.spec["ipFamilies"]) == ("RequireDualStack", ["IPv4", "IPv6"])
    subsets = [{"addresses": [{"ip": "10.9.8.7"}, {"ip": "2001:db8::7"}], "ports": [{"name": "http", "port": 8080}]}]
    namespace.create({"apiVersion": "v1", "kind": "Endpoints", "metadata": {"name": "outside"}, "subsets": subsets})
    assert has_endpoints(namespace, "outside", {"IPv4": {"10.9.8.7"}, "IPv6": {"2001:db8::7"}})
    name = f"outside.{namespace.name}.svc.cluster.local"
    assert eventually(lambda: namespace.cluster.commands.dig(name, "AAAA") == ["2001:db8::7"])


def test_pods_and_kubectl_are_told_of_both_families(namespace: Namespace, tmp_path: Path) -> None:
    found = find_kubectls()
    version = preferred(found)
    kubectl = Kubectl(version, found[version], tmp_path, kubeconfig_of(namespace.cluster.commands), tmp_path)
    namespace.run(netserver("server", 1))
    spec = namespace.service("web", ipFamilyPolicy="RequireDualStack").spec
    described = kubectl(f"kubectl describe service web -n {namespace.name}").out
    assert re.search(r"IP Family Policy: +RequireDualStack", described)
    assert re.search(r"IP Families: +IPv4,IPv6", described)
    assert re.search(rf"IPs: +{spec['clusterIPs'][0]},{spec['clusterIPs'][1]}", described)
    status = namespace.get("Pod", "server")["status"]
    pod = kubectl(f"kubectl describe pod server -n {namespace.name}").out
    assert all(f"  IP:  {each['ip']}\n" in pod for each in status["podIPs"])
    wide = kubectl(f"kubectl get pod server -n {namespace.name} -o wide").out
    assert status["podIP"] in wide
    told = kubectl(f"kubectl exec server -n {namespace.name} -- sh -c 'echo $POD_IPS'").out
    assert told.strip() == ",".join(each["ip"] for each in status["podIPs"])


def test_the_status_says_what_of_ipv6_this_machine_cannot_bind(cluster: E2ECluster, has_routes: bool) -> None:
    problems = cluster.commands.status()["problems"]
    assert (problems == []) is has_routes
    if not has_routes:
        assert any(f"sudo ip -6 route add local {SERVICES_V6} dev lo" in each for each in problems)
