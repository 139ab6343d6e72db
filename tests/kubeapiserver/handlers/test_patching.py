"""patch: the three kinds that kubectl sends, and the way to server-side apply."""

from __future__ import annotations

import json
from typing import Any

import pytest
from tests.helpers.kubeapi.objects import deployment, service
from tests.helpers.kubeapiserver.client import APPS, DEFAULT, PATCH_TYPES, APIClient

from kubeapiserver.handlers.patches import JSON_PATCH, MERGE_PATCH, STRATEGIC_PATCH
from kubeapiserver.handlers.patching import APPLY_PATCH

WEB = f"{DEFAULT}/services/web"
UNREADABLE = "json: cannot unmarshal {} into Go value of type map[string]interface {{}}"
REJECTED = "the server rejected our request due to an error in our request"


@pytest.fixture
def client() -> APIClient:
    client = APIClient()
    client.post(f"{DEFAULT}/services", service("web", ports=[{"name": "a", "port": 80}, {"name": "b", "port": 81}]))
    return client


def ports(reply: Any) -> list[int]:
    return [each["port"] for each in reply.json["spec"]["ports"]]


@pytest.mark.parametrize(
    ("kind", "patch", "expected"),
    [
        pytest.param("strategic", {"spec": {"ports": [{"port": 82, "name": "c"}]}}, [82, 80, 81], id="strategic-adds"),
        pytest.param(
            "strategic",
            {"spec": {"$setElementOrder/ports": [{"port": 81}], "ports": [{"$patch": "delete", "port": 80}]}},
            [81],
            id="strategic-deletes",
        ),
        pytest.param("merge", {"spec": {"ports": [{"port": 82}]}}, [82], id="merge-replaces"),
        pytest.param("json", [{"op": "replace", "path": "/spec/ports/0/port", "value": 8080}], [8080, 81], id="json"),
    ],
)
def test_patches_change_lists_each_in_its_way(client: APIClient, kind: str, patch: Any, expected: list[int]) -> None:
    reply = client.patch(WEB, patch, kind)
    assert (reply.status, ports(reply)) == (200, expected)


def test_null_takes_a_label_away(client: APIClient) -> None:
    client.patch(WEB, {"metadata": {"labels": {"a": "1", "b": "2"}}}, "merge")
    assert client.patch(WEB, {"metadata": {"labels": {"a": None}}}, "merge").json["metadata"]["labels"] == {"b": "2"}


def test_a_patch_without_a_change_keeps_the_version(client: APIClient) -> None:
    before = client.get(WEB).json
    assert client.patch(WEB, {"spec": {"type": "ClusterIP"}}).json == before


def test_a_changed_spec_is_a_new_generation(client: APIClient) -> None:
    client.post(f"{APPS}/deployments", deployment())
    path = f"{APPS}/deployments/web"
    assert client.patch(path, {"metadata": {"labels": {"a": "b"}}}).json["metadata"]["generation"] == 1
    assert client.patch(path, {"spec": {"replicas": 2}}).json["metadata"]["generation"] == 2


def test_nothing_is_left_of_a_trial(client: APIClient) -> None:
    version = client.version()
    reply = client.patch(f"{WEB}?dryRun=All", {"metadata": {"labels": {"a": "b"}}})
    assert reply.json["metadata"]["labels"] == {"a": "b"}
    assert client.version() == version


