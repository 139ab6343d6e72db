"""Changes of a running cluster, seen from its clients: who stays connected, who connects, who should notice nothing."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from threading import Event
from typing import Any

import pytest
from tests.helpers.cluster.cli import ClusterCommands, curl, curl_result, eventually, running
from tests.helpers.cluster.ground import Ground
from tests.helpers.cluster.manifests import Manifest, deployment, echo, netexec, service, write
from tests.helpers.patience import PATIENCE

GROUND = Ground(3)
CURLE_COULDNT_CONNECT = 7


class Edited:
    """A cluster that watches one file, and the file."""

    def __init__(self, commands: ClusterCommands, folder: Path) -> None:
        self.commands = commands
        self.folder = folder
        write(folder / "cluster.yaml", GROUND.configuration())
        self.keep("web", service("web"), deployment("web", 2))
        self.keep("untouched", service("untouched"), deployment("untouched"))

    def keep(self, file: str, *manifests: Manifest) -> None:
        """Write the file anew."""
        write(self.folder / f"{file}.yaml", *manifests)


class Client:
    """One connection that is kept open, to a web server that says its pod's name."""

    def __init__(self, at: str) -> None:
        host, _, port = at.rpartition(":")
        self._connection = HTTPConnection(host, int(port), timeout=PATIENCE)
        self._connection.connect()
        self._connection.auto_open = 0  # A lost connection must not be opened again behind our back.
        self.pod = self.ask()

    def ask(self, path: str = "/hostname") -> str:
        """Ask on the same connection; HTTPException or OSError when it is gone."""
        self._connection.request("GET", path)
        return self._connection.getresponse().read().decode()

    def is_gone(self) -> bool:
        """Tell whether the connection has ended."""
        try:
            self.ask()
        except (HTTPException, OSError):
            return True
        return False

    def close(self) -> None:
        self._connection.close()


@pytest.fixture(scope="module")
def edited(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Edited]:
    folder = tmp_path_factory.mktemp("manifests")
    edited = Edited(ClusterCommands(tmp_path_factory.mktemp("state"), "edited"), folder)
    with running(edited.commands, "--watch", str(folder)):
        yield edited


@pytest.fixture
def cluster(edited: Edited) -> ClusterCommands:
    return edited.commands


@pytest.fixture(scope="module")
def bystander(edited: Edited) -> Iterator[Client]:
    """Have one client of the Service that no story touches, from the first story to the last."""
    client = Client(edited.commands.at("untouched"))
    yield client
    client.close()


@pytest.fixture(autouse=True)
def untouched(edited: Edited, bystander: Client) -> Iterator[None]:
    """See that what a story does not change notices nothing of it."""
    before = surroundings(edited.commands)
    yield
    assert bystander.ask() == bystander.pod
    assert surroundings(edited.commands) == before


def surroundings(cluster: ClusterCommands) -> dict[str, Any]:
    status = cluster.status()
    return {
        "pid": status["pid"],
        "dns": status["dns"],
        "services": [each for each in status["services"] if each["name"] in ("untouched", "kubernetes", "kube-dns")],
        "pods": [each for each in status["pods"] if each["name"].startswith("untouched-")],
    }


@pytest.fixture
def clients(edited: Edited) -> Iterator[list[Client]]:
    """Have enough clients of the Service `web` that each of its two pods has some (but for once in 1e9 runs)."""
    at = edited.commands.at("web")
    found = [Client(at) for _ in range(31)]
    assert {client.pod for client in found} == {pod["name"] for pod in edited.commands.ready_pods("web-")}
    yield found
    for client in found:
        client.close()


class Caller:
    """Calls a Service again and again, each time anew, until it is told to stop."""

    def __init__(self, url: str, pool: ThreadPoolExecutor) -> None:
        self._stop = Event()
        self._answers = pool.submit(self._call, url)

    def _call(self, url: str) -> list[tuple[int, str]]:
        answers = []
        while not self._stop.is_set():
            result = curl_result(url)
            answers.append((result.returncode, result.stdout))
        return answers

    def answers(self) -> list[tuple[int, str]]:
        """Stop, and return curl's exit status and output of every call."""
        self._stop.set()
        return self._answers.result(30)


@pytest.fixture
def pool() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(1) as pool:
        yield pool


def test_more_pods_take_new_connections_and_old_ones_stay_where_they_are(
    cluster: ClusterCommands, clients: list[Client]
) -> None:
    cluster.scale("deployment/web", 4)
    assert eventually(lambda: len(cluster.service("web")["endpoints"]) == 4 and cluster.status()["ready"])
    at, pods = cluster.at("web"), {pod["name"] for pod in cluster.ready_pods("web-")}
    assert eventually(lambda: {curl(f"http://{at}/hostname") for _ in range(30)} == pods)
    assert all(client.ask() == client.pod for client in clients)


