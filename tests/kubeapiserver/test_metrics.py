"""/metrics and the health of the API server."""

from __future__ import annotations

import pytest
from tests.helpers.kubeapi.objects import service
from tests.helpers.kubeapiserver.client import DEFAULT, APIClient


def test_answers_and_objects_are_counted() -> None:
    client = APIClient()
    client.post(f"{DEFAULT}/services", service())
    client.post(f"{DEFAULT}/services", service())
    client.watch(f"{DEFAULT}/pods?watch=1").close()
    client.get("/apis/nobody.example/v1/pods")
    reply = client.get("/metrics")
    assert (reply.status, reply.content_type) == (200, "text/plain; version=0.0.4; charset=utf-8")
    lines = reply.text.splitlines()
    assert 'apiserver_request_total{code="201",resource="services",verb="POST"} 1' in lines
    assert 'apiserver_request_total{code="409",resource="services",verb="POST"} 1' in lines
    assert 'apiserver_request_total{code="200",resource="pods",verb="WATCH"} 1' in lines
    assert 'apiserver_request_total{code="404",resource="",verb="GET"} 1' in lines
    assert 'apiserver_storage_objects{resource="services"} 3' in lines
    assert 'apiserver_storage_objects{resource="deployments.apps"} 0' in lines


def test_unknown_methods_are_one_series() -> None:
    client = APIClient()
    for method in ("BREW", "PROPFIND"):
        client.ask(method, "/")
    assert 'apiserver_request_total{code="405",resource="",verb="other"} 2' in client.get("/metrics").text


@pytest.mark.parametrize("path", ["/healthz", "/livez", "/readyz"])
def test_health_is_told_in_short_and_at_length(path: str) -> None:
    client = APIClient()
    assert client.get(path).text == "ok"
    assert client.get(f"{path}?verbose").text == f"[+]ping ok\n{path[1:]} check passed\n"
