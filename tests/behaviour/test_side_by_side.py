"""Three clusters of the tutorial side by side, each with address ranges of its own (`up --subnets auto`)."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from tests.helpers.chance import enough
from tests.helpers.cluster.cli import ClusterCommands, answering_pods, curl, end
from tests.helpers.configs import CONFIGS
from tests.helpers.patience import PATIENCE

TUTORIAL = str(CONFIGS / "tutorial")
NAMES = ("one", "two", "three")


@pytest.fixture(scope="module")
def clusters(tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[ClusterCommands]]:
    """Have them started at the same moment, by one user."""
    home = tmp_path_factory.mktemp("state")
    found = [ClusterCommands(home, name) for name in NAMES]
    with ThreadPoolExecutor() as pool:
        results = list(pool.map(lambda each: each.up("--subnets", "auto", TUTORIAL), found))
    try:
        assert [(each.returncode, each.stderr.count("kubesvc:")) for each in results] == [(0, 0)] * len(found)
        yield found
    except BaseException:
        for each in found:
            each.down()
        raise
    for each in found:
        end(each)


def octets_of(commands: ClusterCommands) -> set[str]:
    """Return the second octets of every address of a cluster but that of the API server."""
    status = commands.status()
    addresses = [each["address"] for service in status["services"] for each in service["listeners"]]
    addresses += [each["podIP"] for each in status["pods"]]
    addresses += [address for node in status["nodes"] for address in node["addresses"]]
    addresses += [each["address"] for each in status["dns"]["addresses"]]
    return {each.split(".")[1] for each in addresses}


def failures(commands: ClusterCommands) -> list[object]:
    """Return why connections have not got the endpoint that was chosen for them first."""
    shown = json.loads(commands.named("connections", "-o", "json").stdout)
    return [failure for each in shown["connections"] for failure in each["failures"]]


def test_none_has_an_address_of_another(clusters: list[ClusterCommands]) -> None:
    octets = [octets_of(each) for each in clusters]
    assert all(one.isdisjoint(other) for number, one in enumerate(octets) for other in octets[:number])
    assert [each.status()["problems"] for each in clusters] == [[]] * len(clusters)


def test_each_is_reached_at_its_own_addresses_by_its_own_pods(clusters: list[ClusterCommands]) -> None:
    for commands in clusters:
        node = commands.status()["nodes"][0]["addresses"][0]
        pods = {each["name"] for each in commands.pods("nginx")}
        for place in (commands.at("nginx-svc"), f"{node}:30001", commands.at("externalip-svc", "externalIP")):
            assert set(answering_pods(place, enough(len(pods)))) == pods, failures(commands)
        assert failures(commands) == []
        assert curl(f"http://{commands.at('externalname-svc-httpd')}/") == "k8s ExternalName test page\n"


def test_each_has_a_name_server_that_knows_its_own(clusters: list[ClusterCommands]) -> None:
    for commands in clusters:
        addresses = sorted(each["podIP"] for each in commands.pods("nginx"))
        assert commands.dig("headless-svc.default.svc.cluster.local") == addresses
        (outside,) = commands.dig("k8s.service.com")
        assert outside.endswith(".40.20")


def test_kubectl_finds_each(clusters: list[ClusterCommands]) -> None:
    for commands in clusters:
        line = ["kubectl", "--kubeconfig", str(commands.state / "kubeconfig"), "get", "svc,nodes", "-o", "json"]
        answer = subprocess.run(line, capture_output=True, text=True, timeout=PATIENCE, check=True).stdout
        found = {each["metadata"]["name"]: each for each in json.loads(answer)["items"]}
        assert found["nginx-svc"]["spec"]["clusterIP"] == commands.service("nginx-svc")["clusterIP"]
        assert found["node-1"]["status"]["addresses"][0]["address"].split(".")[1] in octets_of(commands)


def test_a_second_up_applies_at_the_addresses_of_the_cluster_that_runs(clusters: list[ClusterCommands]) -> None:
    commands = clusters[0]
    external = (
        "apiVersion: v1\nkind: Service\nmetadata: {name: second}\n"
        "spec: {selector: {app: nginx}, ports: [{port: 8081, targetPort: 80}], externalIPs: [192.168.0.102]}\n"
    )
    result = commands.up("-", stdin=external)
    assert (result.returncode, result.stdout) == (0, "service/second created\nkubesvc: ready\n")
    listener = commands.listener("second", "externalIP")
    assert listener["address"] == commands.status()["nodes"][1]["addresses"][0]


def test_a_restart_has_the_same_addresses(clusters: list[ClusterCommands]) -> None:
    commands = clusters[1]
    before = {each["name"]: each["clusterIPs"] for each in commands.status()["services"]}
    octets = octets_of(commands)
    assert commands.down().returncode == 0
    assert commands.up().returncode == 0
    assert {each["name"]: each["clusterIPs"] for each in commands.status()["services"]} == before
    assert octets_of(commands) == octets
