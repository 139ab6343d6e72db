"""Custom resources through the API: discovery, writes, versions, subresources, tables, apply, and their end."""

from __future__ import annotations

import json
from typing import Any

import pytest
from tests.helpers.kubeapiserver.client import TABLE_ACCEPT
from tests.helpers.kubeapiserver.crds import CRDS, TABS, TEXT, CustomClient, crd, obj, tab, version

from kubeapi.meta import JSON

NUMBER = {"type": "integer"}
FULL = obj(
    spec={
        **obj(
            text=TEXT,
            size={**NUMBER, "minimum": 0, "default": 1},
            ports={
                "type": "array",
                "x-kubernetes-list-type": "map",
                "x-kubernetes-list-map-keys": ["port"],
                "items": {**obj(port=NUMBER, name=TEXT), "required": ["port"]},
            },
        ),
        "required": ["text"],
    },
    status=obj(size=NUMBER, message=TEXT),
)
SUBRESOURCES = {
    "status": {},
    "scale": {"specReplicasPath": ".spec.size", "statusReplicasPath": ".status.size"},
}
COLUMNS = [
    {"name": "Text", "type": "string", "jsonPath": ".spec.text"},
    {"name": "Size", "type": "integer", "jsonPath": ".spec.size", "priority": 1},
    {"name": "Age", "type": "date", "jsonPath": ".metadata.creationTimestamp"},
]


def full_client() -> CustomClient:
    client = CustomClient()
    client.define(crd(version(schema=FULL, subresources=SUBRESOURCES, additionalPrinterColumns=COLUMNS)))
    return client


def test_discovery_tells_of_a_kind_as_soon_as_it_is_established() -> None:
    client = CustomClient()
    client.post(CRDS, crd(version(subresources=SUBRESOURCES), shortNames=["t"], categories=["all"]))
    assert client.get("/apis/example.com").status == 404
    client.reconcile()
    assert client.get("/apis/example.com").json["preferredVersion"]["version"] == "v1"
    resources = client.get("/apis/example.com/v1").json["resources"]
    assert [each["name"] for each in resources] == ["tabs", "tabs/status", "tabs/scale"]
    assert (resources[0]["shortNames"], resources[0]["categories"], resources[0]["singularName"]) == (
        ["t"],
        ["all"],
        "tab",
    )
    accept = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"
    [group] = [each for each in client.get("/apis", accept).json["items"] if each["metadata"]["name"] == "example.com"]
    assert group["versions"][0]["resources"][0]["responseKind"] == {
        "group": "example.com",
        "version": "v1",
        "kind": "Tab",
    }


def test_versions_are_listed_by_their_stability() -> None:
    client = CustomClient()
    client.define(crd(*map(version, ("v1", "v1beta1", "v2alpha1", "v2", "x"))))
    found = [each["version"] for each in client.get("/apis/example.com").json["versions"]]
    assert found == ["v2", "v1", "v1beta1", "v2alpha1", "x"]


def test_an_object_gets_its_defaults_and_loses_what_the_schema_does_not_have() -> None:
    reply = full_client().post(TABS, tab({"text": "x", "more": 1}))
    assert reply.status == 201
    assert reply.json["spec"] == {"text": "x", "size": 1}
    assert reply.json["metadata"]["generation"] == 1
    assert reply.warnings == ['299 - "unknown field \\"spec.more\\""']


def test_strict_field_validation_names_every_field_and_every_repeated_key() -> None:
    spec = b'{"text":"1","text":"2","y":1}'
    body = b'{"apiVersion":"example.com/v1","kind":"Tab","metadata":{"name":"a","x":1},"spec":' + spec + b"}"
    reply = full_client().send("POST", f"{TABS}?fieldValidation=Strict", body)
    assert reply.json["message"].endswith(
        'strict decoding error: duplicate field "spec.text", unknown field "metadata.x", unknown field "spec.y"'
    )


