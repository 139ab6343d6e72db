"""A second cluster on one machine: what it cannot have is told with the cluster that has it, and a way out."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.helpers.cluster.cli import KUBESVC, ClusterCommands, running
from tests.helpers.cluster.ground import Ground
from tests.helpers.cluster.manifests import deployment, service, stream, write

GROUND, OTHER_GROUND = Ground(14), Ground(15)


@pytest.fixture(scope="module")
def first(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ClusterCommands]:
    """Have a cluster."""
    home = tmp_path_factory.mktemp("state")
    manifests = stream(GROUND.configuration(), service("web"), deployment("web", 2))
    with running(ClusterCommands(home, "first"), "-", stdin=manifests) as commands:
        yield commands


@pytest.fixture
def second(first: ClusterCommands) -> ClusterCommands:
    """Return the commands of another cluster of the same user."""
    return ClusterCommands(first.state.parent.parent, "second")


def test_a_start_at_the_same_addresses_names_the_cluster_and_the_key(
    first: ClusterCommands, second: ClusterCommands, tmp_path: Path
) -> None:
    result = second.up(write(tmp_path / "same.yaml", GROUND.configuration()))
    assert result.returncode == 1
    assert f'taken by cluster "first" (pid {first.status()["pid"]}); ' in result.stderr
    assert (
        "start this one with addresses of its own (`--subnets auto`), "
        "or networking.serviceSubnet in the configuration sets another address"
    ) in result.stderr


def test_health_and_metrics_and_the_further_dns_address_are_warnings_with_the_name_and_the_key(
    first: ClusterCommands, second: ClusterCommands, tmp_path: Path
) -> None:
    pid = first.status()["pid"]
    text = OTHER_GROUND.configuration().replace(OTHER_GROUND.node(0), GROUND.node(0))
    text = text.replace("bindAddresses: []", f"bindAddresses: [{GROUND.services}.0.10]")
    try:
        said = second.up(write(tmp_path / "half.yaml", text)).stderr
    finally:
        second.down()
    for key in ("proxy.healthzBindAddress", "proxy.metricsBindAddress", "dns.bindAddresses"):
        (line,) = [line for line in said.splitlines() if key in line]
        assert f'by cluster "first" (pid {pid}); {key} in the configuration sets another address' in line


def test_the_doctor_names_the_cluster_and_does_not_advise_to_kill_it(
    first: ClusterCommands, second: ClusterCommands, tmp_path: Path
) -> None:
    del first
    result = second.named("doctor", write(tmp_path / "same.yaml", GROUND.configuration()))
    assert result.returncode == 1
    assert 'is taken: cluster "first" has it' in result.stdout
    remedy = "kubesvc down --name first, start this one with --subnets auto, or set proxy.metricsBindAddress in the "
    assert f"{remedy}ClusterConfiguration" in result.stdout
    assert "kill " not in result.stdout


def test_logs_of_a_deployment_are_those_of_one_of_its_pods(first: ClusterCommands) -> None:
    names = {each["name"] for each in first.pods("web")}
    result = first.named("logs", "deployment/web")
    assert result.returncode == 0
    said, _, pod = result.stderr.strip().rpartition("/")
    assert (said, pod in names) == ("Found 2 pods, using pod", True)
    assert result.stdout == first.named("logs", pod).stdout


def test_kubectl_reaches_nothing_where_no_cluster_runs(second: ClusterCommands, tmp_path: Path) -> None:
    own = tmp_path / "own"
    own.write_text("a kubeconfig that must not be used")
    line = 'eval "$("$@")"; kubectl get pods'
    result = subprocess.run(
        ["sh", "-c", line, "sh", *KUBESVC, "env", "--name", "never"],
        env={**second.env, "KUBECONFIG": str(own)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode != 0
    assert 'kubesvc: cluster "never" is not running, and kubectl reaches nothing' in result.stderr
    assert "kubesvc-is-not-running.invalid" in result.stderr
