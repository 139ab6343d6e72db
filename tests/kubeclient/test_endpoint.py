"""The server that a URL names."""

from __future__ import annotations

import pytest

from kubeclient.endpoint import Endpoint, endpoint_of

URLS = {
    "https://api.test": (Endpoint("https", "api.test", 443), "api.test", "api.test:443"),
    "https://api.test:6443/k8s/": (Endpoint("https", "api.test", 6443, "/k8s"), "api.test:6443", "api.test:6443"),
    "http://[fd00::1]": (Endpoint("http", "fd00::1", 80), "[fd00::1]", "[fd00::1]:80"),
    "http://m%40e:p@proxy.test:3128": (
        Endpoint("http", "proxy.test", 3128, "", "Basic bUBlOnA="),
        "proxy.test:3128",
        "proxy.test:3128",
    ),
    "https://bücher.test": (
        Endpoint("https", "xn--bcher-kva.test", 443),
        "xn--bcher-kva.test",
        "xn--bcher-kva.test:443",
    ),
}


@pytest.mark.parametrize(("url", "found"), URLS.items(), ids=URLS)
def test_a_url_names_a_server(url: str, found: tuple[Endpoint, str, str]) -> None:
    endpoint = endpoint_of(url)
    assert (endpoint, endpoint.authority, endpoint.place) == found
    assert endpoint.url == f"{endpoint.scheme}://{endpoint.authority}"


@pytest.mark.parametrize("url", ["ftp://x", "api.test", "https://"])
def test_what_is_no_url_of_http_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match="is no URL of http or https"):
        endpoint_of(url)


def test_a_target_is_the_servers_path_the_path_and_the_query() -> None:
    server = endpoint_of("https://api.test/k8s")
    assert server.target("/api/v1/x y", {"labelSelector": "!a,b in (c)"}) == (
        "/k8s/api/v1/x%20y?labelSelector=%21a%2Cb+in+%28c%29"
    )
    assert endpoint_of("https://api.test").target("", {}) == "/"
