"""Bodies in YAML, and what the server says of them."""

from __future__ import annotations

import pytest
from tests.helpers.kubeapiserver.client import DEFAULT, APIClient

PATH, YAML = f"{DEFAULT}/configmaps", "application/yaml"
REPEATED = 'yaml: unmarshal errors:\n  line 1: key "name" already set in map\n  line 4: key "a" already set in map'


@pytest.fixture
def client() -> APIClient:
    return APIClient()


def test_an_object_may_be_yaml(client: APIClient) -> None:
    reply = client.send("POST", PATH, b"metadata: {name: x}\ndata: {a: '1',}\n", media=YAML)
    assert (reply.status, reply.json["data"], reply.warnings) == (201, {"a": "1"}, [])


def test_a_key_that_is_there_twice_is_a_fault_of_strict_decoding(client: APIClient) -> None:
    body = b"metadata: {name: x, name: z}\ndata:\n  a: '1'\n  a: '2'\n"
    refused = client.send("POST", f"{PATH}?fieldValidation=Strict", body, media=YAML)
    assert (refused.status, refused.json["message"]) == (
        400,
        f'ConfigMap in version "v1" cannot be handled as a ConfigMap: strict decoding error: {REPEATED}',
    )
    warned = client.send("POST", PATH, body, media=YAML)
    assert (warned.status, warned.json["data"], len(warned.warnings)) == (201, {"a": "2"}, 1)
    ignored = client.send("PUT", f"{PATH}/z?fieldValidation=Ignore", body, media=YAML)
    assert (ignored.status, ignored.warnings) == (200, [])


@pytest.mark.parametrize("body", [b"a: [", b"a: b\n---\nc: d\n", b"\xff", b"- a\n"])
def test_what_is_no_object_is_a_bad_request(client: APIClient, body: bytes) -> None:
    assert client.send("POST", PATH, body, media=YAML).status == 400
