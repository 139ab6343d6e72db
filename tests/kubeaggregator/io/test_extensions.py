"""An extension API server behind the cluster's own: requests, streams, upgrades, discovery, and its ends."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import ssl
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any, NamedTuple

import pytest
from aiohttp import WSMsgType, web
from tests.helpers.kubeapi.objects import new_registry
from tests.helpers.kubeapiserver.server import HOST, TOKEN, Door, FakeRuntime, served
from tests.helpers.objects import build_endpoint, build_service, build_slice
from yarl import URL

from kubeaggregator.authentication import PROXY_NAME
from kubeaggregator.io.extensions import Extensions
from kubeapi.extensions.answers import (
    NO_SERVERS,
    NOTHING,
    CustomAsked,
    CustomValues,
    ExtensionContents,
    ExtensionUsage,
    ExternalMetric,
    ExternalValues,
    PodsAsked,
)
from kubeapi.io.client import Client
from kubeapi.meta import JSON, ObjectKey
from kubeapi.metrics.usage import ContainerUsage, PodUsage
from kubeapi.objects.conditions import find_condition, is_condition_true
from kubeapi.registry import Registry
from kubeapi.scheme import APISERVICES, CLUSTERROLEBINDINGS, CLUSTERROLES, ENDPOINTSLICES, SERVICES
from kubeapi.users import API_SERVER
from kubeapiserver.apiserver import APIServer
from kubeapiserver.auth.authentication import Authenticator
from kubeapiserver.wire.keys.certificates import Certificate, client_certificate, server_certificate

PATH = "/apis/example.com/v1"
EXTERNAL_METRICS, METRICS = ("external.metrics.k8s.io", "v1beta1"), ("metrics.k8s.io", "v1beta1")
CUSTOM_METRICS = ("custom.metrics.k8s.io", "v1beta2")
EXTERNAL, RESOURCE, CUSTOM = (f"/apis/{'/'.join(each)}" for each in (EXTERNAL_METRICS, METRICS, CUSTOM_METRICS))
LISTED = {
    "name": "things",
    "singularName": "thing",
    "namespaced": True,
    "kind": "Thing",
    "verbs": ["delete", "deletecollection", "list"],
}
LEFT = {"items": [{"metadata": {"name": "a", "finalizers": ["example.com/f"]}}]}
AGGREGATED = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"


POD_METRICS = {
    "metadata": {"name": "web-1", "namespace": "shop"},
    "timestamp": "2026-01-01T00:00:10Z",
    "window": "14.5s",
    "containers": [
        {"name": "main", "usage": {"cpu": "250m", "memory": "2Mi"}},
        {"name": "side", "usage": {"cpu": "12n"}},
    ],
}


class Certificates(NamedTuple):
    """Those of the extension API server, and of the cluster that comes to it."""

    server: Certificate
    client: Certificate


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    folder, now = tmp_path_factory.mktemp("certificates"), time.time()
    server = server_certificate(folder / "server", (), ("api.default.svc",), now)
    return Certificates(server, client_certificate(folder / "client", PROXY_NAME, now))


async def _answer(request: web.BaseRequest) -> web.StreamResponse:
    """Answer as an API server of the older kind: without aggregated discovery."""
    match request.path.removeprefix(PATH):
        case "":
            return web.json_response({"kind": "APIResourceList", "resources": [LISTED]})
        case "/openapi/v3":
            return web.json_response({"paths": {"apis/example.com/v1": {"serverRelativeURL": "/openapi/v3/a?hash=1"}}})
        case "/echo":
            said = {
                "headers": [list(each) for each in request.headers.items()],
                "body": (await request.read()).decode(),
            }
            return web.json_response({**said, "target": request.raw_path}, status=201)
        case "/watch":
            stream = web.StreamResponse()
            await stream.prepare(request)
            await stream.write(b"first\n")
            await asyncio.Event().wait()
        case "/socket":
            socket = web.WebSocketResponse()
            await socket.prepare(request)
            async for each in socket:
                await socket.send_str(f"{each.data} {request.headers['X-Remote-User']}")
            return socket
    if request.path.startswith((EXTERNAL, RESOURCE, CUSTOM)):
        return _answer_metrics(request)
    return await _answer_things(request)


def _answer_metrics(request: web.BaseRequest) -> web.StreamResponse:
    """Answer as an adapter of external metrics, as metrics-server, and as prometheus-adapter."""
    if request.path.startswith(CUSTOM):
        return _answer_custom_metrics(request)
    match request.path.removeprefix(EXTERNAL).removeprefix(RESOURCE), request.query.get("labelSelector"):
        case "/namespaces/shop/pods", "app=web":
            return web.json_response({"items": [POD_METRICS]})
        case "", _:
            return web.json_response({"kind": "APIResourceList", "resources": []})
        case "/namespaces/shop/queue", "a=b,c in (d)":
            return web.json_response({"items": [{"value": "1500m"}, {"value": "20"}]})
        case "/namespaces/refused/queue", _:
            return web.json_response({"kind": "Status", "message": "no"}, status=403)
    return web.Response(status=404)


def _answer_custom_metrics(request: web.BaseRequest) -> web.StreamResponse:
    match request.raw_path.removeprefix(CUSTOM):
        case "":
            return web.json_response({"kind": "APIResourceList", "resources": []})
        case "/namespaces/shop/pods/*/rate?labelSelector=app%3Dweb&metricLabelSelector=a%3Db":
            return web.json_response({"items": [_valued("web-1", "1500m"), _valued("web-2", "2")]})
        case "/namespaces/shop/ingresses.networking.k8s.io/web/rate" | "/namespaces/shop/metrics/rate":
            return web.json_response({"items": [_valued("web", "7")]})
    message = "the server could not find the metric rate for services none"
    return web.json_response({"kind": "Status", "message": message}, status=404)


def _valued(name: str, value: str) -> JSON:
    return {"describedObject": {"name": name}, "metric": {"name": "rate"}, "value": value}


async def _answer_things(request: web.BaseRequest) -> web.StreamResponse:
    """Have one object in a namespace, which waits for a finalizer, and refuse to say what another one has."""
    if request.path == f"{PATH}/namespaces/refused/things":
        return web.json_response({"kind": "Status", "message": "no"}, status=403)
    if request.path != f"{PATH}/namespaces/shop/things":
        return web.Response(status=404)
    if request.method == "DELETE":
        assert (await request.json())["propagationPolicy"] == "Background"
        return web.json_response({"kind": "Status"})
    return web.json_response(LEFT)


Handler = Callable[[web.BaseRequest], Awaitable[web.StreamResponse]]


class Extended(NamedTuple):
    """A cluster's API server with an extension API server."""

    door: Door
    registry: Registry
    extensions: Extensions
    stop_extension: Callable[[], Any]

    async def contents(self, namespace: str) -> ExtensionContents:
        """Return what the server has of a namespace."""
        while (found := self.extensions.told.contents(namespace)).is_pending:
            await asyncio.sleep(0.002)
        return found

    async def condition(self, reason: str) -> JSON:
        """Return the condition of the APIService once it has a reason."""
        while True:
            found = find_condition(self.registry.store.get(APISERVICES, "", "v1.example.com"), "Available")
            if found is not None and found["reason"] == reason:
                return found
            await asyncio.sleep(0.002)

    async def discovered(self, freshness: str) -> JSON:
        """Return the version in aggregated discovery once it has a freshness."""
        while True:
            async with self.door.client.get("/apis", headers={"Accept": AGGREGATED}) as answer:
                groups = {each["metadata"]["name"]: each["versions"] for each in (await answer.json())["items"]}
            version: JSON = groups["example.com"][0]
            if version["freshness"] == freshness:
                return version
            await asyncio.sleep(0.002)