@pytest.mark.parametrize(
    ("kind", "patch", "code", "message"),
    [
        pytest.param("json", [{"op": "remove", "path": "/spec/nope"}], 422, REJECTED, id="json-miss"),
        pytest.param("json", [{"op": "replace", "path": "", "value": 1}], 422, REJECTED, id="json-leaves-no-object"),
        pytest.param(
            "json",
            {},
            400,
            "error decoding patch: json: cannot unmarshal object into Go value of type []handlers.jsonPatchOp",
            id="json-no-list",
        ),
        pytest.param("json", b"[", 400, "invalid JSON patch", id="json-cut"),
        pytest.param(
            "json", [{}] * 10_001, 413, "Request entity too large: The allowed maximum operations", id="json-long"
        ),
        pytest.param("merge", [], 400, f"error decoding patch: {UNREADABLE.format('array')}", id="merge-list"),
        pytest.param("merge", b"null", 400, "Invalid JSON Patch", id="merge-null"),
        pytest.param("strategic", "x", 400, UNREADABLE.format("string"), id="strategic-string"),
        pytest.param("strategic", b"{a", 400, "invalid JSON patch", id="strategic-no-json"),
        pytest.param(
            "json",
            [5],
            400,
            "error decoding patch: json: cannot unmarshal number into Go value of type handlers",
            id="json-number",
        ),
        pytest.param(
            "json",
            [{"op": "add", "path": 5}],
            400,
            "error decoding patch: json: cannot unmarshal number into Go struct field jsonPatchOp.path of type string",
            id="json-path",
        ),
        pytest.param("json", [None], 422, REJECTED, id="json-null"),
        pytest.param("merge", b" " * 4_000_000, 413, "Request entity too large: limit is 3145728", id="too-large"),
        pytest.param(
            "merge", {"metadata": {"name": "other"}}, 400, "the name of the object (other) does not match", id="renames"
        ),
        pytest.param(
            "merge", {"metadata": {"namespace": "other"}}, 400, "the namespace of the provided object does", id="moves"
        ),
        pytest.param("merge", {"kind": "Pod"}, 400, "Pod in version", id="changes-kind"),
        pytest.param("merge", {"metadata": None}, 400, "the name of the object (web based on URL)", id="no-metadata"),
        pytest.param(
            "merge", {"metadata": {"resourceVersion": "1"}}, 409, "Operation cannot be fulfilled on", id="stale"
        ),
        pytest.param("strategic", {"$patch": "foo"}, 500, "unknown patch type: foo in map: map", id="directive"),
        pytest.param(
            "strategic", {"spec": {"$retainKeys": 1}}, 400, "invalid patch format of retainKeys", id="retain-keys"
        ),
        pytest.param("strategic", {"spec": {"ports": [[]]}}, 500, "list element types are not", id="unlike-items"),
        pytest.param(
            "merge", {"spec": {"ports": None}}, 422, 'Service "web" is invalid: spec.ports: Required', id="invalid"
        ),
    ],
)
def test_what_cannot_be_patched(client: APIClient, kind: str, patch: Any, code: int, message: str) -> None:
    version = client.version()
    reply = client.patch(WEB, patch, kind)
    assert reply.status == code
    assert reply.json["message"].startswith(message)
    assert client.version() == version


def test_a_patch_that_misses_has_no_details(client: APIClient) -> None:
    assert client.patch(WEB, [{"op": "test", "path": "/kind", "value": "x"}], "json").json["details"] == {}


@pytest.mark.parametrize("part", ["", "/status"])
def test_a_patch_cannot_change_the_uid(client: APIClient, part: str) -> None:
    reply = client.patch(f"{WEB}{part}", {"metadata": {"uid": "other"}}, "merge")
    message = 'Service "web" is invalid: metadata.uid: Invalid value: "other": field is immutable'
    assert (reply.status, reply.json["message"]) == (422, message)
    stored = client.get(WEB).json
    assert client.put(WEB, {**stored, "metadata": {**stored["metadata"], "uid": "other"}}).status == 409
    for path in (WEB, f"{WEB}/status"):
        any_version = {**stored, "metadata": {**stored["metadata"], "resourceVersion": "0"}}
        assert client.put(path, any_version).status == 200


def test_a_patch_cannot_begin_a_deletion(client: APIClient) -> None:
    reply = client.patch(WEB, {"metadata": {"deletionTimestamp": "2026-01-01T00:00:00Z"}}, "merge")
    message = 'metadata.deletionTimestamp: Invalid value: "2026-01-01T00:00:00Z": field is immutable'
    assert (reply.status, reply.json["message"]) == (422, f'Service "web" is invalid: {message}')


def test_what_is_not_there_cannot_be_patched(client: APIClient) -> None:
    assert client.patch(f"{DEFAULT}/services/nope", {}).json["message"] == 'services "nope" not found'


@pytest.mark.parametrize("media", ["", "application/json", "text/plain", "application/apply-patch+json"])
def test_a_patch_of_an_unknown_type_is_unsupported(client: APIClient, media: str) -> None:
    reply = client.send("PATCH", WEB, {}, media=media)
    assert (reply.status, reply.text) == (415, "415: Unsupported Media Type")


