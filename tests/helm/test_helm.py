"""Helm 3 and 4 with charts that are shaped as the public ones are: `make test-helm`.

Each goes the way of a release: install, upgrade, rollback, test, uninstall. `make test` leaves them out, as they need
helm3 and helm4, which `.ci/build-cluster FOLDER helm3 helm4` builds.
"""

from __future__ import annotations

import json
import random
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from tests.helpers.cluster.cli import ClusterCommands, eventually, running
from tests.helpers.cluster.ground import Ground
from tests.helpers.kubectl.cli import kubeconfig_of

CHARTS = Path(__file__).parent / "charts"
GROUND = Ground(27)
WAIT = ("--wait", "--timeout", "60s")
MAJORS = (3, 4)
NAMES = sorted(each.name for each in CHARTS.iterdir())

KEPT = {"blog": "persistentvolumeclaim/r-blog"}
"""What a chart has Helm leave behind (helm.sh/resource-policy: keep)."""
READY = {
    "agent": "daemonset.apps/r-agent {.status.numberReady} 3",
    "backup": "cronjob.batch/r-backup {.spec.timeZone} Etc/UTC",
    "blog": "service/r-blog {.status.loadBalancer.ingress[0].ip} 127.171.27.1",
    "cache": "statefulset.apps/r-cache {.status.readyReplicas} 2",
    "dashboard": 'configmap/r-dashboard {.data.errors\\.json} {"title": "Errors"}',
    "database": "persistentvolumeclaim/data-r-database-0 {.status.phase} Bound",
    "operator": "widget/one {.spec.colour} red",
    "secure": "ingress/r-secure {.status.loadBalancer.ingress[0].ip} 127.171.27.254",
    "team": "configmap/r-team {.data.GREETING} r says hello",
    "web": "deployment/r-web {.status.readyReplicas} 1",
}
"""Of each chart an object, a field, and what is there once it is installed."""


@dataclass(frozen=True, slots=True)
class Helm:
    """One release of Helm, against the cluster."""

    program: str
    kubeconfig: str
    home: Path

    def __call__(self, *arguments: str) -> str:
        """Return what a command prints; it must succeed."""
        return _run(self.home, self.program, "--kubeconfig", self.kubeconfig, *arguments)

    def history(self) -> list[str]:
        """Return the state of each revision of the release."""
        return [each["status"] for each in json.loads(self("history", "r", "-o", "json"))]


def _run(home: Path, *command: str) -> str:
    environment = {"HOME": str(home), "PATH": "/usr/bin:/bin"}
    done = subprocess.run(command, capture_output=True, text=True, timeout=180, check=False, env=environment)
    assert done.returncode == 0, f"{' '.join(command[3:])}: {done.stderr}{done.stdout}"
    return done.stdout


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ClusterCommands]:
    configuration = GROUND.configuration(zones=("a", "b", "c"))
    with running(ClusterCommands(tmp_path_factory.mktemp("state"), "helm"), "-", stdin=configuration) as commands:
        yield commands


@pytest.fixture(params=MAJORS)
def helm(request: pytest.FixtureRequest, cluster: ClusterCommands, tmp_path: Path) -> Iterator[Helm]:
    program = shutil.which(f"helm{request.param}")
    if program is None:
        pytest.exit(f"make test-helm: helm{request.param} is missing: .ci/build-cluster FOLDER helm3 helm4", 1)
    made = Helm(program, str(kubeconfig_of(cluster)), tmp_path)
    yield made
    made("uninstall", "r", "--ignore-not-found", "--no-hooks")  # what a test that failed has left


def kubectl(helm: Helm, *arguments: str) -> str:
    return _run(helm.home, shutil.which("kubectl") or "kubectl", "--kubeconfig", helm.kubeconfig, *arguments)


def left(helm: Helm) -> set[str]:
    """Return what is there of a release."""
    kinds = "all,secrets,configmaps,ingresses,persistentvolumeclaims,poddisruptionbudgets,networkpolicies,roles"
    found = kubectl(helm, "get", kinds, "-o", "name").split()
    return {each for each in found if each.partition("/")[2].startswith(("r-", "data-r-", "sh.helm"))}


@pytest.mark.parametrize("chart", NAMES)
def test_a_release_is_installed_upgraded_rolled_back_tested_and_removed(helm: Helm, chart: str) -> None:
    path = str(CHARTS / chart)
    helm("install", "r", path, *WAIT)
    what, _, rest = READY[chart].partition(" ")
    field, _, expected = rest.partition(" ")
    assert eventually(lambda: kubectl(helm, "get", what, "-o", f"jsonpath={field}").strip() == expected)
    helm("upgrade", "r", path, "--set", "replicas=2,replicaCount=2,title=again", *WAIT)
    helm("rollback", "r", "1", *WAIT)
    helm("test", "r", "--timeout", "60s")
    assert helm.history() == ["superseded", "superseded", "deployed"]
    helm("uninstall", "r", *WAIT)
    kubectl(helm, "delete", "pods,jobs", "--all", "--wait=false")  # what tests and hooks have left
    kept = {KEPT[chart]} if chart in KEPT else set()
    assert eventually(lambda: left(helm) == kept), left(helm)
    for each in kept:
        kubectl(helm, "delete", each)


def test_a_release_that_is_too_large_is_refused_in_the_api_servers_words(helm: Helm, tmp_path: Path) -> None:
    chart = tmp_path / "large"
    (chart / "templates").mkdir(parents=True)
    (chart / "Chart.yaml").write_text("apiVersion: v2\nname: large\nversion: 0.1.0\n")
    (chart / "noise.txt").write_text(random.Random(1).randbytes(1_200_000).hex())
    with pytest.raises(AssertionError, match="Too long: may not be more than 1048576 bytes"):
        helm("install", "r", str(chart))
