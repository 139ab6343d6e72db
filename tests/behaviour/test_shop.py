"""The shop of configs/: five ordinary programs, each on all addresses, that find each other by name."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import pytest
from tests.helpers.cluster.cli import ClusterCommands, curl, eventually, running
from tests.helpers.configs import CONFIGS
from tests.helpers.kubectl.cli import Kubectl, find_kubectls, kubeconfig_of, preferred
from tests.helpers.pages import SHOP, shape, with_kubesvc
from tests.helpers.patience import PATIENCE

FRONT = "http://127.0.0.1:30080"
PRICES = {"apple": "2", "pear": "2", "quince": "5"}


@pytest.fixture
def shop(tmp_path: Path) -> str:
    """The folder of the shop with its program in C built, as its first lines say."""
    folder = tmp_path / "shop"
    shutil.copytree(CONFIGS / "shop", folder)
    subprocess.run(
        ["cc", "-O2", "-static", "-o", "prices", "prices.c"], cwd=folder, check=True, stderr=subprocess.DEVNULL
    )
    return str(folder)


def kubectl_for(cluster: ClusterCommands, home: Path) -> Kubectl:
    found = find_kubectls()
    version = preferred(found)
    return Kubectl(version, found[version], home, kubeconfig_of(cluster), home)


def in_pod(kubectl: Kubectl, pod: str, *command: str) -> str:
    """Return what a command in a pod writes to stdout."""
    return kubectl(f"kubectl exec {pod} -- {' '.join(command)}").out


@pytest.mark.parametrize("workers", [1, 2])
def test_the_shop_runs_as_it_is_written(workers: int, shop: str, tmp_path: Path, default_addresses: None) -> None:
    commands = ClusterCommands(tmp_path / "state")
    options = ("--sandbox", "namespaces", "--proxy-workers", str(workers))
    with running(commands, *options, shop) as cluster:
        pages = [json.loads(curl(FRONT)) for _ in range(20)]
        assert all(page["items"] == PRICES for page in pages)
        assert {page["greeting"] for page in pages} == {"Welcome to the shop"}
        assert {page["logo"] for page in pages} == {"(shop)"}
        assert {page["pod"] for page in pages} == {pod["name"] for pod in cluster.ready_pods("front")}
        kubectl = kubectl_for(cluster, tmp_path)
        names_and_files_are_the_pods_own(cluster, kubectl)
        the_containers_of_a_pod_share_a_folder(cluster, kubectl)
        assert cluster.status()["problems"] == []


def names_and_files_are_the_pods_own(cluster: ClusterCommands, kubectl: Kubectl) -> None:
    front = cluster.ready_pods("front")[0]
    prices = sorted(pod["podIP"] for pod in cluster.ready_pods("prices"))
    assert in_pod(kubectl, front["name"], "hostname").strip() == front["name"]
    found = in_pod(kubectl, front["name"], "getent", "ahostsv4", "prices").splitlines()
    assert sorted({line.split()[0] for line in found}) == prices
    assert in_pod(kubectl, front["name"], "cat", "/etc/resolv.conf").splitlines()[:2] == [
        "search default.svc.cluster.local svc.cluster.local cluster.local",
        f"nameserver {cluster.service('kube-dns', 'kube-system')['clusterIP']}",
    ]
    first_process = in_pod(kubectl, front["name"], "cat", "/proc/1/cmdline").split("\0")
    assert first_process[-2:] == ["front.py", ""]
    assert in_pod(kubectl, cluster.ready_pods("catalog")[0]["name"], "ls", "/etc/shop").strip() == "items"


def the_containers_of_a_pod_share_a_folder(cluster: ClusterCommands, kubectl: Kubectl) -> None:
    curl(f"{FRONT}/hello")

    def visits() -> str:
        return "".join(kubectl(f"kubectl logs {pod['name']} -c visits").out for pod in cluster.ready_pods("front"))

    assert eventually(lambda: " /hello" in visits()), visits()


def test_without_sandboxes_the_shop_says_why_it_cannot_run(shop: str, tmp_path: Path, default_addresses: None) -> None:
    commands = ClusterCommands(tmp_path / "state")
    with running(commands, "--sandbox", "none", "--timeout", "5s", shop, exit_status=4) as cluster:

        def told() -> str:
            warnings = [each["message"] for each in cluster.status()["warnings"]]
            return "\n".join((cluster.started.stderr, *warnings, *cluster.status()["problems"]))

        # How far its programs are when up gives up depends on the machine; status goes on telling.
        wanted = (
            "listens on port 8080/TCP of all addresses of this machine",
            "has ended as its address is taken",
            "kubesvc does not act on it: nothing is mounted",
            "kubesvc up --sandbox namespaces",
        )
        assert eventually(lambda: all(each in told() for each in wanted)), told()
        problems = " ".join(cluster.status()["problems"])
        explained = cluster.named("explain", "svc/front").stdout
        examined = cluster.named("doctor").stdout
        for each in (problems, explained, examined):
            assert "have it bind $POD_IP" in each
            assert "kubesvc up --sandbox namespaces" in each


def test_the_shop_runs_as_the_page_shows(tmp_path: Path, default_addresses: None) -> None:
    shutil.copytree(CONFIGS, tmp_path / "configs")
    cluster = ClusterCommands(tmp_path / "state")
    try:
        for command, wanted in SHOP:
            result = subprocess.run(
                ["bash", "-c", command.replace("kubesvc up", "kubesvc up --detach")],
                cwd=tmp_path,
                env=with_kubesvc(cluster.env),
                capture_output=True,
                text=True,
                timeout=PATIENCE,
                check=False,
            )
            assert result.returncode == 0, result
            assert not wanted or shape(result.stdout) == wanted
    finally:
        cluster.down()
