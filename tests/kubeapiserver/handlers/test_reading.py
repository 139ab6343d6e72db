"""get and list: forms of an answer, selectors, versions."""

from __future__ import annotations

import json
from urllib.parse import quote

import pytest
from tests.helpers.kubeapi.objects import deployment, namespace, pod, service
from tests.helpers.kubeapiserver.client import (
    APPS,
    DEFAULT,
    JSON_ACCEPT,
    PROTOBUF_ACCEPT,
    TABLE_ACCEPT,
    APIClient,
)

from kubeapi.scheme import SERVICES
from kubeapiserver.messages import Request, Response

PARTIAL_ACCEPT = "application/json;as=PartialObjectMetadata;v=v1;g=meta.k8s.io,application/json"
PARTIAL_LIST_ACCEPT = "application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io"


@pytest.fixture
def client() -> APIClient:
    """A cluster with three labelled Services in two namespaces."""
    client = APIClient()
    client.post("/api/v1/namespaces", namespace("other"))
    for place, name, labels in (
        ("default", "a", {"app": "a", "tier": "web"}),
        ("default", "b", {"app": "b", "size": "3"}),
        ("other", "c", {"app": "c", "tier": "web"}),
    ):
        client.post(f"/api/v1/namespaces/{place}/services", service(name, metadata={"labels": labels}))
    return client


@pytest.mark.parametrize("accept", ["", JSON_ACCEPT, "application/json, */*", "*/*", PROTOBUF_ACCEPT, "application/*"])
def test_an_object_is_json_for_a_client_that_accepts_json(client: APIClient, accept: str) -> None:
    reply = client.get(f"{DEFAULT}/services/a", accept)
    assert (reply.status, reply.content_type) == (200, "application/json")
    assert reply.json == client.registry.store.get(SERVICES, "default", "a")


@pytest.mark.parametrize("accept", ["text/html", "application/vnd.openxml"])
def test_a_client_that_accepts_no_known_media_type_is_told_the_known_ones(client: APIClient, accept: str) -> None:
    reply = client.get(f"{DEFAULT}/services/a", accept)
    assert reply.status == 406
    assert reply.text.startswith("406: Not Acceptable\n\nAvailable representations: application/json")


@pytest.mark.parametrize(
    ("method", "path", "kind"),
    [
        pytest.param("GET", f"{DEFAULT}/services/a", "Chair", id="an-unknown-kind"),
        pytest.param("POST", "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews", "Table", id="review-as-table"),
    ],
)
def test_a_form_that_an_answer_does_not_have_is_not_acceptable(
    client: APIClient, method: str, path: str, kind: str
) -> None:
    accept = f"application/json;as={kind};v=v1;g=meta.k8s.io"
    reply = client.send(method, path, {"spec": {"resourceAttributes": {"verb": "get"}}}, accept)
    assert (reply.status, reply.json["reason"]) == (406, "NotAcceptable")
    assert reply.json["message"].startswith("only the following media types are accepted: application/json, ")
    assert client.send(method, path, {"spec": {"resourceAttributes": {"verb": "get"}}}, f"{accept}, */*").status < 300


YAML = "application/yaml"


@pytest.mark.parametrize(
    ("accept", "path", "is_yaml"),
    [
        pytest.param(YAML, f"{DEFAULT}/services/a", True, id="object"),
        pytest.param(YAML, f"{DEFAULT}/services", True, id="list"),
        pytest.param(f"{YAML};as=Table;v=v1;g=meta.k8s.io", f"{DEFAULT}/services", True, id="table"),
        pytest.param(YAML, f"{DEFAULT}/services/nope", True, id="failure"),
        pytest.param(YAML, "/api/v1", True, id="discovery"),
        pytest.param(f"{YAML}, application/json", f"{DEFAULT}/services/a", True, id="yaml-first"),
        pytest.param(f"application/json, {YAML}", f"{DEFAULT}/services/a", False, id="json-first"),
        pytest.param(f"{YAML};q=0.1, application/json", f"{DEFAULT}/services/a", False, id="json-better"),
        pytest.param(YAML, "/version", False, id="no-negotiation"),
    ],
)
def test_a_client_that_prefers_yaml_gets_yaml(accept: str, path: str, is_yaml: bool) -> None:
    client = APIClient()
    client.post(f"{DEFAULT}/services", service("a"))
    reply = client.get(path, accept)
    assert reply.content_type == (YAML if is_yaml else "application/json")
    assert reply.text.startswith("{") != is_yaml


