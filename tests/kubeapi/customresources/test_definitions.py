"""CustomResourceDefinitions that are refused, and those that are accepted with a warning."""

from __future__ import annotations

from typing import Any

import pytest
from tests.helpers.kubeapiserver.crds import CRDS, TEXT, CustomClient, crd, obj, version

from kubeapi.meta import JSON

SCHEMA = "spec.validation.openAPIV3Schema"
OPEN = {"x-kubernetes-preserve-unknown-fields": True}


def spec(field: JSON) -> JSON:
    return version(schema=obj(spec=field))


REFUSED: list[tuple[JSON, str]] = [
    (crd(spec({})), f"{SCHEMA}.properties[spec].type: Required value: must not be empty for specified object fields"),
    (crd(version(schema=TEXT)), f'{SCHEMA}.type: Invalid value: "string": must be object at the root'),
    (crd(spec({"type": "array"})), f"{SCHEMA}.properties[spec].items: Required value: must be specified"),
    (
        crd(version(schema={**obj(), "additionalProperties": TEXT})),
        f"{SCHEMA}.additionalProperties: Forbidden: must not be used at the root",
    ),
    (
        crd(spec({"type": "object", "anyOf": [{"type": "object"}]})),
        f"{SCHEMA}.properties[spec].anyOf[0].type: Forbidden: must be empty to be structural",
    ),
    (
        crd(version(schema={**obj(spec=TEXT), "allOf": [{"properties": {"a": {"maximum": 1}}}]})),
        f"{SCHEMA}.properties[a]: Required value: because it is defined in {SCHEMA}.allOf[0].properties[a]",
    ),
    (
        crd(version(schema=obj(metadata=obj(labels={"type": "object"})))),
        f"{SCHEMA}.properties[metadata]: Forbidden: must not specify anything other than name and generateName, but"
        " metadata is implicitly specified",
    ),
    (
        crd(spec({**obj(a=TEXT), "additionalProperties": TEXT})),
        f"{SCHEMA}.properties[spec].additionalProperties: Forbidden: additionalProperties and properties are mutual"
        " exclusive",
    ),
    (
        crd(spec({"type": "array", "items": [TEXT]})),
        f"{SCHEMA}.properties[spec].items: Forbidden: items must be a schema object and not an array",
    ),
    (
        crd(spec({"type": "array", "items": TEXT, "uniqueItems": True})),
        f"{SCHEMA}.properties[spec].uniqueItems: Forbidden: uniqueItems cannot be set to true since the runtime"
        " complexity becomes quadratic",
    ),
    (
        crd(spec({"type": "array", "x-kubernetes-list-type": "map", "items": obj(a=TEXT)})),
        f"{SCHEMA}.properties[spec].x-kubernetes-list-map-keys: Required value: must not be empty if"
        " x-kubernetes-list-type is map",
    ),
    (
        crd(spec({**TEXT, "default": 5})),
        f"{SCHEMA}.properties[spec].default: Invalid value",
    ),
    (crd(version(schema={**obj(), "x-kubernetes-validations": [{}]})), "rule: Required value: rule is not specified"),
    (crd({**version(), "schema": {}}), "spec.versions[0].schema.openAPIV3Schema: Required value"),
    (
        crd({**version(), "storage": False}),
        '[spec.versions: Invalid value: [{"Name":"v1","Served":true,"Storage":false,"Deprecated":false,'
        '"DeprecationWarning":null,"Schema":null,"Subresources":null,"AdditionalPrinterColumns":null,'
        '"SelectableFields":null}]: must have exactly one version marked as storage version,'
        " status.storedVersions: Invalid value: null: must have at least one stored version]",
    ),
    (crd(version("x.y")), "spec.versions[0].name: Invalid value"),
    (crd(version("x.y")), 'spec.version: Invalid value: "x.y": a DNS-1035 label'),
    (crd(version(), version()), "must contain unique version names"),
    (
        crd(spec({**TEXT, "pattern": "a(b"})),
        "must be a valid regular expression, but isn't: error parsing regexp: missing closing ): `a(b`",
    ),
    (crd(spec({**TEXT, "pattern": "*b"})), "error parsing regexp: missing argument to repetition operator: `*`"),
    (crd(scope="Local"), 'spec.scope: Unsupported value: "Local": supported values: "Cluster", "Namespaced"'),
    (crd(kind="Tab", listKind="Tab"), "kind and listKind may not be the same"),
    (
        crd(version(additionalPrinterColumns=[{"name": "A", "type": "x", "jsonPath": "a"}])),
        "must be a simple json path",
    ),
    (
        crd(version(subresources={"scale": {"specReplicasPath": ".x", "statusReplicasPath": ".status.n"}})),
        'spec.subresources.scale.specReplicasPath: Invalid value: ".x": should be a json path under .spec',
    ),
    (
        crd(version(selectableFields=[{"jsonPath": ".spec"}])),
        "must point to a field of type string, boolean or integer",
    ),
    (
        {**crd(), "metadata": {"name": "x.example.com"}},
        'metadata.name: Invalid value: "x.example.com": must be spec.names.plural+"."+spec.group',
    ),
]


