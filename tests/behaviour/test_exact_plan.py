"""Clusters with addresses as in a real one, beside each other, and what is said where that cannot be."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.helpers.cluster.cli import ClusterCommands, curl, curl_result, eventually, running
from tests.helpers.cluster.manifests import service
from tests.helpers.configs import CONFIGS
from tests.helpers.pages import EXACT, ROOT, in_order, shape, with_kubesvc
from tests.helpers.patience import PATIENCE

from kubesvc.control.client import ControlClient
from kubesvc.state.directory import StateDirectory

TUTORIAL = str(CONFIGS / "tutorial")
WELCOME = "<title>Welcome to nginx!</title>"


def agent_of(commands: ClusterCommands) -> int:
    """Return the process in whose namespaces the cluster's network is."""
    return ControlClient(StateDirectory(commands.name, commands.state.parent)).entrance()["agent"]  # type: ignore[no-any-return]


@pytest.fixture(scope="module")
def pair(
    tmp_path_factory: pytest.TempPathFactory, default_addresses: None
) -> Iterator[tuple[ClusterCommands, ClusterCommands]]:
    state = tmp_path_factory.mktemp("state")
    one, two = ClusterCommands(state), ClusterCommands(state, "two")
    with running(one, "--exact", TUTORIAL), running(two, "--exact", "--subnets", "auto", TUTORIAL):
        yield one, two


def test_both_have_the_same_addresses_without_a_conflict(pair: tuple[ClusterCommands, ClusterCommands]) -> None:
    for each in pair:
        status = each.status()
        assert (status["plan"], status["sandbox"]["mode"], status["problems"]) == ("exact", "namespaces", [])
        assert status["nodes"][0]["addresses"] == ["192.168.0.101"]
        assert {pod["podIP"] for pod in each.ready_pods()} == {"10.244.1.2", "10.244.2.2"}
        assert "Translated" not in each.started.stderr
        assert " on this machine" not in each.started.stderr


def test_a_program_of_this_machine_reaches_them_as_they_are(pair: tuple[ClusterCommands, ClusterCommands]) -> None:
    for each in pair:
        address = each.service("nginx-svc")["clusterIP"]
        assert address.startswith("10.")
        for url in (address, "192.168.0.102:30001", "192.168.0.101", "nginx-svc", "10.244.1.2"):
            assert WELCOME in each.named("run", "--", "curl", "-sS", url).stdout
        assert each.named("run", "--", "curl", "-sS", "10.65.40.20").stdout == "k8s ExternalName test page\n"


def test_the_host_has_each_at_an_address_of_its_own(pair: tuple[ClusterCommands, ClusterCommands]) -> None:
    found = [each.listener("nginx-svc") for each in pair]
    assert all(each["clusterAddress"].startswith("10.") for each in found)
    assert found[0]["address"] == "127" + found[0]["clusterAddress"][2:]
    for each, listener in zip(pair, found, strict=True):
        assert WELCOME in curl(f"http://{listener['address']}:{listener['port']}/")
        assert f"{listener['address']} is where this machine has {listener['clusterAddress']}." in (
            each.named("trace", "outside", f"{listener['address']}:{listener['port']}").stdout
        )


def test_short_names_are_those_of_the_namespace_that_is_asked_for(
    pair: tuple[ClusterCommands, ClusterCommands],
) -> None:
    for each in pair:
        assert (
            each.named("run", "-n", "kube-system", "--", "getent", "hosts", "kube-dns").stdout.split()[0]
            == "10.96.0.10"
        )
        assert each.named("run", "--", "getent", "hosts", "kube-dns").returncode == 2
        refused = each.named("run", "-n", "../x", "--", "id")
        assert (refused.returncode, "'../x' is no name of a namespace" in refused.stderr) == (2, True)


def test_an_external_ip_of_any_network_answers_nodes_and_pods(pair: tuple[ClusterCommands, ClusterCommands]) -> None:
    manifest = service("far") | {"spec": {"selector": {"app": "nginx"}, "ports": [{"port": 80}]}}
    manifest["spec"]["externalIPs"] = ["198.51.100.7"]
    for each in pair:
        assert each.up("-", stdin=json.dumps(manifest)).returncode == 0
        for inside in ((), ("kubectl", "exec", "deployment/nginx", "--")):
            assert WELCOME in each.named("run", "--", *inside, "curl", "-sS", "198.51.100.7").stdout


def test_the_api_server_is_on_the_first_node_as_with_kubeadm(pair: tuple[ClusterCommands, ClusterCommands]) -> None:
    for each in pair:
        endpoints = each.named("run", "--", "kubectl", "get", "endpoints", "kubernetes", "--no-headers").stdout.split()
        assert endpoints[1].startswith("192.168.0.101:")
        asked = ("curl", "-sS", "--insecure", "https://kubernetes.default/healthz", f"https://{endpoints[1]}/livez")
        for inside in ((), ("kubectl", "exec", "deployment/nginx", "--")):
            told = each.named("run", "--", *inside, *asked)
            assert told.stdout == "okok", told.stderr
        at = each.listener("kubernetes")
        assert curl(f"https://{at['address']}:{at['port']}/healthz", "--insecure") == "ok"