def test_fewer_pods_end_only_their_own_connections(cluster: ClusterCommands, pool: ThreadPoolExecutor) -> None:
    at = cluster.at("web")
    old = [Client(at) for _ in range(40)]
    caller = Caller(f"http://{at}/hostname", pool)
    cluster.scale("deployment/web", 2)
    assert eventually(lambda: len(cluster.pods("web-")) == 2)
    remaining = {pod["name"] for pod in cluster.ready_pods("web-")}
    assert {status for status, _ in caller.answers()} == {0}
    assert {curl(f"http://{at}/hostname") for _ in range(20)} <= remaining
    for client in old:
        assert client.is_gone() == (client.pod not in remaining)
        client.close()


def test_a_pod_that_leaves_a_service_keeps_its_clients_and_gets_no_new_ones(
    edited: Edited, cluster: ClusterCommands, clients: list[Client]
) -> None:
    pods = {pod["name"] for pod in cluster.ready_pods("web-")}
    edited.keep("web", service("web", "next"), deployment("web", 2), deployment("next"))
    assert eventually(lambda: [each["pod"][:5] for each in cluster.service("web")["endpoints"]] == ["next-"])
    assert eventually(lambda: cluster.listener("web")["bound"])
    at = cluster.at("web")
    assert eventually(lambda: all(curl(f"http://{at}/hostname").startswith("next-") for _ in range(5)))
    assert {client.ask() for client in clients} == pods
    edited.keep("web", service("web"), deployment("web", 2))
    assert eventually(lambda: {each["pod"] for each in cluster.service("web")["endpoints"]} == pods)
    assert eventually(lambda: not cluster.pods("next-"))
    assert all(client.ask() == client.pod for client in clients)


def test_a_new_template_rolls_out_without_one_failed_request(
    edited: Edited, cluster: ClusterCommands, pool: ThreadPoolExecutor
) -> None:
    edited.keep("echo", service("echo"), deployment("echo", 3, echo("old")))
    assert eventually(lambda: len(cluster.ready_pods("echo-")) == 3)
    old, at = {pod["name"] for pod in cluster.pods("echo-")}, cluster.at("echo")
    address = cluster.listener("echo")
    caller = Caller(f"http://{at}/", pool)
    edited.keep("echo", service("echo"), deployment("echo", 3, echo("new")))
    assert eventually(
        lambda: len(cluster.pods("echo-")) == 3 and not old & {pod["name"] for pod in cluster.pods("echo-")}
    )
    assert eventually(lambda: cluster.status()["ready"])
    assert {curl(f"http://{at}/") for _ in range(20)} == {"new\n"}
    answers = caller.answers()
    assert set(answers) == {(0, "old\n"), (0, "new\n")}
    assert cluster.listener("echo") == address


def test_an_image_nobody_knows_leaves_the_old_pods_in_service(edited: Edited, cluster: ClusterCommands) -> None:
    at = cluster.at("web")
    edited.keep("web", service("web"), deployment("web", 2, netexec(image="example.com/nobody/knows:2")))
    assert eventually(
        lambda: any(pod["status"] in ("ErrImagePull", "ImagePullBackOff") for pod in cluster.pods("web-"))
    )
    assert len(cluster.ready_pods("web-")) == 2
    assert all(curl(f"http://{at}/hostname").startswith("web-") for _ in range(5))
    edited.keep("web", service("web"), deployment("web", 2))
    assert eventually(lambda: cluster.status()["ready"] and len(cluster.pods("web-")) == 2)


def test_a_service_that_goes_is_refused_and_forgotten(edited: Edited, cluster: ClusterCommands) -> None:
    edited.keep("brief", service("brief"), deployment("brief"))
    assert eventually(lambda: [each for each in cluster.status()["services"] if each["name"] == "brief"])
    assert eventually(lambda: cluster.listener("brief")["bound"])
    at = cluster.at("brief")
    assert curl(f"http://{at}/hostname").startswith("brief-")
    (edited.folder / "brief.yaml").unlink()
    assert eventually(lambda: curl_result(f"http://{at}/").returncode == CURLE_COULDNT_CONNECT)
    assert eventually(lambda: not cluster.pods("brief-"))
    assert cluster.dig("brief.default.svc.cluster.local") == []


def test_another_balancer_is_in_force_from_the_next_connection_on(
    edited: Edited, cluster: ClusterCommands, clients: list[Client]
) -> None:
    at, pods = cluster.at("web"), sorted(pod["name"] for pod in cluster.ready_pods("web-"))
    balanced = service("web", annotations={"kubesvc.dev/balancer": "round_robin"})
    edited.keep("web", balanced, deployment("web", 2))

    def turns() -> list[str]:
        return [curl(f"http://{at}/hostname") for _ in range(12)]

    assert eventually(lambda: turns() in (pods * 6, pods[::-1] * 6))
    assert all(client.ask() == client.pod for client in clients)
