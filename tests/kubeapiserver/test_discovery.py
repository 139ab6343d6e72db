"""What is served, as clients are told: aggregated for kubectl, document by document for the others."""

from __future__ import annotations

from typing import Any

import pytest
from tests.helpers.kubeapiserver.client import APIClient

AGGREGATED = (
    "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList,"
    "application/json;g=apidiscovery.k8s.io;v=v2beta1;as=APIGroupDiscoveryList,application/json"
)
VERBS = ["create", "delete", "deletecollection", "get", "list", "patch", "update", "watch"]


def entries_of(path: str) -> dict[str, Any]:
    return {each["name"]: each for each in APIClient().get(path).json["resources"]}


def test_kubectl_gets_everything_of_a_prefix_in_one_document() -> None:
    reply = APIClient().get("/apis", AGGREGATED)
    assert reply.content_type == "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"
    document = reply.json
    assert (document["kind"], document["apiVersion"]) == ("APIGroupDiscoveryList", "apidiscovery.k8s.io/v2")
    groups = {each["metadata"]["name"]: each["versions"] for each in document["items"]}
    assert list(groups) == [
        "apiregistration.k8s.io",
        "apps",
        "events.k8s.io",
        "authentication.k8s.io",
        "authorization.k8s.io",
        "autoscaling",
        "batch",
        "certificates.k8s.io",
        "networking.k8s.io",
        "policy",
        "rbac.authorization.k8s.io",
        "storage.k8s.io",
        "admissionregistration.k8s.io",
        "apiextensions.k8s.io",
        "scheduling.k8s.io",
        "coordination.k8s.io",
        "node.k8s.io",
        "discovery.k8s.io",
        "resource.k8s.io",
        "flowcontrol.apiserver.k8s.io",
        "storagemigration.k8s.io",
        "custom.metrics.k8s.io",
        "metrics.k8s.io",
    ]
    assert next(each for each in groups["apps"][0]["resources"] if each["resource"] == "deployments") == {
        "resource": "deployments",
        "responseKind": {"group": "", "version": "", "kind": "Deployment"},
        "scope": "Namespaced",
        "singularResource": "deployment",
        "verbs": VERBS,
        "shortNames": ["deploy"],
        "categories": ["all"],
        "subresources": [
            {
                "subresource": "scale",
                "responseKind": {"group": "autoscaling", "version": "v1", "kind": "Scale"},
                "verbs": ["get", "patch", "update"],
            },
            {
                "subresource": "status",
                "responseKind": {"group": "", "version": "", "kind": "Deployment"},
                "verbs": ["get", "patch", "update"],
            },
        ],
    }


def test_the_core_group_has_no_name_and_is_under_api_alone() -> None:
    document = APIClient().get("/api", AGGREGATED).json
    assert [each["metadata"] for each in document["items"]] == [{}]


def test_an_unchanged_aggregated_document_is_not_sent_again() -> None:
    client = APIClient()
    tag = dict(client.get("/api", AGGREGATED).headers)["ETag"]
    assert dict(client.get("/api", AGGREGATED).headers)["Vary"] == "Accept"
    from kubeapiserver.messages import Request, Response

    answer = client.api.handle(Request.of("GET", "/api", {"Accept": AGGREGATED, "If-None-Match": tag}))
    assert isinstance(answer, Response)
    assert (answer.status, answer.body) == (304, b"")


@pytest.mark.parametrize("accept", ["", "application/json", "*/*", "application/json, " + AGGREGATED])
def test_clients_that_like_it_plain_get_the_older_documents(accept: str) -> None:
    client = APIClient()
    assert client.get("/api", accept).json == {
        "kind": "APIVersions",
        "versions": ["v1"],
        "serverAddressByClientCIDRs": [{"clientCIDR": "0.0.0.0/0", "serverAddress": "127.0.0.1:6443"}],
    }
    groups = client.get("/apis", accept).json
    assert groups["kind"] == "APIGroupList"
    assert groups["groups"][1] == {
        "name": "apps",
        "versions": [{"groupVersion": "apps/v1", "version": "v1"}],
        "preferredVersion": {"groupVersion": "apps/v1", "version": "v1"},
    }


def test_a_group_tells_its_versions() -> None:
    assert APIClient().get("/apis/apps").json["preferredVersion"]["groupVersion"] == "apps/v1"


@pytest.mark.parametrize(
    ("path", "name", "expected"),
    [
        pytest.param(
            "/api/v1",
            "services",
            {
                "name": "services",
                "singularName": "service",
                "namespaced": True,
                "kind": "Service",
                "verbs": VERBS,
                "shortNames": ["svc"],
                "categories": ["all"],
            },
            id="resource",
        ),
        pytest.param(
            "/api/v1",
            "pods/log",
            {"name": "pods/log", "singularName": "", "namespaced": True, "kind": "Pod", "verbs": ["get"]},
            id="own-kind",
        ),
        pytest.param(
            "/api/v1",
            "pods/exec",
            {
                "name": "pods/exec",
                "singularName": "",
                "namespaced": True,
                "kind": "PodExecOptions",
                "verbs": ["create", "get"],
            },
            id="other-kind",
        ),
        pytest.param(
            "/api/v1",
            "pods/eviction",
            {
                "name": "pods/eviction",
                "singularName": "",
                "namespaced": True,
                "group": "policy",
                "version": "v1",
                "kind": "Eviction",
                "verbs": ["create"],
            },
            id="other-group",
        ),
        pytest.param(
            "/apis/authorization.k8s.io/v1",
            "selfsubjectaccessreviews",
            {
                "name": "selfsubjectaccessreviews",
                "singularName": "selfsubjectaccessreview",
                "namespaced": False,
                "kind": "SelfSubjectAccessReview",
                "verbs": ["create"],
            },
            id="review",
        ),
    ],
)
def test_a_group_version_lists_resources_and_their_subresources(path: str, name: str, expected: dict[str, Any]) -> None:
    assert entries_of(path)[name] == expected


def test_namespaces_are_not_deleted_all_together() -> None:
    assert "deletecollection" not in entries_of("/api/v1")["namespaces"]["verbs"]


def test_get_all_means_what_serves_and_what_runs() -> None:
    groups = ("/api/v1", "/apis/apps/v1", "/apis/batch/v1", "/apis/autoscaling/v2", "/apis/networking.k8s.io/v1")
    everything = {name: each for group in groups for name, each in entries_of(group).items()}
    assert sorted(name for name, each in everything.items() if "all" in each.get("categories", ())) == [
        "cronjobs",
        "daemonsets",
        "deployments",
        "horizontalpodautoscalers",
        "jobs",
        "pods",
        "replicasets",
        "replicationcontrollers",
        "services",
        "statefulsets",
    ]


def test_the_version_is_that_of_the_kubernetes_whose_rules_are_followed() -> None:
    version = APIClient().get("/version/").json
    assert (version["major"], version["minor"]) == ("1", "37")
    assert version["gitVersion"].startswith("v1.37.")


def test_the_root_tells_its_paths() -> None:
    paths = APIClient().get("/").json["paths"]
    assert {"/api/v1", "/apis/apps/v1", "/openapi/v3", "/version"} <= set(paths)
