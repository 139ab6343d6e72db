"""Rolling updates while clients ask without a pause: what good pods spare them, and what bad ones cost."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import Any

import pytest
from tests.helpers import web_process
from tests.helpers.cluster.cli import ClusterCommands, Item, curl_result, eventually, running
from tests.helpers.cluster.ground import Ground
from tests.helpers.cluster.manifests import HTTP_PORT, Manifest, deployment, service, write
from tests.helpers.kubectl.cli import Kubectl
from tests.helpers.load import load_on
from tests.helpers.patience import PATIENCE

GROUND = Ground(12)
CUT = "cut"


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ClusterCommands]:
    file = write(tmp_path_factory.mktemp("manifests") / "cluster.yaml", GROUND.configuration())
    with running(ClusterCommands(tmp_path_factory.mktemp("state"), "rollout"), file) as commands:
        yield commands


def web(manner: str, text: str, folder: Path, **more: Any) -> Manifest:
    """Return the container of a web server that answers ``text``."""
    command = [sys.executable, web_process.__file__, manner, text, "$(POD_IP)", "$(PORT)", str(folder)]
    return {"name": "web", "image": "python:3", "command": command, "ports": [{"containerPort": HTTP_PORT}], **more}


PROBE = {"httpGet": {"path": "/", "port": HTTP_PORT}, "periodSeconds": 1}


def polite(text: str, folder: Path) -> Manifest:
    """Return one that is asked whether it is ready, and has a pause before it is told to stop."""
    pause = {"preStop": {"exec": {"command": ["sleep", "0.3"]}}}
    return web("polite", text, folder, readinessProbe=PROBE, lifecycle=pause)


def abrupt(text: str, folder: Path) -> Manifest:
    """Return one that stops in the middle of a word."""
    return web("rude", text, folder, readinessProbe=PROBE)


def early(text: str, folder: Path) -> Manifest:
    """Return one that nobody asks whether it is ready, so that it counts as ready from its start on."""
    return web("rude", text, folder)


def apply(kubectl: Kubectl, *manifests: Manifest) -> None:
    kubectl("kubectl apply -f -", stdin=json.dumps({"apiVersion": "v1", "kind": "List", "items": manifests}))


def hold(at: str, method: str = "GET") -> str:
    """Return the answer to a request that is answered late: its text, its status if it is bad, or that it was cut."""
    host, _, port = at.rpartition(":")
    connection = HTTPConnection(host, int(port), timeout=PATIENCE)
    try:
        connection.request(method, "/hold")
        response = connection.getresponse()
        return response.read().decode() if response.status == 200 else str(response.status)
    except (OSError, HTTPException):
        return CUT
    finally:
        connection.close()


def per_connection(name: str) -> Manifest:
    return service(f"{name}-tcp", name)


def per_request(name: str) -> Manifest:
    return service(f"{name}-http", name, ports=[{"name": "http", "port": HTTP_PORT, "appProtocol": "http"}])


def roll_out(cluster: ClusterCommands, kubectl: Kubectl, name: str) -> None:
    """Wait until a rollout is over and the pods that it has replaced are gone."""
    kubectl(f"kubectl rollout status deployment {name} --timeout={PATIENCE}s")
    assert eventually(lambda: len(cluster.pods(f"{name}-")) == 2)


def test_no_request_is_lost_when_pods_behave(cluster: ClusterCommands, kubectl: Kubectl, tmp_path: Path) -> None:
    apply(kubectl, per_connection("good"), per_request("good"), deployment("good", 2, polite("old", tmp_path)))
    roll_out(cluster, kubectl, "good")
    tcp, http = cluster.at("good-tcp"), cluster.at("good-http")
    with load_on(tcp) as connections, load_on(http) as requests, load_on(http, is_kept_alive=True) as kept:
        loads = (connections, requests, kept)
        assert all(load.goes_on().answers["old"] for load in loads)
        apply(kubectl, deployment("good", 2, polite("new", tmp_path)))
        roll_out(cluster, kubectl, "good")
        assert all(load.goes_on().answers["new"] for load in loads)
        kubectl("kubectl rollout undo deployment good")
        roll_out(cluster, kubectl, "good")
        tallies = [load.goes_on() for load in loads]
    assert [tally.failures for tally in tallies] == [{}, {}, {}]
    assert all(set(tally.answers) == {"old", "new"} for tally in tallies)


@pytest.mark.parametrize(
    ("manner", "method", "by_connection", "by_request"),
    [
        pytest.param(polite, "GET", "old", "old", id="a good pod finishes it"),
        pytest.param(abrupt, "GET", CUT, "new", id="a bad pod cuts it, and it may be asked again"),
        pytest.param(abrupt, "POST", CUT, "502", id="a bad pod cuts it, and it may not be asked again"),
    ],
)
def test_what_becomes_of_a_request_whose_pod_is_replaced(
    cluster: ClusterCommands,
    kubectl: Kubectl,
    tmp_path: Path,
    manner: Callable[[str, Path], Manifest],
    method: str,
    by_connection: str,
    by_request: str,
) -> None:
    name = f"{manner.__name__}-{method.lower()}"
    old, new = tmp_path / "old", tmp_path / "new"
    for folder in (old, new):
        folder.mkdir()
        (folder / "gate").touch()
    (new / "release").touch()
    apply(kubectl, per_connection(name), per_request(name), deployment(name, 1, manner("old", old)))
    kubectl(f"kubectl rollout status deployment {name} --timeout={PATIENCE}s")
    [first] = cluster.ready_pods(name)
    with ThreadPoolExecutor(2) as pool:
        asked = [pool.submit(hold, cluster.at(f"{name}-{each}"), method) for each in ("tcp", "http")]
        assert eventually(lambda: len(list(old.glob("holding-*"))) == 2)
        apply(kubectl, deployment(name, 1, manner("new", new)))
        kubectl(f"kubectl rollout status deployment {name} --timeout={PATIENCE}s")
        assert eventually(lambda: [each["pod"] for each in ready(cluster, f"{name}-tcp")] not in ([], [first["name"]]))
        if manner is abrupt:
            assert eventually(lambda: first["name"] not in {each["name"] for each in cluster.pods(name)})
        (old / "release").touch()
        assert [each.result(20) for each in asked] == [by_connection, by_request]


def ready(cluster: ClusterCommands, name: str) -> list[Item]:
    return [each for each in cluster.service(name)["endpoints"] if each["ready"]]


def test_pods_that_are_called_ready_before_they_listen_lose_requests(
    cluster: ClusterCommands, kubectl: Kubectl, tmp_path: Path
) -> None:
    old, new = tmp_path / "old", tmp_path / "new"
    old.mkdir()
    new.mkdir()
    (old / "gate").touch()
    apply(kubectl, per_connection("early"), per_request("early"), deployment("early", 2, early("old", old)))
    roll_out(cluster, kubectl, "early")
    tcp, http = cluster.at("early-tcp"), cluster.at("early-http")
    assert eventually(lambda: curl_result(f"http://{tcp}/").returncode == 0)
    with load_on(tcp) as connections, load_on(http) as requests:
        assert all(load.goes_on().answers for load in (connections, requests))
        apply(kubectl, deployment("early", 2, early("new", new)))
        roll_out(cluster, kubectl, "early")
        assert connections.goes_on(20).failures
        assert "502" in requests.goes_on(20).failures
        (new / "gate").touch()
        assert eventually(lambda: connections.tally().answers.get("new") and requests.tally().answers.get("new"))