@pytest.mark.parametrize(
    ("agent", "query", "is_indented"),
    [
        ("curl/8.0", "", True),
        ("Wget/1.21", "", True),
        ("Mozilla/5.0 (X11)", "", True),
        ("kubectl/v1.32", "", False),
        ("curl/8.0", "?pretty=false", False),
        ("kubectl/v1.32", "?pretty=true", True),
        ("kubectl/v1.32", "?pretty=1", True),
        ("kubectl/v1.32", "?pretty=no", False),
    ],
)
@pytest.mark.parametrize("path", [f"{DEFAULT}/services/a", f"{DEFAULT}/services/nope", "/api/v1"])
def test_json_is_indented_for_people(client: APIClient, path: str, agent: str, query: str, is_indented: bool) -> None:
    answer = client.api.handle(Request.of("GET", f"{path}{query}", {"User-Agent": agent}))
    assert isinstance(answer, Response)
    document = json.loads(answer.body)
    assert answer.body.decode() == (
        json.dumps(document, indent=2) if is_indented else json.dumps(document, separators=(",", ":")) + "\n"
    )


def test_a_watch_has_no_yaml(client: APIClient) -> None:
    reply = client.get(f"{DEFAULT}/services?watch=1", YAML)
    assert (reply.status, "reason: NotAcceptable" in reply.text) == (406, True)


def test_the_form_that_a_client_likes_best_wins(client: APIClient) -> None:
    accept = "application/json;q=0.5, application/json;as=Table;v=v1;g=meta.k8s.io"
    assert client.get(f"{DEFAULT}/services", accept).json["kind"] == "Table"


def test_a_missing_object_is_not_found(client: APIClient) -> None:
    assert client.get(f"{DEFAULT}/services/nope").json == {
        "kind": "Status",
        "apiVersion": "v1",
        "metadata": {},
        "status": "Failure",
        "message": 'services "nope" not found',
        "reason": "NotFound",
        "details": {"name": "nope", "kind": "services"},
        "code": 404,
    }
    status = client.get(f"{APPS}/deployments/nope", TABLE_ACCEPT).json
    assert status["message"] == 'deployments.apps "nope" not found'
    assert status["details"] == {"name": "nope", "group": "apps", "kind": "deployments"}


def test_a_list_says_the_kind_once_and_has_a_version(client: APIClient) -> None:
    document = client.get(f"{DEFAULT}/services").json
    assert (document["kind"], document["apiVersion"]) == ("ServiceList", "v1")
    assert document["metadata"] == {"resourceVersion": str(client.version())}
    assert [set(each) for each in document["items"]] == [{"metadata", "spec", "status"}] * 3


def test_lists_are_sorted_by_namespace_and_name(client: APIClient) -> None:
    client.post(f"{DEFAULT}/services", service("aa"))
    listed = client.get("/api/v1/services").json["items"]
    keys = [(each["metadata"]["namespace"], each["metadata"]["name"]) for each in listed]
    assert keys == sorted(keys)


def test_a_list_in_a_namespace_that_is_not_there_is_empty(client: APIClient) -> None:
    assert client.get("/api/v1/namespaces/nons/services").json["items"] == []


def test_metadata_can_be_had_alone(client: APIClient) -> None:
    one = client.get(f"{DEFAULT}/services/a", PARTIAL_ACCEPT).json
    assert one.keys() == {"kind", "apiVersion", "metadata"}
    assert (one["kind"], one["apiVersion"]) == ("PartialObjectMetadata", "meta.k8s.io/v1")
    many = client.get(f"{DEFAULT}/services", PARTIAL_LIST_ACCEPT).json
    assert many["kind"] == "PartialObjectMetadataList"
    assert many["items"][0] == one


def test_a_table_has_columns_and_rows_with_metadata(client: APIClient) -> None:
    client.clock.advance(130)
    table = client.get(f"{DEFAULT}/services?limit=500", TABLE_ACCEPT).json
    assert (table["kind"], table["apiVersion"]) == ("Table", "meta.k8s.io/v1")
    assert table["metadata"] == {"resourceVersion": str(client.version())}
    assert table["columnDefinitions"][0] == {
        "name": "Name",
        "type": "string",
        "format": "name",
        "description": "",
        "priority": 0,
    }
    stored = client.registry.store.get(SERVICES, "default", "a")
    assert table["rows"][0] == {
        "cells": ["a", "ClusterIP", stored["spec"]["clusterIP"], "<none>", "80/TCP", "2m10s", "<none>"],
        "object": {
            "kind": "PartialObjectMetadata",
            "apiVersion": "meta.k8s.io/v1",
            "metadata": stored["metadata"],
        },
    }


def test_a_table_of_one_object_has_its_version(client: APIClient) -> None:
    table = client.get(f"{DEFAULT}/services/a", TABLE_ACCEPT).json
    stored = client.registry.store.get(SERVICES, "default", "a")
    assert table["metadata"]["resourceVersion"] == stored["metadata"]["resourceVersion"]
    assert len(table["rows"]) == 1


