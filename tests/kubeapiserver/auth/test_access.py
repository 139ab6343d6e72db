from __future__ import annotations

import pytest

from kubeapi.status import StatusError
from kubeapiserver.auth.access import Access, host_of
from kubeapiserver.auth.authentication import Authenticator

ACCESS = Access(Authenticator("s3cret"), ["127.0.0.1", "localhost", "kubernetes.default.svc"])
GOOD = {"host": "127.0.0.1:6443", "authorization": "Bearer s3cret"}


@pytest.mark.parametrize(
    ("path", "headers", "code"),
    [
        pytest.param("/api/v1/pods", GOOD, None, id="right-token"),
        pytest.param("/api/v1/pods", {**GOOD, "authorization": "bearer s3cret"}, None, id="scheme-in-any-case"),
        pytest.param("/api/v1/pods", {**GOOD, "host": "LOCALHOST"}, None, id="host-in-any-case"),
        pytest.param("/api/v1/pods", {**GOOD, "host": "localhost:18443"}, None, id="a-forwarded-port"),
        pytest.param("/api/v1/pods", {**GOOD, "authorization": "Bearer s3cre"}, 401, id="short-token"),
        pytest.param("/api/v1/pods", {**GOOD, "authorization": "Bearer s3cret2"}, 401, id="long-token"),
        pytest.param("/api/v1/pods", {**GOOD, "authorization": "Bearer \udcff"}, 401, id="not-a-token"),
        pytest.param("/api/v1/pods", {**GOOD, "authorization": "Basic s3cret"}, 401, id="other-scheme"),
        pytest.param("/api/v1/pods", {"host": "localhost"}, 401, id="no-token"),
        pytest.param("/version", {"host": "localhost"}, 401, id="version-is-not-public"),
        pytest.param("/healthz", {"host": "localhost"}, None, id="health-is-public"),
        pytest.param("/readyz/", {"host": "localhost"}, None, id="readiness-is-public"),
        pytest.param("/healthz", {"host": "evil.example"}, 403, id="a-name-rebound-to-this-machine"),
        pytest.param("/healthz", {}, 403, id="no-host"),
        pytest.param("/api", {**GOOD, "host": "127.0.0.1.evil.example"}, 403, id="a-host-that-begins-well"),
        pytest.param("/api", {**GOOD, "origin": "https://evil.example"}, 403, id="a-web-page"),
        pytest.param("/api", {**GOOD, "origin": "null"}, 403, id="a-page-without-origin"),
        pytest.param("/api", {**GOOD, "origin": "http://127.0.0.1:6443"}, 403, id="our-address-without-tls"),
        pytest.param(
            "/api", {**GOOD, "origin": "http://localhost", "upgrade": "WebSocket"}, None, id="a-socket-with-token"
        ),
        pytest.param("/api", {"host": "localhost", "origin": "http://a", "upgrade": "websocket"}, 403, id="a-socket"),
        pytest.param("/api", {**GOOD, "origin": "http://a", "upgrade": "SPDY/3.1"}, 403, id="no-web-socket"),
        pytest.param("/api", {**GOOD, "origin": "https://127.0.0.1:6443"}, None, id="our-own-origin"),
    ],
)
def test_a_request_needs_the_token_and_a_name_of_the_server(
    path: str, headers: dict[str, str], code: int | None
) -> None:
    admitted = ACCESS.admit(path, headers)
    assert (admitted.code if isinstance(admitted, StatusError) else None) == code


@pytest.mark.parametrize(
    ("header", "host"),
    [("a.b:1", "a.b"), ("A.B.", "a.b"), ("[::1]:6443", "::1"), ("[::1]", "::1"), ("", ""), (" a ", "a"), ("a.:1", "a")],
)
def test_the_host_is_read_without_its_port(header: str, host: str) -> None:
    assert host_of(header) == host
