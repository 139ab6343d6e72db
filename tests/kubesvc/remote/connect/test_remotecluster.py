"""A remote cluster fills the local Store: what it asks, what it may do without, and how it says what is missing."""

from __future__ import annotations

import contextlib
import random
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest
from tests.helpers.cluster.manifests import HTTP_PORT
from tests.helpers.kubeclient.following import write_kubeconfig
from tests.helpers.kubeclient.server import (
    Asked,
    ScriptedServer,
    answer,
    bookmark,
    event,
    forever,
    head,
    scripted,
    status,
)
from tests.helpers.loops import settled
from tests.helpers.objects import build_endpoint, build_service, build_slice

from kubeapi.meta import JSON, ObjectKey
from kubeapi.podoptions import PodLogOptions
from kubeapi.registry import Registry, RegistryConfig, bootstrap
from kubeapi.scheme import ENDPOINTSLICES, PODS, SERVICES
from kubeapi.status import StatusError
from kubeapi.store import Store
from kubeproxy.tunnels import TunnelReader
from kubesvc.config import ClusterConfiguration
from kubesvc.network.loopback import LoopbackNetwork
from kubesvc.remote.connect.podports import PodPorts
from kubesvc.remote.connect.remotecluster import RemoteCluster
from kubesvc.remote.connect.wanted import Wanted
from kubesvc.run.recorders import EventRecorders
from kubesvc.run.starterror import StartError
from kubesvc.run.upstream import Surroundings

POD = {"kind": "Pod", "name": "web-1", "namespace": "shop", "uid": "one"}


def of_the_server(obj: JSON) -> JSON:
    return {**obj, "metadata": {"uid": "x", **obj["metadata"], "resourceVersion": "7"}}


WEB = of_the_server(build_service("web", "shop", clusterIP="10.96.7.3", clusterIPs=["10.96.7.3"], selector={"a": "b"}))
SLICE = of_the_server(build_slice("web-1", "web", [build_endpoint("10.244.1.5", targetRef=POD)], "shop"))


class RemoteAPI:
    """An API server with a Service and its slice. ``refused`` are the ends of the paths that it forbids."""

    def __init__(self, *services: JSON, refused: tuple[str, ...] = (), may_forward: bool = True) -> None:
        self._objects = {"services": list(services), "endpointslices": [SLICE], "pods": []}
        self._refused = refused
        self._may_forward = may_forward

    async def script(self, asked: Asked) -> AsyncIterator[bytes]:
        plural = asked.path.rpartition("/")[2]
        if plural == "selfsubjectaccessreviews":
            yield answer({"status": {"allowed": self._may_forward}}, 201)
        elif plural in self._refused:
            yield answer(status(403, "Forbidden", f'{plural} is forbidden: User "ann" cannot list resource'), 403)
        elif asked.is_watch:
            yield head()
            for obj in self._objects[plural]:
                yield event("ADDED", obj)
            yield bookmark(9, ends_initial=True)
            await forever()
        else:
            yield answer({"kind": "List", "metadata": {"resourceVersion": "9"}, "items": self._objects[plural]})


class FakeGateways:
    """Remembers which pods are served."""

    def __init__(self) -> None:
        self.pods: dict[str, PodPorts] = {}
        self.renewals = 0

    def serve(self, pod: PodPorts) -> None:
        self.pods[pod.uid] = pod

    def end(self, uid: str) -> None:
        del self.pods[uid]

    def open_tunnel(self, address: str, port: int, reader: TunnelReader) -> None:
        del address, port, reader

    def renew(self) -> None:
        self.renewals += 1

    def problems(self) -> list[str]:
        return ["a gateway's problem"]

    async def close(self) -> None:
        self.pods.clear()


class Local:
    """A Store to be filled from a server, and what fills it."""

    def __init__(self, server: ScriptedServer, folder: Path, **wanted: Any) -> None:
        self.store = Store()
        registry = Registry(self.store, RegistryConfig(), clock=lambda: 0.0, rng=random.Random(1))
        bootstrap(registry)
        self.gateways = FakeGateways()
        config = ClusterConfiguration()
        around = Surroundings(config, registry, LoopbackNetwork.of(config), EventRecorders(registry))
        kubeconfig = write_kubeconfig(folder / "kubeconfig", {"server": server.url})
        asked = Wanted(kubeconfig, **{"namespace": "shop", **wanted})
        self.remote = RemoteCluster(asked, around, lambda _client, _network: self.gateways)


Fill = Callable[..., contextlib.AbstractAsyncContextManager[tuple[Local, ScriptedServer]]]


@pytest.fixture
def filled(tmp_path: Path) -> Fill:
    @contextlib.asynccontextmanager
    async def fill(api: RemoteAPI, **wanted: Any) -> AsyncIterator[tuple[Local, ScriptedServer]]:
        async with scripted(api.script) as server:
            local = Local(server, tmp_path, **wanted)
            try:
                await local.remote.start()
                yield local, server
            finally:
                await local.remote.close()

    return fill


