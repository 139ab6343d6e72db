"""Admission webhooks and what the controllers write; the calls are the test's."""

from __future__ import annotations

import asyncio
import base64
import json
import random
from collections.abc import Callable
from typing import Any

import pytest
from tests.helpers.kubecontroller.fakes import FakeCluster, deployment, service

from kubeapi.meta import JSON
from kubeapi.scheme import (
    DEPLOYMENTS,
    ENDPOINTSLICES,
    HORIZONTALPODAUTOSCALERS,
    MUTATINGWEBHOOKCONFIGURATIONS,
    REPLICASETS,
    SERVICES,
    VALIDATINGWEBHOOKCONFIGURATIONS,
)
from kubeapi.webhooks.calls import Call, Outcome
from kubesvc.run.api.admissions import ClusterAdmissions

pytestmark = pytest.mark.looptime
PODS_RULE: JSON = {"apiGroups": [""], "apiVersions": ["v1"], "resources": ["pods"], "operations": ["*"]}
SIDECAR = {"op": "add", "path": "/spec/containers/-", "value": {"name": "sidecar", "image": "nginx"}}


class Answering(ClusterAdmissions):
    """Webhooks that answer with ``respond`` after ``seconds``; ``asked`` are the requests of the reviews."""

    def __init__(self, cluster: FakeCluster, respond: Callable[[JSON], JSON]) -> None:
        super().__init__(cluster.store, random.Random(1))
        self.asked: list[JSON] = []
        self.respond = respond
        self.seconds = 0.0

    async def call(self, wanted: Call) -> Outcome:
        await asyncio.sleep(self.seconds)
        request = json.loads(wanted.body)["request"]
        self.asked.append(request)
        response = {"uid": wanted.uid, **self.respond(request)}
        review = {"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview", "response": response}
        return Outcome(wanted.uid, json.dumps(review).encode())

    def users(self, plural: str, subresource: str = "") -> set[str]:
        """Return who has written objects of a resource."""
        wanted = (plural, subresource)
        asked = [each for each in self.asked if (each["resource"]["resource"], each.get("subResource", "")) == wanted]
        return {each["userInfo"]["username"] for each in asked}


def reviewed(respond: Callable[[JSON], JSON], *, is_mutating: bool = False, rule: JSON = PODS_RULE) -> FakeCluster:
    """Return a cluster with one webhook."""
    cluster = FakeCluster()
    cluster.admissions = Answering(cluster, respond)
    webhook: dict[str, Any] = {
        "name": "x.example.com",
        "sideEffects": "None",
        "admissionReviewVersions": ["v1"],
        "clientConfig": {"url": "https://x"},
        "rules": [rule],
    }
    resource = MUTATINGWEBHOOKCONFIGURATIONS if is_mutating else VALIDATINGWEBHOOKCONFIGURATIONS
    cluster.registry.create(resource, {"metadata": {"name": "x"}, "webhooks": [webhook]})
    return cluster


def answers(cluster: FakeCluster) -> Answering:
    assert isinstance(cluster.admissions, Answering)
    return cluster.admissions


def patched(request: JSON) -> JSON:
    if request["operation"] != "CREATE":
        return {"allowed": True}
    return {
        "allowed": True,
        "patchType": "JSONPatch",
        "patch": base64.b64encode(json.dumps([SIDECAR]).encode()).decode(),
    }


async def test_a_webhook_adds_a_sidecar_to_the_pods_of_a_deployment() -> None:
    cluster = reviewed(patched, is_mutating=True)
    async with cluster.running():
        cluster.apply(DEPLOYMENTS, deployment(replicas=2))
        await cluster.settle()
        assert [[each["name"] for each in pod["spec"]["containers"]][1:] for pod in cluster.pods()] == [["sidecar"]] * 2
        assert cluster.one(DEPLOYMENTS, "nginx")["status"]["availableReplicas"] == 2
    first = answers(cluster).asked[0]
    assert answers(cluster).users("pods") == {"system:serviceaccount:kube-system:replicaset-controller"}
    # A mutating webhook sees what was sent: without a name, which comes later.
    assert "generateName" in first["object"]["metadata"]
    assert "name" not in first


