"""A cluster for each module, on the module's GROUND with a node in each of its ZONES, and a namespace for each test."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from tests.helpers.cluster.cli import ClusterCommands, running
from tests.helpers.e2e.cluster import E2ECluster, Namespace


@pytest.fixture(scope="module")
def cluster(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[E2ECluster]:
    """Have the module's cluster."""
    ground, zones = request.module.GROUND, request.module.ZONES
    file = tmp_path_factory.mktemp("configuration") / "cluster.yaml"
    file.write_text(ground.configuration(zones=zones))
    with running(ClusterCommands(tmp_path_factory.mktemp("state"), "e2e"), str(file)) as commands:
        yield E2ECluster(commands, ground, zones)


@pytest.fixture
def namespace(request: pytest.FixtureRequest, cluster: E2ECluster) -> Iterator[Namespace]:
    """Have a namespace named after the test."""
    name = re.sub("[^a-z0-9]+", "-", request.node.name.removeprefix("test_").lower())[:60].strip("-")
    cluster.api.ask("POST", "/api/v1/namespaces", {"metadata": {"name": name}})
    namespace = Namespace(cluster, name)
    yield namespace
    namespace.end()
