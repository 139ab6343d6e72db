"""One cluster for all client libraries, each in a namespace of its own."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from typing import Any

import pytest
from tests.helpers.cluster.api import APICluster, api_cluster

NAMESPACES = ("python-kubernetes", "python-dynamic", "python-asyncio", "python-informer", "kr8s", "lightkube", "kopf")


@pytest.fixture(scope="package", autouse=True)
def own_temporary_files(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Keep what clients leave: certificates, which they remove at an interpreter's end, and xdist's has no such end."""
    before, tempfile.tempdir = tempfile.tempdir, str(tmp_path_factory.mktemp("temporary"))
    yield
    tempfile.tempdir = before


@pytest.fixture(scope="package")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[APICluster]:
    """Have the cluster."""
    with api_cluster(tmp_path_factory.mktemp("clients"), *NAMESPACES) as running:
        yield running


@pytest.fixture(scope="module")
def api(cluster: APICluster) -> Iterator[Any]:
    """Return Kubernetes' own client of Python."""
    from kubernetes import config  # a second's work, for some of these files alone

    with config.new_client_from_config(str(cluster.kubeconfig)) as found:
        yield found
