"""create and update: what the server reads, warns of, and refuses."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
from tests.helpers.kubeapi.objects import container, deployment, pod, service
from tests.helpers.kubeapiserver.client import APPS, DEFAULT, TABLE_ACCEPT, APIClient

from kubeapi.meta import JSON
from kubeapi.scheme import DEPLOYMENTS, SERVICES, Resource
from kubeapiserver.errors import BODY_LIMIT

SERVICES_PATH = f"{DEFAULT}/services"
UNRECOGNIZED = (
    "the object provided is unrecognized (must be of type Service): couldn't get version/kind; json parse error:"
)
CANNOT = 'in version "v1" cannot be handled as a Service:'


def test_a_created_object_is_answered_with_all_that_the_server_has_added() -> None:
    client = APIClient()
    reply = client.post(f"{SERVICES_PATH}?fieldManager=kubectl-create&fieldValidation=Strict", service("web"))
    assert reply.status == 201
    assert reply.json == client.registry.store.get(SERVICES, "default", "web")
    assert reply.json["metadata"]["uid"]


def test_kind_and_namespace_may_be_left_out() -> None:
    client = APIClient()
    obj = {"metadata": {"name": "web"}, "spec": {"ports": [{"port": 80}]}}
    assert client.post(SERVICES_PATH, obj).json["kind"] == "Service"


def test_what_is_created_can_be_had_as_a_table() -> None:
    reply = APIClient().send("POST", SERVICES_PATH, service("web"), TABLE_ACCEPT)
    assert (reply.status, reply.rows[0][0]) == (201, "web")


def test_a_name_is_generated() -> None:
    reply = APIClient().post(f"{DEFAULT}/configmaps", {"metadata": {"generateName": "cm-"}})
    assert reply.status == 201
    assert len(reply.json["metadata"]["name"]) == len("cm-") + 5


def test_nothing_is_left_of_a_trial() -> None:
    client = APIClient()
    version = client.version()
    reply = client.post(f"{SERVICES_PATH}?dryRun=All", service("web"))
    assert (reply.status, reply.json["spec"]["type"]) == (201, "ClusterIP")
    assert client.version() == version


@pytest.mark.parametrize(
    ("target", "body", "code", "reason", "message"),
    [
        pytest.param(
            SERVICES_PATH,
            service("kubernetes"),
            409,
            "AlreadyExists",
            'services "kubernetes" already exists',
            id="twice",
        ),
        pytest.param(
            "/api/v1/namespaces/nons/services",
            service("a"),
            404,
            "NotFound",
            'namespaces "nons" not found',
            id="no-namespace",
        ),
        pytest.param(
            SERVICES_PATH,
            service("a", metadata={"namespace": "other"}),
            400,
            "BadRequest",
            "the namespace of the provided object does not match the namespace sent on the request",
            id="other-namespace",
        ),
        pytest.param(
            SERVICES_PATH,
            pod("a"),
            400,
            "BadRequest",
            f"Pod {CANNOT} converting (v1.Pod) to (core.Service): unknown conversion",
            id="other-kind",
        ),
        pytest.param(
            f"{APPS}/deployments",
            pod("a"),
            400,
            "BadRequest",
            'Pod in version "v1" cannot be handled as a Deployment: converting (v1.Pod) to (apps.Deployment): unknown'
            " conversion",
            id="kind-of-another-group",
        ),
        pytest.param(
            SERVICES_PATH,
            {**service("a"), "kind": "Chair"},
            400,
            "BadRequest",
            f'Chair {CANNOT} no kind "Chair" is registered for version "v1" in scheme'
            ' "pkg/api/legacyscheme/scheme.go:30"',
            id="unknown-kind",
        ),
        pytest.param(
            SERVICES_PATH,
            {**service("a"), "apiVersion": "v2"},
            400,
            "BadRequest",
            "the API version in the data (v2) does not match the expected API version (v1)",
            id="other-version",
        ),
        pytest.param(
            SERVICES_PATH,
            service("a", ports=[{"port": "http"}]),
            400,
            "BadRequest",
            f"Service {CANNOT} json: cannot unmarshal string into Go struct field ServicePort.spec.ports.port of type"
            " int32",
            id="wrong-type",
        ),
        pytest.param(
            SERVICES_PATH,
            b"hello",
            400,
            "BadRequest",
            f"{UNRECOGNIZED} invalid character 'h' looking for beginning of value",
            id="no-json",
        ),
        pytest.param(SERVICES_PATH, b"", 400, "BadRequest", f"{UNRECOGNIZED} unexpected end of JSON input", id="empty"),
        pytest.param(
            SERVICES_PATH, b'{"a":', 400, "BadRequest", f"{UNRECOGNIZED} unexpected end of JSON input", id="cut"
        ),
        pytest.param(
            SERVICES_PATH,
            b'{"a" 1}',
            400,
            "BadRequest",
            f"{UNRECOGNIZED} invalid character '1' after object key",
            id="no-colon",
        ),
        pytest.param(
            SERVICES_PATH,
            b'{"a":1 2}',
            400,
            "BadRequest",
            f"{UNRECOGNIZED} invalid character '2' after object key:value pair",
            id="no-comma",
        ),
        pytest.param(
            SERVICES_PATH,
            b"{a:1}",
            400,
            "BadRequest",
            f"{UNRECOGNIZED} invalid character 'a' looking for beginning of object key string",
            id="bare-key",
        ),
        pytest.param(
            SERVICES_PATH,
            b"{}{}",
            400,
            "BadRequest",
            f"{UNRECOGNIZED} invalid character '{{' after top-level value",
            id="two-values",
        ),
        pytest.param(
            SERVICES_PATH,
            b'{"spec":NaN}',
            400,
            "BadRequest",
            f"{UNRECOGNIZED} invalid character 'N' looking for beginning of value",
            id="no-number",
        ),
        pytest.param(
            SERVICES_PATH,
            b"[" * 300 + b"]" * 300,
            400,
            "BadRequest",
            f"{UNRECOGNIZED} exceeded max depth",
            id="too-deep",
        ),
        pytest.param(
            SERVICES_PATH,
            b" " * (BODY_LIMIT + 1),
            413,
            "RequestEntityTooLarge",
            "Request entity too large: limit is 3145728",
            id="too-large",
        ),
    ],
)
def test_what_cannot_be_created(target: str, body: Any, code: int, reason: str, message: str) -> None:
    client = APIClient()
    version = client.version()
    reply = client.post(target, body)
    assert (reply.status, reply.json["code"], reply.json["reason"]) == (code, code, reason)
    assert reply.json["message"] == message
    assert client.version() == version


@pytest.mark.parametrize("body", [b"[]", b'"x"', b"1", b"null"])
def test_a_body_that_is_no_object_is_a_bad_request(body: bytes) -> None:
    reply = APIClient().post(SERVICES_PATH, body)
    assert reply.status == 400
    assert reply.json["message"].startswith("couldn't get version/kind; json parse error: json: cannot unmarshal")


def test_every_fault_is_a_cause() -> None:
    reply = APIClient().post(SERVICES_PATH, service("a", ports=[{"port": 0}, {"port": 80}]))
    status = reply.json
    assert (reply.status, status["reason"]) == (422, "Invalid")
    assert status["message"].startswith('Service "a" is invalid: [spec.ports[0].name: Required value, ')
    assert (status["details"]["name"], status["details"]["kind"]) == ("a", "Service")
    assert status["details"]["causes"][0] == {
        "reason": "FieldValueRequired",
        "message": "Required value",
        "field": "spec.ports[0].name",
    }


def test_a_fault_of_another_group_names_it() -> None:
    status = APIClient().post(f"{APPS}/deployments", deployment("Bad_")).json
    assert status["message"].startswith('Deployment.apps "Bad_" is invalid: ')
    assert status["details"]["group"] == "apps"


UNKNOWN = service("web", bogus=1, ports=[{"port": 80, "prot": "x"}])


def test_unknown_fields_are_refused_when_validation_is_strict() -> None:
    reply = APIClient().post(f"{SERVICES_PATH}?fieldValidation=Strict", UNKNOWN)
    assert reply.status == 400
    expected = f'Service {CANNOT} strict decoding error: unknown field "spec.bogus", unknown field "spec.ports[0].prot"'
    assert sorted(reply.json["message"]) == sorted(expected)


@pytest.mark.parametrize("query", ["", "?fieldValidation=Warn", "?fieldValidation="])
def test_unknown_fields_are_warned_of_unless_it_is_said_otherwise(query: str) -> None:
    reply = APIClient().post(f"{SERVICES_PATH}{query}", UNKNOWN)
    assert reply.status == 201
    assert sorted(reply.warnings) == [
        '299 - "unknown field \\"spec.bogus\\""',
        '299 - "unknown field \\"spec.ports[0].prot\\""',
    ]


def test_unknown_fields_can_be_ignored() -> None:
    reply = APIClient().post(f"{SERVICES_PATH}?fieldValidation=Ignore", UNKNOWN)
    assert (reply.status, reply.warnings) == (201, [])
    assert "bogus" not in reply.json["spec"]


@pytest.mark.parametrize(
    ("query", "message"),
    [
        (
            "fieldValidation=Maybe",
            'fieldValidation: Unsupported value: "Maybe": supported values: "", "Ignore", "Strict", "Warn"',
        ),
        ("dryRun=Some", 'dryRun: Unsupported value: "Some": supported values: "All"'),
        (f"fieldManager={'x' * 129}", "fieldManager: Too long: may not be more than 128 bytes"),
        ("fieldManager=a%00b", 'fieldManager: Invalid value: "a\\u0000b": should only contain printable characters'),
    ],
)
@pytest.mark.parametrize(("method", "kind"), [("POST", "CreateOptions"), ("PUT", "UpdateOptions")])
def test_options_that_may_not_be_are_invalid(query: str, message: str, method: str, kind: str) -> None:
    path = SERVICES_PATH if method == "POST" else f"{SERVICES_PATH}/web"
    reply = APIClient().send(method, f"{path}?{query}", service("web"))
    assert reply.status == 422
    assert reply.json["message"] == f'{kind}.meta.k8s.io "" is invalid: {message}'


def test_a_string_that_cannot_be_written_is_replaced_as_go_does() -> None:
    body = b'{"metadata":{"name":"a"},"data":{"k":"x\\ud800y"}}'
    assert APIClient().post(f"{DEFAULT}/configmaps", body).json["data"] == {"k": "x\ufffdy"}


def test_a_number_that_could_not_be_said_again_is_refused() -> None:
    reply = APIClient().post(SERVICES_PATH, b'{"spec":{"x":1e999}}')
    assert (reply.status, reply.json["message"]) == (
        400,
        f"{UNRECOGNIZED} json: cannot unmarshal number 1e999 into Go value of type float64",
    )


def test_warnings_never_grow_beyond_what_a_client_reads() -> None:
    fields = {f"unknown-{number}-{'x' * 300}": 1 for number in range(200)}
    reply = APIClient().post(f"{DEFAULT}/configmaps", {"metadata": {"name": "a"}, **fields})
    assert reply.status == 201
    assert len(reply.warnings) == 16
    assert sum(len(each) for each in reply.warnings) < 5000


# Update


def test_an_update_replaces_the_object() -> None:
    client = APIClient()
    created = client.post(SERVICES_PATH, service("web", selector={"a": "b"})).json
    created["spec"]["selector"] = {"c": "d"}
    reply = client.put(f"{SERVICES_PATH}/web", created)
    assert (reply.status, reply.json["spec"]["selector"]) == (200, {"c": "d"})
    assert reply.json["metadata"]["uid"] == created["metadata"]["uid"]


def test_an_update_without_a_change_keeps_the_version() -> None:
    client = APIClient()
    created = client.post(SERVICES_PATH, service("web")).json
    assert client.put(f"{SERVICES_PATH}/web", created).json == created


def test_an_update_that_is_based_on_an_older_state_is_a_conflict() -> None:
    client = APIClient()
    created = client.post(SERVICES_PATH, service("web")).json
    client.patch(f"{SERVICES_PATH}/web", {"metadata": {"labels": {"a": "b"}}})
    status = client.put(f"{SERVICES_PATH}/web", created).json
    assert (status["code"], status["reason"]) == (409, "Conflict")
    assert status["message"] == (
        'Operation cannot be fulfilled on services "web": the object has been modified; please apply your changes to'
        " the latest version and try again"
    )
    assert status["details"] == {"name": "web", "kind": "services"}


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (service("other"), "the name of the object (other) does not match the name on the URL (web)"),
        ({}, "the name of the object (web based on URL) was undeterminable: name must be provided"),
    ],
)
def test_an_update_must_be_of_the_object_that_the_path_names(body: JSON, message: str) -> None:
    reply = APIClient().put(f"{SERVICES_PATH}/web", body)
    assert (reply.status, reply.json["message"]) == (400, message)


@pytest.mark.parametrize(
    ("path", "metadata", "message"),
    [
        pytest.param("", [], "array into Go struct field Service.metadata of type v1.ObjectMeta", id="no-struct"),
        pytest.param(
            "",
            {"namespace": False},
            "bool into Go struct field ObjectMeta.metadata.namespace of type string",
            id="empty",
        ),
        pytest.param(
            "/web", {"name": 1}, "number into Go struct field ObjectMeta.metadata.name of type string", id="wrong-type"
        ),
        pytest.param(
            "/web/status",
            {"name": "web", "labels": "x"},
            "string into Go struct field ObjectMeta.metadata.labels of type map[string]string",
            id="status",
        ),
    ],
)
def test_a_body_is_decoded_before_it_is_compared_with_its_path(path: str, metadata: Any, message: str) -> None:
    client = APIClient()
    client.post(SERVICES_PATH, service("web"))
    reply = client.send("PUT" if path else "POST", SERVICES_PATH + path, {**service("web"), "metadata": metadata})
    assert (reply.status, reply.json["message"]) == (400, f"Service {CANNOT} json: cannot unmarshal {message}")


def test_a_service_can_be_created_by_an_update_and_a_pod_cannot() -> None:
    client = APIClient()
    assert client.put(f"{SERVICES_PATH}/web", service("web")).status == 201
    assert client.put(f"{DEFAULT}/pods/web", pod("web")).status == 404
    stale = service("gone", metadata={"resourceVersion": "1"})
    assert client.put(f"{SERVICES_PATH}/gone", stale).status == 404


# Media types and admission


def test_a_body_is_read_by_its_media_type() -> None:
    client, body = APIClient(), b"metadata: {name: from-yaml}"
    reply = client.send("POST", f"{DEFAULT}/configmaps", body, media="application/yaml; charset=utf-8")
    assert reply.json["metadata"]["name"] == "from-yaml"
    reply = client.send("POST", f"{DEFAULT}/configmaps", b"x", media="text/plain")
    assert (reply.status, reply.json["reason"], reply.json["details"]) == (415, "UnsupportedMediaType", {})
    assert reply.json["message"] == (
        "the body of the request was in an unknown format - accepted media types include: application/json,"
        " application/yaml, application/vnd.kubernetes.protobuf"
    )


def test_a_protobuf_body_that_cannot_be_read_is_refused_with_the_fault() -> None:
    reply = APIClient().send("POST", SERVICES_PATH, b"x", media="application/vnd.kubernetes.protobuf")
    said = "provided data does not appear to be a protobuf message, expected prefix [107 56 115 0]"
    assert (reply.status, reply.json["message"]) == (400, f"{UNRECOGNIZED} {said}")


def move_to_blue(resource: Resource, obj: JSON) -> tuple[JSON, Sequence[str]]:
    """Admit objects with one label more."""
    metadata = {**obj["metadata"], "labels": {**(obj["metadata"].get("labels") or {}), "colour": "blue"}}
    return {**obj, "metadata": metadata}, [f'{resource.kind} is "blue"']


@pytest.mark.parametrize(
    ("method", "target", "body", "media"),
    [
        ("POST", SERVICES_PATH, service("new"), ""),
        ("PUT", f"{SERVICES_PATH}/web", service("web"), ""),
        ("PATCH", f"{SERVICES_PATH}/web", {"metadata": {"annotations": {"a": "b"}}}, "application/merge-patch+json"),
    ],
)
def test_every_write_passes_admission_and_its_warnings_are_told(
    method: str, target: str, body: JSON, media: str
) -> None:
    client = APIClient(admit=move_to_blue)
    client.registry.create(SERVICES, service("web"))
    reply = client.send(method, target, body, media=media)
    assert reply.json["metadata"]["labels"] == {"colour": "blue"}
    assert reply.warnings == ['299 - "Service is \\"blue\\""']


@pytest.mark.parametrize("media", ["", "application/merge-patch+json", "application/apply-patch+yaml"])
def test_a_field_that_has_no_effect_is_warned_of_once(media: str) -> None:
    limits: JSON = {"spec": {"containers": [container(resources={"limits": {"cpu": "1"}})]}}
    client = APIClient()
    target = "/api/v1/namespaces/default/pods"
    if media == "application/merge-patch+json":
        client.registry.create(DEPLOYMENTS, deployment("web"))
        target, limits = "/apis/apps/v1/namespaces/default/deployments", {"spec": {"template": limits}}
    body = limits if media.startswith("application/merge") else {**pod("web"), **limits}
    method, path = ("PATCH", f"{target}/web?fieldManager=me") if media else ("POST", target)
    [warning] = client.send(method, path, body, media=media).warnings
    assert ".containers[0].resources: kubesvc does not act on limits: a pod may use" in warning
    labels = {"metadata": {"labels": {"a": "b"}}}
    assert client.send("PATCH", f"{target}/web", labels, media="application/merge-patch+json").warnings == []


@pytest.mark.parametrize(
    ("query", "code", "said"),
    [
        ("?fieldValidation=Strict", 400, ""),
        ("", 201, '299 - "duplicate field \\"data.a\\"", 299 - "duplicate field \\"metadata.name\\""'),
        ("?fieldValidation=Ignore", 201, ""),
    ],
)
def test_a_key_that_is_there_twice_is_a_fault_of_strict_decoding(query: str, code: int, said: str) -> None:
    body = b'{"data":{"a":"1","a":"2"},"metadata":{"name":"x","name":"y"}}'
    reply = APIClient().post(f"{DEFAULT}/configmaps{query}", body)
    assert (reply.status, ", ".join(reply.warnings)) == (code, said)
    if code == 201:
        assert (reply.json["metadata"]["name"], reply.json["data"]) == ("y", {"a": "2"})
    else:
        assert reply.json["message"] == (
            'ConfigMap in version "v1" cannot be handled as a ConfigMap: strict decoding error:'
            ' duplicate field "data.a", duplicate field "metadata.name"'
        )


@pytest.mark.parametrize("entries", [[], [{}]], ids=["empty", "one-empty-entry"])
def test_managers_are_forgotten_by_sending_none(entries: list[JSON]) -> None:
    client = APIClient()
    client.post(SERVICES_PATH, service("web"))
    assert client.get(f"{SERVICES_PATH}/web").json["metadata"]["managedFields"]
    reply = client.put(f"{SERVICES_PATH}/web", service("web", metadata={"managedFields": entries}))
    assert (reply.status, "managedFields" in reply.json["metadata"]) == (200, False)


@pytest.mark.parametrize("entries", [[], [{}]], ids=["empty", "one-empty-entry"])
def test_managers_are_forgotten_by_a_patch_and_stay_with_any_other(entries: list[JSON]) -> None:
    client, web = APIClient(), f"{SERVICES_PATH}/web"
    client.post(SERVICES_PATH, service("web"))
    [first] = client.get(web).json["metadata"]["managedFields"]
    changed = client.patch(web, {"metadata": {"labels": {"a": "b"}}}, "merge")
    assert first["fieldsV1"]["f:spec"] == changed.json["metadata"]["managedFields"][0]["fieldsV1"]["f:spec"]
    reply = client.patch(web, [{"op": "replace", "path": "/metadata/managedFields", "value": entries}], "json")
    assert (reply.status, "managedFields" in reply.json["metadata"]) == (200, False)