@contextlib.asynccontextmanager
async def extended(
    certificates: Certificates, *, is_external: bool = False, answer: Handler = _answer, **spec: Any
) -> AsyncIterator[Extended]:
    """Run both; ``spec`` is what the APIService says else; one that ``is_external`` is no pod, but on this machine."""
    context = certificates.server.context()
    context.verify_mode = ssl.CERT_REQUIRED
    context.load_verify_locations(cadata=certificates.client.authority)
    runner = web.ServerRunner(web.Server(answer, handler_cancellation=True))
    await runner.setup()
    host = "127.0.0.1" if is_external else HOST
    await web.TCPSite(runner, host, 0, ssl_context=context).start()
    registry, runtime = new_registry(), FakeRuntime(address=runner.addresses[0])
    handlers = APIServer(
        registry,
        clock=time.time,
        admit=lambda _, obj: (obj, ()),
        authenticator=Authenticator(TOKEN),
    )
    client = Client(registry, API_SERVER)
    extensions = Extensions(handlers.extensions, client, runtime, lambda: certificates.client.path)
    running = asyncio.create_task(extensions.run())
    try:
        async with served(handlers.handle, store=registry.store, runtime=runtime, extensions=extensions) as door:
            if is_external:
                spec["service"] = {"namespace": "default", "name": "api", "port": runner.addresses[0][1]}
            _register(registry, certificates, spec, is_external=is_external)
            yield Extended(door, registry, extensions, runner.cleanup)
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        await runner.cleanup()


