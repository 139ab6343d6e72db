"""test/e2e/network/proxy.go, and networking.go's static paths: through the API server to Services, pods and nodes."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.helpers.cluster.cli import eventually
from tests.helpers.cluster.ground import Ground
from tests.helpers.e2e.cluster import E2ECluster, Item, Namespace, agnhost, path_of, pod
from tests.helpers.e2e.raw import RawAPI
from tests.helpers.kubectl.cli import find_kubectls, kubeconfig_of, preferred

GROUND = Ground(15)
ZONES = ("", "")

PAGE = '<a href="/rewriteme">test</a>'
TEXTS = {
    "SERVE_PORT_8001": PAGE,
    "SERVE_PORT_8080": PAGE,
    "SERVE_PORT_8160": "foo",
    "SERVE_PORT_8162": "bar",
    "SERVE_TLS_PORT_8443": PAGE,
    "SERVE_TLS_PORT_8460": "tls baz",
    "SERVE_TLS_PORT_8462": "tls qux",
}
ATTEMPTS = 5
METHODS = ("DELETE", "GET", "OPTIONS", "PATCH", "POST", "PUT")


@pytest.fixture(scope="module")
def api(cluster: E2ECluster) -> RawAPI:
    return RawAPI(kubeconfig_of(cluster.commands))


def porter(name: str, *flags: str, texts: dict[str, str]) -> Item:
    env = [{"name": key, "value": value} for key, value in texts.items()]
    ports = [{"name": "dest1", "containerPort": 8160}, {"name": "tlsdest1", "containerPort": 8460}]
    made = pod(name, 1, name, agnhost("porter", *flags, env=env, ports=ports))
    probe = {"tcpSocket": {"port": int(next(iter(texts)).rpartition("_")[2])}, "periodSeconds": 1}
    made["spec"]["containers"][0]["readinessProbe"] = probe
    return made


def becomes_ready(namespace: Namespace, service: str) -> bool:
    """Tell whether the slices name a ready endpoint before long."""
    return eventually(lambda: any(each["ready"] for each in namespace.conditions(service)))


@pytest.mark.parametrize("port", ["", ":10250"], ids=["p02_without_port", "p01_with_explicit_kubelet_port"])
def test_p01_p02_should_proxy_logs_on_node_using_proxy_subresource(
    namespace: Namespace, api: RawAPI, port: str
) -> None:
    namespace.servers(1)
    for _ in range(ATTEMPTS):
        answer = api.raw("GET", f"/api/v1/nodes/node-1{port}/proxy/logs/")
        assert answer.status == 200, answer
    pods = api.raw("GET", f"/api/v1/nodes/node-1{port}/proxy/logs/pods/").text
    assert f"{namespace.name}_netserver-0_" in pods


def test_p03_should_proxy_through_a_service_and_a_pod(namespace: Namespace, api: RawAPI) -> None:
    ports = [
        {"name": "portname1", "port": 80, "targetPort": "dest1"},
        {"name": "portname2", "port": 81, "targetPort": 8162},
        {"name": "tlsportname1", "port": 443, "targetPort": "tlsdest1"},
        {"name": "tlsportname2", "port": 444, "targetPort": 8462},
    ]
    namespace.service("proxy-service", "proxied", ports=ports)
    namespace.run(porter("proxied", texts=TEXTS))
    assert becomes_ready(namespace, "proxy-service")
    root = f"/api/v1/namespaces/{namespace.name}"

    def linked(at: str) -> str:
        return f'<a href="{root}/pods/{at}/proxy/rewriteme">test</a>'

    wanted = {f"services/{scheme}proxy-service:{port}": "foo" for scheme in ("", "http:") for port in ("portname1", 80)}
    wanted |= {
        f"services/{scheme}proxy-service:{port}": "bar" for scheme in ("", "http:") for port in ("portname2", 81)
    }
    wanted |= {f"services/https:proxy-service:{port}": "tls baz" for port in ("tlsportname1", 443)}
    wanted |= {f"services/https:proxy-service:{port}": "tls qux" for port in ("tlsportname2", 444)}
    wanted |= {f"pods/{at}": linked(at) for at in ("proxied:8001", "http:proxied:8080", "https:proxied:8443")}
    wanted |= {"pods/proxied:8160": "foo", "pods/http:proxied:8162": "bar", "pods/https:proxied:8460": "tls baz"}
    for _ in range(ATTEMPTS):
        answers = {at: api.raw("GET", f"{root}/{at}/proxy/") for at in wanted}
        assert {at: each.text for at, each in answers.items()} == wanted
        assert {each.status for each in answers.values()} == {200}


@pytest.fixture
def telling(namespace: Namespace) -> Iterator[Namespace]:
    """A pod and a Service that tell with which method they are asked."""
    namespace.service("e2e-proxy", "agnhost", ports=[{"port": 80, "targetPort": 8160}])
    namespace.run(porter("agnhost", "--json-response", texts={"SERVE_PORT_8160": "foo"}))
    assert becomes_ready(namespace, "e2e-proxy")
    yield namespace


@pytest.mark.parametrize("at", ["pods/agnhost", "services/e2e-proxy"])
def test_p04_a_set_of_valid_responses_are_returned_for_both_pod_and_service_proxywithpath(
    telling: Namespace, api: RawAPI, at: str
) -> None:
    path = f"/api/v1/namespaces/{telling.name}/{at}/proxy/some/path/with/"
    for method in METHODS:
        answer = api.raw(method, f"{path}{method}")
        assert (answer.status, json.loads(answer.text)) == (200, {"Method": method, "Body": "foo"})
    assert (api.raw("HEAD", f"{path}HEAD").status, api.raw("HEAD", f"{path}HEAD").text) == (200, "")


@pytest.mark.parametrize("at", ["pods/agnhost", "services/e2e-proxy"])
def test_p05_a_set_of_valid_responses_are_returned_for_both_pod_and_service_proxy(
    telling: Namespace, api: RawAPI, at: str
) -> None:
    path = f"/api/v1/namespaces/{telling.name}/{at}/proxy"
    for method in ("DELETE", "OPTIONS", "PATCH", "POST", "PUT"):
        answer = api.raw(method, f"{path}?method={method}")
        assert (answer.status, json.loads(answer.text)["Method"]) == (200, method)
    for method in ("GET", "HEAD"):
        answer = api.raw(method, f"{path}?method={method}")
        assert (answer.status, answer.headers["Location"]) == (301, f"{path}/?method={method}")


def test_a_service_without_endpoints_is_unavailable(namespace: Namespace, api: RawAPI) -> None:
    namespace.service("nobody", "nobody")
    answer = api.raw("GET", f"{path_of('Service', namespace.name, 'nobody:http')}/proxy/")
    status = json.loads(answer.text)
    assert (answer.status, status["reason"]) == (503, "ServiceUnavailable")
    assert status["message"] == 'no endpoints available for service "nobody"'


def test_kubectl_reaches_a_service_with_get_raw(telling: Namespace, tmp_path: Path) -> None:
    found = find_kubectls()
    path = f"/api/v1/namespaces/{telling.name}/services/e2e-proxy:80/proxy/"
    environment = {**os.environ, "HOME": str(tmp_path), "KUBECONFIG": str(kubeconfig_of(telling.cluster.commands))}
    said = subprocess.run(
        [found[preferred(found)], "get", "--raw", path], env=environment, capture_output=True, text=True, check=True
    )
    assert json.loads(said.stdout) == {"Method": "GET", "Body": "foo"}


@pytest.mark.parametrize(
    "path", ["/healthz", "/api", "/apis", "/metrics", "/openapi/v2", "/version", "/livez", "/readyz"]
)
def test_n04_should_provide_unchanging_static_url_paths_for_kubernetes_api_services(api: RawAPI, path: str) -> None:
    answer = api.raw("GET", path)
    assert (answer.status, bool(answer.text)) == (200, True)
