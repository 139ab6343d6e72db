"""`kubesvc up` of a cluster that runs: it applies, as `docker compose up` does, and says what it cannot change."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.helpers.cluster.cli import KUBESVC, ClusterCommands, curl, running
from tests.helpers.cluster.ground import Ground
from tests.helpers.cluster.manifests import deployment, service, stream, write
from tests.helpers.patience import PATIENCE

GROUND = Ground(14)
FIRST = (service("web"), deployment("web", 1))


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ClusterCommands]:
    """Have a cluster with one Service and its Deployment, which every story applies again."""
    with running(
        ClusterCommands(tmp_path_factory.mktemp("state"), "again"), "-", stdin=stream(GROUND.configuration(), *FIRST)
    ) as commands:
        yield commands


@pytest.fixture(autouse=True)
def before(cluster: ClusterCommands) -> dict[str, Any]:
    """Bring the cluster to where every story begins, and return its status."""
    result = cluster.named("up", "-", stdin=stream(*FIRST))
    assert result.returncode == 0, result.stderr
    return cluster.status()


def test_it_says_what_it_has_done_with_each_object_waits_until_all_is_ready_and_ends(
    cluster: ClusterCommands, before: dict[str, Any]
) -> None:
    result = cluster.named("up", "-", stdin=stream(*FIRST[:1], deployment("web", 2), service("api")))
    assert (result.returncode, result.stdout.splitlines()) == (
        0,
        ["service/web unchanged", "service/api created", "deployment.apps/web configured", "kubesvc: ready"],
    )
    assert len(cluster.ready_pods("web")) == 2
    *warnings, last = result.stderr.splitlines()
    assert last == f"kubesvc: cluster again keeps running (pid {before['pid']}); `kubesvc down --name again` ends it"
    assert warnings == [
        "Warning: Service default/api: Its selector app=api matches no pod in namespace default: app is web there."
    ]
    assert curl(f"http://{cluster.at('web')}/hostname").startswith("web-")


def test_every_fault_is_reported_and_then_nothing_is_applied(cluster: ClusterCommands, tmp_path: Path) -> None:
    wrong = service("wrong") | {"spec": {"ports": [{"port": 0}], "slector": {}}}
    moved = deployment("web", 1) | {}
    moved["spec"] = {**moved["spec"], "selector": {"matchLabels": {"app": "other"}}}
    file = write(tmp_path / "faults.yaml", service("good"), wrong, moved)
    result = cluster.named("up", file)
    assert (result.returncode, result.stdout) == (2, "")
    for said in ("spec.ports[0].port: Invalid value: 0", 'unknown field "spec.slector"', "field is immutable"):
        assert said in result.stderr
    assert result.stderr.splitlines()[-1].endswith(" faults found, nothing was applied")
    assert {each["name"] for each in cluster.status()["services"]}.isdisjoint({"good", "wrong"})


def test_an_address_that_an_object_of_the_cluster_has_is_a_fault_with_its_place(
    cluster: ClusterCommands, tmp_path: Path
) -> None:
    taken = cluster.service("web")["clusterIP"]
    file = write(tmp_path / "taken.yaml", service("good"), service("thief", clusterIP=taken))
    result = cluster.named("up", file)
    assert (result.returncode, result.stdout) == (2, "")
    place, _, said = result.stderr.splitlines()[0].partition(": spec.clusterIPs: ")
    assert place.startswith(f"{file}:")
    assert taken in said
    assert "good" not in {each["name"] for each in cluster.status()["services"]}


def test_what_is_not_ready_in_time_ends_with_4_and_the_cluster_runs_on(
    cluster: ClusterCommands, before: dict[str, Any]
) -> None:
    container = {"name": "a", "image": "ngnix"}
    result = cluster.named("up", "--timeout", "2s", "-", stdin=stream(deployment("broken", 1, container)))
    assert result.returncode == 4
    assert result.stdout == "deployment.apps/broken created\n"
    assert "Failed to pull image" in result.stderr
    assert "kubesvc: not ready within 2s:\n  Deployment default/broken: 0 of 1 replicas available\n" in result.stderr
    assert cluster.status()["pid"] == before["pid"]
    assert cluster.run("scale", "--name", "again", "deployment/broken", "--replicas=0").returncode == 0


def test_a_configuration_that_differs_is_said_field_by_field_and_the_rest_is_applied(
    cluster: ClusterCommands,
) -> None:
    same = cluster.named("up", "-", stdin=stream(GROUND.configuration(), *FIRST))
    assert (same.returncode, "ClusterConfiguration" in same.stderr) == (0, False)
    more = "images:\n  - {name: shop, command: [sleep, '9']}\n"
    text = GROUND.configuration(more).replace("proxy:\n", "proxy:\n  balancer: round_robin\n")
    result = cluster.named("up", "--proxy-workers", "2", "-", stdin=stream(text, service("other")))
    assert result.returncode == 0
    assert result.stdout == "service/other created\nkubesvc: ready\n"
    how = "`kubesvc down --name again`, then `kubesvc up --name again` with the same arguments"
    assert result.stderr.splitlines()[:2] == [
        "Warning: the ClusterConfiguration cannot change while the cluster runs: proxy.balancer, images "
        f"stay as before; to change it: {how}",
        f"Warning: --proxy-workers can be given only to a start, and the cluster runs already: {how}",
    ]


def test_a_fault_of_the_configuration_is_a_fault_all_the_same(cluster: ClusterCommands) -> None:
    text = GROUND.configuration().replace("proxy:\n", "proxy:\n  balancer: fastest\n")
    result = cluster.named("up", "-", stdin=stream(text, service("never")))
    assert (result.returncode, result.stdout) == (2, "")
    assert 'proxy.balancer: Unsupported value: "fastest"' in result.stderr
    assert "never" not in {each["name"] for each in cluster.status()["services"]}


def test_what_was_applied_is_there_again_after_down_and_up(tmp_path: Path) -> None:
    ground = Ground(15)
    commands = ClusterCommands(tmp_path, "kept")
    with running(commands, "-", stdin=ground.configuration()):
        assert commands.named("up", "-", stdin=json.dumps(service("late"))).returncode == 0
    with running(commands):
        assert commands.service("late")


@pytest.mark.parametrize("options", [[], ["--detach"]], ids=["foreground", "background"])
def test_an_up_that_another_one_outruns_applies_its_files_to_the_cluster_of_the_other(
    tmp_path: Path, options: list[str]
) -> None:
    commands = ClusterCommands(tmp_path, "race")
    file = tmp_path / "late.yaml"
    manifests = stream(Ground(16).configuration(), service("late"))
    os.mkfifo(file)
    asked = [*KUBESVC, "up", "--name", "race", *options, str(file)]
    # It opens its file after it has seen that no cluster runs, and reads it again when it finds the other's.
    with (
        subprocess.Popen(asked, env=commands.env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as late,
        file.open("w") as first,
        running(commands, "-", stdin=Ground(16).configuration()),
    ):
        file.unlink()
        file.write_text(manifests)
        first.write(manifests)
        first.close()
        out, err = late.communicate(timeout=PATIENCE)
        assert (late.returncode, out) == (0, "service/late created\nkubesvc: ready\n"), err
        assert commands.service("late")
