"""The control plane stops and comes back while there is traffic: no connection fails, no answer is wrong."""

from __future__ import annotations

import os
import shutil
import signal
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from benchmarks.cluster.clients import Client
from benchmarks.cluster.controlplane import ControlPlane
from benchmarks.cluster.networks import NodeNetwork
from benchmarks.cluster.peers import COREDNS, KUBE_PROXY, KUBESVC, NameServer, ProxyOnNode
from tests.helpers.cluster.cli import eventually
from tests.helpers.objects import build_endpoint, build_namespace, build_service, build_slice
from tests.helpers.patience import PATIENCE
from tests.helpers.realcluster.judging import Named
from tests.helpers.realcluster.traffic import Traffic, traffic

NAMESPACE = "restarts"
ADDRESS, LATER = "10.101.0.1", "10.101.0.2"
PODS = ("10.244.1.2", "10.244.2.3")
RECOVERY_SECONDS = 3 * PATIENCE
"""A client that has failed for some time waits for up to a minute before it tries again, as client-go's does."""


class World:
    """A Service with traffic; what changes it, and what sees the change."""

    def __init__(self, plane: ControlPlane, network: NodeNetwork, server: NameServer) -> None:
        self.plane, self.network, self.server = plane, network, server
        self.client, self.names = Client(network), Named(KUBESVC, server.address)

    def serve(self, name: str, address: str, *pods: str) -> None:
        """Have a Service with these endpoints."""
        api = self.plane.api()
        ports = [{"name": "http", "port": 80, "targetPort": 9376}]
        api.put(build_service(name, NAMESPACE, clusterIP=address, ports=ports))
        listed = [build_endpoint(each, ready=True) for each in pods]
        api.put(build_slice(f"{name}-1", name, listed, NAMESPACE, ports=[{"name": "http", "port": 9376}]))

    def is_seen(self, name: str, address: str, pod: str) -> bool:
        """Tell whether proxy and name server know a Service with one endpoint."""
        reply = self.names.ask(f"{name}.{NAMESPACE}.svc.cluster.local", "A")
        return [str(each.rdata) for each in reply.rr] == [address] and self.client.ask(address, 80).said == pod

    @contextmanager
    def traffic(self) -> Iterator[Traffic]:
        """Have connections and queries all the time; none may fail, none may get a wrong answer."""
        name = f"steady.{NAMESPACE}.svc.cluster.local"
        with traffic(self.client, self.names, (ADDRESS, 80), name) as found:
            yield found
        assert found.failures == []
        assert found.answers.keys() <= {*PODS, ADDRESS}


@pytest.fixture
def world(
    plane: ControlPlane,
    networks: dict[str, NodeNetwork],
    proxies: dict[str, ProxyOnNode],
    servers: dict[str, NameServer],
) -> World:
    found = World(plane, networks[KUBESVC], servers[KUBESVC])
    plane.api().put(build_namespace(NAMESPACE))
    found.serve("steady", ADDRESS, *PODS)
    found.serve("later", LATER, PODS[0])
    assert eventually(lambda: found.client.ask(ADDRESS, 80).said in PODS)
    assert eventually(lambda: found.is_seen("later", LATER, PODS[0]), RECOVERY_SECONDS)
    return found


def change_is_seen(world: World) -> bool:
    """Tell whether a change that is made now arrives."""
    world.serve("later", LATER, PODS[1])
    return eventually(lambda: world.is_seen("later", LATER, PODS[1]), RECOVERY_SECONDS)


@pytest.mark.parametrize("kill", [False, True], ids=["ended", "killed"])
def test_the_api_server_restarts_under_traffic(world: World, kill: bool) -> None:
    with world.traffic() as found:
        found.goes_on()
        world.plane.apiserver.stop(kill=kill)
        found.goes_on()
        world.plane.apiserver.start()
        found.goes_on()
        assert change_is_seen(world)
        found.goes_on()


def test_the_api_server_stands_still_under_traffic(world: World) -> None:
    with world.traffic() as found:
        os.kill(world.plane.apiserver.pid, signal.SIGSTOP)
        try:
            found.goes_on()
        finally:
            os.kill(world.plane.apiserver.pid, signal.SIGCONT)
        assert change_is_seen(world)


def test_etcd_restarts_under_traffic(world: World) -> None:
    with world.traffic() as found:
        world.plane.etcd.stop()
        found.goes_on()
        world.plane.etcd.start()
        found.goes_on()
        assert change_is_seen(world)
        found.goes_on()


def test_what_changed_while_the_watch_was_gone_arrives(world: World) -> None:
    """The API server has no memory of before its start: the watch goes on from a version that it does not have, 410."""
    with world.traffic() as found:
        world.plane.apiserver.stop(kill=True)
        world.plane.etcd.stop()
        world.plane.etcd.start()
        world.plane.apiserver.start()
        assert change_is_seen(world)
        found.goes_on()


def test_etcd_comes_back_with_an_older_state(
    world: World, proxies: dict[str, ProxyOnNode], servers: dict[str, NameServer]
) -> None:
    """Versions go back, and what came after the backup is gone, as after a restore: clients list again.

    kube-proxy and CoreDNS were seen to wait for the versions that are still to come: they start anew for other tests.
    """
    data, backup = world.plane.folder / "etcd", world.plane.folder / "backup"
    world.plane.apiserver.stop()
    world.plane.etcd.stop()
    shutil.copytree(data, backup)
    world.plane.etcd.start()
    world.plane.apiserver.start()
    for count in range(20):
        world.serve("later", LATER, PODS[count % 2])
    world.serve("lost", "10.101.0.3", PODS[0])
    assert eventually(lambda: world.is_seen("lost", "10.101.0.3", PODS[0]), RECOVERY_SECONDS)
    with world.traffic() as found:
        world.plane.apiserver.stop()
        world.plane.etcd.stop()
        shutil.rmtree(data)
        backup.rename(data)
        world.plane.etcd.start()
        world.plane.apiserver.start()
        found.goes_on()
        assert change_is_seen(world)
        assert eventually(lambda: not world.is_seen("lost", "10.101.0.3", PODS[0]), RECOVERY_SECONDS)
        found.goes_on()
    for peer in (proxies[KUBE_PROXY].program, servers[COREDNS].program):
        peer.stop()
        peer.start()