def test_a_faulty_object_is_refused_and_an_old_fault_does_not_hinder_other_changes() -> None:
    client = full_client()
    reply = client.post(TABS, tab({"size": -1}))
    assert reply.json["message"] == (
        'Tab.example.com "a" is invalid: [spec.size: Invalid value: -1: spec.size in body should be greater than or'
        " equal to 0, spec.text: Required value, .spec.size: Invalid value: -1: should be a non-negative integer]"
    )
    client.post(TABS, tab({"text": "x"}))
    stricter = {
        **FULL,
        "properties": {**FULL["properties"], "spec": {**FULL["properties"]["spec"], "maxProperties": 1}},
    }
    definition = client.get(f"{CRDS}/tabs.example.com").json
    definition["spec"]["versions"][0]["schema"]["openAPIV3Schema"] = stricter
    assert client.put(f"{CRDS}/tabs.example.com", definition).status == 200
    assert client.patch(f"{TABS}/a", {"metadata": {"labels": {"a": "b"}}}, "merge").status == 200
    assert client.patch(f"{TABS}/a", {"spec": {"ports": [{"port": 1}]}}, "merge").status == 422
    assert client.post(TABS, tab({"text": "x"}, "b")).status == 422


def test_a_new_default_shows_in_objects_that_are_stored_without_it() -> None:
    client = CustomClient()
    client.define(crd(version(schema=obj(spec=obj(text=TEXT)))))
    client.post(TABS, tab({}))
    definition = client.get(f"{CRDS}/tabs.example.com").json
    definition["spec"]["versions"][0]["schema"]["openAPIV3Schema"] = obj(spec=obj(text={**TEXT, "default": "new"}))
    client.put(f"{CRDS}/tabs.example.com", definition)
    assert client.get(f"{TABS}/a").json["spec"] == {"text": "new"}


def test_an_update_has_to_state_the_version_that_it_changes() -> None:
    client = full_client()
    created = client.post(TABS, tab({"text": "x"})).json
    refused = client.put(f"{TABS}/a", tab({"text": "y"})).json["message"]
    text = "metadata.resourceVersion: Invalid value: 0: must be specified for an update"
    assert refused == f'tabs.example.com "a" is invalid: {text}'
    changed = client.put(f"{TABS}/a", {**created, "spec": {"text": "y"}})
    assert changed.json["metadata"]["generation"] == 2


def test_the_status_is_only_written_by_its_subresource_if_there_is_one() -> None:
    client = full_client()
    assert "status" not in client.post(TABS, tab({"text": "x"}, status={"size": 2})).json
    assert client.patch(f"{TABS}/a/status", {"status": {"size": 2}, "spec": {"text": "y"}}, "merge").json["status"] == {
        "size": 2
    }
    found = client.get(f"{TABS}/a").json
    assert (found["spec"]["text"], found["metadata"]["generation"]) == ("x", 1)
    refused = client.patch(f"{TABS}/a/status", {"status": {"size": "x"}}, "merge")
    assert '[status.size: Invalid value: "string": size in body must be of type integer: ' in refused.json["message"]
    plain = CustomClient()
    plain.define(crd(version(schema=FULL)))
    assert plain.post(TABS, tab({"text": "x"}, status={"size": 2})).json["status"] == {"size": 2}
    assert plain.get(f"{TABS}/a/status").status == 404


def test_a_scale_reads_and_writes_the_fields_that_the_definition_names() -> None:
    client = full_client()
    client.post(TABS, tab({"text": "x"}))
    scaled = client.patch(f"{TABS}/a/scale", {"spec": {"replicas": 3}}, "merge").json
    assert (scaled["spec"], scaled["status"]) == ({"replicas": 3}, {"replicas": 0})
    assert client.get(f"{TABS}/a").json["spec"]["size"] == 3
    refused = client.patch(f"{TABS}/a/scale", {"spec": {"replicas": -1}}, "merge").json["message"]
    assert refused.startswith('Tab.example.com "a" is invalid: ')
    assert ".spec.size: Invalid value: -1: should be a non-negative integer" in refused


UNREADABLE: list[tuple[JSON, str]] = [
    (
        {"metadata": {"name": "a"}},
        "the object provided is unrecognized (must be of type Tab): Object 'Kind' is missing in"
        """ '{"metadata": {"name": "a"}}' ({"metadata": {"name": "a"}})""",
    ),
    ({**tab({}), "kind": "Foo"}, 'Foo.example.com "a" is invalid: kind: Invalid value: "Foo": must be Tab'),
    (
        {**tab({}), "metadata": {"name": 5}},
        'Tab in version "v1" cannot be handled as a Tab: json: cannot unmarshal number into Go struct field'
        " ObjectMeta.name of type string",
    ),
    (
        {**tab({}), "metadata": "a"},
        'Tab in version "v1" cannot be handled as a Tab: json: cannot unmarshal string into Go value of type'
        " v1.ObjectMeta",
    ),
    (
        tab([1]),
        'Tab.example.com "a" is invalid: [spec: Invalid value: "array": spec in body must be of type object: "array",'
        " .spec.size: Invalid value: 0: .spec.size accessor error: [1] is of the type []interface {}, expected"
        " map[string]interface{}]",
    ),
]


