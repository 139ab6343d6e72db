"""Ingresses, with curl: hosts, paths and TLS at one address, from this machine and from a pod."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.helpers.chance import enough
from tests.helpers.cluster.cli import ClusterCommands, curl, curl_result, eventually, running
from tests.helpers.cluster.ground import Ground
from tests.helpers.cluster.manifests import HTTP_PORT, Manifest, deployment, echo, service, stream
from tests.helpers.kubectl.cli import Kubectl
from tests.helpers.objects import build

from kubeapiserver.wire.keys.certificates import server_certificate

GROUND = Ground(26)
ADDRESS = f"127.171.{GROUND.number}.254"
CURLE_SSL_CACERT = 60
NGINX = "nginx.ingress.kubernetes.io/"


def rule(host: str, *paths: tuple[str, str, str]) -> Manifest:
    listed = [
        {"path": path, "pathType": kind, "backend": {"service": {"name": name, "port": {"number": HTTP_PORT}}}}
        for path, kind, name in paths
    ]
    return {"host": host, "http": {"paths": listed}}


def ingress(name: str, *rules: Manifest, annotations: Manifest | None = None, **spec: object) -> Manifest:
    made = build("Ingress", name, metadata={"annotations": annotations or {}}, spec={"rules": list(rules), **spec})
    return {**made, "apiVersion": "networking.k8s.io/v1"}


MANIFESTS = (
    GROUND.configuration(),
    deployment("web", 2),
    service("web"),
    deployment("api", 1, echo("api")),
    service("api"),
    ingress(
        "shop",
        rule("shop.example", ("/", "Prefix", "web"), ("/api", "Prefix", "api")),
        rule("*.shop.example", ("/hostname", "Exact", "web")),
        tls=[{"hosts": ["safe.example"], "secretName": "safe"}],
    ),
    ingress("safe", rule("safe.example", ("/", "Prefix", "web")), annotations={f"{NGINX}proxy-body-size": "8m"}),
    ingress(
        "rewritten",
        rule("old.example", ("/v1(/|$)(.*)", "ImplementationSpecific", "web")),
        annotations={f"{NGINX}rewrite-target": "/$2"},
    ),
)


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ClusterCommands]:
    with running(
        ClusterCommands(tmp_path_factory.mktemp("state"), "ingress"), "-", stdin=stream(*MANIFESTS)
    ) as commands:
        yield commands


def at(cluster: ClusterCommands, scheme: str = "http") -> int:
    """Return the port on this machine that stands for 80 or 443."""
    (found,) = {
        each["port"]
        for one in cluster.status()["ingresses"][:1]
        for each in one["listeners"]
        if each["portName"] == scheme
    }
    assert isinstance(found, int)
    return found


def ask(cluster: ClusterCommands, url: str, *arguments: str) -> str:
    """Return what curl prints for a URL, whose host has the address of the Ingresses."""
    scheme, _, rest = url.partition("://")
    host, slash, path = rest.partition("/")
    port = at(cluster, scheme)
    resolve = ("--resolve", f"{host}:{port}:{ADDRESS}")
    return curl(f"{scheme}://{host}:{port}{slash}{path}", *resolve, "-w", "\n%{http_code}", *arguments)


def test_each_host_and_path_has_its_service(cluster: ClusterCommands) -> None:
    web = {each["name"] for each in cluster.ready_pods("web")}
    assert {ask(cluster, "http://shop.example/hostname").split()[0] for _ in range(enough(len(web)))} == web
    assert ask(cluster, "http://shop.example/api/users").split() == ["api", "200"]
    assert ask(cluster, "http://berlin.shop.example/hostname").split()[0] in web
    assert ask(cluster, "http://berlin.shop.example/clientip").split()[-1] == "404"
    assert "no Ingress has a path for it: host other.example" in ask(cluster, "http://other.example/")
    assert ask(cluster, "http://old.example/v1/echo?msg=hello").split() == ["hello", "200"]


def test_the_endpoint_is_told_who_asks_and_how(cluster: ClusterCommands) -> None:
    fields = {"X-Forwarded-Host": "shop.example", "X-Forwarded-Proto": "http", "X-Real-IP": "127.0.0.1"}
    for name, value in fields.items():
        told = ask(cluster, f"http://shop.example/header?key={name}", "-H", f"{name}: 6.6.6.6").split()[0]
        assert told.partition(":")[0] == value


def test_a_secret_that_comes_later_is_served_and_what_has_no_effect_is_told(
    cluster: ClusterCommands, kubectl: Kubectl, tmp_path: Path
) -> None:
    def answer(*arguments: str) -> int:
        port = at(cluster, "https")
        resolve = ("--resolve", f"safe.example:{port}:{ADDRESS}")
        return curl_result(f"https://safe.example:{port}/hostname", *resolve, *arguments).returncode

    assert answer() == CURLE_SSL_CACERT
    assert "404" not in ask(cluster, "https://safe.example/hostname", "-k")
    assert (
        "kubesvc Ingress Fake Certificate"
        in curl_result(f"https://{ADDRESS}:{at(cluster, 'https')}/", "-k", "-v").stderr
    )
    made = server_certificate(tmp_path / "pair.pem", (), ("safe.example",), time.time())
    pem = made.path.read_text()
    (tmp_path / "ca.pem").write_text(made.authority)
    key, begin, rest = pem.partition("\n")[2].partition("-----BEGIN CERTIFICATE-----")
    (tmp_path / "tls.key").write_text(key)
    (tmp_path / "tls.crt").write_text(begin + rest)
    kubectl("kubectl create secret tls safe --cert=tls.crt --key=tls.key")
    assert eventually(lambda: answer("--cacert", str(tmp_path / "ca.pem")) == 0)
    events = kubectl("kubectl get events -o json").out
    told = {each["reason"]: each for each in json.loads(events)["items"] if each["involvedObject"]["kind"] == "Ingress"}
    assert told["TLSSecretNotServed"]["message"].startswith("Secret default/safe does not exist")
    assert told["AnnotationIgnored"]["involvedObject"]["name"] == "safe"
    redirected = ask(cluster, "http://safe.example/a?b=c", "-o", "/dev/null", "-w", "%{redirect_url}")
    port = at(cluster, "https")
    assert redirected == f"https://safe.example{'' if port == 443 else f':{port}'}/a?b=c"


def test_kubectl_shows_it_and_a_pod_reaches_it(cluster: ClusterCommands, kubectl: Kubectl) -> None:
    shown = kubectl("kubectl get ingress shop").out.split()
    assert shown[6:10] == ["shop", "<none>", "shop.example,*.shop.example", ADDRESS]
    assert "api:8080" in kubectl("kubectl describe ingress shop").out
    pod = cluster.ready_pods("web")[0]["name"]
    port = 80 if cluster.status()["sandbox"]["mode"] == "namespaces" else at(cluster)
    fetched = kubectl(f"kubectl exec {pod} -- curl -s -H 'Host: shop.example' http://{ADDRESS}:{port}/api").out
    assert fetched == "api\n"


def test_kubesvc_says_where_requests_went_and_would_go(cluster: ClusterCommands) -> None:
    ask(cluster, "http://shop.example/api/seen")
    seen = json.loads(cluster.named("connections", "-o", "json").stdout)["connections"]
    (last,) = [each for each in seen if each["target"] == "/api/seen"]
    assert (last["service"], last["address"], last["port"], last["status"]) == ("default/api", ADDRESS, 80, 200)
    traced = cluster.named("trace", "outside", f"{ADDRESS}:80", "--path", "/api/x", "-H", "Host: shop.example").stdout
    assert "The path /api (Prefix) of shop.example in Ingress default/shop has the request; it leads to" in traced
    assert "api-" in traced
    assert "The client gets 404" in cluster.named("trace", "outside", f"{ADDRESS}:80", "--path", "/x").stdout


def test_kubesvc_explains_and_lists_ingresses(cluster: ClusterCommands) -> None:
    told = cluster.named("explain", "ingress/shop").stdout
    assert f"Ingress default/shop answers at {ADDRESS}:{at(cluster)} (http)" in told
    assert "Path /api (Prefix) of shop.example leads to default/api:8080, which has 1 endpoint" in told
    assert "NAME        CLASS    HOSTS" in cluster.named("status").stdout


def test_an_ingress_that_goes_is_served_no_more(cluster: ClusterCommands, kubectl: Kubectl) -> None:
    kubectl("kubectl delete ingress rewritten")
    assert eventually(lambda: "404" in ask(cluster, "http://old.example/v1/echo?msg=hello"))