def test_unknown_fields_are_warned_of(client: APIClient) -> None:
    reply = client.patch(WEB, {"spec": {"bogus": 1}})
    assert (reply.status, reply.warnings) == (200, ['299 - "unknown field \\"spec.bogus\\""'])


def refusals(reply: Any) -> tuple[str, str]:
    """Return what is quoted and what is said of it by an answer that refuses a patch's result, wherever it does."""
    (cause,) = reply.json["details"]["causes"]
    assert (reply.status, cause["reason"], cause["field"]) == (422, "FieldValueInvalid", "patch")
    assert reply.json["message"] == f' "" is invalid: patch: {cause["message"]}'
    quoted, end = json.JSONDecoder().raw_decode(cause["message"].removeprefix("Invalid value: "))
    return quoted, cause["message"].removeprefix("Invalid value: ")[end:].removeprefix(": ")


def test_unknown_fields_are_refused_when_validation_is_strict(client: APIClient) -> None:
    strict, expected = f"{WEB}?fieldValidation=Strict", 'strict decoding error: unknown field "spec.bogus"'
    patch = {"spec": {"bogus": [1, {"a": None}, True]}}
    assert refusals(client.patch(strict, patch)) == ("map[spec:map[bogus:[1 map[a:<nil>] true]]]", expected)
    quoted, said = refusals(client.patch(strict, {"spec": {"bogus": 1}}, "merge"))
    assert (json.loads(quoted)["spec"]["bogus"], said) == (1, expected)


def test_a_key_that_a_patch_has_twice_is_refused_when_validation_is_strict(client: APIClient) -> None:
    patch = b'{"spec":{"ports":[{"port":80,"name":"x","name":"y"}],"type":"ClusterIP","type":"NodePort"}}'
    _, said = refusals(client.patch(f"{WEB}?fieldValidation=Strict", patch))
    assert said == 'strict decoding error: duplicate field "spec.type", duplicate field "spec.ports[0].name"'
    warned = client.patch(f"{WEB}?dryRun=All", patch)
    assert (warned.status, warned.json["spec"]["type"], len(warned.warnings)) == (200, "NodePort", 2)


@pytest.mark.parametrize(
    ("kind", "spec", "said"),
    [
        pytest.param("strategic", {"ports": "x"}, "cannot restore slice from string", id="no-list"),
        pytest.param("strategic", {"selector": "x"}, "cannot restore map from string", id="no-map"),
        pytest.param("strategic", "x", "cannot restore struct from: string", id="no-struct"),
        pytest.param("strategic", {"ports": [{"port": "x"}]}, "unrecognized type: int32", id="text-for-a-number"),
        pytest.param("strategic", {"type": 1}, "cannot convert int64 to string", id="number-for-a-text"),
        pytest.param("strategic", {"type": True}, "unrecognized type: string", id="boolean-for-a-text"),
        pytest.param("strategic", {"healthCheckNodePort": 1.5}, "cannot convert float64 to int32", id="fraction"),
        pytest.param(
            "merge",
            {"ports": "x"},
            "json: cannot unmarshal string into Go struct field ServiceSpec.spec.ports of type []v1.ServicePort",
            id="merge",
        ),
    ],
)
def test_a_wrong_type_is_the_patchs_fault(client: APIClient, kind: str, spec: Any, said: str) -> None:
    assert refusals(client.patch(WEB, {"spec": spec}, kind))[1] == said


def test_the_refused_object_is_quoted_whole_with_its_managers(client: APIClient) -> None:
    quoted = json.loads(refusals(client.patch(WEB, {"spec": {"ports": "x"}}, "merge"))[0])
    stored = client.get(WEB).json
    assert quoted == {**stored, "spec": {**stored["spec"], "ports": "x"}}
    assert quoted["metadata"]["managedFields"]


# Server-side apply


def test_a_configuration_creates_its_object_and_then_changes_it() -> None:
    client, target = APIClient(), f"{WEB}?fieldManager=kubectl"
    assert [client.patch(target, service("web"), "apply").status for _ in range(2)] == [201, 200]
    [entry] = client.get(WEB).json["metadata"]["managedFields"]
    assert (entry["manager"], entry["operation"]) == ("kubectl", "Apply")


