"""Kinds that are stored, with their defaults and columns, and of which nothing acts."""

from __future__ import annotations

import pytest
from tests.helpers.kubeapiserver.client import TABLE_ACCEPT, APIClient

from kubeapi.meta import JSON

ADMISSION, FLOW = "/apis/admissionregistration.k8s.io/v1", "/apis/flowcontrol.apiserver.k8s.io/v1"
STORAGE = "/apis/storage.k8s.io/v1"
WEBHOOK: JSON = {
    "name": "a.example.com",
    "sideEffects": "None",
    "admissionReviewVersions": ["v1"],
    "clientConfig": {"service": {"namespace": "default", "name": "web"}},
    "rules": [{"apiGroups": [""], "apiVersions": ["v1"], "resources": ["pods"], "operations": ["CREATE"]}],
}
MATCHED = {"matchPolicy": "Equivalent", "namespaceSelector": {}, "objectSelector": {}}
POLICY = {"validations": [{"expression": "true"}], "matchConstraints": {"resourceRules": [*WEBHOOK["rules"]]}}
POLICIES = [
    (f"{ADMISSION}/validatingadmissionpolicies", POLICY, ["x", 1, "<unset>", "0s"]),
    (
        f"{ADMISSION}/mutatingadmissionpolicies",
        {
            "matchConstraints": POLICY["matchConstraints"],
            "reinvocationPolicy": "Never",
            "mutations": [{"patchType": "JSONPatch", "jsonPatch": {"expression": "[JSONPatch{}]"}}],
            "paramKind": {"apiVersion": "v1", "kind": "Node"},
        },
        ["x", 1, "v1/Node", "0s"],
    ),
    (
        f"{ADMISSION}/validatingadmissionpolicybindings",
        {
            "policyName": "p",
            "validationActions": ["Deny"],
            "paramRef": {"name": "n", "namespace": "ns", "parameterNotFoundAction": "Deny"},
        },
        ["x", "p", "ns/n", "0s"],
    ),
    (f"{ADMISSION}/mutatingadmissionpolicybindings", {"policyName": "p"}, ["x", "p", "<unset>", "0s"]),
]
CASES = [
    (
        f"{FLOW}/flowschemas",
        {"spec": {"priorityLevelConfiguration": {"name": "low"}}},
        ["x", "low", "1000", "<none>", "0s", "?"],
    ),
    (
        f"{FLOW}/prioritylevelconfigurations",
        {"spec": {"type": "Limited", "limited": {"limitResponse": {"type": "Queue", "queuing": {}}}}},
        ["x", "Limited", "30", "64", "8", "50", "0s"],
    ),
    (
        "/apis/certificates.k8s.io/v1/certificatesigningrequests",
        {
            "spec": {
                "request": "AA==",
                "signerName": "example.com/a",
                "usages": ["client auth"],
                "expirationSeconds": 600,
            }
        },
        ["x", "0s", "example.com/a", "kubernetes-admin", "10m", "Pending"],
    ),
    (f"{STORAGE}/csidrivers", {"spec": {}}, ["x", "0s"]),
    (f"{STORAGE}/csinodes", {"spec": {"drivers": []}}, ["x", 0, "0s"]),
    (
        f"{STORAGE}/volumeattachments",
        {"spec": {"attacher": "a", "nodeName": "n", "source": {"persistentVolumeName": "p"}}},
        ["x", "a", "p", "n", False, "0s"],
    ),
    (f"{STORAGE}/volumeattributesclasses", {"driverName": "d"}, ["x", "0s"]),
    (f"{STORAGE}/namespaces/default/csistoragecapacities", {"storageClassName": "s"}, ["x", "0s"]),
    (
        "/apis/storagemigration.k8s.io/v1/storageversionmigrations",
        {"spec": {"resource": {"resource": "pods"}}},
        ["x", "0s"],
    ),
]


@pytest.mark.parametrize(("path", "content", "cells"), CASES)
def test_an_object_without_effect_is_stored_with_a_warning(path: str, content: JSON, cells: list[object]) -> None:
    client = APIClient()
    reply = client.post(path, {"metadata": {"name": "x"}, **content})
    assert reply.status == 201, reply.text
    assert "x is stored without effect: kubesvc" in reply.warnings[0]
    assert client.get(path, TABLE_ACCEPT).rows == [cells]
    assert client.patch(f"{path}/x", {"metadata": {"labels": {"a": "b"}}}).warnings == []


@pytest.mark.parametrize(("path", "spec", "cells"), POLICIES)
def test_policies_and_bindings_have_their_columns(path: str, spec: JSON, cells: list[object]) -> None:
    client = APIClient()
    reply = client.post(path, {"metadata": {"name": "x"}, "spec": spec})
    assert (reply.status, reply.warnings) == (201, []), reply.text
    assert client.get(path, TABLE_ACCEPT).rows == [cells]


def test_webhooks_and_policies_get_their_defaults() -> None:
    client = APIClient()
    body = {"metadata": {"name": "x"}, "webhooks": [WEBHOOK]}
    [webhook] = client.post(f"{ADMISSION}/mutatingwebhookconfigurations", body).json["webhooks"]
    assert {name: webhook[name] for name in MATCHED} == MATCHED
    assert (webhook["failurePolicy"], webhook["timeoutSeconds"], webhook["reinvocationPolicy"]) == ("Fail", 10, "Never")
    assert (webhook["clientConfig"]["service"]["port"], webhook["rules"][0]["scope"]) == (443, "*")
    policy = client.post(f"{ADMISSION}/validatingadmissionpolicies", {"metadata": {"name": "x"}, "spec": POLICY}).json
    constraints = policy["spec"]["matchConstraints"]
    assert (policy["spec"]["failurePolicy"], {name: constraints[name] for name in MATCHED}) == ("Fail", MATCHED)


def test_the_resource_of_a_migration_is_needed_and_stays() -> None:
    client = APIClient()
    path = "/apis/storagemigration.k8s.io/v1/storageversionmigrations"
    assert client.post(path, {"metadata": {"name": "x"}}).status == 422
    client.post(path, {"metadata": {"name": "x"}, "spec": {"resource": {"resource": "pods"}}})
    assert client.patch(f"{path}/x", {"spec": {"resource": {"resource": "nodes"}}}).status == 422


def test_an_approval_is_a_condition_of_the_request() -> None:
    client = APIClient()
    path = "/apis/certificates.k8s.io/v1/certificatesigningrequests"
    spec = {"request": "AA==", "signerName": "example.com/a", "usages": ["client auth"]}
    created = client.post(path, {"metadata": {"name": "x"}, "spec": spec}).json
    created["status"] = {"conditions": [{"type": "Approved", "status": "True", "reason": "Asked"}]}
    assert client.put(f"{path}/x/approval", created).status == 200
    assert client.get(path, TABLE_ACCEPT).rows[0][-1] == "Approved"
    assert client.patch(f"{path}/x", {"spec": {"usages": []}}).json["spec"]["usages"] == ["client auth"]