@pytest.mark.parametrize(("definition", "text"), REFUSED)
def test_a_definition_with_a_fault_is_refused_in_kubernetes_words(definition: JSON, text: str) -> None:
    reply = CustomClient().post(CRDS, definition)
    assert reply.status == 422
    assert text in reply.json["message"]


def test_faults_of_versions_that_differ_are_told_of_each() -> None:
    reply = CustomClient().post(CRDS, crd(version(), version("v2", schema=obj(spec={}))))
    assert "spec.versions[1].schema.openAPIV3Schema.properties[spec].type: Required value" in reply.json["message"]


def test_a_group_of_kubernetes_needs_an_approval() -> None:
    definition = crd()
    definition["metadata"]["name"] = "tabs.example.k8s.io"
    definition["spec"]["group"] = "example.k8s.io"
    client = CustomClient()
    assert (
        'protected groups must have approval annotation "api-approved' in client.post(CRDS, definition).json["message"]
    )
    definition["metadata"]["annotations"] = {"api-approved.kubernetes.io": "unapproved, a test"}
    assert client.post(CRDS, definition).status == 201


@pytest.mark.parametrize(
    ("definition", "warning"),
    [
        (crd(spec({**TEXT, "pattern": r"^\p{L}+$"})), 'pattern \\"^\\\\p{L}+$\\" is not checked'),
        (crd(spec({**TEXT, "format": "phone"})), 'unrecognized format \\"phone\\"'),
    ],
)
def test_what_is_accepted_and_not_acted_on_is_said(definition: JSON, warning: str) -> None:
    reply = CustomClient().post(CRDS, definition)
    assert reply.status == 201
    assert [warning in each for each in reply.warnings] == [True]


def conditions(client: CustomClient, name: str) -> dict[str, tuple[str, str]]:
    status = client.get(f"{CRDS}/{name}").json["status"]
    return {each["type"]: (each["status"], each["reason"]) for each in status["conditions"]}


def test_names_are_accepted_and_the_definition_is_established() -> None:
    client = CustomClient()
    created: Any = client.post(CRDS, crd(shortNames=["t"])).json
    assert created["spec"]["names"]["listKind"] == "TabList"
    assert created["status"] == {
        "acceptedNames": {"kind": "", "plural": ""},
        "conditions": None,
        "storedVersions": ["v1"],
    }
    client.reconcile()
    assert conditions(client, "tabs.example.com") == {
        "NamesAccepted": ("True", "NoConflicts"),
        "Established": ("True", "InitialNamesAccepted"),
    }


def test_a_name_that_another_definition_has_is_not_accepted_until_it_is_free() -> None:
    client = CustomClient()
    client.define(crd(shortNames=["t"]))
    client.define(crd(plural="tables", kind="Tab", singular="tab", shortNames=["t"]))
    assert conditions(client, "tables.example.com") == {
        "NamesAccepted": ("False", "ListKindConflict"),
        "Established": ("False", "NotAccepted"),
    }
    assert client.get("/apis/example.com/v1/tables").status == 404
    client.delete(f"{CRDS}/tabs.example.com")
    client.reconcile()
    assert conditions(client, "tables.example.com")["Established"] == ("True", "InitialNamesAccepted")


def test_kind_and_scope_of_an_established_definition_stay() -> None:
    client = CustomClient()
    client.define(crd())
    patch = {"spec": {"names": {"kind": "Other"}, "scope": "Cluster"}}
    message = client.patch(f"{CRDS}/tabs.example.com", patch, "merge").json["message"]
    assert 'spec.scope: Invalid value: "Cluster": field is immutable' in message
    assert 'spec.names.kind: Invalid value: "Other": field is immutable' in message


def test_a_version_that_has_been_stored_stays_in_the_definition() -> None:
    client = CustomClient()
    client.define(crd(version(), version("v2")))
    stored = client.get(f"{CRDS}/tabs.example.com").json
    stored["spec"]["versions"] = [{**version("v2"), "storage": True}]
    message = client.put(f"{CRDS}/tabs.example.com", stored).json["message"]
    assert "v1 was previously a storage version, and must remain in spec.versions" in message
