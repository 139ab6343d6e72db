"""The manifests of configs/deploy on a real API server: it takes them, and what they allow is enough."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from benchmarks.cluster.api import RefusedError
from benchmarks.cluster.controlplane import ControlPlane
from tests.helpers.objects import build_namespace
from tests.helpers.patience import PATIENCE
from tests.helpers.realcluster.accounts import DEPLOY, DNS, PROXY, client_of

FILES = sorted(DEPLOY.glob("*.yaml"))
READ_BY_PROXY = ("/api/v1/services", "/api/v1/nodes", "/apis/discovery.k8s.io/v1/endpointslices")
READ_BY_DNS = ("/api/v1/services", "/api/v1/namespaces", "/apis/discovery.k8s.io/v1/endpointslices")


def kubectl(plane: ControlPlane, programs: dict[str, str], *words: str) -> subprocess.CompletedProcess[str]:
    command = [programs["kubectl"], "--kubeconfig", str(plane.kubeconfig), *words]
    return subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE, check=False)


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_the_api_server_takes_every_object(plane: ControlPlane, programs: dict[str, str], file: Path) -> None:
    plane.api().put(build_namespace("shop"))
    how = ("--server-side", "--force-conflicts", "--dry-run=server", "--validate=strict")
    done = kubectl(plane, programs, "apply", *how, "-f", str(file))
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize(("name", "paths"), [(PROXY, READ_BY_PROXY), (DNS, READ_BY_DNS)])
def test_an_account_may_read_what_its_command_follows_and_no_secrets(
    plane: ControlPlane, name: str, paths: tuple[str, ...]
) -> None:
    api = client_of(plane, name)
    assert [api.send("GET", each)["kind"].endswith("List") for each in paths] == [True] * len(paths)
    for forbidden in ("/api/v1/secrets", "/api/v1/configmaps"):
        with pytest.raises(RefusedError, match="403"):
            api.send("GET", forbidden)
