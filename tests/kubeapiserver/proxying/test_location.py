"""The subresource proxy: where a request goes, and what is refused."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.helpers.kubeapi.objects import container, pod, service
from tests.helpers.kubeapiserver.client import DEFAULT, APIClient

from kubeapi.meta import JSON, ObjectKey
from kubeapi.podoptions import PodLogOptions
from kubeapi.scheme import ENDPOINTSLICES, NODES, PODS, SERVICES
from kubeapiserver.messages import LogSession, Proxied, Response
from kubeapiserver.proxying.location import SchemeNamePort, read_scheme_name_port
from kubeapiserver.proxying.rewriting import forwarded_headers, returned_headers, rewritten_page, rewritten_url


def endpoint_slice(*addresses: str, ready: bool = True, ports: list[JSON] | None = None) -> JSON:
    return {
        "metadata": {"name": "web-abcde", "labels": {"kubernetes.io/service-name": "web"}},
        "addressType": "IPv4",
        "ports": [{"name": "http", "port": 8080}, {"name": "tls", "port": 8443}] if ports is None else ports,
        "endpoints": [{"addresses": [each], "conditions": {"ready": ready}} for each in addresses],
    }


@pytest.fixture
def client() -> APIClient:
    """A cluster with the Service web of two named ports, and the pod web."""
    client = APIClient()
    ports = [{"name": "http", "port": 80}, {"name": "tls", "port": 443}]
    client.registry.create(SERVICES, service("web", ports=ports))
    client.registry.create(SERVICES, service("one"))
    client.registry.create(PODS, pod("web", containers=[container(ports=[{"containerPort": 8080}])], nodeName="node-1"))
    created = client.registry.store.get(PODS, "default", "web")
    client.registry.update_status(PODS, {**created, "status": {"podIP": "127.244.0.2"}})
    client.registry.create(PODS, pod("homeless"))
    client.registry.create(NODES, {"apiVersion": "v1", "kind": "Node", "metadata": {"name": "node-1"}})
    return client


def went(client: APIClient, target: str, method: str = "GET") -> tuple[str, str, int, str]:
    """Return the scheme, host, port and path to which a request goes on."""
    answer = client.ask(method, target)
    assert isinstance(answer, Proxied), answer
    return answer.scheme, answer.host, answer.port, answer.path + (f"?{answer.query}" if answer.query else "")


@pytest.mark.parametrize(
    ("target", "expected"),
    [
        ("services/web:http/proxy/", ("http", "127.244.0.9", 8080, "/")),
        ("services/web:80/proxy/a/b?c=d", ("http", "127.244.0.9", 8080, "/a/b?c=d")),
        ("services/http:web:http/proxy/", ("http", "127.244.0.9", 8080, "/")),
        ("services/https:web:443/proxy/x%2Fy/", ("https", "127.244.0.9", 8443, "/x%2Fy/")),
        ("services/https:web:tls/proxy//", ("https", "127.244.0.9", 8443, "//")),
        ("services/web%3Ahttp/proxy/", ("http", "127.244.0.9", 8080, "/")),
        ("pods/web/proxy/", ("http", "127.244.0.2", 8080, "/")),
        ("pods/web:99/proxy/hello", ("http", "127.244.0.2", 99, "/hello")),
        ("pods/https:web:99/proxy/", ("https", "127.244.0.2", 99, "/")),
        ("pods/https:web:/proxy/", ("https", "127.244.0.2", 8080, "/")),
    ],
)
def test_a_request_goes_to_a_ready_endpoint_or_to_the_pod(
    client: APIClient, target: str, expected: tuple[str, str, int, str]
) -> None:
    client.registry.create(ENDPOINTSLICES, endpoint_slice("127.244.0.9"))
    assert went(client, f"{DEFAULT}/{target}") == expected


@pytest.mark.parametrize("method", ["DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT"])
def test_every_method_goes_on(client: APIClient, method: str) -> None:
    assert went(client, f"{DEFAULT}/pods/web/proxy/some/path", method)[3] == "/some/path"


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_a_read_without_a_final_slash_is_redirected_to_one(client: APIClient, method: str) -> None:
    reply = client.send(method, f"{DEFAULT}/pods/web/proxy?a=b")
    assert (reply.status, reply.headers) == (301, (("Location", f"{DEFAULT}/pods/web/proxy/?a=b"),))


@pytest.mark.parametrize("method", ["DELETE", "OPTIONS", "PATCH", "POST", "PUT"])
def test_a_write_without_a_final_slash_is_forwarded_without_one(client: APIClient, method: str) -> None:
    assert went(client, f"{DEFAULT}/pods/web/proxy", method)[3] == ""


@pytest.mark.parametrize(
    ("target", "status", "message"),
    [
        ("services/nope:80/proxy/", 404, 'services "nope" not found'),
        ("services/web:81/proxy/", 503, 'no service port 81 found for service "web"'),
        ("services/web:http/proxy/", 503, 'no endpoints available for service "web"'),
        ("services/web/proxy/", 503, 'no endpoints available for service "web"'),
        ("services/ftp:web:80/proxy/", 400, 'invalid service request "ftp:web:80"'),
        ("services/a:b:c:d/proxy/", 400, 'invalid service request "a:b:c:d"'),
        ("pods/nope/proxy/", 404, 'pods "nope" not found'),
        ("pods/homeless/proxy/", 400, "address not allowed"),
        ("pods/ftp:web:80/proxy/", 400, 'invalid pod request "ftp:web:80"'),
        ("pods/web:http/proxy/", 503, "error trying to reach service: unknown port http"),
        ("configmaps/web/proxy/", 404, "the server could not find the requested resource"),
    ],
)
def test_what_leads_nowhere_is_refused(client: APIClient, target: str, status: int, message: str) -> None:
    client.registry.create(ENDPOINTSLICES, endpoint_slice("127.244.0.9", ready=False))
    reply = client.get(f"{DEFAULT}/{target}")
    assert (reply.status, reply.json["message"]) == (status, message)


def test_a_service_without_a_port_name_needs_none(client: APIClient) -> None:
    only = endpoint_slice("127.244.0.9", ports=[{"name": "", "port": 8080}])
    only["metadata"] = {"name": "one-abcde", "labels": {"kubernetes.io/service-name": "one"}}
    client.registry.create(ENDPOINTSLICES, only)
    for name in ("one", "one:80", "http:one:"):
        assert went(client, f"{DEFAULT}/services/{name}/proxy/") == ("http", "127.244.0.9", 8080, "/")


def test_all_ready_endpoints_have_their_turn(client: APIClient) -> None:
    client.registry.create(ENDPOINTSLICES, endpoint_slice("127.244.0.8", "127.244.0.9"))
    hosts = {went(client, f"{DEFAULT}/services/web:80/proxy/")[1] for _ in range(60)}
    assert hosts == {"127.244.0.8", "127.244.0.9"}


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("web", SchemeNamePort("", "web", "")),
        ("web:80", SchemeNamePort("", "web", "80")),
        ("https:web", SchemeNamePort("", "https", "web")),
        ("https:web:", SchemeNamePort("https", "web", "")),
        (":web:80", SchemeNamePort("", "web", "80")),
        ("", None),
        (":80", None),
        ("http::80", None),
        ("tcp:web:80", None),
        ("a:b:c:d", None),
    ],
)
def test_a_name_in_the_path_is_a_scheme_a_name_and_a_port(text: str, parts: SchemeNamePort | None) -> None:
    assert read_scheme_name_port(text) == parts


NODE = "/api/v1/nodes/node-1"


def test_a_node_shows_the_logs_of_its_pods(client: APIClient) -> None:
    uid = client.registry.store.get(PODS, "default", "web")["metadata"]["uid"]
    for target, listed in (
        (f"{NODE}/proxy/logs/", "pods/"),
        (f"{NODE}:10250/proxy/logs/", "pods/"),
        (f"{NODE}/proxy/logs/pods/", f"default_web_{uid}/"),
        (f"{NODE}/proxy/logs/pods/default_web_{uid}/", "app/"),
        (f"{NODE}/proxy/logs/pods/default_web_{uid}/app/", "0.log"),
    ):
        reply = client.get(target)
        assert (reply.status, reply.text) == (200, f'<pre>\n<a href="{listed}">{listed}</a>\n</pre>\n')
    session = client.session(f"{NODE}/proxy/logs/pods/default_web_{uid}/app/0.log")
    assert session == LogSession(ObjectKey("default", "web"), PodLogOptions("app", timestamps=True))


@pytest.mark.parametrize(
    ("method", "target", "status"),
    [
        ("GET", f"{NODE}/proxy/healthz", 200),
        ("GET", f"{NODE}/proxy/pods/", 200),
        ("GET", f"{NODE}/proxy/logs/pods/default_nope_0/", 404),
        ("GET", f"{NODE}/proxy/logs/syslog", 404),
        ("GET", f"{NODE}/proxy/run/", 404),
        ("POST", f"{NODE}/proxy/logs/", 405),
        ("GET", "/api/v1/nodes/nope/proxy/logs/", 404),
    ],
)
def test_a_node_answers_as_its_kubelet_would(client: APIClient, method: str, target: str, status: int) -> None:
    answer = client.ask(method, target)
    assert isinstance(answer, Response)
    assert answer.status == status


PREFIX = f"{DEFAULT}/pods/web/proxy"
HOSTS = ("127.244.0.2:8080", "127.0.0.1:6443")


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("/a/b?c=d#e", f"{PREFIX}/a/b?c=d#e"),
        ("/", f"{PREFIX}/"),
        ("http://127.244.0.2:8080/a", f"{PREFIX}/a"),
        ("https://127.0.0.1:6443/a/", f"{PREFIX}/a/"),
        ("https://127.0.0.1:6443", "https://127.0.0.1:6443"),
        ("http://elsewhere.example/a", "http://elsewhere.example/a"),
        ("//elsewhere.example/a", "//elsewhere.example/a"),
        ("a/b", "a/b"),
        ("", ""),
        ("#top", "#top"),
        ("mailto:a@b.example", "mailto:a@b.example"),
        (f"{PREFIX}/a", f"{PREFIX}/a"),
        ("http://[bad/a", "http://[bad/a"),
    ],
)
def test_only_absolute_links_to_the_own_host_are_rewritten(url: str, expected: str) -> None:
    assert rewritten_url(url, PREFIX, HOSTS) == expected


@pytest.mark.parametrize(
    ("page", "expected"),
    [
        ('<a href="/x">/x</a>', '<a href="P/x">/x</a>'),
        ("<A class=b HREF='/x?a=1&amp;b=2'>", '<A class=b HREF="P/x?a=1&amp;b=2">'),
        ("<img src=/x.png alt='a > b'>", "<img src=\"P/x.png\" alt='a > b'>"),
        ('<script src="/x.js">var a = "<a href=\'/y\'>";</script>', None),
        ('<!-- <a href="/x"> --><p title="/x">', '<!-- <a href="/x"> --><p title="/x">'),
        ('<a href="x">', '<a href="x">'),
        ("a < b, c > d <a href", "a < b, c > d <a href"),
    ],
)
def test_links_are_rewritten_where_html_has_them(page: str, expected: str | None) -> None:
    found = rewritten_page(page, lambda url: f"P{url}" if url.startswith("/") else url)
    assert found == (expected or page.replace('"/x.js"', '"P/x.js"'))


@given(st.text(alphabet="<>a=\"'/ script!-&;", max_size=60))
def test_a_page_without_links_of_its_own_host_stays_as_it_is(page: str) -> None:
    assert rewritten_page(page, lambda url: url) == page


def test_a_forwarded_request_names_its_client_and_has_no_token() -> None:
    received: list[tuple[str, str]] = [
        ("Host", "127.0.0.1:6443"),
        ("Authorization", "Bearer secret"),
        ("Connection", "keep-alive, X-Hop"),
        ("X-Hop", "1"),
        ("TE", "trailers"),
        ("X-Forwarded-For", "10.0.0.1"),
        ("Cookie", "a=b"),
    ]
    assert forwarded_headers(received, "127.0.0.1", "/p/x") == [
        ("Host", "127.0.0.1:6443"),
        ("Cookie", "a=b"),
        ("X-Forwarded-For", "10.0.0.1, 127.0.0.1"),
        ("X-Forwarded-Uri", "/p/x"),
    ]


def test_an_answer_loses_only_what_was_for_the_hop() -> None:
    received: list[tuple[str, Any]] = [("Set-Cookie", "a"), ("Set-Cookie", "b"), ("Transfer-Encoding", "chunked")]
    assert returned_headers(received) == [("Set-Cookie", "a"), ("Set-Cookie", "b")]
