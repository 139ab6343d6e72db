"""The OpenAPI documents, as kubectl reads them."""

from __future__ import annotations

import json
from typing import Any

import pytest

from kubeapi.kinds import RESOURCES
from kubeapi.meta import JSON
from kubeapi.scheme import ENDPOINTSLICES, Resource
from kubeapiserver.messages import Request, Response
from kubeapiserver.openapi.v2 import V2_FAMILY, V2_TYPE
from kubeapiserver.openapi.v3 import openapi_answer
from kubeapiserver.protobuf.wireformat import BYTES, parts

V2_ACCEPT = {"Accept": f"{V2_FAMILY}@v1.0+protobuf"}


def ask(target: str, headers: dict[str, str] | None = None) -> Response:
    answer = openapi_answer(Request.of("GET", target, headers), [])
    assert answer is not None
    return answer


def index() -> dict[str, str]:
    paths = json.loads(ask("/openapi/v3").body)["paths"]
    return {name: each["serverRelativeURL"] for name, each in paths.items()}


def document(resource: Resource) -> JSON:
    path = f"{'apis' if resource.group else 'api'}/{resource.api_version}"
    loaded: JSON = json.loads(ask(index()[path]).body)
    return loaded


def test_the_index_names_a_document_for_every_group_version() -> None:
    assert sorted(index()) == [
        "api/v1",
        "apis/admissionregistration.k8s.io/v1",
        "apis/apiextensions.k8s.io/v1",
        "apis/apiregistration.k8s.io/v1",
        "apis/apps/v1",
        "apis/autoscaling/v1",
        "apis/autoscaling/v2",
        "apis/batch/v1",
        "apis/certificates.k8s.io/v1",
        "apis/coordination.k8s.io/v1",
        "apis/discovery.k8s.io/v1",
        "apis/events.k8s.io/v1",
        "apis/flowcontrol.apiserver.k8s.io/v1",
        "apis/networking.k8s.io/v1",
        "apis/node.k8s.io/v1",
        "apis/policy/v1",
        "apis/rbac.authorization.k8s.io/v1",
        "apis/resource.k8s.io/v1",
        "apis/scheduling.k8s.io/v1",
        "apis/storage.k8s.io/v1",
        "apis/storagemigration.k8s.io/v1",
    ]


@pytest.mark.parametrize("resource", RESOURCES, ids=str)
def test_every_kind_says_that_the_server_validates_its_fields(resource: Resource) -> None:
    identity = {"group": resource.group, "version": resource.version, "kind": resource.kind}
    patches = [item["patch"] for item in document(resource)["paths"].values() if "patch" in item]
    [patch] = [each for each in patches if each["x-kubernetes-group-version-kind"] == identity]
    assert "fieldValidation" in {each["name"] for each in patch["parameters"] if each["in"] == "query"}


@pytest.mark.parametrize("resource", RESOURCES, ids=str)
def test_every_kind_has_a_schema_that_names_it(resource: Resource) -> None:
    identity = {"group": resource.group, "version": resource.version, "kind": resource.kind}
    schemas = document(resource)["components"]["schemas"]
    [schema] = [each for each in schemas.values() if identity in each.get("x-kubernetes-group-version-kind", ())]
    assert "enum" not in schema["properties"]["kind"]


@pytest.mark.parametrize("resource", RESOURCES, ids=str)
def test_every_reference_leads_to_a_schema(resource: Resource) -> None:
    found = document(resource)
    schemas = {f"#/components/schemas/{name}" for name in found["components"]["schemas"]}
    assert {each["$ref"] for each in nodes(found) if isinstance(each.get("$ref"), str)} <= schemas


@pytest.mark.parametrize("resource", RESOURCES, ids=str)
def test_schemas_are_openapi_and_not_merely_json_schema(resource: Resource) -> None:
    for each in nodes(document(resource)["components"]["schemas"]):
        assert not isinstance(each.get("$ref"), str) or len(each) == 1
        assert not isinstance(each.get("type"), list)


def nodes(value: Any) -> list[JSON]:
    if isinstance(value, dict):
        return [value, *(node for each in value.values() for node in nodes(each))]
    return [node for each in value for node in nodes(each)] if isinstance(value, list) else []