def _register(registry: Registry, certificates: Certificates, spec: JSON, *, is_external: bool) -> None:
    if is_external:
        registry.create(SERVICES, build_service("api", "default", type="ExternalName", externalName="localhost"))
    else:
        registry.create(SERVICES, build_service("api", "default", ports=[{"port": 443}]))
    listed = [build_endpoint("10.0.0.1", targetRef={"kind": "Pod", "name": "api-1"})]
    registry.create(ENDPOINTSLICES, build_slice("api-1", "api", listed, "default", ports=[{"name": "", "port": 8443}]))
    stated = {
        "group": "example.com",
        "version": "v1",
        "groupPriorityMinimum": 50,
        "versionPriority": 10,
        "service": {"namespace": "default", "name": "api"},
        "caBundle": base64.b64encode(certificates.server.authority.encode()).decode(),
    }
    whole = {name: value for name, value in {**stated, **spec}.items() if value is not None}
    name = f"{whole['version']}.{whole['group']}"
    registry.create(APISERVICES, {"metadata": {"name": name}, "spec": whole})


async def test_requests_go_to_the_server_with_the_user_and_their_body(certificates: Certificates) -> None:
    async with extended(certificates) as cluster:
        assert (await cluster.condition("Passed"))["message"] == "all checks passed"
        forged = {"X-Remote-User": "root", "X-Remote-Extra-A": "b", "Content-Type": "text/plain"}
        async with cluster.door.client.post(
            URL(f"{PATH}/echo?a=%2F", encoded=True), data="body" * 1000, headers=forged
        ) as answer:
            said = await answer.json()
    headers = [(name.lower(), value) for name, value in said["headers"]]
    assert (answer.status, said["body"], said["target"]) == (201, "body" * 1000, f"{PATH}/echo?a=%2F")
    assert [each for each in headers if each[0].startswith("x-remote-")] == [
        ("x-remote-user", "kubernetes-admin"),
        ("x-remote-group", "system:masters"),
        ("x-remote-group", "system:authenticated"),
    ]
    assert "authorization" not in dict(headers)
    assert dict(headers)["content-type"] == "text/plain"


