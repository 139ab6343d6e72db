"""A definition with many rules, as public ones have them, and the answers of Kubernetes 1.37 (``routes.yaml``)."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from tests.helpers.kubeapiserver.client import Reply
from tests.helpers.kubeapiserver.crds import CustomClient

from kubeapi.meta import JSON

RECORDED: Any = yaml.safe_load(Path(__file__).with_name("routes.yaml").read_text())
ROUTES = "/apis/gw.io/v1/namespaces/default/routes"


@pytest.fixture(scope="module")
def client() -> CustomClient:
    """A client of a cluster with the definition."""
    found = CustomClient()
    assert found.define(RECORDED["definition"]).status == 201
    body = {"apiVersion": "gw.io/v1", "kind": "Route", "metadata": {"name": "b"}, "spec": RECORDED["stored"]}
    assert found.post(ROUTES, body).status == 201
    return found


def faults(answer: str) -> list[str]:
    """Return the faults in a message; the API server tells those of an object's fields in any order."""
    return sorted(re.split(r", (?=spec)", answer.replace(": [", ": ", 1).removesuffix("]")))


def answer(reply: Reply) -> str:
    return "ok" if reply.status < 300 else str(reply.json["message"])


@pytest.mark.parametrize("case", RECORDED["created"])
def test_a_new_object_is_answered_as_by_kubernetes(client: CustomClient, case: JSON) -> None:
    body = {"apiVersion": "gw.io/v1", "kind": "Route", "metadata": {"name": "a"}, "spec": case["spec"]}
    assert faults(answer(client.post(f"{ROUTES}?dryRun=All", body))) == faults(case["answer"])


@pytest.mark.parametrize("case", RECORDED["updated"])
def test_a_change_is_answered_as_by_kubernetes(client: CustomClient, case: JSON) -> None:
    stored = client.get(f"{ROUTES}/b").json
    reply = client.put(f"{ROUTES}/b?dryRun=All", {**stored, "spec": case["spec"]})
    assert faults(answer(reply)) == faults(case["answer"])
