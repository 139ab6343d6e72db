"""Endpoints that change faster than anybody can look: nobody is refused, and the last state is the one that holds."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.helpers.cluster.cli import ClusterCommands, Item, curl, eventually, running
from tests.helpers.cluster.ground import Ground
from tests.helpers.cluster.manifests import HTTP_PORT, pod, service, write
from tests.helpers.e2e.cluster import API
from tests.helpers.kubectl.cli import kubeconfig_of
from tests.helpers.load import load_on

GROUND = Ground(12)
SLICES = "/apis/discovery.k8s.io/v1/namespaces/default/endpointslices"
MERGE = "application/merge-patch+json"
FLAPS = 300
CHANGES = 1000


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ClusterCommands]:
    pods = [pod(name) for name in ("steady", "flapping")]
    folder: Path = tmp_path_factory.mktemp("manifests")
    file = write(folder / "cluster.yaml", GROUND.configuration(), service("web", ""), *pods)
    with running(ClusterCommands(tmp_path_factory.mktemp("state"), "flapping"), file) as commands:
        yield commands


def endpoints(cluster: ClusterCommands, **ready: bool) -> list[Item]:
    addresses = {each["name"]: each["podIP"] for each in cluster.pods()}
    return [{"addresses": [addresses[name]], "conditions": {"ready": each}} for name, each in ready.items()]


@pytest.fixture
def api(cluster: ClusterCommands) -> Iterator[API]:
    """Have a slice of the Service with both pods, and the way to change it."""
    api = API(kubeconfig_of(cluster))
    api.ask(
        "POST",
        SLICES,
        {
            "metadata": {"name": "web-1", "labels": {"kubernetes.io/service-name": "web"}},
            "addressType": "IPv4",
            "ports": [{"name": "http", "port": HTTP_PORT}],
            "endpoints": endpoints(cluster, steady=True, flapping=True),
        },
    )
    yield api
    api.ask("DELETE", f"{SLICES}/web-1")


def answering(at: str) -> set[str]:
    return set(curl(f"http://{at}/hostname?[1-30]", "-H", "Connection: close", "-w", "\\n").split())


def test_an_endpoint_that_flaps_costs_no_request(cluster: ClusterCommands, api: API) -> None:
    at = cluster.at("web")
    states = [{"endpoints": endpoints(cluster, steady=True, flapping=is_up)} for is_up in (False, True)]
    with load_on(at) as load, api.connected() as ask:
        load.goes_on()
        for number in range(FLAPS):
            ask("PATCH", f"{SLICES}/web-1", states[number % 2], MERGE)
        assert load.goes_on().failures == {}
    assert eventually(lambda: answering(at) == {"steady", "flapping"})


def test_of_a_thousand_changes_the_last_one_holds(cluster: ClusterCommands, api: API) -> None:
    at = cluster.at("web")
    names = ("steady", "flapping")
    states = [{"endpoints": endpoints(cluster, **{name: True})} for name in names]
    with api.connected() as ask:
        for number in range(CHANGES):
            ask("PATCH", f"{SLICES}/web-1", states[number % 2], MERGE)
    assert eventually(lambda: answering(at) == {names[(CHANGES - 1) % 2]})