async def test_roles_decide_before_a_request_is_forwarded_for_another_user(certificates: Certificates) -> None:
    async with extended(certificates) as cluster:
        await cluster.condition("Passed")
        headers = {"Impersonate-User": "jane"}
        async with cluster.door.client.get(f"{PATH}/echo", headers=headers) as answer:
            assert (answer.status, (await answer.json())["message"]) == (
                403,
                'echo.example.com is forbidden: User "jane" cannot list resource "echo" in API group "example.com"'
                " at the cluster scope",
            )
        rule = {"apiGroups": ["example.com"], "resources": ["echo"], "verbs": ["list"]}
        cluster.registry.create(CLUSTERROLES, {"metadata": {"name": "a"}, "rules": [rule]})
        role = {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "a"}
        subject = {"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": "jane"}
        bound = {"metadata": {"name": "a"}, "roleRef": role, "subjects": [subject]}
        cluster.registry.create(CLUSTERROLEBINDINGS, bound)
        async with cluster.door.client.get(f"{PATH}/echo", headers=headers) as answer:
            sent = [tuple(each) for each in (await answer.json())["headers"]]
    assert ("X-Remote-User", "jane") in sent
    assert not [name for name, _ in sent if name.lower().startswith("impersonate-")]


async def test_answers_and_upgrades_are_streams(certificates: Certificates) -> None:
    async with extended(certificates) as cluster:
        await cluster.condition("Passed")
        async with cluster.door.client.get(f"{PATH}/watch") as answer:
            assert await answer.content.readline() == b"first\n"
        async with cluster.door.client.ws_connect(
            f"{PATH}/socket", headers={"Authorization": f"Bearer {TOKEN}"}
        ) as socket:
            await socket.send_str("hello")
            message = await socket.receive()
            assert (message.type, message.data) == (WSMsgType.TEXT, "hello kubernetes-admin")


async def test_discovery_and_openapi_tell_of_what_the_server_offers(certificates: Certificates) -> None:
    async with extended(certificates) as cluster:
        await cluster.condition("Passed")
        version = await cluster.discovered("Current")
        assert [each["resource"] for each in version["resources"]] == ["things"]
        async with cluster.door.client.get("/apis/example.com") as answer:
            assert (await answer.json())["preferredVersion"]["groupVersion"] == "example.com/v1"
        async with cluster.door.client.get("/apis") as answer:
            assert (await answer.json())["groups"][-1]["name"] == "example.com"
        while True:
            async with cluster.door.client.get("/openapi/v3") as answer:
                paths = (await answer.json())["paths"]
            if "apis/example.com/v1" in paths:
                break
        assert paths["apis/example.com/v1"] == {"serverRelativeURL": "/openapi/v3/a?hash=1"}
        async with cluster.door.client.get("/openapi/v3/apis/example.com/v1") as answer:
            assert answer.status == 404  # the server's own answer to what it has not


async def test_what_the_server_has_of_a_namespace_is_deleted_and_the_rest_is_told(certificates: Certificates) -> None:
    async with extended(certificates) as cluster:
        await cluster.condition("Passed")
        await cluster.discovered("Current")
        assert await cluster.contents("shop") == ExtensionContents(
            counts={"things.example.com": 1}, finalizers={"example.com/f": 1}
        )
        assert await cluster.contents("other") == NOTHING
        assert (await cluster.contents("refused")).faults == ("no",)
        await cluster.stop_extension()
        _touch(cluster.registry)
        await cluster.condition("FailedDiscoveryCheck")
        await cluster.discovered("Stale")
        assert (await cluster.contents("shop")).undiscovered == ("example.com/v1",)


