"""What stories with real processes share: each file has a cluster of its own, ``cluster``."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.helpers.cluster.cli import ClusterCommands
from tests.helpers.e2e.cluster import E2ECluster, Namespace, namespace_of
from tests.helpers.kubectl.cli import Kubectl, find_kubectls, kubeconfig_of, preferred


@pytest.fixture
def kubectl(cluster: ClusterCommands, tmp_path: Path) -> Kubectl:
    """Return the preferred kubectl, with a home of its own."""
    found = find_kubectls()
    version = preferred(found)
    (tmp_path / "home").mkdir()
    return Kubectl(version, found[version], tmp_path / "home", kubeconfig_of(cluster), tmp_path)


@pytest.fixture
def namespace(request: pytest.FixtureRequest, cluster: E2ECluster) -> Iterator[Namespace]:
    """Have a namespace named after the test."""
    namespace = namespace_of(cluster, request.node.name)
    yield namespace
    namespace.end()
