"""One cluster for all stories of kubectl; every story has a namespace of its own, as its context's default."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.helpers.cluster.cli import ClusterCommands, running
from tests.helpers.cluster.ground import Ground
from tests.helpers.kubectl.cli import Kubectl, Version, find_kubectls, kubeconfig_of, preferred

GROUND = Ground(7)
FOUND = find_kubectls()
EXACT_SINCE: Version = (1, 31)
"""The oldest version whose words are those that the tests hold."""


def pytest_configure(config: pytest.Config) -> None:
    """Tell pytest of our marker."""
    config.addinivalue_line("markers", "kubectl(since): run with every kubectl that is here, from a version on")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run a test marked ``kubectl(since=...)`` with every version from that one on that is here."""
    marker = metafunc.definition.get_closest_marker("kubectl")
    if marker is not None:
        versions: list[Version | None] = [each for each in sorted(FOUND) if each >= marker.kwargs["since"]]
        versions = versions or [None]
        metafunc.parametrize("kubectl_binary", versions, ids=[_id(each) for each in versions], indirect=True)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """A version that is not here is no test; without any kubectl all tests are, and fail."""
    if FOUND and (gone := [item for item in items if _needs_another_version(item)]):
        config.hook.pytest_deselected(items=gone)
        items[:] = [item for item in items if item not in gone]


def _needs_another_version(item: pytest.Item) -> bool:
    if not isinstance(item, pytest.Function) or "kubectl_binary" not in item.fixturenames:
        return False
    if item.get_closest_marker("kubectl") is not None:
        return item.callspec.params["kubectl_binary"] is None
    return preferred(FOUND) < EXACT_SINCE


def _id(version: Version | None) -> str:
    return ".".join(map(str, version)) if version else "missing"


@pytest.fixture
def kubectl_binary(request: pytest.FixtureRequest) -> tuple[Version, Path]:
    """A kubectl: the preferred version but in tests for every version."""
    if not FOUND:
        pytest.fail("kubectl is not on PATH: install it (Debian: sudo apt-get install kubernetes-client)")
    version: Version = getattr(request, "param", preferred(FOUND))
    return version, FOUND[version]


@pytest.fixture(scope="session")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ClusterCommands]:
    file = tmp_path_factory.mktemp("configuration") / "cluster.yaml"
    file.write_text(GROUND.configuration())
    with running(ClusterCommands(tmp_path_factory.mktemp("state"), "kubectl"), str(file)) as commands:
        yield commands


@pytest.fixture
def kubectl(
    request: pytest.FixtureRequest, kubectl_binary: tuple[Version, Path], cluster: ClusterCommands, tmp_path: Path
) -> Iterator[Kubectl]:
    """kubectl in a namespace of its own, ``<namespace>``, with an empty home and working directory."""
    namespace = re.sub("[^a-z0-9]+", "-", request.node.name.removeprefix("test_").lower())[-60:].strip("-")
    document = json.loads(kubeconfig_of(cluster).read_text())
    document["contexts"][0]["context"]["namespace"] = namespace
    kubeconfig, home, folder = tmp_path / "kubeconfig", tmp_path / "home", tmp_path / "work"
    kubeconfig.write_text(json.dumps(document))
    kubeconfig.chmod(0o600)
    home.mkdir()
    folder.mkdir()
    version, binary = kubectl_binary
    kubectl = Kubectl(version, binary, home, kubeconfig, folder)
    kubectl.variables["namespace"] = namespace
    kubectl("kubectl create namespace <namespace>")
    yield kubectl
    kubectl("kubectl delete namespace <namespace> --wait=false")