@pytest.mark.parametrize(
    ("metric", "found"),
    [
        (ExternalMetric("shop", "queue", "a=b,c in (d)"), ExternalValues((1_500, 20_000))),
        (ExternalMetric("refused", "queue"), ExternalValues(fault="no")),
        (
            ExternalMetric("shop", "none"),
            ExternalValues(fault="the server could not find the requested resource (get none.external.metrics.k8s.io)"),
        ),
    ],
    ids=["values", "refused", "none"],
)
async def test_autoscalers_get_the_metrics_of_an_adapter(
    certificates: Certificates, metric: ExternalMetric, found: ExternalValues
) -> None:
    async with answering_for(certificates, EXTERNAL_METRICS) as (cluster, name):
        while (answer := cluster.extensions.told.external(metric)) is None:
            await asyncio.sleep(0.002)
        assert answer == found
        cluster.registry.delete(APISERVICES, "", name)
        gone = cluster.extensions.told.external(metric)
        assert gone is not None
        assert "could not find the requested resource" in gone.fault


@contextlib.asynccontextmanager
async def answering_for(certificates: Certificates, api: tuple[str, str]) -> AsyncIterator[tuple[Extended, str]]:
    """Have the server answer for a group and version; yields the name of its APIService too."""
    group, version = api
    async with extended(certificates, group=group, version=version) as cluster:
        while not is_condition_true(cluster.registry.store.get(APISERVICES, "", f"{version}.{group}"), "Available"):
            await asyncio.sleep(0.002)
        yield cluster, f"{version}.{group}"


UNFOUND = "the server could not find the requested resource (get pods.metrics.k8s.io)"


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        (
            PodsAsked("shop", "app=web"),
            ExtensionUsage(
                {
                    ObjectKey("shop", "web-1"): PodUsage(
                        1_767_225_610.0,
                        14.5,
                        (
                            ContainerUsage("main", 250_000_000, 2 << 20),
                            ContainerUsage("side", 12, 0, frozenset({"memory"})),
                        ),
                    )
                }
            ),
        ),
        (PodsAsked("shop", "app=none"), ExtensionUsage(fault=UNFOUND)),
    ],
    ids=["usage", "none"],
)
async def test_autoscalers_get_what_pods_use_from_the_server_of_its_apiservice(
    certificates: Certificates, asked: PodsAsked, found: ExtensionUsage
) -> None:
    async with answering_for(certificates, METRICS) as (cluster, name):
        assert cluster.extensions.told.serves(METRICS[0])
        while (answer := cluster.extensions.told.usage(asked)) is None:
            await asyncio.sleep(0.002)
        assert answer == found
        cluster.registry.delete(APISERVICES, "", name)
        assert not cluster.extensions.told.serves(METRICS[0])


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        (
            CustomAsked("shop", "pods", "*", "rate", "a=b", "app=web"),
            CustomValues((("web-1", 1_500), ("web-2", 2_000))),
        ),
        (CustomAsked("shop", "ingresses.networking.k8s.io", "web", "rate"), CustomValues((("web", 7_000),))),
        (CustomAsked("shop", "metrics", "rate", ""), CustomValues((("web", 7_000),))),
        (
            CustomAsked("shop", "services", "none", "rate"),
            CustomValues(fault="the server could not find the metric rate for services none"),
        ),
    ],
    ids=["pods", "an object", "the namespace", "none"],
)
async def test_autoscalers_get_custom_metrics_from_the_server_of_their_apiservice(
    certificates: Certificates, asked: CustomAsked, found: CustomValues
) -> None:
    async with answering_for(certificates, CUSTOM_METRICS) as (cluster, name):
        while (answer := cluster.extensions.told.custom(asked)) is None:
            await asyncio.sleep(0.002)
        assert answer == found
        cluster.registry.delete(APISERVICES, "", name)
        assert not cluster.extensions.told.serves(CUSTOM_METRICS[0])
        assert cluster.extensions.told.custom(asked) == NO_SERVERS.custom(asked)


async def test_a_server_of_what_pods_use_that_is_not_available_is_told_of(certificates: Certificates) -> None:
    group, version = METRICS
    none = {"namespace": "default", "name": "none"}
    async with extended(certificates, group=group, version=version, service=none) as cluster:
        while (answer := cluster.extensions.told.usage(PodsAsked("shop", "app=web"))) is None:
            await asyncio.sleep(0.002)
        assert answer.fault == "the server is currently unable to handle the request (get pods.metrics.k8s.io)"