def test_a_tables_rows_carry_what_is_asked_for(client: APIClient) -> None:
    whole = client.get(f"{DEFAULT}/services/a?includeObject=Object", TABLE_ACCEPT).json["rows"][0]
    assert whole["object"]["kind"] == "Service"
    assert "object" not in client.get(f"{DEFAULT}/services/a?includeObject=None", TABLE_ACCEPT).json["rows"][0]
    assert client.get(f"{DEFAULT}/services/a?includeObject=All", TABLE_ACCEPT).status == 400


@pytest.mark.parametrize(
    ("selector", "names"),
    [
        pytest.param("app=a", ["a"], id="equal"),
        pytest.param("app==b", ["b"], id="double-equal"),
        pytest.param("tier=web", ["a", "c"], id="both-namespaces"),
        pytest.param("tier!=web,app", ["b"], id="not-equal"),
        pytest.param("app in (a, b),tier", ["a"], id="in"),
        pytest.param("app notin (a,b),app", ["c"], id="notin"),
        pytest.param("!tier,app", ["b"], id="absent"),
        pytest.param("size>2", ["b"], id="greater"),
        pytest.param("size gt 3", [], id="greater-word"),
        pytest.param("size<4", ["b"], id="less"),
        pytest.param("app<1", [], id="less-than-a-word"),
        pytest.param("tier=,app", [], id="empty-value"),
        pytest.param("app in (a,)", ["a"], id="in-with-empty"),
        pytest.param(" ", ["a", "b", "c", "kube-dns", "kubernetes"], id="blank"),
    ],
)
def test_label_selectors_select(client: APIClient, selector: str, names: list[str]) -> None:
    assert sorted(client.get(f"/api/v1/services?labelSelector={quote(selector)}").names) == names


@pytest.mark.parametrize(
    ("selector", "message"),
    [
        ("a%20b", "unable to parse requirement: found 'b', expected: in, notin, =, ==, !=, gt, lt"),
        ("a=b%20c", "found 'c', expected: ',' or 'end of string'"),
        ("a=b,", "found '', expected: identifier after ','"),
        (",a", "found ',', expected: !, identifier, or 'end of string'"),
        ("a%20in%20b", "unable to parse requirement: found 'b' expected: '('"),
        ("a%20in%20(b", "unable to parse requirement: found '', expected: ',', ')' or identifier"),
        ("a=%28", "unable to parse requirement: found '(', expected: identifier"),
        ("!", "unable to parse requirement: found '', expected: identifier"),
        ("a%3Eb", "unable to parse requirement: values[0][a]: Invalid value: \"b\": for 'Gt', 'Lt' operators,"),
        ("a/b/c", 'unable to parse requirement: key: Invalid value: "a/b/c": a valid label key must consist of'),
        ("a=-", 'unable to parse requirement: values[0][a]: Invalid value: "-": a valid label must be'),
    ],
)
def test_label_selectors_that_cannot_be_read_are_bad_requests(client: APIClient, selector: str, message: str) -> None:
    reply = client.get(f"/api/v1/services?labelSelector={selector}")
    assert (reply.status, reply.json["reason"]) == (400, "BadRequest")
    assert reply.json["message"].startswith(message)
    assert "details" not in reply.json


@pytest.mark.parametrize(
    ("path", "selector", "names"),
    [
        pytest.param("services", "metadata.name=a", ["a"], id="name"),
        pytest.param("services", "metadata.name==a,metadata.name=a", ["a"], id="twice"),
        pytest.param("services", "metadata.namespace!=default", ["c", "kube-dns"], id="namespace"),
        pytest.param("services", "spec.type=NodePort", [], id="service-type"),
        pytest.param("namespaces", "status.phase=Active,metadata.name=other", ["other"], id="phase"),
        pytest.param("nodes", "spec.unschedulable=false", ["n1"], id="absent-boolean"),
        pytest.param("pods", "spec.nodeName=n1,status.phase!=Succeeded", ["p"], id="node-name"),
        pytest.param("pods", "spec.nodeName=", ["q"], id="empty"),
        pytest.param("events", "involvedObject.name=p,involvedObject.kind=Pod,source=kubelet", ["e"], id="event"),
        pytest.param("services", "metadata.name=a\\,b", [], id="escaped-comma"),
    ],
)
def test_field_selectors_select(client: APIClient, path: str, selector: str, names: list[str]) -> None:
    client.post("/api/v1/nodes", {"metadata": {"name": "n1"}})
    client.post(f"{DEFAULT}/pods", pod("p", nodeName="n1"))
    client.post(f"{DEFAULT}/pods", pod("q"))
    involved = {"kind": "Pod", "name": "p", "namespace": "default"}
    event = {"metadata": {"name": "e"}, "involvedObject": involved, "source": {"component": "kubelet"}}
    client.post(f"{DEFAULT}/events", event)
    assert sorted(client.get(f"/api/v1/{path}?fieldSelector={selector}").names) == names


