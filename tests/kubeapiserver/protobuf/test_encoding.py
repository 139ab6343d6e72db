"""Objects in protobuf: what the encoder writes, the decoder reads as the same object."""

from __future__ import annotations

import json
from struct import unpack

import pytest
from tests.helpers.kubeapiserver.client import DEFAULT, APIClient
from tests.helpers.kubeapiserver.crds import CRDS, TABS, TEXT, CustomClient, crd, obj, tab, version

from kubeapi.meta import JSON
from kubeapiserver.messages import Response, Watch
from kubeapiserver.protobuf.decoding import decode
from kubeapiserver.protobuf.encoding import encode

PROTOBUF = "application/vnd.kubernetes.protobuf"
POD: JSON = {
    "apiVersion": "v1",
    "kind": "Pod",
    "metadata": {
        "name": "a",
        "labels": {"x": "y"},
        "creationTimestamp": "2026-01-02T03:04:05Z",
        "managedFields": [{"manager": "m", "fieldsType": "FieldsV1", "fieldsV1": {"f:spec": {}}}],
    },
    "spec": {
        "containers": [
            {
                "name": "c",
                "resources": {"limits": {"cpu": "100m"}},
                "ports": [{"containerPort": 80}],
                "readinessProbe": {"httpGet": {"path": "/", "port": "http"}, "periodSeconds": 1},
                "livenessProbe": {"tcpSocket": {"port": 80}},
            }
        ],
        "volumes": [{"name": "v", "secret": {"secretName": "s", "defaultMode": 0}}],
        "terminationGracePeriodSeconds": -1,
        "hostNetwork": True,
    },
}
SECRET: JSON = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "s"}, "data": {"k": "AP8="}}
LEASE: JSON = {
    "apiVersion": "coordination.k8s.io/v1",
    "kind": "Lease",
    "metadata": {"name": "l"},
    "spec": {"renewTime": "2026-01-02T03:04:05.000006Z"},
}
SCHEMA = obj(
    a={**TEXT, "default": "x", "enum": ["x", 1]},
    b={"type": "array", "items": {"type": "number", "maximum": 1.5}},
    c={"type": "object", "additionalProperties": True},
    d={"type": "object", "additionalProperties": TEXT},
)


def without_zeros(value: object) -> object:
    """Return a value as Go writes it: structs and times that are empty count for nothing here."""
    if isinstance(value, dict):
        read = {name: without_zeros(each) for name, each in value.items()}
        return {name: each for name, each in read.items() if each not in ({}, None, "", [])}
    return [without_zeros(each) for each in value] if isinstance(value, list) else value


@pytest.mark.parametrize("document", [POD, SECRET, LEASE, crd(version(schema=SCHEMA))], ids=lambda each: each["kind"])
def test_an_object_survives_the_way_there_and_back(document: JSON) -> None:
    packed = encode(document)
    assert packed is not None
    assert without_zeros(decode(packed)) == without_zeros(document)


def test_a_kind_without_protobuf_has_none() -> None:
    assert encode({"apiVersion": "meta.k8s.io/v1", "kind": "Table"}) is None


def test_a_client_that_accepts_nothing_else_gets_protobuf() -> None:
    client = APIClient()
    answer = client.ask("GET", "/api/v1/namespaces/default", accept=PROTOBUF)
    assert isinstance(answer, Response)
    assert answer.content_type == PROTOBUF
    assert decode(answer.body)["metadata"]["name"] == "default"
    assert (
        client.send("GET", "/api/v1/namespaces", accept=f"{PROTOBUF},application/json").json["kind"] == "NamespaceList"
    )
    missing = client.ask("GET", f"{DEFAULT}/pods/x", accept=PROTOBUF)
    assert isinstance(missing, Response)
    assert (missing.status, decode(missing.body)["reason"]) == (404, "NotFound")
    table = client.ask("GET", f"{DEFAULT}/pods", accept=f"{PROTOBUF};as=Table;g=meta.k8s.io;v=v1")
    assert isinstance(table, Response)
    assert (table.status, decode(table.body)["reason"]) == (406, "NotAcceptable")


def test_a_list_in_protobuf_has_its_version_and_its_items() -> None:
    answer = APIClient().ask("GET", "/api/v1/namespaces", accept=PROTOBUF)
    assert isinstance(answer, Response)
    assert answer.body.startswith(b"k8s\x00")
    for each in (b"NamespaceList", b"kube-system", b"default"):
        assert each in answer.body


def test_a_watch_in_protobuf_is_frames_of_events() -> None:
    client = APIClient()
    answer = client.ask("GET", "/api/v1/namespaces?watch=1", accept=PROTOBUF)
    assert isinstance(answer, Watch)
    assert answer.media == PROTOBUF
    [size] = unpack(">I", answer.initial[0][:4])
    assert len(answer.initial[0]) == size + 4
    assert b"ADDED" in answer.initial[0]


def test_custom_resources_have_no_protobuf() -> None:
    client = CustomClient()
    client.define(crd())
    client.post(TABS, tab({"text": "x"}))
    refused = client.ask("GET", TABS, accept=PROTOBUF)
    assert isinstance(refused, Response)
    assert refused.status == 406
    assert client.send("GET", TABS, accept=f"{PROTOBUF},application/json").status == 200
    answer = client.ask("GET", f"{CRDS}/tabs.example.com", accept=PROTOBUF)
    assert isinstance(answer, Response)
    assert decode(answer.body)["spec"]["names"]["kind"] == "Tab"


def test_yaml_answers_are_the_same_documents() -> None:
    reply = APIClient().send("GET", "/api/v1/namespaces/default", accept="application/yaml")
    assert (reply.content_type, json.loads(json.dumps(reply.text)).splitlines()[0]) == (
        "application/yaml",
        "apiVersion: v1",
    )