async def test_a_denied_pod_is_an_event_and_a_condition() -> None:
    cluster = reviewed(lambda _: {"allowed": False, "status": {"message": "no pods today"}})
    async with cluster.running():
        cluster.apply(DEPLOYMENTS, deployment(replicas=2))
        await cluster.settle()
        assert cluster.pods() == []
        denied = 'admission webhook "x.example.com" denied the request: no pods today'
        assert cluster.events("FailedCreate")[0] == f"Error creating: {denied}"
        [replica_set] = cluster.store.list(REPLICASETS)
        for each in (replica_set, cluster.one(DEPLOYMENTS, "nginx")):
            [failure] = [found for found in each["status"]["conditions"] if found["type"] == "ReplicaFailure"]
            assert (failure["status"], failure["reason"], failure["message"]) == ("True", "FailedCreate", denied)
    # A validating webhook sees what would be stored.
    assert answers(cluster).asked[0]["object"]["metadata"]["name"] == answers(cluster).asked[0]["name"]


async def test_a_webhook_of_pods_that_is_slow_keeps_no_other_controller_waiting() -> None:
    cluster = reviewed(lambda _: {"allowed": True})
    answers(cluster).seconds = 30
    async with cluster.running():
        cluster.apply(DEPLOYMENTS, deployment(replicas=1))
        await cluster.settle()
        cluster.apply(SERVICES, service())
        await cluster.settle()
        assert cluster.pods() == []
        assert len(cluster.store.list(ENDPOINTSLICES)) == 1
        await asyncio.sleep(31)
        assert len(cluster.pods()) == 1


async def test_each_component_writes_under_its_own_name() -> None:
    every = {"apiGroups": ["*"], "apiVersions": ["*"], "resources": ["*/*"], "operations": ["*"]}
    cluster = reviewed(lambda _: {"allowed": True}, rule=every)
    async with cluster.running():
        cluster.apply(SERVICES, service())
        cluster.apply(DEPLOYMENTS, deployment(replicas=1))
        await cluster.settle()
    assert answers(cluster).users("pods", "binding") == {"system:kube-scheduler"}
    account = "system:serviceaccount:kube-system:"
    assert answers(cluster).users("replicasets") >= {f"{account}deployment-controller"}
    assert answers(cluster).users("endpointslices") == {f"{account}endpointslice-controller"}
    assert answers(cluster).users("serviceaccounts") == {f"{account}service-account-controller"}


async def test_a_denied_binding_is_an_event_and_is_tried_again() -> None:
    rule = {**PODS_RULE, "resources": ["pods/binding"]}
    cluster = reviewed(lambda _: {"allowed": False, "status": {"message": "not there"}}, rule=rule)
    async with cluster.running():
        cluster.apply(DEPLOYMENTS, deployment(replicas=1))
        await cluster.settle()
        denied = 'admission webhook "x.example.com" denied the request: not there'
        assert cluster.events("FailedScheduling") == [f"binding rejected: {denied}"]
        assert "nodeName" not in cluster.pods()[0]["spec"]
        answers(cluster).respond = lambda _: {"allowed": True}
        await asyncio.sleep(60)
        assert cluster.pods()[0]["spec"]["nodeName"]


async def test_an_autoscaler_scales_by_the_scale_which_webhooks_see_as_such() -> None:
    rule = {"apiGroups": ["*"], "apiVersions": ["*"], "resources": ["*/scale"], "operations": ["*"]}
    patch = [{"op": "replace", "path": "/spec/replicas", "value": 2}]
    code = base64.b64encode(json.dumps(patch).encode()).decode()
    cluster = reviewed(
        lambda _: {"allowed": True, "patch": code, "patchType": "JSONPatch"}, is_mutating=True, rule=rule
    )
    async with cluster.running():
        cluster.apply(DEPLOYMENTS, deployment(replicas=1))
        target = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "nginx"}
        spec = {"minReplicas": 3, "maxReplicas": 5, "scaleTargetRef": target}
        cluster.registry.create(HORIZONTALPODAUTOSCALERS, {"metadata": {"name": "nginx"}, "spec": spec})
        await cluster.settle()
        assert cluster.one(DEPLOYMENTS, "nginx")["spec"]["replicas"] == 2
    request = answers(cluster).asked[0]
    assert (request["kind"]["kind"], request["resource"]["resource"], request["subResource"]) == (
        "Scale",
        "deployments",
        "scale",
    )
    assert request["object"]["spec"] == {"replicas": 3}
    assert answers(cluster).users("deployments", "scale") == {
        "system:serviceaccount:kube-system:horizontal-pod-autoscaler"
    }
