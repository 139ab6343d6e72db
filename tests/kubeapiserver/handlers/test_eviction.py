"""Evictions obey PodDisruptionBudgets, with Kubernetes' answers."""

from __future__ import annotations

from typing import Any

import pytest
from tests.helpers.kubeapi.objects import pod
from tests.helpers.kubeapiserver.client import DEFAULT, APIClient

from kubeapi.meta import JSON, ObjectKey
from kubeapi.scheme import PODDISRUPTIONBUDGETS, PODS

BUDGETS = "/apis/policy/v1/namespaces/default/poddisruptionbudgets"
EVICTION = {"apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": "web"}}
REFUSAL = "Cannot evict pod as it would violate the pod's disruption budget."
READY = [{"type": "Ready", "status": "True"}]


@pytest.fixture
def client() -> APIClient:
    """A cluster with a pod that is ready."""
    client = APIClient()
    client.post(f"{DEFAULT}/pods", pod("web", nodeName="n1"))
    set_status(client, phase="Running", conditions=READY)
    return client


def set_status(client: APIClient, **status: Any) -> None:
    stored = client.registry.store.get(PODS, "default", "web")
    client.registry.update_status(PODS, {**stored, "status": {**stored["status"], **status}})


def add_budget(client: APIClient, name: str = "web", spec: JSON | None = None, **status: Any) -> None:
    metadata = {"name": name, "namespace": "default"}
    full = {"selector": {"matchLabels": {}}, "minAvailable": 1, **(spec or {})}
    client.post(BUDGETS, {"apiVersion": "policy/v1", "kind": "PodDisruptionBudget", "metadata": metadata, "spec": full})
    stored = client.registry.store.get(PODDISRUPTIONBUDGETS, "default", name)
    seen = {"observedGeneration": 1, "currentHealthy": 3, "desiredHealthy": 2, "disruptionsAllowed": 1, **status}
    client.registry.update_status(PODDISRUPTIONBUDGETS, {**stored, "status": seen})


def evict(client: APIClient) -> tuple[int, JSON]:
    reply = client.post(f"{DEFAULT}/pods/web/eviction", EVICTION)
    return reply.status, reply.json


def budget_status(client: APIClient) -> JSON:
    status: JSON = client.registry.store.get(PODDISRUPTIONBUDGETS, "default", "web")["status"]
    return status


def test_an_eviction_takes_from_the_budget_and_says_so_on_the_pod(client: APIClient) -> None:
    add_budget(client)
    assert evict(client)[0] == 201
    status = budget_status(client)
    assert (status["disruptionsAllowed"], list(status["disruptedPods"])) == (0, ["web"])
    assert [each["reason"] for each in status["conditions"]] == ["InsufficientPods"]
    going = client.registry.store.get(PODS, "default", "web")
    assert going["metadata"]["deletionGracePeriodSeconds"] == 30
    assert going["status"]["conditions"][-1]["type"] == "DisruptionTarget"


@pytest.mark.parametrize(
    ("status", "code", "cause"),
    [
        ({"disruptionsAllowed": 0, "currentHealthy": 2},
         429, "The disruption budget web needs 2 healthy pods and has 2 currently"),
        ({"disruptionsAllowed": 0},
         429, "The disruption budget web does not allow evicting pods currently"),
        ({"observedGeneration": 0},
         429, "The disruption budget web is still being processed by the server."),
        ({"disruptionsAllowed": 0, "conditions": [{
            "type": "DisruptionAllowed", "status": "False", "reason": "SyncFailed", "message": "no scale",
            "lastTransitionTime": "2026-01-01T00:00:00Z"}]},
         429, "The disruption budget web does not allow evicting pods currently because it failed sync: no scale"),
        ({"disruptedPods": {f"p{each}": "2026-01-01T00:00:00Z" for each in range(2001)}},
         403, "The disruption budget web does not allow evicting pods currently: too many pending evictions not"
         " confirmed by PDB controller"),
    ],
)  # fmt: skip
def test_a_budget_that_allows_nothing_refuses_with_its_cause(
    client: APIClient, status: JSON, code: int, cause: str
) -> None:
    add_budget(client, **status)
    got, answer = evict(client)
    assert (got, answer["details"]["causes"]) == (code, [{"reason": "DisruptionBudget", "message": cause}])
    if code == 429:
        assert (answer["message"], answer["reason"]) == (REFUSAL, "TooManyRequests")
    assert "deletionTimestamp" not in client.registry.store.get(PODS, "default", "web")["metadata"]


def test_a_budget_that_is_not_observed_yet_tells_when_to_ask_again(client: APIClient) -> None:
    add_budget(client, observedGeneration=0)
    reply = client.post(f"{DEFAULT}/pods/web/eviction", EVICTION)
    assert (reply.json["details"]["retryAfterSeconds"], dict(reply.headers)["Retry-After"]) == (10, "10")


@pytest.mark.parametrize(
    ("spec", "status", "conditions", "code"),
    [
        pytest.param({}, {}, [], 201, id="and enough others are healthy"),
        pytest.param({}, {"currentHealthy": 1}, [], 429, id="and others are missing"),
        pytest.param({"unhealthyPodEvictionPolicy": "AlwaysAllow"}, {"currentHealthy": 1}, [], 201, id="always may go"),
        pytest.param({"unhealthyPodEvictionPolicy": "AlwaysAllow"}, {}, READY, 429, id="only if it is not ready"),
    ],
)
def test_a_pod_that_is_not_ready_is_no_loss(
    client: APIClient, spec: JSON, status: JSON, conditions: list[JSON], code: int
) -> None:
    add_budget(client, spec=spec, **{"disruptionsAllowed": 0, **status})
    set_status(client, conditions=conditions)
    assert evict(client)[0] == code
    assert "disruptedPods" not in budget_status(client)


@pytest.mark.parametrize("phase", ["Pending", "Succeeded", "Failed"])
def test_a_pod_that_does_not_run_is_in_no_budget(client: APIClient, phase: str) -> None:
    add_budget(client, disruptionsAllowed=0)
    set_status(client, phase=phase)
    assert evict(client)[0] == 201


def test_two_budgets_for_one_pod_are_an_error(client: APIClient) -> None:
    add_budget(client)
    add_budget(client, "other")
    code, answer = evict(client)
    assert (code, answer["message"]) == (
        500,
        "This pod has more than one PodDisruptionBudget, which the eviction subresource does not support.",
    )


def test_a_budget_without_a_selector_is_for_no_pod(client: APIClient) -> None:
    add_budget(client, disruptionsAllowed=0)
    path = f"{BUDGETS}/web"
    client.patch(path, {"spec": {"selector": None}}, "merge")
    assert client.get(path).json["spec"] == {"minAvailable": 1}
    assert evict(client)[0] == 201
    assert client.registry.store.find(PODS, ObjectKey("default", "web")) is not None


def test_an_eviction_that_is_only_tried_takes_nothing(client: APIClient) -> None:
    add_budget(client)
    assert client.post(f"{DEFAULT}/pods/web/eviction?dryRun=All", EVICTION).status == 201
    assert (budget_status(client)["disruptionsAllowed"], "disruptedPods" in budget_status(client)) == (1, False)
