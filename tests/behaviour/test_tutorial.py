"""The tutorial from its first line to its last: its manifests unedited, its commands, and what they print.

The addresses are the default ones: Kubernetes' own with the first octet replaced by 127. One cluster for all stories;
those that change it come last.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import yaml
from tests.helpers.cluster.cli import ClusterCommands, answering_pods, curl, curl_result, eventually, running
from tests.helpers.configs import CONFIGS

TUTORIAL = CONFIGS / "tutorial"
ZONE = "svc.cluster.local"
WELCOME = "<title>Welcome to nginx!</title>"
OUTSIDE_PAGE = "k8s ExternalName test page\n"

MANIFESTS: dict[str, dict[str, Any]] = {
    "svc.yaml": {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": "nginx-svc"},
        "spec": {"selector": {"app": "nginx"}, "ports": [{"port": 80, "protocol": "TCP", "targetPort": 80}]},
    },
    "nodeport-svc.yaml": {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": "nginx-nodeport-svc"},
        "spec": {
            "selector": {"app": "nginx"},
            "type": "NodePort",
            "ports": [{"name": "http", "port": 80, "protocol": "TCP", "targetPort": 80, "nodePort": 30001}],
        },
    },
    "dns-externalname-svc.yaml": {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": "dns-externalname-svc", "namespace": "default"},
        "spec": {"type": "ExternalName", "externalName": "k8s.service.com"},
    },
    "externalname-svc-1.yaml": {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": "externalname-svc-httpd"},
        "spec": {"ports": [{"port": 80}]},
    },
    "externalname-svc-2.yaml": {
        "apiVersion": "v1",
        "kind": "Endpoints",
        "metadata": {"name": "externalname-svc-httpd"},
        "subsets": [{"addresses": [{"ip": "10.65.40.20"}], "ports": [{"port": 80}]}],
    },
    "headless-svc.yaml": {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": "headless-svc"},
        "spec": {
            "clusterIP": "None",
            "selector": {"app": "nginx"},
            "ports": [{"name": "nginx", "port": 80, "protocol": "TCP", "targetPort": 80}],
        },
    },
    "externalip-svc.yaml": {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": "externalip-svc"},
        "spec": {
            "selector": {"app": "nginx"},
            "ports": [{"name": "nginx", "port": 80, "protocol": "TCP", "targetPort": 80}],
            "externalIPs": ["192.168.0.101"],
        },
    },
}
"""What the tutorial lets its reader type into files."""


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory, default_addresses: None) -> Iterator[ClusterCommands]:
    with running(ClusterCommands(tmp_path_factory.mktemp("state")), str(TUTORIAL)) as commands:
        yield commands


@pytest.mark.parametrize("file", MANIFESTS)
def test_the_manifests_are_those_of_the_tutorial(file: str) -> None:
    assert yaml.safe_load((TUTORIAL / file).read_text()) == MANIFESTS[file]


def test_there_is_nothing_in_the_folder_but_the_tutorial_its_deployment_and_the_world_around_it() -> None:
    own = {"nginx-deployment.yaml", "cluster.yaml"}
    assert {file.name for file in TUTORIAL.iterdir()} == MANIFESTS.keys() | own


def test_the_deployment_is_what_the_first_commands_create() -> None:
    deployment = yaml.safe_load((TUTORIAL / "nginx-deployment.yaml").read_text())
    template = deployment["spec"]["template"]
    assert (deployment["kind"], deployment["metadata"]["name"], deployment["spec"]["replicas"]) == (
        "Deployment",
        "nginx",
        2,
    )
    assert deployment["spec"]["selector"]["matchLabels"] == template["metadata"]["labels"] == {"app": "nginx"}
    assert template["spec"]["containers"] == [{"name": "nginx", "image": "nginx"}]


def test_the_pods_are_named_by_deployment_template_hash_and_a_suffix(cluster: ClusterCommands) -> None:
    names = [pod["name"].split("-") for pod in cluster.ready_pods()]
    assert len(names) == 2
    assert {name[0] for name in names} == {"nginx"}
    assert len({name[1] for name in names}) == 1
    assert len({name[2] for name in names}) == 2
    assert {len(name[2]) for name in names} == {5}


@pytest.mark.parametrize("service", ["nginx-svc", "nginx-nodeport-svc", "externalip-svc"])
def test_a_service_answers_on_its_cluster_ip(cluster: ClusterCommands, service: str) -> None:
    assert cluster.service(service)["clusterIP"].startswith(tuple(f"127.{octet}." for octet in range(96, 112)))
    assert WELCOME in curl(f"http://{cluster.at(service)}/")


@pytest.mark.parametrize("address", ["127.168.0.101", "127.168.0.102", "127.0.0.1"])
def test_the_node_port_answers_on_every_node_and_on_this_machine(cluster: ClusterCommands, address: str) -> None:
    assert cluster.at("nginx-nodeport-svc", "nodePort", address) == f"{address}:30001"
    assert WELCOME in curl(f"http://{address}:30001/")


def test_the_service_answers_on_its_external_ip(cluster: ClusterCommands) -> None:
    at = cluster.at("externalip-svc", "externalIP")
    assert at.startswith("127.168.0.101:")
    assert WELCOME in curl(f"http://{at}/")


def test_enough_requests_reach_both_pods_by_chance(cluster: ClusterCommands) -> None:
    # Fifty fair coins fall on one side once in 5e14 runs.
    answered = answering_pods(cluster.at("nginx-svc"), 50)
    assert len(answered) == 50
    assert set(answered) == {pod["name"] for pod in cluster.ready_pods()}


def test_the_name_of_a_service_is_its_cluster_ip(cluster: ClusterCommands) -> None:
    name = f"nginx-svc.default.{ZONE}"
    address = cluster.service("nginx-svc")["clusterIP"]
    assert cluster.dig(name) == [address]
    assert cluster.dig("-x", address) == [f"{name}."]
    port = cluster.listener("nginx-svc")["port"]
    assert WELCOME in curl(f"http://{name}:{port}/", "--resolve", f"{name}:{port}:{cluster.dig(name)[0]}")


def test_dns_answers_on_its_own_address_and_on_this_machine(cluster: ClusterCommands) -> None:
    name = f"nginx-svc.default.{ZONE}"
    address = cluster.service("nginx-svc")["clusterIP"]
    for server in ("127.96.0.10", "127.0.0.1"):
        for transport in ("+notcp", "+tcp"):
            assert cluster.dig(name, transport, server=server) == [address]
    assert cluster.dig(f"kube-dns.kube-system.{ZONE}") == ["127.96.0.10"]
    assert cluster.dig(f"kubernetes.default.{ZONE}") == ["127.96.0.1"]


def test_an_external_name_is_an_alias_that_can_be_followed(cluster: ClusterCommands) -> None:
    name = f"dns-externalname-svc.default.{ZONE}"
    assert cluster.dig(name, "CNAME") == ["k8s.service.com."]
    assert cluster.dig(name, "A") == ["127.65.40.20", "k8s.service.com."]
    assert cluster.dig("k8s.service.com") == ["127.65.40.20"]


def test_the_web_server_outside_answers_under_its_name(cluster: ClusterCommands) -> None:
    # Its port moves with every other port below 1024: the Service in front of it shows where to.
    port = cluster.listener("externalname-svc-httpd")["port"]
    name, address = "k8s.service.com", cluster.dig("k8s.service.com")[0]
    assert curl(f"http://{name}:{port}/", "--resolve", f"{name}:{port}:{address}") == OUTSIDE_PAGE


def test_endpoints_written_by_hand_lead_outside_the_cluster(cluster: ClusterCommands) -> None:
    service = cluster.service("externalname-svc-httpd")
    assert [each["address"] for each in service["endpoints"]] == ["10.65.40.20"]
    assert curl(f"http://{cluster.at('externalname-svc-httpd')}/") == OUTSIDE_PAGE


def test_a_headless_service_has_no_address_and_names_its_pods(cluster: ClusterCommands) -> None:
    name = f"headless-svc.default.{ZONE}"
    service = cluster.service("headless-svc")
    pods = sorted(pod["podIP"] for pod in cluster.ready_pods())
    assert (service["clusterIP"], service["listeners"]) == ("None", [])
    assert cluster.dig(name) == pods
    for address in pods:
        endpoint = f"{address.replace('.', '-')}.{name}."
        assert f"0 50 80 {endpoint}" in cluster.dig(f"_nginx._tcp.{name}", "SRV")
        assert cluster.dig(endpoint) == [address]
        # Several Services have this pod: a name for each.
        assert endpoint in cluster.dig("-x", address)


def test_a_pod_answers_at_the_address_that_dns_gives(cluster: ClusterCommands) -> None:
    port = cluster.listener("nginx-svc")["port"]
    for pod in cluster.ready_pods():
        assert answering_pods(f"{pod['podIP']}:{port}", 1) == [pod["name"]]


def test_status_and_logs_show_what_runs(cluster: ClusterCommands) -> None:
    pod = cluster.ready_pods()[0]
    table = cluster.named("status").stdout
    assert pod["name"] in table
    assert "80:30001/TCP" in table
    curl(f"http://{pod['podIP']}:{cluster.listener('nginx-svc')['port']}/a-page-of-its-own", "-o", "/dev/null")
    assert eventually(lambda: "a-page-of-its-own" in cluster.named("logs", pod["name"]).stdout)


def test_scaled_to_five_dns_shows_five_and_scaled_to_none_the_service_refuses(cluster: ClusterCommands) -> None:
    name = f"headless-svc.default.{ZONE}"
    cluster.scale("deployment/nginx", 5)
    assert eventually(lambda: len(cluster.ready_pods()) == 5)
    assert cluster.dig(name) == sorted(pod["podIP"] for pod in cluster.ready_pods())
    at = cluster.at("nginx-svc")
    cluster.scale("deployment/nginx", 0)
    assert eventually(lambda: not cluster.listener("nginx-svc")["bound"])
    assert curl_result(f"http://{at}/").returncode == 7  # CURLE_COULDNT_CONNECT
    assert cluster.dig(name) == []
    cluster.scale("deployment/nginx", 2)
    assert eventually(lambda: cluster.listener("nginx-svc")["bound"])
    assert WELCOME in curl(f"http://{at}/")