def test_kubectl_works_inside_and_programs_are_on_the_node_that_is_asked_for(
    pair: tuple[ClusterCommands, ClusterCommands],
) -> None:
    for each in pair:
        assert "10.96.0.10" in each.named("run", "--", "kubectl", "get", "svc", "-n", "kube-system").stdout
        assert each.named("run", "--node", "node-2", "--", "hostname").stdout == "node-2\n"
        refused = each.named("run", "--node", "node-9", "--", "hostname")
        assert (refused.returncode, refused.stderr) == (
            1,
            "kubesvc: there is no node 'node-9'; the nodes are node-1, node-2\n",
        )
        refused = each.named("run", "-n", "nosuch", "--", "hostname")
        assert (refused.returncode, refused.stdout) == (1, "")
        assert refused.stderr.startswith("kubesvc: there is no namespace 'nosuch'; the namespaces are default, ")


def test_it_stays_exact_at_its_next_start_unless_told_otherwise(tmp_path: Path, default_addresses: None) -> None:
    commands = ClusterCommands(tmp_path, "three")
    with running(commands, "--exact", "--subnets", "auto", TUTORIAL):
        address = commands.service("nginx-svc")["clusterIP"]
    with running(commands, TUTORIAL):
        assert commands.service("nginx-svc")["clusterIP"] == address
    refused = commands.up("--sandbox", "none")
    assert refused.returncode == 1
    assert refused.stderr.endswith(
        "kubesvc: the exact plan needs sandboxes, and --sandbox says none: its addresses exist only in a network "
        "namespace; use --sandbox namespaces, or leave out --exact\n"
    )
    loopback = "apiVersion: kubesvc.dev/v1alpha1\nkind: ClusterConfiguration\nnetworking: {plan: loopback}\n"
    refused = commands.up("-", stdin=loopback)
    assert refused.returncode == 1
    assert 'cluster "three" has objects of earlier runs with exact addresses, and the loopback plan' in refused.stderr


def test_root_can_give_this_machine_routes_which_end_with_the_cluster(tmp_path: Path, default_addresses: None) -> None:
    commands = ClusterCommands(tmp_path, "routed")
    arguments = ("--exact", "--subnets", "auto", "--host-routes", TUTORIAL)
    if os.geteuid() != 0:
        refused = commands.up(*arguments)
        assert (refused.returncode, "--host-routes needs root" in refused.stderr) == (1, True)
        return
    with running(commands, *arguments):
        address = commands.service("nginx-svc")["clusterIP"]
        for url in (address, "192.168.0.101:30001", "10.244.1.2"):
            assert WELCOME in curl(f"http://{url}/")
        refused = ClusterCommands(tmp_path, "again").up(*arguments)
        assert refused.returncode == 1
        assert "--host-routes: this machine has that already (route 10.96.0.0/16: File exists)" in refused.stderr
        assert WELCOME in curl(f"http://{address}/")
        os.kill(agent_of(commands), signal.SIGKILL)
        assert eventually(lambda: WELCOME in curl_result(f"http://{address}/", "--max-time", "1").stdout)
        os.kill(commands.status()["pid"], signal.SIGKILL)
        assert eventually(lambda: "kubesvc-routed" not in Path("/proc/net/dev").read_text())
        assert "kubesvc-again" not in Path("/proc/net/dev").read_text()
        assert commands.up().returncode == 0


def test_routes_are_for_the_exact_plan_alone(tmp_path: Path) -> None:
    refused = ClusterCommands(tmp_path, "loopback").up("--host-routes", TUTORIAL)
    assert (refused.returncode, refused.stderr.splitlines()[-1]) == (
        1,
        "kubesvc: --host-routes is for the exact plan (--exact): 127.0.0.0/8 needs no routes on this machine",
    )


def test_the_page_shows_what_an_exact_cluster_does(tmp_path: Path, default_addresses: None) -> None:
    commands = ClusterCommands(tmp_path, "page")
    env = with_kubesvc({**commands.env})
    try:
        for command, wanted in EXACT:
            # Beside the clusters of the other stories.
            typed = re.sub(r"kubesvc (\w+)", rf"kubesvc \1 --name {commands.name}", command)
            typed = typed.replace("up --name", "up --subnets auto --name")
            result = subprocess.run(
                ["sh", "-c", typed], cwd=ROOT, env=env, capture_output=True, text=True, timeout=PATIENCE, check=False
            )
            assert result.returncode == 0, result.stderr
            told = [line.replace(f" --name {commands.name}", "") for line in shape(result.stdout)]
            assert in_order(wanted, told), (wanted, told)
    finally:
        commands.down()
