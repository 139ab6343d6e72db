"""A real control plane, on which kubesvc's commands and what a cluster has in their place stand beside each other.

These are kubesvc's proxy, in both of its modes, and kube-proxy; kubesvc's name server and CoreDNS.
`make test` leaves these tests out: they need the programs that `.ci/build-cluster` builds, and root.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack

import pytest
from benchmarks.cluster.controlplane import ControlPlane, control_plane
from benchmarks.cluster.networks import NodeNetwork, node_networks, prepare
from benchmarks.cluster.peers import (
    COREDNS,
    KUBE_PROXY,
    KUBESVC,
    KUBESVC_NFTABLES,
    Beside,
    NameServer,
    ProxyOnNode,
    name_server,
    proxy_on,
)
from benchmarks.cluster.programs import MissingProgramsError, find_programs
from benchmarks.cluster.servers import PodServers
from tests.helpers.realcluster.accounts import DNS, PROXY, kubeconfig_of
from tests.helpers.realcluster.judging import Named, Proxied


@pytest.fixture(scope="session")
def programs() -> dict[str, str]:
    """Find the programs; without them there is nothing to test, which is no success."""
    try:
        return find_programs()
    except MissingProgramsError as error:
        pytest.exit(f"make test-cluster: {error}", 1)


@pytest.fixture(scope="session")
def ground(programs: dict[str, str]) -> None:
    """Have the control plane's address in this network."""
    prepare()


@pytest.fixture(scope="session")
def plane(programs: dict[str, str], ground: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ControlPlane]:
    """Have a control plane."""
    with control_plane(tmp_path_factory.mktemp("plane"), programs) as found:
        yield found


@pytest.fixture(scope="session")
def networks(plane: ControlPlane) -> Iterator[dict[str, NodeNetwork]]:
    """Have a network for each proxy, with pods that answer."""
    with node_networks(3) as found, ExitStack() as stack:
        for each in found:
            stack.callback(PodServers(each).close)
        yield dict(zip((KUBESVC, KUBE_PROXY, KUBESVC_NFTABLES), found, strict=True))


@pytest.fixture(scope="session")
def beside(plane: ControlPlane, programs: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Beside:
    """Have what all peers have in common; kube-proxy syncs ten times as often as by default.

    kubesvc's are the accounts of configs/deploy: what those may do is enough for all that is tested.
    """
    folder = tmp_path_factory.mktemp("peers")
    kubeconfigs = [kubeconfig_of(plane, name, folder) for name in (PROXY, DNS)]
    return Beside(plane, programs, folder, 0.1, "", *kubeconfigs)


@pytest.fixture(scope="session")
def proxies(networks: dict[str, NodeNetwork], beside: Beside) -> Iterator[dict[str, ProxyOnNode]]:
    """Have all proxies, each in its own network."""
    with ExitStack() as stack:
        yield {name: stack.enter_context(proxy_on(name, each, beside)) for name, each in networks.items()}


@pytest.fixture(scope="session")
def servers(beside: Beside) -> Iterator[dict[str, NameServer]]:
    """Have both name servers."""
    with ExitStack() as stack:
        yield {name: stack.enter_context(name_server(name, beside)) for name in (KUBESVC, COREDNS)}


@pytest.fixture(scope="session")
def proxied(proxies: dict[str, ProxyOnNode], networks: dict[str, NodeNetwork]) -> list[Proxied]:
    """Have what asks each proxy."""
    return [Proxied(name, networks[name]) for name in proxies]


@pytest.fixture(scope="session")
def named(servers: dict[str, NameServer]) -> list[Named]:
    """Have what asks both name servers."""
    return [Named(name, each.address) for name, each in servers.items()]