def test_a_trial_applies_nothing() -> None:
    client = APIClient()
    assert client.patch(f"{WEB}?fieldManager=kubectl&dryRun=All", service("web"), "apply").status == 201
    assert client.get(WEB).status == 404


def test_a_configuration_need_not_say_its_name(client: APIClient) -> None:
    body = {"apiVersion": "v1", "kind": "Service", "metadata": {"labels": {"a": "1"}}}
    reply = client.patch(f"{WEB}?fieldManager=x", body, "apply")
    assert (reply.status, reply.json["metadata"]["name"]) == (200, "web")


def test_a_configuration_may_be_yaml(client: APIClient) -> None:
    body = b"apiVersion: v1\nkind: Service\nmetadata:\n  labels: {yaml: '1'}\n"
    reply = client.patch(f"{WEB}?fieldManager=x", body, "apply")
    assert reply.json["metadata"]["labels"] == {"yaml": "1"}


def test_a_configuration_in_yamls_flow_style_begins_as_json_does(client: APIClient) -> None:
    body = b"{apiVersion: v1, kind: Service, metadata: {labels: {yaml: '1'},},}"
    reply = client.patch(f"{WEB}?fieldManager=x", body, "apply")
    assert reply.json["metadata"]["labels"] == {"yaml": "1"}
    reply = client.patch(f"{WEB}?fieldManager=x", b"{", "apply")
    assert reply.status == 400
    assert reply.json["message"].startswith("error decoding patch: error converting YAML to JSON: ")


def test_a_key_that_a_configuration_has_twice_is_refused_when_validation_is_strict(client: APIClient) -> None:
    body = b'{"apiVersion":"v1","kind":"Service","metadata":{"labels":{"a":"1","a":"2"}}}'
    reply = client.patch(f"{WEB}?fieldManager=x&fieldValidation=Strict", body, "apply")
    assert (reply.status, reply.json["message"]) == (
        400,
        'error strict decoding patch: duplicate field "metadata.labels.a"',
    )
    assert client.patch(f"{WEB}?fieldManager=x", body, "apply").json["metadata"]["labels"] == {"a": "2"}


@pytest.mark.parametrize("body", [b"[]", b"", b"x"])
def test_a_configuration_that_cannot_be_read_is_a_bad_request(client: APIClient, body: bytes) -> None:
    assert client.patch(f"{WEB}?fieldManager=x", body, "apply").status == 400


def test_a_manager_that_applies_must_give_its_name(client: APIClient) -> None:
    reply = client.patch(WEB, service("web"), "apply")
    assert reply.status == 422
    assert reply.json["message"] == (
        'PatchOptions.meta.k8s.io "" is invalid: fieldManager: Required value: is required for apply patch'
    )


def test_force_is_for_apply_alone(client: APIClient) -> None:
    reply = client.patch(f"{WEB}?force=true", {})
    assert reply.json["message"].endswith("force: Forbidden: may not be specified for non-apply patch")


def test_a_conflict_of_managers_is_told_with_its_causes_and_force_takes_the_field() -> None:
    client = APIClient()
    client.patch(f"{WEB}?fieldManager=a", service("web", selector={"app": "a"}), "apply")
    other = service("web", selector={"app": "b"})
    reply = client.patch(f"{WEB}?fieldManager=b", other, "apply")
    message = 'Apply failed with 1 conflict: conflict with "a": .spec.selector'
    assert (reply.status, reply.json["message"]) == (409, message)
    assert reply.json["details"]["causes"] == [
        {"reason": "FieldManagerConflict", "message": 'conflict with "a"', "field": ".spec.selector"}
    ]
    forced = client.patch(f"{WEB}?fieldManager=b&force=true", other, "apply")
    assert (forced.status, forced.json["spec"]["selector"]) == (200, {"app": "b"})


def test_every_type_of_patch_is_named_as_kubectl_names_it() -> None:
    assert {JSON_PATCH, MERGE_PATCH, STRATEGIC_PATCH, APPLY_PATCH} == set(PATCH_TYPES.values())
