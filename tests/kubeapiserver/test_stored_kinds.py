"""Kinds that are stored, with their defaults and columns, and of which nothing acts."""

from __future__ import annotations

from base64 import b64encode

import pytest
from tests.helpers.kubeapiserver.client import TABLE_ACCEPT, APIClient

from kubeapi.meta import JSON

REQUEST = b64encode(b"-----BEGIN CERTIFICATE REQUEST-----\nAA==\n-----END CERTIFICATE REQUEST-----\n").decode()

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
                "request": REQUEST,
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
    spec = {"request": REQUEST, "signerName": "example.com/a", "usages": ["client auth"]}
    created = client.post(path, {"metadata": {"name": "x"}, "spec": spec}).json
    created["status"] = {"conditions": [{"type": "Approved", "status": "True", "reason": "Asked"}]}
    assert client.put(f"{path}/x/approval", created).status == 200
    assert client.get(path, TABLE_ACCEPT).rows[0][-1] == "Approved"
    assert client.patch(f"{path}/x", {"spec": {"usages": []}}).json["spec"]["usages"] == ["client auth"]


@pytest.mark.parametrize("text", ["", "x", "-----BEGIN CERTIFICATE-----\nAA==\n-----END CERTIFICATE-----\n"])
def test_what_is_signed_is_a_request(text: str) -> None:
    spec = {"request": b64encode(text.encode()).decode(), "signerName": "example.com/a", "usages": ["client auth"]}
    body = {"metadata": {"name": "x"}, "spec": spec}
    [cause] = (
        APIClient().post("/apis/certificates.k8s.io/v1/certificatesigningrequests", body).json["details"]["causes"]
    )
    told = "PEM block type must be CERTIFICATE REQUEST" if text else "Required value"
    assert (cause["field"], cause["message"].rpartition(": ")[2]) == ("spec.request", told)


@pytest.mark.parametrize(
    ("kind", "outer"), [("resourceclaims", False), ("resourceclaimtemplates", True)], ids=["claim", "template"]
)
def test_a_request_for_devices_asks_for_one_unless_it_says_how_many(kind: str, outer: bool) -> None:
    exactly: JSON = {"name": "a", "exactly": {"deviceClassName": "x", "tolerations": [{"key": "k"}]}}
    whole = {"name": "b", "exactly": {"deviceClassName": "x", "allocationMode": "All"}}
    either = {"name": "c", "firstAvailable": [{"name": "d", "deviceClassName": "x", "count": 2}]}
    spec = {"devices": {"requests": [exactly, whole, either]}}
    path = f"/apis/resource.k8s.io/v1/namespaces/default/{kind}"
    made = APIClient().post(path, {"metadata": {"name": "x"}, "spec": {"spec": spec} if outer else spec}).json
    requests = (made["spec"]["spec"] if outer else made["spec"])["devices"]["requests"]
    assert requests[0]["exactly"] == {
        **exactly["exactly"],
        "allocationMode": "ExactCount",
        "count": 1,
        "tolerations": [{"key": "k", "operator": "Equal"}],
    }
    assert requests[1] == whole
    assert [each["count"] for each in requests[2]["firstAvailable"]] == [2]


@pytest.mark.parametrize(
    ("path", "content"),
    [
        ("storage.k8s.io/v1/csidrivers", {"spec": {}}),
        ("storage.k8s.io/v1/csinodes", {"spec": {"drivers": [{"name": "a", "nodeID": "b"}]}}),
        ("storage.k8s.io/v1/volumeattributesclasses", {"driverName": "a", "parameters": {"b": "c"}}),
        ("resource.k8s.io/v1/namespaces/default/resourceclaims", {"spec": {}}),
    ],
)
def test_some_kinds_count_no_generations(path: str, content: JSON) -> None:
    made = APIClient().post(f"/apis/{path}", {"metadata": {"name": "x"}, **content}).json
    assert "uid" in made["metadata"]
    assert "generation" not in made["metadata"]
