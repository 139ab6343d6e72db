"""What a request costs the handlers, counted and not timed: calls of functions, and how often a body is decoded."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Callable
from types import FrameType
from typing import Any

import pytest
from tests.helpers.kubeapi.objects import deployment, pod, service
from tests.helpers.kubeapiserver.client import APPS, DEFAULT, APIClient, Reply

REPLICAS = {"spec": {"replicas": 3}}

Sends = Callable[[APIClient], Reply]

COSTS: dict[str, tuple[Sends, int]] = {
    "create a pod": (lambda client: client.post(f"{DEFAULT}/pods", pod("new")), 1480),
    "create a Service": (lambda client: client.post(f"{DEFAULT}/services", service("new")), 1130),
    "replace a Service": (lambda client: client.put(f"{DEFAULT}/services/web", service("web")), 1260),
    "patch a Deployment": (lambda client: client.patch(f"{APPS}/deployments/web", REPLICAS, "merge"), 1900),
    "read a Service": (lambda client: client.get(f"{DEFAULT}/services/web"), 150),
}
"""Requests, and how many functions of Python and C each may call, about half more than it does, so that a helper can be
extracted."""


def calls(send: Sends, client: APIClient) -> Counter[str]:
    """Return how often each function of Python was called for a request, by its name, and all of C together."""
    found: Counter[str] = Counter()

    def count(frame: FrameType, event: str, _argument: Any) -> None:
        if event in ("call", "c_call"):
            name = f"{frame.f_globals['__name__']}.{frame.f_code.co_qualname}"
            found[name if event == "call" else "C"] += 1

    sys.setprofile(count)
    try:
        reply = send(client)
    finally:
        sys.setprofile(None)
    assert reply.status < 300, reply.text
    return found


@pytest.fixture
def client() -> APIClient:
    """A cluster with a Service and a Deployment, whose types are known already."""
    client = APIClient()
    client.post(f"{DEFAULT}/pods", pod("first"))
    client.post(f"{DEFAULT}/services", service("web"))
    client.post(f"{APPS}/deployments", deployment("web"))
    client.patch(f"{APPS}/deployments/web", {"metadata": {"labels": {"a": "b"}}}, "merge")
    return client


@pytest.mark.parametrize(("send", "most"), COSTS.values(), ids=COSTS.keys())
def test_a_request_calls_few_functions(client: APIClient, send: Sends, most: int) -> None:
    assert calls(send, client).total() <= most


@pytest.mark.parametrize("name", [name for name in COSTS if not name.startswith("read")])
def test_a_write_is_decoded_once(client: APIClient, name: str) -> None:
    assert calls(COSTS[name][0], client)["kubeapi.serialization.decoding.decode"] == 1
