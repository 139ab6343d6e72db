"""The manifests for a real cluster: what they allow, and how they start the commands.

A DaemonSet and RBAC are not kinds that kubesvc serves: `make test-cluster` gives all of it to a real API server.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from tests.helpers.configs import CONFIGS

DEPLOY = CONFIGS / "deploy"
FILES = sorted(DEPLOY.glob("*.yaml"))
READS = frozenset({"list", "watch"})


def documents(file: Path) -> list[dict[str, Any]]:
    return list(yaml.safe_load_all(file.read_text()))


def rules_of(file: Path) -> Iterator[tuple[str, str, frozenset[str]]]:
    """Yield group, resource and verbs of what a file allows."""
    for each in documents(file):
        for rule in each.get("rules", ()):
            for resource in rule["resources"]:
                yield rule["apiGroups"][0], resource, frozenset(rule["verbs"])


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_every_file_opens_with_a_sentence(file: Path) -> None:
    assert file.read_text().startswith("# ")


def test_the_proxy_reads_what_kube_proxy_reads_and_writes_events_alone() -> None:
    assert {(group, resource): verbs for group, resource, verbs in rules_of(DEPLOY / "proxy.yaml")} == {
        ("", "services"): READS,
        ("", "nodes"): READS | {"get"},
        ("discovery.k8s.io", "endpointslices"): READS,
        ("networking.k8s.io", "servicecidrs"): READS,
        ("events.k8s.io", "events"): {"create", "patch"},
    }


def test_the_name_server_reads_alone() -> None:
    assert {verbs for _, _, verbs in rules_of(DEPLOY / "dns.yaml")} == {READS}


def test_connect_reads_and_forwards_alone() -> None:
    allowed = {resource: verbs for _, resource, verbs in rules_of(DEPLOY / "connect.yaml")}
    assert allowed.pop("pods/portforward") == {"get", "create"}
    assert set(allowed) == {"services", "pods", "endpointslices"}
    assert set(allowed.values()) == {READS}


@pytest.mark.parametrize(("file", "command"), [("proxy", "proxy"), ("dns", "dns")])
def test_the_commands_are_kubesvcs_and_their_accounts_are_in_the_file(file: str, command: str) -> None:
    found = {each["kind"]: each for each in documents(DEPLOY / f"{file}.yaml")}
    workload = found.get("DaemonSet") or found["Deployment"]
    template = workload["spec"]["template"]
    (container,) = template["spec"]["containers"]
    assert container["args"][0] == command
    assert template["spec"]["serviceAccountName"] == found["ServiceAccount"]["metadata"]["name"]
    assert workload["spec"]["selector"]["matchLabels"].items() <= template["metadata"]["labels"].items()
    assert found["ClusterRoleBinding"]["roleRef"]["name"] == found["ClusterRole"]["metadata"]["name"]
