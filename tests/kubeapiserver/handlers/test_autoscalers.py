"""HorizontalPodAutoscalers of autoscaling/v1 and v2 are the same objects; v1 keeps in annotations what it lacks."""

from __future__ import annotations

import json
from typing import Any

import pytest
from tests.helpers.kubeapiserver.client import APIClient

from kubeapi.kinds.horizontalpodautoscaler.versionone import from_v1, to_v1
from kubeapi.meta import JSON

OLD = "/apis/autoscaling/v1/namespaces/default/horizontalpodautoscalers"
NEW = "/apis/autoscaling/v2/namespaces/default/horizontalpodautoscalers"
WEB = {"kind": "Deployment", "name": "web", "apiVersion": "apps/v1"}


def old(**spec: Any) -> JSON:
    return {
        "apiVersion": "autoscaling/v1",
        "kind": "HorizontalPodAutoscaler",
        "metadata": {"name": "web"},
        "spec": {"scaleTargetRef": WEB, "maxReplicas": 5, **spec},
    }


def utilization(percentage: int, name: str = "cpu") -> JSON:
    target = {"type": "Utilization", "averageUtilization": percentage}
    return {"type": "Resource", "resource": {"name": name, "target": target}}


def test_a_percentage_of_v1_is_the_metric_of_v2() -> None:
    client = APIClient()
    created = client.post(OLD, old(targetCPUUtilizationPercentage=70)).json
    assert created["apiVersion"] == "autoscaling/v1"
    assert created["spec"] == {
        "scaleTargetRef": WEB,
        "minReplicas": 1,
        "maxReplicas": 5,
        "targetCPUUtilizationPercentage": 70,
    }
    assert created["status"] == {"currentReplicas": 0, "desiredReplicas": 0}
    assert client.get(f"{NEW}/web").json["spec"]["metrics"] == [utilization(70)]
    listed = client.get(OLD).json
    assert (listed["apiVersion"], listed["items"][0]["spec"]) == ("autoscaling/v1", created["spec"])


def test_without_a_percentage_the_default_is_shown() -> None:
    created = APIClient().post(OLD, old()).json
    assert created["spec"]["targetCPUUtilizationPercentage"] == 80


def test_a_patch_of_v1_keeps_what_only_v2_has() -> None:
    client = APIClient()
    new = {**old(), "apiVersion": "autoscaling/v2"}
    new["spec"] |= {"metrics": [utilization(60, "memory"), utilization(50)], "behavior": {"scaleUp": {}}}
    stored = client.post(NEW, new).json
    shown = client.get(f"{OLD}/web").json
    assert json.loads(shown["metadata"]["annotations"]["autoscaling.alpha.kubernetes.io/metrics"]) == [
        {"type": "Resource", "resource": {"name": "memory", "targetAverageUtilization": 60}}
    ]
    for kind, replicas in (("merge", 7), ("strategic", 8)):
        patched = client.patch(f"{OLD}/web", {"spec": {"maxReplicas": replicas}}, kind)
        assert (patched.status, patched.json["spec"]["maxReplicas"]) == (200, replicas)
    after = client.get(f"{NEW}/web").json
    assert after["spec"] == {**stored["spec"], "maxReplicas": 8}
    assert "annotations" not in after["metadata"]


def test_a_fault_of_an_object_of_v1_is_told() -> None:
    refused = APIClient().post(OLD, old(maxReplicas=0))
    assert refused.status == 422
    assert "spec.maxReplicas: Required value" in refused.json["message"]
    unknown = APIClient().post(OLD, old(metrics=[]))
    assert unknown.warnings == ['299 - "unknown field \\"spec.metrics\\""']


def test_an_applied_object_of_v1_is_stored_in_v2() -> None:
    client = APIClient()
    applied = client.patch(f"{OLD}/web?fieldManager=me", old(targetCPUUtilizationPercentage=30), "apply")
    assert (applied.status, applied.json["apiVersion"]) == (201, "autoscaling/v1")
    assert client.get(f"{NEW}/web").json["spec"]["metrics"] == [utilization(30)]
    assert client.delete(f"{OLD}/web").status == 200
    assert client.get(f"{OLD}/web").status == 404


SELECTOR = {"matchLabels": {"a": "b"}}
REQUESTS = {"name": "requests", "selector": SELECTOR}
METRICS = [
    utilization(40, "memory"),
    {"type": "Resource", "resource": {"name": "cpu", "target": {"type": "AverageValue", "averageValue": "1"}}},
    {
        "type": "ContainerResource",
        "containerResource": {"name": "cpu", "container": "c", "target": {"type": "AverageValue", "averageValue": "1"}},
    },
    {"type": "Pods", "pods": {"metric": REQUESTS, "target": {"type": "AverageValue", "averageValue": "5"}}},
    {
        "type": "Object",
        "object": {"describedObject": WEB, "metric": REQUESTS, "target": {"type": "Value", "value": "5"}},
    },
    {"type": "External", "external": {"metric": REQUESTS, "target": {"type": "Value", "value": "5"}}},
    {"type": "External", "external": {"metric": REQUESTS, "target": {"type": "AverageValue", "averageValue": "5"}}},
]