@pytest.mark.parametrize(
    ("path", "selector", "message"),
    [
        ("services", "spec.foo=bar", "field label not supported: spec.foo"),
        ("nodes", "metadata.namespace=a", "field label not supported: metadata.namespace"),
        ("services", "a", "invalid selector: 'a'; can't understand 'a'"),
        ("services", "metadata.name=a=b", "invalid field selector: invalid escape sequence: a=b"),
    ],
)
def test_field_selectors_that_cannot_be_read_are_bad_requests(
    client: APIClient, path: str, selector: str, message: str
) -> None:
    reply = client.get(f"/api/v1/{path}?fieldSelector={selector}")
    assert (reply.status, reply.json["message"]) == (400, message)


@pytest.mark.parametrize("path", ["services", "services/a"])
def test_a_version_that_is_still_to_come_is_a_time_out(client: APIClient, path: str) -> None:
    reply = client.get(f"{DEFAULT}/{path}?resourceVersion=999")
    assert reply.status == 504
    assert reply.json["reason"] == "Timeout"
    assert reply.json["details"] == {
        "causes": [{"reason": "ResourceVersionTooLarge", "message": "Too large resource version"}],
        "retryAfterSeconds": 1,
    }


@pytest.mark.parametrize(
    ("query", "code", "message"),
    [
        pytest.param("resourceVersion=0", 200, "", id="any"),
        pytest.param("resourceVersion=1", 200, "", id="older"),
        pytest.param("resourceVersion=1&resourceVersionMatch=NotOlderThan", 200, "", id="not-older"),
        pytest.param("resourceVersion=1&resourceVersionMatch=Exact", 200, "", id="exact"),
        pytest.param(
            "resourceVersion=x", 400, 'invalid resource version: resourceVersion: Invalid value: "x"', id="word"
        ),
        pytest.param(
            "resourceVersionMatch=Exact",
            422,
            'ListOptions.meta.k8s.io "" is invalid: resourceVersionMatch: Forbidden: resourceVersionMatch is forbidden'
            " unless resourceVersion is provided",
            id="match-of-nothing",
        ),
        pytest.param(
            "resourceVersion=1&resourceVersionMatch=Near",
            422,
            'ListOptions.meta.k8s.io "" is invalid: resourceVersionMatch: Unsupported value: "Near": supported values:'
            ' "Exact", "NotOlderThan"',
            id="unknown-match",
        ),
        pytest.param(
            "resourceVersion=0&resourceVersionMatch=Exact",
            422,
            'ListOptions.meta.k8s.io "" is invalid: resourceVersionMatch: Forbidden',
            id="exactly-any",
        ),
        pytest.param("timeoutSeconds=x", 400, 'strconv.ParseInt: parsing "x": invalid syntax', id="time"),
        pytest.param("limit=", 400, 'strconv.ParseInt: parsing "": invalid syntax', id="limit-without-number"),
        pytest.param("watch=1&resourceVersion=x", 422, 'services "" is invalid: resourceVersion: In', id="watch-word"),
        pytest.param("watch=1&timeoutSeconds=x", 400, 'strconv.ParseInt: parsing "x"', id="watch-time"),
        pytest.param("sendInitialEvents=true", 422, 'ListOptions.meta.k8s.io "" is invalid: sendInitial', id="initial"),
    ],
)
def test_versions_of_a_list(client: APIClient, query: str, code: int, message: str) -> None:
    reply = client.get(f"{DEFAULT}/services?{query}")
    assert reply.status == code
    assert reply.json.get("message", "").startswith(message)


def test_a_list_of_exactly_the_newest_version_can_be_had(client: APIClient) -> None:
    query = f"resourceVersion={client.version()}&resourceVersionMatch=Exact"
    assert client.get(f"{DEFAULT}/services?{query}").status == 200


def test_get_all_asks_for_every_kind_and_each_answers(client: APIClient) -> None:
    client.post(f"{APPS}/deployments", deployment())
    answered = [client.get(f"{root}/{plural}?limit=500", TABLE_ACCEPT) for root, plural in (
        (DEFAULT, "pods"), (DEFAULT, "services"), (APPS, "deployments"), (APPS, "replicasets"),
    )]  # fmt: skip
    assert [each.status for each in answered] == [200] * 4
    assert [len(each.rows) for each in answered] == [0, 3, 1, 0]
