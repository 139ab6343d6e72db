"""A user puts load on Services with `kubesvc bench`, and reads what their clients saw."""

from __future__ import annotations

import json
import os
import select
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.helpers.cluster.cli import KUBESVC, ClusterCommands, eventually, running
from tests.helpers.cluster.ground import Ground
from tests.helpers.cluster.manifests import deployment, netexec, service, stream
from tests.helpers.patience import PATIENCE

from kubesvc.control.client import ControlClient
from kubesvc.state.directory import StateDirectory

GROUND = Ground(25)
ROUND_ROBIN = {"kubesvc.dev/balancer": "round_robin"}
UDP = {"name": "udp", "port": 8081, "protocol": "UDP"}
SHORT = ("--duration", "0.4", "--warmup", "0")


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ClusterCommands]:
    """Two pods behind Services that balance connections, requests and datagrams, two of known behaviour, and none."""
    http = [{"name": "http", "port": 8080, "appProtocol": "http"}]
    server = netexec() | {"args": ["netexec", "--http-port=8080", "--udp-port=8081"]}
    manifests = stream(
        GROUND.configuration(),
        deployment("web", 2, server),
        service("web", annotations=ROUND_ROBIN),
        service("api", "web", annotations=ROUND_ROBIN, ports=http),
        service("talk", "web", annotations=ROUND_ROBIN, ports=[UDP]),
        service("empty", "nothing"),
        behaving("lab", 2, "20ms; slots 2"),
        service("lab", annotations=ROUND_ROBIN, ports=http),
    )
    commands = ClusterCommands(tmp_path_factory.mktemp("bench"), "bench")
    with running(commands, "-", stdin=manifests):
        yield commands


def behaving(name: str, replicas: int, behaviour: str) -> dict[str, Any]:
    """Return a Deployment of pods that answer as the annotation says."""
    made = deployment(name, replicas, {"name": "backend", "image": "kubesvc/backend"})
    made["spec"]["template"]["metadata"]["annotations"] = {"kubesvc.dev/backend": behaviour}
    return made


def measured(cluster: ClusterCommands, service: str, *options: str) -> dict[str, Any]:
    """Return the run of a bench as JSON."""
    result = cluster.named("bench", service, "--json", "-", *SHORT, *options)
    assert result.returncode == 0, result.stderr
    run: dict[str, Any] = json.loads(result.stdout)
    return run


def requests_by_pod(run: dict[str, Any]) -> list[int]:
    assert all(name.startswith("web-") for name in run["pods"]), run["pods"]
    return [each["requests"] for each in run["pods"].values()]


def test_round_robin_gives_each_pod_every_other_request(cluster: ClusterCommands) -> None:
    run = measured(cluster, "svc/api", "--rate", "100/s", "--http", "/hostname")
    assert (run["algorithm"], run["offeredRate"], run["source"]) == ("round_robin", 100.0, "sockets")
    assert run["requests"] == run["completed"] == 40
    assert requests_by_pod(run) == [20, 20]


def test_connections_are_balanced_and_told_by_the_clusters_records(cluster: ClusterCommands) -> None:
    run = measured(cluster, "svc/web:8080", "--rate", "50/s", "--tcp", "--payload", r"GET / HTTP/1.0\r\n\r\n")
    assert run["completed"] == 20
    assert requests_by_pod(run) == [10, 10]


def test_datagrams_are_balanced_by_flow(cluster: ClusterCommands) -> None:
    run = measured(cluster, "svc/talk", "--udp", "--rate", "50/s", "--new-connections")
    assert run["completed"] == 20
    assert requests_by_pod(run) == [10, 10]


def test_a_closed_loop_keeps_its_clients_busy(cluster: ClusterCommands) -> None:
    run = measured(cluster, "svc/api", "--closed", "2")
    assert (run["loop"], run["requests"]) == ("closed", run["completed"])
    assert sum(requests_by_pod(run)) == run["requests"] > 2


def test_queries_of_the_clusters_own_dns_are_load_too(cluster: ClusterCommands) -> None:
    run = measured(cluster, "svc/kube-dns", "-n", "kube-system", "--dns", "web.default.svc.cluster.local")
    assert run["completed"] == 40


def test_the_report_is_a_table_and_files(cluster: ClusterCommands, tmp_path: Path) -> None:
    files = [tmp_path / name for name in ("r.json", "r.hlog", "r.html")]
    wanted = [part for file in files for part in (f"--{file.suffix[1:].replace('hlog', 'hdr')}", str(file))]
    result = cluster.named("bench", "svc/api", *SHORT, "--rate", "50/s", *wanted)
    assert result.returncode == 0, result.stderr
    assert result.stdout.startswith("svc/api:8080: round_robin, ")
    assert all(file.stat().st_size > 500 for file in files)
    assert json.loads(files[0].read_text())["command"].startswith("kubesvc bench --name bench svc/api ")


def test_an_objective_that_is_broken_is_the_exit_status(cluster: ClusterCommands) -> None:
    result = cluster.named("bench", "svc/api", *SHORT, "--slo", "p50=1us,errors=0%")
    assert result.returncode == 99
    assert "kubesvc: objective broken: p50 is " in result.stderr
    assert "errors" not in result.stderr.partition("objective broken")[2]