def test_ports_tell_how_a_patch_and_an_apply_merge_them() -> None:
    [services] = [each for each in RESOURCES if each.kind == "Service"]
    spec = document(services)["components"]["schemas"]["io.k8s.api.core.v1.ServiceSpec"]
    ports = spec["properties"]["ports"]
    assert ports["x-kubernetes-patch-merge-key"] == "port"
    assert ports["x-kubernetes-list-map-keys"] == ["port", "protocol"]
    assert ports["description"].startswith("The list of ports that are exposed by this service.")


def test_a_document_may_be_kept_for_ever_under_its_hash() -> None:
    url = index()["api/v1"]
    headers = dict(ask(url).headers)
    assert headers["Cache-Control"] == "public, immutable, max-age=31536000"
    assert headers["ETag"].strip('"') == url.partition("hash=")[2]
    assert dict(ask("/openapi/v3/api/v1").headers)["Cache-Control"] == "no-cache, private"


def test_an_outdated_hash_leads_to_the_right_one() -> None:
    answer = ask("/openapi/v3/api/v1?hash=OLD&timeout=32s")
    assert (answer.status, dict(answer.headers)["Location"]) == (301, index()["api/v1"])


@pytest.mark.parametrize("target", ["/openapi/v3", "/openapi/v3/api/v1"])
def test_a_document_that_the_client_has_is_not_sent_again(target: str) -> None:
    tag = dict(ask(target).headers)["ETag"]
    answer = ask(target, {"If-None-Match": tag})
    assert (answer.status, answer.body) == (304, b"")


def test_v2_is_json_for_a_client_that_does_not_ask_for_protobuf() -> None:
    document = json.loads(ask("/openapi/v2").body)
    assert document["swagger"] == "2.0"
    service = document["definitions"]["io.k8s.api.core.v1.Service"]
    assert service["properties"]["spec"]["$ref"] == "#/definitions/io.k8s.api.core.v1.ServiceSpec"
    operation = document["paths"]["/api/v1/namespaces/{namespace}/services/{name}"]["patch"]
    assert "fieldValidation" in [each["name"] for each in operation["parameters"]]


@pytest.mark.parametrize(
    ("method", "target"),
    [("GET", "/openapi"), ("GET", "/openapi/v3/apis/example.com/v1"), ("POST", "/openapi/v3")],
)
def test_everything_else_is_left_to_others(method: str, target: str) -> None:
    assert openapi_answer(Request.of(method, target), []) is None


def test_the_old_document_is_gnostics_protobuf() -> None:
    answer = ask("/openapi/v2", V2_ACCEPT)
    assert answer.content_type == V2_TYPE
    assert "@" not in answer.content_type
    fields = {number: answer.body[slice(*where)] for number, _, where in message(answer.body)}
    assert fields[1] == b"2.0"
    assert named(fields[8], 2).keys() >= {"/api/v1/namespaces/{namespace}/services/{name}", "/api/v1/nodes/{name}"}
    assert b"fieldValidation" in named(fields[8], 2)["/apis/apps/v1/namespaces/{namespace}/deployments/{name}"]
    definitions = named(fields[9], 1)
    assert b"The port that will be exposed by this service." in definitions["io.k8s.api.core.v1.ServicePort"]


def message(body: bytes) -> list[tuple[int, int, Any]]:
    found = list(parts(body, 0, len(body), "test"))
    assert all(wire == BYTES for _, wire, _ in found)
    return found


def named(body: bytes, number: int) -> dict[str, bytes]:
    """Return the entries of a list of names and values."""
    result = {}
    for found, _, where in message(body):
        assert found == number
        inner = body[slice(*where)]
        (_, _, name), (_, _, value) = message(inner)
        result[inner[slice(*name)].decode()] = inner[slice(*value)]
    return result


def test_enumerations_say_their_values_and_what_they_mean() -> None:
    slices = document(ENDPOINTSLICES)["components"]["schemas"]["io.k8s.api.discovery.v1.EndpointSlice"]
    kind = slices["properties"]["addressType"]
    assert kind["enum"] == ["FQDN", "IPv4", "IPv6"]
    assert kind["description"].endswith(
        '\n\nPossible enum values:\n - `"FQDN"` represents a FQDN.\n - `"IPv4"` represents an IPv4 Address.'
        '\n - `"IPv6"` represents an IPv6 Address.'
    )