@pytest.mark.parametrize("metric", METRICS)
def test_every_metric_survives_the_way_to_v1_and_back(metric: JSON) -> None:
    behavior = {"scaleDown": {"policies": [{"type": "Pods", "value": 4, "periodSeconds": 15}]}}
    spec = {"scaleTargetRef": WEB, "maxReplicas": 3, "metrics": [metric], "behavior": behavior}
    (field,) = set(metric) - {"type"}
    values = {name: value for name, value in metric[field]["target"].items() if name != "type"}
    state = {name: value for name, value in metric[field].items() if name != "target"} | {"current": values}
    condition = {"type": "AbleToScale", "status": "True", "lastTransitionTime": "2026-01-01T00:00:00Z"}
    status = {
        "currentReplicas": 1,
        "desiredReplicas": 2,
        "currentMetrics": [{"type": metric["type"], field: state}],
        "conditions": [{**condition, "reason": "ReadyForNewScale", "message": ""}],
    }
    stored = {
        "apiVersion": "autoscaling/v2",
        "kind": "HorizontalPodAutoscaler",
        "metadata": {"name": "a"},
        "spec": spec,
        "status": status,
    }
    assert from_v1(to_v1(stored)) == stored


def test_the_status_is_read_and_written_in_v1() -> None:
    client = APIClient()
    client.post(OLD, old())
    path = f"{OLD}/web/status"
    shown = client.get(path).json
    assert shown["apiVersion"] == "autoscaling/v1"
    shown["status"] = {"currentReplicas": 2, "desiredReplicas": 3, "currentCPUUtilizationPercentage": 55}
    assert client.put(path, {**shown, "spec": {**shown["spec"], "maxReplicas": 9}}).json["status"] == shown["status"]
    client.patch(path, {"status": {"desiredReplicas": 4}}, "merge")
    found = client.get(f"{NEW}/web").json
    used = {"type": "Resource", "resource": {"name": "cpu", "current": {"averageUtilization": 55}}}
    assert (found["spec"]["maxReplicas"], found["status"]["desiredReplicas"]) == (5, 4)
    assert found["status"]["currentMetrics"] == [used]


def test_the_state_of_metrics_is_shown_in_annotations() -> None:
    current = {
        "type": "Resource",
        "resource": {"name": "cpu", "current": {"averageUtilization": 9, "averageValue": "1m"}},
    }
    condition = {"type": "AbleToScale", "status": "True"}
    status = {"currentReplicas": 2, "desiredReplicas": 3, "currentMetrics": [current], "conditions": [condition]}
    shown = to_v1({"metadata": {"name": "a"}, "spec": {"maxReplicas": 3}, "status": status})
    assert shown["status"] == {"currentReplicas": 2, "desiredReplicas": 3, "currentCPUUtilizationPercentage": 9}
    texts = {name.rpartition("/")[2]: json.loads(each) for name, each in shown["metadata"]["annotations"].items()}
    assert texts == {
        "current-metrics": [
            {
                "type": "Resource",
                "resource": {"name": "cpu", "currentAverageUtilization": 9, "currentAverageValue": "1m"},
            }
        ],
        "conditions": [condition],
    }


EMPTY: JSON = {"behavior": {"scaleDown": {"policies": []}}}
ODD: JSON = {"type": "Object", "object": {**METRICS[4]["object"], "describedObject": {**WEB, "apiVersion": "a/b/c"}}}


@pytest.mark.parametrize(
    ("spec", "faults"),
    [
        (EMPTY, ["spec.behavior.scaleDown.policies: Required value: must specify at least one Policy"]),
        (
            {"metrics": [ODD]},
            [
                'spec.metrics[0].object.describedObject.apiVersion: Invalid value: "a/b/c":'
                " unexpected GroupVersion string: a/b/c"
            ],
        ),
        (
            {"maxReplicas": -1},
            [
                "spec.maxReplicas: Invalid value: -1: must be greater than or equal to `minReplicas`",
                "spec.maxReplicas: Invalid value: -1: must be greater than or equal to 1",
            ],
        ),
        (
            {"maxReplicas": 0, "scaleTargetRef": {**WEB, "apiVersion": "v1"}},
            [
                "spec.maxReplicas: Invalid value: 0: must be greater than or equal to `minReplicas`",
                'spec.scaleTargetRef.apiVersion: Invalid value: "v1": apiVersion must specify API group',
                "spec.maxReplicas: Required value",
            ],
        ),
    ],
    ids=["no policy", "odd version", "negative", "none at all"],
)
def test_faults_are_told_in_the_order_of_an_api_server(spec: JSON, faults: list[str]) -> None:
    client = APIClient()
    refused = client.post(NEW, {**old(**spec), "apiVersion": "autoscaling/v2"})
    assert [f"{each['field']}: {each['message']}" for each in refused.json["details"]["causes"]] == faults