@pytest.mark.parametrize(("body", "message"), UNREADABLE)
def test_what_is_no_object_of_the_kind_is_refused_in_kubernetes_words(body: JSON, message: str) -> None:
    assert full_client().post(TABS, body).json["message"] == message


def test_the_columns_of_a_definition_are_shown_and_else_the_age() -> None:
    client = full_client()
    client.post(TABS, tab({"text": "x"}))
    assert client.get(TABS, TABLE_ACCEPT).rows == [["a", "x", 1, "0s"]]
    plain = CustomClient()
    plain.define(crd())
    plain.post(TABS, tab({}))
    assert plain.get(TABS, TABLE_ACCEPT).rows == [["a", "0s"]]


def test_lists_have_the_kind_of_the_definition_and_items_that_name_their_own() -> None:
    client = CustomClient()
    client.define(crd(listKind="ManyTabs"))
    client.post(TABS, tab({"text": "x"}))
    listed = client.get(TABS).json
    assert (listed["kind"], listed["items"][0]["kind"], listed["items"][0]["apiVersion"]) == (
        "ManyTabs",
        "Tab",
        "example.com/v1",
    )


def test_a_strategic_patch_is_refused_and_the_other_kinds_are_named() -> None:
    client = full_client()
    client.post(TABS, tab({"text": "x"}))
    reply = client.patch(f"{TABS}/a", {"spec": {"text": "y"}})
    assert reply.status == 415
    assert reply.json["message"].endswith(
        "accepted media types include: application/json-patch+json, application/merge-patch+json,"
        " application/apply-patch+yaml"
    )
    assert client.patch(f"{TABS}/a", [{"op": "replace", "path": "/spec/text", "value": "z"}], "json").status == 200


def test_apply_owns_the_items_of_a_keyed_list_one_by_one() -> None:
    client = full_client()
    for manager, port in (("one", 1), ("two", 2)):
        body = json.dumps(tab({"text": "x", "ports": [{"port": port}]})).encode()
        target = f"{TABS}/a?fieldManager={manager}"
        assert client.send("PATCH", target, body, media="application/apply-patch+yaml").status in (200, 201)
    found = client.get(f"{TABS}/a").json
    assert [each["port"] for each in found["spec"]["ports"]] == [1, 2]
    body = json.dumps(tab({"text": "y"})).encode()
    refused = client.send("PATCH", f"{TABS}/a?fieldManager=two", body, media="application/apply-patch+yaml")
    assert (refused.status, refused.json["details"]["causes"][0]["field"]) == (409, ".spec.text")


def test_apply_finds_the_structure_of_what_the_schema_leaves_open() -> None:
    client = CustomClient()
    open_schema = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
    client.define(crd(version(schema=obj(spec=open_schema))))
    body = json.dumps(tab({"a": {"b": 1}, "c": [1]})).encode()
    client.send("PATCH", f"{TABS}/a?fieldManager=one", body, media="application/apply-patch+yaml")
    [entry] = client.get(f"{TABS}/a").json["metadata"]["managedFields"]
    assert entry["fieldsV1"] == {"f:spec": {"f:a": {".": {}, "f:b": {}}, "f:c": {}}}


def test_only_selectable_fields_may_be_selected_by() -> None:
    client = CustomClient()
    client.define(crd(version(selectableFields=[{"jsonPath": ".spec.text"}])))
    for name in ("x", "y"):
        client.post(TABS, tab({"text": name}, name))
    assert client.get(f"{TABS}?fieldSelector=spec.text=y").names == ["y"]
    assert client.get(f"{TABS}?fieldSelector=spec.size=1").json["message"] == "field label not supported: spec.size"
    reader = client.watch(f"{TABS}?watch=1&fieldSelector=spec.text=y")
    assert reader.seen() == ["ADDED y"]
    client.patch(f"{TABS}/y", {"spec": {"text": "z"}}, "merge")
    assert reader.seen() == ["DELETED y"]


