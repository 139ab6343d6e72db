"""The clusters in which pods ask pods, and what is measured of sandboxes and rules."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from io import StringIO
from ipaddress import ip_network
from itertools import combinations
from pathlib import Path

import pytest
from benchmarks.suite import podworld
from benchmarks.suite.goals import Goal, verdict
from benchmarks.suite.pods import WORLDS
from benchmarks.suite.samples import Sample
from benchmarks.suite.sandboxes import private_bytes, spread
from benchmarks.suite.settings import KUBESVC, LOOPBACK, POD_WORKS, USERSPACE
from tests.helpers.patience import PATIENCE

from kubesvc.run.input.prepare import prepare

WORLD = podworld.World(0, "namespaces", "nftables")


@pytest.mark.parametrize(
    "documents",
    [
        pytest.param(podworld.row("direct"), id="row"),
        pytest.param([podworld.haproxy("haproxy", 0, "127.89.193.2:8080")], id="haproxy"),
        pytest.param([podworld.sleepers()], id="sleepers"),
        pytest.param(podworld.silent(300, WORLD), id="silent"),
    ],
)
@pytest.mark.parametrize("world", list(dict.fromkeys(WORLDS.values())), ids=str)
def test_the_clusters_of_pods_are_what_kubesvc_takes(
    world: podworld.World, documents: list[dict[str, object]], tmp_path: Path
) -> None:
    file = tmp_path / "bench.yaml"
    file.write_text("\n---\n".join(map(json.dumps, [world.configuration(), *documents])))
    assert prepare((str(file),), StringIO()).faults == []


def test_clusters_that_run_side_by_side_share_no_addresses() -> None:
    found = [
        ip_network(each)
        for world in set(WORLDS.values())
        for key, each in world.configuration()["networking"].items()
        if key.endswith("Subnet")
    ]
    assert not any(one.overlaps(other) for one, other in combinations(found, 2))


def test_every_peer_has_a_cluster_and_every_service_that_nobody_asks_a_name_of_its_own() -> None:
    assert {peer for work in POD_WORKS for peer in work.peers} == set(WORLDS)
    names = [each["metadata"]["name"] for each in podworld.silent(300, WORLD)]
    assert len(set(names)) == len(names)


def test_a_client_writes_what_wrk_reads_and_closes_only_where_it_is_told() -> None:
    kept, closing = (podworld.load("127.89.193.2", 8080, 3, closes=closes) for closes in (False, True))
    assert kept[:2] == ["sh", "-c"]
    assert kept[-1] == closing[-1] == "http://127.89.193.2:8080/"
    assert ("Connection: close" in kept, "Connection: close" in closing) == (False, True)


def test_a_goal_may_be_another_peers_than_kubesvcs() -> None:
    rounds = {USERSPACE: [Sample(10, 1.0, cpu_seconds=0.3)], LOOPBACK: [Sample(10, 1.0, cpu_seconds=0.2)]}
    goal = Goal("relayed", "pods-keepalive", "cpu", 1.1, LOOPBACK, peer=USERSPACE)
    found = verdict(goal, {"pods-keepalive": rounds}, {})
    assert (found.measured, found.is_met) == ("1.50 [1.50-1.50] x", False)
    assert KUBESVC in verdict(Goal("direct", "pods-keepalive", "cpu", 1.1, LOOPBACK), {}, {}).gap


def test_private_memory_is_read_and_that_of_nobody_is_none() -> None:
    assert private_bytes(os.getpid()) > 1 << 20
    assert private_bytes(1 << 22) == 0


def test_rules_are_loaded_and_one_more_service_is_cheaper_than_all() -> None:
    command = [sys.executable, "-m", "benchmarks.suite.ruleload", "50"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE, check=True)
    told = json.loads(done.stdout)
    assert 0 < told["changeMilliseconds"] < told["loadSeconds"] * 1000


def test_a_figure_has_its_ends_beside_it() -> None:
    assert spread("readySeconds@50", [3.0, 1.0, 2.0]) == {
        "readySeconds@50": 2.0,
        "readySecondsLow@50": 1.0,
        "readySecondsHigh@50": 3.0,
    }