async def test_the_store_is_full_when_it_has_started(filled: Fill) -> None:
    async with filled(RemoteAPI(WEB)) as (local, server):
        assert local.store.get(SERVICES, "shop", "web")["spec"]["clusterIP"] == "127.96.7.3"
        assert local.store.get(ENDPOINTSLICES, "shop", "web-1")["endpoints"][0]["addresses"] == ["127.244.1.5"]
        assert local.gateways.pods["one"].ports == {80}
        assert (local.remote.waiting_for(), local.remote.problems()) == ([], ["a gateway's problem"])
        assert local.remote.document() == {
            "context": "test",
            "server": server.url,
            "namespace": "shop",
            "selector": "",
        }
        local.remote.renew()
        assert local.gateways.renewals == 1
    assert local.gateways.pods == {}


@pytest.mark.parametrize(
    ("wanted", "path", "labels"),
    [
        ({}, "/api/v1/namespaces/shop/services", None),
        ({"namespace": "", "is_everywhere": True}, "/api/v1/services", None),
        ({"namespace": ""}, "/api/v1/namespaces/default/services", None),
        ({"selector": "tier=web"}, "/api/v1/namespaces/shop/services", "tier=web"),
    ],
    ids=["a namespace", "all of them", "the context's", "labels"],
)
async def test_only_what_is_wanted_is_asked_for(
    filled: Fill, wanted: dict[str, Any], path: str, labels: str | None
) -> None:
    async with filled(RemoteAPI(WEB), **wanted) as (_, server):
        asked = [each for each in server.asked if each.path.endswith("/services")]
        assert {(each.path, each.query.get("labelSelector")) for each in asked} == {(path, labels)}
        pods = [each.query.get("labelSelector") for each in server.asked if each.path.endswith("/pods")]
        assert set(pods) == {None}


async def test_without_leave_to_list_pods_their_endpoints_speak_for_them(filled: Fill) -> None:
    async with filled(RemoteAPI(WEB, refused=("pods",))) as (local, _):
        assert local.store.get(PODS, "shop", "web-1")["status"]["podIP"] == "127.244.1.5"
        [problem, _] = local.remote.problems()
        assert problem.startswith(
            'pods are shown as far as EndpointSlices tell of them: pods is forbidden: User "ann" cannot list resource'
        )


@pytest.mark.parametrize(
    ("api", "said"),
    [
        (
            RemoteAPI(WEB, refused=("services",)),
            'services is forbidden: User "ann" cannot list resource; a Role',
        ),
        (RemoteAPI(WEB, refused=("endpointslices",)), "endpointslices is forbidden"),
        (RemoteAPI(WEB, may_forward=False), "may not create pods/portforward, by which all bytes travel"),
        (RemoteAPI(), 'context "test" has no Service in namespace "shop"'),
    ],
    ids=["no Services", "no EndpointSlices", "no port-forward", "nothing there"],
)
async def test_a_start_says_what_it_needs(filled: Fill, api: RemoteAPI, said: str) -> None:
    with pytest.raises(StartError) as raised:
        async with filled(api):
            pass
    assert said in str(raised.value)


async def test_a_server_that_is_not_there_is_named(tmp_path: Path) -> None:
    async with scripted(RemoteAPI(WEB).script) as server:
        local = Local(server, tmp_path)
    assert local.remote.waiting_for() == ["context of the kubeconfig: its API server has not answered yet"]
    with pytest.raises(StartError, match=f"the API server {server.url} .* cannot be reached"):
        await local.remote.start()
    await local.remote.close()


async def test_what_was_known_stays_and_its_age_is_told_while_the_server_is_away(filled: Fill) -> None:
    async with filled(RemoteAPI(WEB)) as (local, server):
        await server.stop()
        while len(local.remote.problems()) < 2:
            await settled()
        assert local.remote.problems()[0].startswith('what is shown of context "test" is as it was ')
        assert local.store.find(SERVICES, ObjectKey("shop", "web")) is not None


async def test_ports_of_pods_lead_to_their_gateways_and_all_else_over_there(filled: Fill) -> None:
    async with filled(RemoteAPI(WEB, refused=("pods",))) as (local, _):
        pod = ObjectKey("shop", "web-1")
        assert local.remote.runtime.port_address(pod, HTTP_PORT) == ("127.244.1.5", HTTP_PORT)
        with pytest.raises(StatusError, match="`kubectl --context test -n shop logs web-1 -c main`"):
            local.remote.runtime.logs(pod, PodLogOptions("main"))
        with pytest.raises(StatusError, match="not found"):
            local.remote.runtime.port_address(ObjectKey("shop", "nobody"), 80)
