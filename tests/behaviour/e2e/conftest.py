"""A cluster for each module, on the module's GROUND with a node in each of its ZONES, for the end-to-end tests."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from tests.helpers.cluster.cli import ClusterCommands, running
from tests.helpers.e2e.cluster import E2ECluster


@pytest.fixture(scope="module")
def cluster(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[E2ECluster]:
    """Have the module's cluster."""
    ground, zones = request.module.GROUND, request.module.ZONES
    file = tmp_path_factory.mktemp("configuration") / "cluster.yaml"
    file.write_text(ground.configuration(zones=zones))
    with running(ClusterCommands(tmp_path_factory.mktemp("state"), "e2e"), str(file)) as commands:
        yield E2ECluster(commands, ground, zones)
