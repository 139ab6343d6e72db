"""The shop of configs/: five ordinary programs, each on all addresses, that find each other by name."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest
from tests.helpers.cluster.cli import ClusterCommands, running
from tests.helpers.configs import CONFIGS


@pytest.fixture
def shop(tmp_path: Path) -> str:
    """The folder of the shop with its program in C built, as its first lines say."""
    folder = tmp_path / "shop"
    shutil.copytree(CONFIGS / "shop", folder)
    (folder / "bin").mkdir(exist_ok=True)
    subprocess.run(
        ["cc", "-O2", "-static", "-o", "bin/prices", "prices.c"], cwd=folder, check=True, stderr=subprocess.DEVNULL
    )
    return str(folder)


def test_without_sandboxes_the_shop_says_why_it_cannot_run(shop: str, tmp_path: Path, default_addresses: None) -> None:
    commands = ClusterCommands(tmp_path / "state")
    with running(commands, "--sandbox", "none", "--timeout", "5s", shop, exit_status=4) as cluster:
        said = cluster.started.stderr
        for kind, words in {
            "wildcard": "listens on port 8080/TCP of all addresses of this machine",
            "taken": "has ended as its address is taken",
            "volumes": "kubesvc does not act on it: nothing is mounted",
            "remedy": "kubesvc up --sandbox namespaces",
        }.items():
            assert words in said, kind
        problems = " ".join(cluster.status()["problems"])
        explained = cluster.named("explain", "svc/front").stdout
        examined = cluster.named("doctor").stdout
        for each in (problems, explained, examined):
            assert "have it bind $POD_IP" in each
            assert "kubesvc up --sandbox namespaces" in each