def test_an_object_is_seen_in_every_served_version() -> None:
    client = CustomClient()
    client.define(crd(version(), version("v2"), {**version("v3"), "served": False}))
    client.post(TABS, tab({"text": "x"}))
    second = TABS.replace("v1", "v2")
    assert client.get(f"{second}/a").json["apiVersion"] == "example.com/v2"
    assert client.get(TABS.replace("v1", "v3")).status == 404
    reader = client.watch(f"{second}?watch=1")
    client.post(second, tab({"text": "y"}, "b", "v2"))
    seen = [each["object"]["apiVersion"] for each in reader.take()]
    assert seen == ["example.com/v2", "example.com/v2"]
    assert client.get(f"{TABS}/b").json["apiVersion"] == "example.com/v1"
    assert client.post(second, tab({})).status == 400


def test_a_deprecated_version_warns_on_every_request() -> None:
    client = CustomClient()
    client.define(crd(version(), version("v1beta1", deprecated=True)))
    assert client.get(TABS.replace("v1", "v1beta1")).warnings == ['299 - "example.com/v1beta1 Tab is deprecated"']


def test_objects_without_a_namespace_are_at_the_top() -> None:
    client = CustomClient()
    client.define(crd(scope="Cluster"))
    assert client.post("/apis/example.com/v1/tabs", tab({})).status == 201
    assert client.post(TABS, tab({}, "b")).status == 404


def test_a_deleted_definition_takes_its_objects_with_it() -> None:
    client = CustomClient()
    client.define(crd())
    client.post(TABS, {**tab({}), "metadata": {"name": "a", "finalizers": ["example.com/wait"]}})
    client.post(TABS, tab({}, "b"))
    gone: Any = client.delete(f"{CRDS}/tabs.example.com").json
    assert gone["metadata"]["finalizers"] == ["customresourcecleanup.apiextensions.k8s.io"]
    client.reconcile()
    assert client.get(TABS).names == ["a"]
    refused = client.post(TABS, tab({}, "c"))
    assert refused.status == 405
    assert "create not allowed while custom resource definition is terminating" in refused.json["message"]
    client.patch(f"{TABS}/a", {"metadata": {"finalizers": None}}, "merge")
    client.reconcile()
    assert client.get(f"{CRDS}/tabs.example.com").status == 404
    assert client.get("/apis/example.com").status == 404


def test_openapi_has_the_schema_while_the_kind_is_there() -> None:
    client = full_client()
    schemas = client.get("/openapi/v3/apis/example.com/v1").json["components"]["schemas"]
    properties = schemas["com.example.v1.Tab"]["properties"]
    assert properties["spec"] == FULL["properties"]["spec"]
    assert properties["metadata"]["allOf"] == [
        {"$ref": "#/components/schemas/io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta"}
    ]
    assert "com.example.v1.TabList" in schemas
    before = client.get("/openapi/v2")
    assert "com.example.v1.Tab" in before.json["definitions"]
    client.delete(f"{CRDS}/tabs.example.com")
    client.reconcile()
    after = client.get("/openapi/v2")
    assert "com.example.v1.Tab" not in after.json["definitions"]
    assert dict(before.headers)["ETag"] != dict(after.headers)["ETag"]
    assert client.get("/openapi/v3/apis/example.com/v1").status == 404


OPEN: JSON = {"x-kubernetes-preserve-unknown-fields": True}


@pytest.mark.parametrize(
    ("schema", "published"),
    [
        ({"type": "object", **OPEN}, {"type": "object"}),
        (obj(a={**TEXT, "nullable": True}), {"a": {}}),
        (obj(a={"type": "array", "items": TEXT, **OPEN}), {"a": OPEN}),
        (obj(a={"type": "object", "anyOf": [{"required": ["x"]}]}), {"a": {"type": "object"}}),
    ],
)
def test_the_older_document_says_less_so_that_old_clients_can_read_it(schema: JSON, published: JSON) -> None:
    client = CustomClient()
    client.define(crd(version(schema=schema)))
    found = client.get("/openapi/v2").json["definitions"]["com.example.v1.Tab"]
    properties = found.get("properties", {})
    if "properties" in schema:
        assert {name: properties[name] for name in published} == published
    else:
        assert (found["type"], properties) == ("object", {})


def test_a_finalizer_without_a_domain_is_accepted_with_a_warning() -> None:
    client = CustomClient()
    client.define(crd())
    reply = client.post(TABS, {**tab({}), "metadata": {"name": "a", "finalizers": ["wait"]}})
    assert reply.status == 201
    assert "prefer a domain-qualified finalizer name to avoid accidental conflicts" in reply.warnings[0]