def test_a_pod_that_vanishes_leaves_its_requests_to_the_other_and_a_signal_to_the_group_ends_it_all(
    cluster: ClusterCommands, tmp_path: Path
) -> None:
    file = tmp_path / "r.json"
    options = ("--duration", "10m", "--warmup", "0", "--json", str(file))
    command = [*KUBESVC, "bench", "--name", cluster.name, "svc/api", *options]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdout=pipe, stderr=pipe, bufsize=0, env=cluster.env, start_new_session=True) as run:
        assert run.stderr is not None
        assert run.stdout is not None
        assert b"requests/s" in run.stderr.readline()
        cluster.scale("deployment/web", 1)
        assert eventually(lambda: len(cluster.pods("web")) == 1)
        while select.select([run.stderr], [], [], 0)[0]:  # the lines of the seconds that this took
            run.stderr.readline()
        for _ in range(3):
            run.stderr.readline()
        os.killpg(run.pid, signal.SIGTERM)  # as timeout(1) does
        assert run.wait(PATIENCE) == 130
        assert b"it was interrupted after" in run.stdout.read()
    document = json.loads(file.read_text())
    assert document["partial"]
    assert document["requests"] == document["completed"] + sum(document["errors"].values())
    windows = [each["windows"] for each in document["pods"].values()]
    # The last one may have just begun; the pod had vanished before both.
    assert sorted(sum(each[-2:]) > 0 for each in windows) == [False, True]
    cluster.scale("deployment/web", 2)
    assert eventually(lambda: len(cluster.ready_pods("web")) == 2)


def balancing(cluster: ClusterCommands, service: str) -> dict[str, str | None]:
    """Return what the Service's annotations say of balancing."""
    client = ControlClient(StateDirectory(cluster.name, cluster.state.parent))
    return client.rebalance("default", service, {})


def test_algorithms_take_turns_and_the_service_has_its_own_again(cluster: ClusterCommands, tmp_path: Path) -> None:
    before, page = balancing(cluster, "api"), tmp_path / "page.html"
    turns = ("--compare", "random,least_connections,round_robin", "--blocks", "2", "--rate", "50/s")
    result = cluster.named("bench", "svc/api", *SHORT, *turns, "--json", "-", "--html", str(page))
    assert result.returncode == 0, result.stderr
    assert "trial 6 of 6, block 2: " in result.stderr
    found = json.loads(result.stdout)
    assert (found["algorithms"], len(found["blocks"]), found["partial"]) == (turns[1].split(","), 2, False)
    for block in found["blocks"]:
        assert {run["algorithm"] for run in block.values()} == set(block) == set(found["algorithms"])
        assert requests_by_pod(block["round_robin"]) == [10, 10]
    assert found["verdicts"][0]["says"] == "can't tell: 5 blocks are needed, 2 measured"
    assert "Latency by percentile" in page.read_text()
    assert balancing(cluster, "api") == before


def test_what_a_killed_comparison_leaves_the_next_one_puts_back(cluster: ClusterCommands) -> None:
    before = balancing(cluster, "web")
    turns = ("--compare", "random,least_connections", "--duration", "10m")
    command = [*KUBESVC, "bench", "--name", cluster.name, "svc/web", *turns]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=cluster.env) as killed:
        assert eventually(lambda: balancing(cluster, "web")["kubesvc.dev/bench-original"])
        killed.kill()
    assert balancing(cluster, "web") != before
    with subprocess.Popen(command, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=cluster.env) as ended:
        assert ended.stderr is not None
        assert ended.stdout is not None
        while "trial 1 of 20" not in ended.stderr.readline():
            pass
        ended.send_signal(signal.SIGHUP)
        assert ended.wait(PATIENCE) == 130
        assert "0 blocks of 10: none was finished" in ended.stdout.read()
    assert balancing(cluster, "web") == before


def test_a_service_without_endpoints_is_refused_at_once(cluster: ClusterCommands) -> None:
    result = cluster.named("bench", "svc/empty")
    assert (result.returncode, result.stdout) == (1, "")
    assert "svc/empty has no ready endpoint, so every client is refused" in result.stderr
    query = ("-n", "kube-system", "--dns", "web")
    result = cluster.named("bench", "svc/kube-dns", *query, "--compare", "random,round_robin")
    assert (result.returncode, result.stdout) == (1, "")
    assert "svc/kube-dns:53 has no endpoints among which an algorithm could choose" in result.stderr


def test_a_simulation_has_the_pods_and_the_algorithm_of_the_service(cluster: ClusterCommands) -> None:
    run = measured(cluster, "svc/lab", "--simulate", "--rate", "100/s")
    assert (run["source"], run["algorithm"], run["requests"]) == ("simulation", "round_robin", 40)
    assert [each["requests"] for each in run["pods"].values()] == [20, 20]
    assert run["summary"]["corrected"]["ms"]["p50"] == pytest.approx(20, rel=0.001)


def test_sockets_and_simulation_give_the_same_pods_the_same_requests(cluster: ClusterCommands) -> None:
    result = cluster.named("bench", "svc/lab", "--both", "--rate", "100/s", *SHORT, "--json", "-")
    assert result.returncode == 0, result.stderr
    both = json.loads(result.stdout)
    sockets, simulated = both["sockets"], both["simulation"]
    assert (sockets["requests"], sockets["completed"]) == (simulated["requests"], simulated["completed"]) == (40, 40)
    assert sockets["pods"].keys() == simulated["pods"].keys()
    assert [each["requests"] for each in sockets["pods"].values()] == [20, 20]
    fastest = sockets["summary"]["corrected"]["ms"]["p50"]
    assert fastest >= simulated["summary"]["corrected"]["ms"]["p50"] * 0.99


def test_a_behaviour_that_says_nothing_is_refused(cluster: ClusterCommands) -> None:
    result = cluster.named("up", "-", stdin=stream(behaving("wrong", 1, "20ms; slots few")))
    assert result.returncode == 2
    assert 'kubesvc.dev/backend]: Invalid value: "20ms; slots few": position 13: expected a number' in result.stderr
