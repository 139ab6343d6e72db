"""What a structural schema does to a value: pruning, defaults, validation, lists, JSONPath."""

from __future__ import annotations

from typing import Any

import pytest
from tests.helpers.kubeapiserver.crds import TEXT, obj

from kubeapi.customresources.jsonpath import JSONPathError, parse_path
from kubeapi.customresources.schema.defaulting import set_defaults
from kubeapi.customresources.schema.embedded import validate_embedded
from kubeapi.customresources.schema.listtypes import validate_lists
from kubeapi.customresources.schema.pruning import drop_nulls, prune
from kubeapi.customresources.schema.validation import validate_value
from kubeapi.meta import JSON, copy_object
from kubeapi.validation.formats import format_fault

OPEN = {"x-kubernetes-preserve-unknown-fields": True}
RESOURCE = {"x-kubernetes-embedded-resource": True}
NUMBER = {"type": "integer"}

PRUNED: list[tuple[JSON, JSON, JSON, list[str]]] = [
    (obj(a=TEXT), {"a": "1", "b": 2, "kind": "X", "metadata": {"name": "n"}}, {"a": "1"}, ["b"]),
    (obj(a=obj(b=TEXT)), {"a": {"b": "1", "c": {"d": 1}}}, {"a": {"b": "1"}}, ["a.c"]),
    (
        obj(a={"type": "array", "items": obj(b=TEXT)}),
        {"a": [{"b": "1"}, {"c": 1}]},
        {"a": [{"b": "1"}, {}]},
        ["a[1].c"],
    ),
    (obj(a={"type": "object", **OPEN}), {"a": {"b": {"c": 1}}}, {"a": {"b": {"c": 1}}}, []),
    (obj(a={**obj(b=obj()), **OPEN}), {"a": {"b": {"c": 1}, "d": 1}}, {"a": {"b": {}, "d": 1}}, ["a.b.c"]),
    (
        obj(a={"type": "object", "additionalProperties": obj(b=TEXT)}),
        {"a": {"x": {"c": 1}}},
        {"a": {"x": {}}},
        ["a.x.c"],
    ),
    (obj(a={**obj(), **RESOURCE}), {"a": {"kind": "K", "x": 1}}, {"a": {"kind": "K"}}, ["a.x"]),
    ({"type": "object", **OPEN}, {"a": {"b": 1}}, {"a": {"b": 1}}, []),
]


@pytest.mark.parametrize(("schema", "value", "left", "unknown"), PRUNED)
def test_unknown_fields_are_pruned_and_named(schema: JSON, value: JSON, left: JSON, unknown: list[str]) -> None:
    pruned = copy_object(value)
    assert prune(pruned, schema) == unknown
    assert {name: each for name, each in pruned.items() if name not in ("kind", "metadata")} == left


DEFAULTED: list[tuple[JSON, JSON, JSON]] = [
    (obj(a={**TEXT, "default": "x"}), {}, {"a": "x"}),
    (obj(a={**TEXT, "default": "x"}), {"a": None}, {"a": "x"}),
    (obj(a={**TEXT, "default": "x", "nullable": True}), {"a": None}, {"a": None}),
    (obj(a={**TEXT, "nullable": True}, b=TEXT), {"a": None, "b": None}, {"a": None}),
    (obj(a={**obj(b={**TEXT, "default": "x"}), "default": {}}), {}, {"a": {"b": "x"}}),
    (obj(a={"type": "array", "items": obj(b={**TEXT, "default": "x"})}), {"a": [{}]}, {"a": [{"b": "x"}]}),
    (
        obj(a={"type": "object", "additionalProperties": {**TEXT, "default": "x"}}),
        {"a": {"k": None}},
        {"a": {"k": "x"}},
    ),
]


@pytest.mark.parametrize(("schema", "value", "expected"), DEFAULTED)
def test_what_is_left_out_gets_its_default(schema: JSON, value: JSON, expected: JSON) -> None:
    drop_nulls(value, schema)
    set_defaults(value, schema)
    assert value == expected


def mistyped(path: str, wanted: str, found: str) -> str:
    return f'{path}: Invalid value: "{found}": {path} in body must be of type {wanted}: "{found}"'


