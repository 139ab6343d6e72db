"""The proxy that the environment names."""

from __future__ import annotations

import pytest

from kubeclient.kubeconfig.proxyvariables import proxy_for

PROXY = {"HTTPS_PROXY": "http://p:1", "https_proxy": "http://lower:1"}
CASES = {
    "https": ("https://api.test:6443", PROXY, "http://p:1"),
    "lower-case": ("https://api.test", {"https_proxy": "http://lower:1"}, "http://lower:1"),
    "http": ("http://api.test", PROXY, ""),
    "no-scheme": ("http://api.test", {"HTTP_PROXY": "p:1"}, "http://p:1"),
    "local": ("https://localhost:6443", PROXY, ""),
    "loopback": ("https://127.5.0.1:6443", PROXY, ""),
    "loopback-6": ("https://[::1]:6443", PROXY, ""),
    "all": ("https://api.test", {**PROXY, "NO_PROXY": "*"}, ""),
    "name": ("https://api.test", {**PROXY, "NO_PROXY": "x.test, API.test"}, ""),
    "domain": ("https://a.api.test", {**PROXY, "no_proxy": "api.test"}, ""),
    "dot": ("https://api.test", {**PROXY, "NO_PROXY": ".api.test"}, "http://p:1"),
    "star": ("https://a.api.test", {**PROXY, "NO_PROXY": "*.api.test"}, ""),
    "part": ("https://myapi.test", {**PROXY, "NO_PROXY": "api.test"}, "http://p:1"),
    "address": ("https://10.0.0.1", {**PROXY, "NO_PROXY": "10.0.0.1"}, ""),
    "network": ("https://10.1.0.1", {**PROXY, "NO_PROXY": "10.0.0.0/8,junk/x"}, ""),
    "no-network": ("https://api.test", {**PROXY, "NO_PROXY": "10.0.0.0/8,,junk/x"}, "http://p:1"),
    "port": ("https://api.test:6443", {**PROXY, "NO_PROXY": "api.test:6443"}, ""),
    "other-port": ("https://api.test:6443", {**PROXY, "NO_PROXY": "api.test:443"}, "http://p:1"),
    "ipv6": ("https://[fd00::1]", {**PROXY, "NO_PROXY": "fd00::1"}, ""),
}


@pytest.mark.parametrize(("url", "environment", "proxy"), CASES.values(), ids=CASES)
def test_a_proxy_is_chosen_as_kubectl_does(url: str, environment: dict[str, str], proxy: str) -> None:
    assert proxy_for(url, environment) == proxy
