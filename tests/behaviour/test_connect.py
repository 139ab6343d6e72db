"""`kubesvc connect`: the Services of a second cluster, which is the remote one, at addresses of this machine."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.helpers.chance import enough
from tests.helpers.cluster.cli import (
    ClusterCommands,
    answering_pods,
    assert_nothing_left,
    curl,
    curl_result,
    eventually,
    running,
)
from tests.helpers.cluster.ground import Ground
from tests.helpers.cluster.manifests import HTTP_PORT, Manifest, deployment, echo, service, stream, write
from tests.helpers.load import load_on
from tests.helpers.objects import build_namespace
from tests.helpers.pages import CONNECT, ROOT, in_order, shape, with_kubesvc
from tests.helpers.patience import PATIENCE

GROUND = Ground(21)
MOVED = re.compile(r":\d+ \(for (\d+)\)")
"""A port that an ordinary user has elsewhere."""
PODS = re.compile(r"127\.(244\.\d+\.\d+|0\.0\.1:\d+)")
"""Addresses of pods, and of an API server, which may be others than on the page."""
UDP = {"name": "dns", "port": 53, "targetPort": 53, "protocol": "UDP"}
PROBE = {"httpGet": {"path": "/", "port": HTTP_PORT}, "periodSeconds": 1}


def rolled(text: str) -> Manifest:
    """Return a Deployment of two web servers that answer ``text``, and stop long after they are told to."""
    pause = {"preStop": {"exec": {"command": ["sleep", "2"]}}}
    return deployment("rolled", 2, {**echo(text), "readinessProbe": PROBE, "lifecycle": pause})


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("connect")


@pytest.fixture(scope="module")
def remote(folder: Path) -> Iterator[ClusterCommands]:
    """The cluster elsewhere."""
    web = service("web", ports=[{"name": "http", "port": HTTP_PORT}, UDP])
    shop = {**service("web"), "metadata": {"name": "web", "namespace": "shop"}}
    manifests = stream(
        GROUND.configuration(),
        web,
        deployment("web", 2),
        service("peers", "web", clusterIP="None"),
        service("rolled"),
        rolled("old"),
        build_namespace("shop"),
        shop,
    )
    with running(ClusterCommands(folder / "there", "there"), "-", stdin=manifests) as commands:
        yield commands


@pytest.fixture(scope="module")
def here(remote: ClusterCommands, folder: Path) -> Iterator[ClusterCommands]:
    """The mirror of its namespace default."""
    commands = ClusterCommands(folder / "here", "here")
    given = ("--detach", "--subnets", "auto", "--kubeconfig", str(remote.state / "kubeconfig"))
    commands.started = commands.named("connect", *given)
    assert commands.started.returncode == 0, commands.started.stderr
    try:
        yield commands
    finally:
        before = commands.status()
        log = commands.log()
        assert commands.down().returncode == 0
    assert_nothing_left(commands, before)
    assert not commands.state.exists()
    assert "Traceback" not in log, log


def test_the_table_has_each_service_with_its_address_here_its_pods_and_what_is_not_carried(
    here: ClusterCommands,
) -> None:
    said = here.started.stdout
    assert f"context kubesvc-there ({here.status()['upstream']['server']}), namespace default" in said
    [row] = [line.split() for line in said.splitlines() if line.startswith("default") and " web " in line]
    assert row == ["default", "web", here.at("web"), "2/2"]
    assert "  default/web: 53/UDP: port-forward carries TCP alone" in said


def test_a_service_is_reached_at_its_own_address_and_balanced_over_all_ready_pods(
    remote: ClusterCommands, here: ClusterCommands
) -> None:
    pods = {each["name"] for each in remote.pods("web-")}
    assert set(answering_pods(here.at("web"), enough(len(pods)))) == pods


def test_its_name_leads_to_its_address_here_and_that_of_a_headless_one_to_its_pods(here: ClusterCommands) -> None:
    assert here.dig("web.default.svc.cluster.local") == [here.service("web")["clusterIP"]]
    peers = here.dig("peers.default.svc.cluster.local")
    assert len(peers) == 2
    assert {curl(f"http://{each}:{HTTP_PORT}/hostname") for each in peers} == {
        each["name"] for each in here.pods("web-")
    }


def test_a_program_in_its_network_finds_it_by_its_name(here: ClusterCommands) -> None:
    result = here.named("run", "--", "curl", "-sS", "--max-time", "20", f"http://web:{HTTP_PORT}/hostname")
    assert result.stdout in {each["name"] for each in here.pods("web-")}, result.stderr


def test_short_names_are_those_of_the_namespace_that_is_shown(remote: ClusterCommands, tmp_path: Path) -> None:
    commands = ClusterCommands(tmp_path, "shop")
    given = ("--detach", "--subnets", "auto", "--kubeconfig", str(remote.state / "kubeconfig"), "-n", "shop")
    try:
        assert commands.named("connect", *given).returncode == 0
        assert commands.named("run", "--", "getent", "hosts", "web").stdout.split()[1:] == [
            "web.shop.svc.cluster.local"
        ]
    finally:
        commands.down()


def test_where_a_connection_went_and_why_a_service_answers_can_be_asked(here: ClusterCommands) -> None:
    curl(f"http://{here.at('web')}/hostname")
    pods = {each["name"] for each in here.pods("web-")}
    assert any(each in here.named("connections", "svc/web").stdout for each in pods)
    assert here.named("explain", "svc/web").returncode == 0
    assert here.named("trace", "outside", f"svc/web:{HTTP_PORT}").returncode == 0


def test_nothing_can_be_written_here(here: ClusterCommands, tmp_path: Path) -> None:
    result = here.up(write(tmp_path / "more.yaml", service("more")))
    assert result.returncode == 1
    assert 'mirrors context "kubesvc-there"' in result.stderr
    token = (here.state / "token").read_text().strip()
    address = here.status()["api"]["addresses"][0]
    delete = ("-k", "-X", "DELETE", "-H", f"Authorization: Bearer {token}")
    answer = json.loads(curl(f"{address}/api/v1/namespaces/default/services/web", *delete))
    assert answer["code"] == 403
    assert "takes no writes: `kubectl --context kubesvc-there` writes there" in answer["message"]


def test_what_it_shows_can_be_exported_at_any_time(remote: ClusterCommands, here: ClusterCommands) -> None:
    del remote
    printed = here.named("connect", "--export", "env").stdout
    assert f"export WEB_SERVICE_HOST={here.service('web')['clusterIP']}\n" in printed
    hosts = here.named("connect", "--hosts").stdout
    assert (
        f"{here.service('web')['clusterIP']} web web.default web.default.svc web.default.svc.cluster.local\n" in hosts
    )


def test_no_request_is_lost_in_a_rollout_over_there(
    remote: ClusterCommands, here: ClusterCommands, folder: Path
) -> None:
    with load_on(here.at("rolled"), clients=2) as load:
        assert load.goes_on(50).answers["old"]
        assert remote.up(write(folder / "new.yaml", rolled("new"))).returncode == 0
        assert eventually(lambda: "old" not in load.goes_on(20).answers or load.tally().answers.get("new"))
        assert eventually(lambda: len(remote.pods("rolled-")) == 2)
        tally = load.goes_on(50)
    assert (tally.failures, set(tally.answers)) == ({}, {"old", "new"})


def test_a_new_service_over_there_answers_here(remote: ClusterCommands, here: ClusterCommands, folder: Path) -> None:
    assert remote.up(write(folder / "late.yaml", service("late", "web"))).returncode == 0
    assert eventually(lambda: any(each["name"] == "late" for each in here.status()["services"]))
    assert curl_result(f"http://{here.at('late')}/hostname").stdout in {each["name"] for each in here.pods("web-")}


def test_a_place_without_services_is_said(remote: ClusterCommands, tmp_path: Path) -> None:
    given = ("--subnets", "auto", "--kubeconfig", str(remote.state / "kubeconfig"), "-n", "kube-public")
    commands = ClusterCommands(tmp_path, "none")
    result = commands.named("connect", *given)
    assert (result.returncode, commands.state.exists()) == (1, False)
    said = 'has no Service in namespace "kube-public"; -n NAMESPACE chooses another, -A shows all\n'
    assert result.stderr == f'kubesvc: context "kubesvc-there" {said}'


def test_the_page_shows_what_a_mirror_does(tmp_path: Path, default_addresses: None) -> None:
    commands = ClusterCommands(tmp_path / ".local" / "state")
    env = with_kubesvc({**commands.env, "HOME": str(tmp_path)})
    try:
        for command, wanted in CONNECT:
            typed = command.partition("#")[0]
            result = subprocess.run(
                ["bash", "-c", typed], cwd=ROOT, env=env, capture_output=True, text=True, timeout=PATIENCE, check=False
            )
            assert result.returncode == 0, result.stderr
            told = [PODS.sub("<pods>", MOVED.sub(r":\1", line)) for line in shape(result.stdout)]
            assert in_order([PODS.sub("<pods>", line) for line in wanted], told), (wanted, told)
    finally:
        for name in ("default", "prod"):
            commands.run("down", "--name", name)