FAULTS: list[tuple[JSON, Any, list[str]]] = [
    (NUMBER, "x", [mistyped("a", "integer", "string")]),
    (
        NUMBER,
        1.5,
        [
            mistyped("a", "integer", "number"),
            '<nil>: Invalid value: "": Checked value must be of type integer (default format) in a',
        ],
    ),
    (NUMBER, None, [mistyped("a", "integer", "null")]),
    ({**NUMBER, "nullable": True}, None, []),
    ({"type": "number"}, 1, []),
    ({**NUMBER, "maximum": 10}, 11, ["a: Invalid value: 11: a in body should be less than or equal to 10"]),
    (
        {**NUMBER, "minimum": 1, "exclusiveMinimum": True},
        1,
        ["a: Invalid value: 1: a in body should be greater than 1"],
    ),
    ({**NUMBER, "multipleOf": 3}, 4, ["a: Invalid value: 4: a in body should be a multiple of 3"]),
    ({**TEXT, "maxLength": 2}, "abc", ["a: Too long: may not be more than 2 bytes"]),
    ({**TEXT, "minLength": 2}, "a", ['a: Invalid value: "a": a in body should be at least 2 chars long']),
    ({**TEXT, "pattern": "^a+$"}, "ab", ["a: Invalid value: \"ab\": a in body should match '^a+$'"]),
    ({**TEXT, "enum": ["x", "y"]}, "z", ['a: Unsupported value: "z": supported values: "x", "y"']),
    ({**TEXT, "format": "ipv4"}, "x", [mistyped("a", "ipv4", "x")]),
    ({"x-kubernetes-int-or-string": True}, True, [mistyped("a", "integer,string", "boolean")]),
    ({"x-kubernetes-int-or-string": True}, "http", []),
    ({**obj(b=TEXT), "required": ["b"]}, {}, ["a.b: Required value"]),
    ({"type": "array", "items": NUMBER, "maxItems": 1}, [1, 2], ["a: Too many: 2: must have at most 1 items"]),
    ({"type": "array", "items": NUMBER}, ["x"], [mistyped("a[0]", "integer", "string")]),
    ({"type": "object", "additionalProperties": NUMBER}, {"k": "x"}, [mistyped("a.k", "integer", "string")]),
    (
        {"oneOf": [{"required": ["x"]}, {"required": ["y"]}]},
        {"x": 1, "y": 1},
        ['<nil>: Invalid value: "": "a" must validate one and only one schema (oneOf). Found 2 valid alternatives'],
    ),
    (
        {"anyOf": [{"maximum": 1}, {"minimum": 5}]},
        3,
        [
            '<nil>: Invalid value: "": "a" must validate at least one schema (anyOf)',
            "a: Invalid value: 3: a in body should be less than or equal to 1",
        ],
    ),
    ({"not": {"minimum": 1}}, 3, ['<nil>: Invalid value: "": "a" must not validate the schema (not)']),
]


@pytest.mark.parametrize(("schema", "value", "faults"), FAULTS)
def test_a_value_that_the_schema_does_not_allow_is_told_in_kubernetes_words(
    schema: JSON, value: Any, faults: list[str]
) -> None:
    assert [str(each) for each in validate_value(value, schema, "a")] == faults


SET = {"type": "array", "x-kubernetes-list-type": "set", "items": TEXT}
KEYED = {"type": "array", "x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["k"], "items": obj(k=TEXT)}


def test_an_item_is_in_a_set_or_a_map_once() -> None:
    assert [each.field for each in validate_lists({"a": ["x", "y", "x", "x"]}, obj(a=SET))] == ["a[2]"]
    repeated = [{"k": "x"}, {"k": "y"}, {"k": "x", "v": 1}]
    assert [each.field for each in validate_lists({"a": repeated}, obj(a=KEYED))] == ["a[2]"]


def test_an_embedded_resource_has_a_kind_and_metadata_that_hold() -> None:
    schema = obj(a={**obj(), **RESOURCE})
    value = {"a": {"kind": "Po d", "metadata": {"labels": {"x y": "z"}}}}
    assert [each.field for each in validate_embedded(value, schema)] == [
        "a.apiVersion",
        "a.kind",
        "a.metadata.labels",
    ]


POD = {
    "metadata": {"labels": {"app.kubernetes.io/name": "web"}},
    "spec": {"containers": [{"name": "a", "port": 1}, {"name": "b", "port": 2}]},
    "status": {"conditions": [{"type": "Ready", "status": "True"}, {"type": "Up", "status": "False"}]},
}


@pytest.mark.parametrize(
    ("path", "found"),
    [
        (".spec.containers[0].name", ["a"]),
        (".spec.containers[-1:].name", ["b"]),
        (".spec.containers[*].name", ["a", "b"]),
        (".spec['containers'][1]['name']", ["b"]),
        (r".metadata.labels.app\.kubernetes\.io/name", ["web"]),
        ('.status.conditions[?(@.type=="Ready")].status', ["True"]),
        (".status.conditions[?(@.type=='Down')].status", []),
        (".spec.containers[?(@.port>1)].name", ["b"]),
        ("..port", [1, 2]),
        (".nothing.there[0]", []),
        (".", [POD]),
    ],
)
def test_a_path_leads_to_what_client_go_finds(path: str, found: list[Any]) -> None:
    assert parse_path(path)(POD) == found


@pytest.mark.parametrize("path", [".a[", ".a[x]", ".a[?(nothing here)]"])
def test_a_text_that_is_no_path_is_refused(path: str) -> None:
    with pytest.raises(JSONPathError):
        parse_path(path)


@pytest.mark.parametrize(
    ("name", "good", "bad"),
    [
        ("date-time", "2026-01-02T03:04:05Z", "2026-01-02"),
        ("date", "2026-01-02", "2026-02-31"),
        ("email", "a@example.com", "a"),
        ("uuid", "123e4567-e89b-12d3-a456-426614174000", "x"),
        ("cidr", "10.0.0.0/8", "10.0.0.0"),
        ("uri", "https://example.com/", "a b"),
        ("byte", "AA==", "?"),
        ("duration", "1h30m", "soon"),
        ("mac", "01:23:45:67:89:ab", "01:23"),
    ],
)
def test_a_format_tells_good_texts_from_bad_ones(name: str, good: str, bad: str) -> None:
    assert (format_fault(name, good), format_fault(name, bad)) == (False, True)


def test_an_unknown_format_allows_every_text() -> None:
    assert not format_fault("phone", "anything")