async def test_a_server_that_was_given_up_meanwhile_is_an_error_of_the_connection(certificates: Certificates) -> None:
    async with extended(certificates) as cluster:
        await cluster.discovered("Current")
        [api] = cluster.extensions.apis.all()
        server = cluster.extensions.server_of(api)
        assert (await server.document(f"{PATH}/echo", [], 5.0)).status == 201
        cluster.registry.delete(APISERVICES, "", "v1.example.com")
        while cluster.extensions.apis.offers:
            await asyncio.sleep(0.002)
        with pytest.raises(OSError, match="is another one, or none"):
            await server.document(f"{PATH}/echo", [], 5.0)


async def test_a_server_that_ends_is_told_of_and_its_requests_are_refused(certificates: Certificates) -> None:
    async with extended(certificates) as cluster:
        await cluster.condition("Passed")
        await cluster.discovered("Current")
        address = cluster.registry.store.get(SERVICES, "default", "api")["spec"]["clusterIP"]
        await cluster.stop_extension()
        async with cluster.door.client.get(f"{PATH}/echo") as answer:
            refused = f"error trying to reach service: dial tcp {address}:443: connect: connection refused\n"
            assert (answer.status, await answer.text()) == (503, refused)
        _touch(cluster.registry)
        url = f"https://{address}:443{PATH}"
        assert (await cluster.condition("FailedDiscoveryCheck"))["message"] == (
            f'failing or missing response from {url}: Get "{url}": dial tcp {address}:443: connect: connection refused'
        )
        assert "resources" not in await cluster.discovered("Stale")
        async with cluster.door.client.post(PATH, data="body" * 100_000) as answer:
            assert (answer.status, await answer.text()) == (503, "service unavailable\n")
        cluster.registry.delete(APISERVICES, "", "v1.example.com")
        async with cluster.door.client.get(PATH) as answer:
            assert answer.status == 404


def _touch(registry: Registry) -> None:
    """Change the EndpointSlice, so that the server is asked again."""
    found = registry.store.get(ENDPOINTSLICES, "default", "api-1")
    registry.update(
        ENDPOINTSLICES,
        {**found, "metadata": {**found["metadata"], "labels": {**found["metadata"]["labels"], "a": "b"}}},
    )


@pytest.mark.parametrize(
    ("spec", "fault"),
    [
        ({"caBundle": None}, "tls: failed to verify certificate: x509: certificate signed by unknown authority"),
        ({"version": "v1", "group": "example.com", "service": {"namespace": "default", "name": "api", "port": 80}}, ""),
        ({"caBundle": "bm8gY2VydGlmaWNhdGU="}, ""),
    ],
    ids=["unknown-authority", "other-port", "no-certificate"],
)
async def test_a_server_that_cannot_be_trusted_is_not_available(
    certificates: Certificates, spec: JSON, fault: str
) -> None:
    reason = "ServicePortError" if "service" in spec else "FailedDiscoveryCheck"
    async with extended(certificates, **spec) as cluster:
        assert fault in (await cluster.condition(reason))["message"]
        async with cluster.door.client.get(f"{PATH}/echo") as answer:
            assert answer.status == 503


async def test_an_external_name_leads_to_a_server_of_this_machine(certificates: Certificates) -> None:
    async with extended(certificates, is_external=True) as cluster:
        await cluster.condition("Passed")
        async with cluster.door.client.get(f"{PATH}/echo") as answer:
            assert answer.status == 201


async def test_whoever_skips_the_verification_trusts_any_certificate(certificates: Certificates) -> None:
    async with extended(certificates, caBundle=None, insecureSkipTLSVerify=True) as cluster:
        await cluster.condition("Passed")
        async with cluster.door.client.get(f"{PATH}/echo") as answer:
            assert answer.status == 201
