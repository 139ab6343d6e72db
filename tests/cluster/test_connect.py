"""`kubesvc connect` with a real API server, as a user who has the Role of configs/deploy and nothing else."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from benchmarks.cluster.api import JSON
from benchmarks.cluster.controlplane import ControlPlane
from tests.helpers.cluster.cli import ClusterCommands, Item, eventually, find
from tests.helpers.configs import CONFIGS
from tests.helpers.objects import build, build_endpoint, build_namespace, build_service, build_slice

NAMESPACE, USER = "connected", "developer"
SUBJECT = {"kind": "ServiceAccount", "name": USER, "namespace": NAMESPACE}
RBAC = "/apis/rbac.authorization.k8s.io/v1/namespaces"


class Developer:
    """A user of one namespace, whose Role can be changed."""

    def __init__(self, plane: ControlPlane, folder: Path) -> None:
        self._api = plane.api()
        self._api.put(build_namespace(NAMESPACE))
        self._api.put(build("ServiceAccount", USER, NAMESPACE))
        asked = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {}}
        token = self._api.send("POST", f"/api/v1/namespaces/{NAMESPACE}/serviceaccounts/{USER}/token", asked)
        self.kubeconfig = plane.write_kubeconfig(folder / "developer", token["status"]["token"])
        self.commands = ClusterCommands(folder / "state", "connected")

    def may(self, rules: list[JSON]) -> None:
        """Have a Role with these rules."""
        role = {"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "Role", "metadata": {"name": USER}}
        self._write("roles", {**role, "rules": rules})
        reference = {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": USER}
        self._write("rolebindings", {**role, "kind": "RoleBinding", "subjects": [SUBJECT], "roleRef": reference})

    def _write(self, plural: str, obj: JSON) -> None:
        path = f"{RBAC}/{NAMESPACE}/{plural}"
        self._api.delete(f"{path}/{USER}")
        self._api.send("POST", path, obj)

    def connect(self, *arguments: str) -> Any:
        """Run `kubesvc connect --detach` to its end."""
        given = ("--detach", "--subnets", "auto", "--kubeconfig", str(self.kubeconfig), "-n", NAMESPACE)
        return self.commands.named("connect", *given, *arguments)


def role_of_the_manifest(without: str = "") -> list[JSON]:
    """Return its rules, all or without a resource."""
    written: list[JSON] = yaml.safe_load((CONFIGS / "deploy" / "connect.yaml").read_text())["rules"]
    rules = [{**each, "resources": [one for one in each["resources"] if one != without]} for each in written]
    return [each for each in rules if each["resources"]]


@pytest.fixture(scope="module")
def developer(plane: ControlPlane, tmp_path_factory: pytest.TempPathFactory) -> Developer:
    """Have the user, and what there is to see."""
    found = Developer(plane, tmp_path_factory.mktemp("connect"))
    api = plane.api()
    pod = {"kind": "Pod", "name": "web-1", "namespace": NAMESPACE, "uid": "one"}
    ports = [{"name": "http", "port": 80}, {"name": "dns", "port": 53, "protocol": "UDP"}]
    for obj in (
        build_service("web", NAMESPACE, ports=ports, ipFamilyPolicy="PreferDualStack"),
        build_service("peers", NAMESPACE, clusterIP="None"),
        build_service("db", NAMESPACE, type="ExternalName", externalName="db.example"),
        build_slice("web-4", "web", [build_endpoint("10.244.1.5", targetRef=pod)], NAMESPACE, ports=ports),
        build_slice("web-6", "web", [build_endpoint("fd00:10:244:1::5", targetRef=pod)], NAMESPACE, ports=ports),
        build_slice("peers-4", "peers", [build_endpoint("10.244.1.5", targetRef=pod, hostname="one")], NAMESPACE),
    ):
        api.put(obj)
    return found


@pytest.fixture
def commands(developer: Developer) -> Iterator[ClusterCommands]:
    yield developer.commands
    developer.commands.down()


def test_the_role_of_the_manifest_is_enough(developer: Developer, commands: ClusterCommands) -> None:
    developer.may(role_of_the_manifest())
    result = developer.connect("--export", "json")
    assert result.returncode == 0, result.stderr
    shown = json.loads(result.stdout)["services"]
    assert {each["name"] for each in shown} == {"web", "peers", "db"}
    web = find(shown, name="web")
    [pod] = web["endpoints"]
    assert (web["ports"][0]["port"], pod["pod"]) == (80, "web-1")
    assert web["notCarried"] == [
        "53/UDP: port-forward carries TCP alone",
        "IPv6: a dual-stack Service answers by IPv4 alone",
    ]
    assert commands.dig("one.peers.connected.svc.cluster.local") == [pod["address"]]
    assert commands.status()["problems"] == []


def test_without_leave_to_list_pods_all_is_shown_but_they(developer: Developer, commands: ClusterCommands) -> None:
    developer.may(role_of_the_manifest(without="pods"))
    result = developer.connect()
    assert result.returncode == 0, result.stderr
    status: Item = commands.status()
    assert [each["name"] for each in status["pods"]] == ["web-1"]
    [problem] = status["problems"]
    assert 'pods is forbidden: User "system:serviceaccount:connected:developer"' in problem


@pytest.mark.parametrize(
    ("missing", "said"),
    [
        ("services", 'services is forbidden: User "system:serviceaccount:connected:developer" cannot list'),
        ("endpointslices", "endpointslices.discovery.k8s.io is forbidden"),
        ("pods/portforward", "may not create pods/portforward, by which all bytes travel"),
    ],
)
def test_what_the_role_lacks_is_named(developer: Developer, commands: ClusterCommands, missing: str, said: str) -> None:
    developer.may(role_of_the_manifest(without=missing))
    assert eventually(lambda: said in developer.connect().stderr)
    assert commands.run("down", "--name", "connected").returncode == 0
