"""``x-kubernetes-validations``, with the texts of a real API server 1.37."""

from __future__ import annotations

from typing import Any

import pytest
from tests.helpers.kubeapiserver.crds import CRDS, TABS, CustomClient, crd, obj, tab, version

from kubeapi.meta import JSON

INT: JSON = {"type": "integer"}
TEXT: JSON = {"type": "string", "maxLength": 50}
RULES = "x-kubernetes-validations"
PATH = "spec.validation.openAPIV3Schema.properties[spec]"


def rule(text: str, **more: Any) -> JSON:
    return {"rule": text, **more}


def ruled(schema: JSON, *rules: JSON) -> JSON:
    return {**schema, RULES: list(rules)}


def defined(spec: JSON, *root: JSON) -> JSON:
    schema = obj(spec=spec)
    return crd(version(schema=ruled(schema, *root) if root else schema))


def printed(text: str, message: str = "null") -> str:
    escaped = text.replace(">", "\\u003e").replace("&", "\\u0026")
    expression = "" if message == "null" else message
    fields = f'"Rule":"{escaped}","Message":"","MessageExpression":"{expression}","Reason":null'
    return f'{{{fields},"FieldPath":"","OptionalOldSelf":null}}'


NUMBER = obj(a=INT)
ITEMS = {"type": "array", "maxItems": 10}
FAULTS = [
    (
        ruled(NUMBER, rule("self.b > 1")),
        f"{RULES}[0].rule: Invalid value: {printed('self.b > 1')}: compilation failed: "
        "ERROR: <input>:1:5: undefined field 'b'\n | self.b > 1\n | ....^",
    ),
    (
        ruled(NUMBER, rule("self.a > 'x'")),
        f"{RULES}[0].rule: Invalid value: {printed(chr(39).join(('self.a > ', 'x', '')))}: compilation failed: "
        "ERROR: <input>:1:8: found no matching overload for '_>_' applied to '(int, string)'\n"
        " | self.a > 'x'\n | .......^",
    ),
    (
        ruled(NUMBER, rule("self.a")),
        f"{RULES}[0].rule: Invalid value: {printed('self.a')}: cel expression must evaluate to a bool",
    ),
    (
        ruled(NUMBER, rule("metadata.name == 'x'")),
        "ERROR: <input>:1:1: undeclared reference to 'metadata' (in container '')",
    ),
    (
        ruled(NUMBER, rule("self.a > 1", messageExpression="self.a")),
        f"{RULES}[0].messageExpression: Invalid value: {printed('self.a > 1', 'self.a')}: "
        "messageExpression must evaluate to a string",
    ),
    (
        ruled(NUMBER, rule("self.a > 1", messageExpression="self.b")),
        "messageExpression compilation failed: ERROR: <input>:1:5: undefined field 'b'\n | self.b\n | ....^",
    ),
    (
        ruled(NUMBER, rule("self.a > 1", fieldPath=".b")),
        f'{RULES}[0].fieldPath: Invalid value: ".b": must be a valid path',
    ),
    (
        ruled(NUMBER, rule("self.a > 1", fieldPath="a")),
        f'{RULES}[0].fieldPath: Invalid value: "a": must be a valid path',
    ),
    (
        ruled(NUMBER, rule("self.a > 1", optionalOldSelf=True)),
        f"{RULES}[0].optionalOldSelf: Invalid value: true: may not be set if oldSelf is not used in rule",
    ),
    (
        obj(l={**ITEMS, "items": ruled(INT, rule("self >= oldSelf"))}),
        f'properties[l].items.{RULES}[0].rule: Invalid value: "self >= oldSelf": oldSelf cannot be used on the '
        f"uncorrelatable portion of the schema within {PATH}.properties[l]",
    ),
    (
        ruled(obj(p={"type": "object", "x-kubernetes-preserve-unknown-fields": True}), rule("self.p.x == 1")),
        "ERROR: <input>:1:7: undefined field 'x'\n | self.p.x == 1\n | ......^",
    ),
]


@pytest.mark.parametrize(("spec", "text"), FAULTS)
def test_a_rule_with_a_fault_is_refused_with_its_place(spec: JSON, text: str) -> None:
    reply = CustomClient().post(CRDS, defined(spec))
    assert reply.status == 422
    assert f"{PATH}." in reply.json["message"]
    assert text in reply.json["message"]


def test_a_rule_of_the_whole_object_sees_name_and_kind_and_no_other_metadata() -> None:
    text = "self.metadata.name == 1 && self.metadata.labels.size() > 1 && self.kind == 3"
    message = CustomClient().post(CRDS, defined(NUMBER, rule(text))).json["message"]
    assert "ERROR: <input>:1:20: found no matching overload for '_==_' applied to '(string, int)'" in message
    assert "ERROR: <input>:1:41: undefined field 'labels'" in message
    assert "ERROR: <input>:1:73: found no matching overload for '_==_' applied to '(string, int)'" in message


SPEC = ruled(
    obj(
        a=INT,
        b=INT,
        s=TEXT,
        n={"type": "string", "nullable": True},
        io={"x-kubernetes-int-or-string": True},
        d={"type": "string", "format": "date-time"},
        du={"type": "string", "format": "duration"},
        namespace=TEXT,
        **{"x-y": TEXT},
        ml={
            "type": "array",
            "maxItems": 5,
            "x-kubernetes-list-type": "map",
            "x-kubernetes-list-map-keys": ["k"],
            "items": ruled(
                {**obj(k=TEXT, v=INT), "required": ["k"]},
                rule("!has(self.v) || !has(oldSelf.v) || self.v >= oldSelf.v", message="v may not decrease"),
            ),
        },
        m={"type": "object", "maxProperties": 5, "additionalProperties": ruled(INT, rule("self < 100"))},
        im=ruled(TEXT, rule("self == oldSelf", message="is immutable")),
        oo=ruled(INT, rule("!oldSelf.hasValue() || self > oldSelf.value()", optionalOldSelf=True, message="must grow")),
        it=ruled(INT, rule("self % 2 == 0", reason="FieldValueForbidden", message="odd")),
    ),
    rule("!has(self.a) || self.a <= 10"),
    rule(
        "!has(self.b) || self.b < self.a",
        messageExpression="'b (%d) must be less than a (%d)'.format([self.b, self.a])",
        fieldPath=".b",
        reason="FieldValueInvalid",
    ),
    rule("!has(self.s) || self.s != 'dup'", message="dup!", reason="FieldValueDuplicate", fieldPath=".s"),
    rule("!has(self.s) || self.s != 'req'", message="req!", reason="FieldValueRequired", fieldPath=".s"),
    rule("!has(self.io) || self.io > 5"),
    rule("!has(self.d) || self.d > timestamp('2020-01-01T00:00:00Z')"),
    rule("!has(self.du) || self.du < duration('1h')", message="too long"),
    rule("!has(self.__namespace__) || self.__namespace__ != 'bad'"),
    rule("!has(self.namespace) || self.namespace != 'worse'", message="a word of the language can be a field"),
    rule("!has(self.x__dash__y) || self.x__dash__y != 'bad'", message="x-y is bad"),
    rule("!has(self.s) || self.s != 'mexp'", messageExpression="self.s.substring(100)"),
)
NAMED = rule("self.metadata.name.startsWith('g')", message="name must start with g")
UNCHECKED = (
    "<nil>: Invalid value: null: some validation rules were not checked because the object was invalid; "
    "correct the existing errors to complete validation"
)
FOUND: list[tuple[JSON, str]] = [
    ({"a": 5}, ""),
    ({"a": 11}, "spec: Invalid value: failed rule: !has(self.a) || self.a <= 10"),
    ({"a": 5, "b": 7}, "spec.b: Invalid value: b (7) must be less than a (5)"),
    ({"b": 7}, 'spec: Invalid value: "object": no such key: a evaluating rule: !has(self.b) || self.b < self.a'),
    ({"a": 5, "s": "dup"}, "spec.s: Duplicate value"),
    ({"a": 5, "s": "req"}, "spec.s: Required value: req!"),
    ({"io": 3}, "spec: Invalid value: failed rule: !has(self.io) || self.io > 5"),
    (
        {"io": "x"},
        "spec: Invalid value: \"object\": 'no such overload': call arguments did not match a supported operator, "
        "function or macro signature for rule: !has(self.io) || self.io > 5",
    ),
    (
        {"d": "2019-01-01T00:00:00Z"},
        "spec: Invalid value: failed rule: !has(self.d) || self.d > timestamp('2020-01-01T00:00:00Z')",
    ),
    ({"du": "2h"}, "spec: Invalid value: too long"),
    (
        {"namespace": "bad"},
        "spec: Invalid value: failed rule: !has(self.__namespace__) || self.__namespace__ != 'bad'",
    ),
    ({"namespace": "worse"}, "spec: Invalid value: a word of the language can be a field"),
    ({"x-y": "bad"}, "spec: Invalid value: x-y is bad"),
    ({"m": {"q": 100}}, "spec.m[q]: Invalid value: 100: failed rule: self < 100"),
    ({"it": 3}, "spec.it: Forbidden: odd"),
    ({"s": "mexp"}, "spec: Invalid value: failed rule: !has(self.s) || self.s != 'mexp'"),
    ({"oo": 1}, ""),
    ({"n": None}, ""),
    (
        {"a": "x"},
        f'[spec.a: Invalid value: "string": spec.a in body must be of type integer: "string", {UNCHECKED}]',
    ),
    ({"s": "x" * 60, "a": 11}, f"[spec.s: Too long: may not be more than 50 bytes, {UNCHECKED}]"),
]


@pytest.mark.parametrize(("spec", "text"), FOUND)
def test_a_new_object_is_held_to_the_rules(spec: JSON, text: str) -> None:
    client = CustomClient()
    client.define(defined(SPEC, NAMED))
    reply = client.post(TABS, tab(spec, name="g"))
    assert reply.json.get("message", "") == (f'Tab.example.com "g" is invalid: {text}' if text else "")


def test_a_rule_of_the_whole_object_has_no_path() -> None:
    client = CustomClient()
    client.define(defined(SPEC, NAMED))
    message = client.post(TABS, tab({"a": 1}, name="x")).json["message"]
    assert message == 'Tab.example.com "x" is invalid: <nil>: Invalid value: name must start with g'


@pytest.mark.parametrize(
    ("spec", "text"),
    [
        ({"im": "y"}, 'spec.im: Invalid value: "y": is immutable'),
        ({"oo": 2}, "spec.oo: Invalid value: 2: must grow"),
        ({"ml": [{"k": "b", "v": 3}, {"k": "a", "v": 4}]}, "spec.ml[1]: Invalid value: v may not decrease"),
        ({"ml": [{"k": "a", "v": 6}]}, ""),
    ],
)
def test_a_change_is_held_to_the_rules_that_have_seen_the_old_value(spec: JSON, text: str) -> None:
    client = CustomClient()
    client.define(defined(SPEC, NAMED))
    before = {"a": 5, "im": "x", "oo": 3, "ml": [{"k": "a", "v": 5}, {"k": "b"}]}
    assert client.post(TABS, tab(before, name="g")).status == 201
    after = {name: value for name, value in before.items() if name != "oo"} | spec
    stored = client.get(f"{TABS}/g").json
    reply = client.put(f"{TABS}/g", {**stored, "spec": after})
    assert reply.json.get("message", "") == (f'Tab.example.com "g" is invalid: {text}' if text else "")


def test_a_value_that_stays_as_it_was_breaks_a_newer_rule_with_a_warning() -> None:
    client = CustomClient()
    client.define(defined(obj(a=INT, b=INT)))
    client.post(TABS, tab({"a": 5}, name="g"))
    definition = client.get(f"{CRDS}/tabs.example.com").json
    schema = definition["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
    schema["properties"]["spec"]["properties"]["a"] = ruled(INT, rule("self < 3", message="tiny"))
    assert client.put(f"{CRDS}/tabs.example.com", definition).status == 200
    stored = client.get(f"{TABS}/g").json
    kept = client.put(f"{TABS}/g", {**stored, "spec": {"a": 5, "b": 1}})
    assert (kept.status, kept.warnings) == (200, ['299 - "spec.a: Invalid value: 5: tiny"'])
    stored = client.get(f"{TABS}/g").json
    assert client.put(f"{TABS}/g", {**stored, "spec": {"a": 4}}).status == 422


def test_an_expression_that_would_not_end_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("kubeapi.cel.program.PER_CALL", 10_000)
    lists = {"type": "array", "items": INT, "maxItems": 50}
    text = "self.l.all(x, self.l.all(y, self.l.all(z, x + y + z >= 0)))"
    client = CustomClient()
    client.define(defined(ruled(obj(l=lists), rule(text))))
    message = client.post(TABS, tab({"l": [1] * 50}, name="g")).json["message"]
    cancelled = "'operation cancelled: actual cost limit exceeded'"
    assert f'spec: Invalid value: "object": {cancelled}: no further validation rules will be run' in message


ADVICE = (
    "(try simplifying the rule, or adding maxItems, maxProperties, and maxLength where arrays, maps, and strings are"
)
OWN_RULE = "x-kubernetes-validations[0].rule"
PORTS = {"type": "array", "items": obj(name={"type": "string", "maxLength": 63})}
UNIQUE = rule("self.all(x, self.exists_one(y, x.name == y.name))")


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        pytest.param(obj(l=ruled({**PORTS, "maxItems": 100}, UNIQUE)), "", id="bounded"),
        pytest.param(
            obj(l=ruled(PORTS, UNIQUE)),
            f"{PATH}.properties[l].{OWN_RULE}: Forbidden: estimated rule cost "
            "exceeds budget by factor of more than 100x",
            id="of each with each, in a list of any length",
        ),
        pytest.param(
            obj(l={"type": "array", "items": ruled({"type": "string"}, rule("self.contains('ab')")), "maxItems": 40}),
            f"{PATH}.properties[l].items.{OWN_RULE}: Forbidden: estimated rule cost "
            "exceeds budget by factor of 1.258296x",
            id="of each of up to 40",
        ),
        pytest.param(
            obj(l={"type": "array", "items": ruled({"type": "string"}, rule("self == 'a'"))}),
            "",
            id="of each of as many as fit into a request",
        ),
        pytest.param(
            ruled(obj(s={"type": "string"}), rule("true", messageExpression="self.s.replace('', self.s) + 'x'")),
            f"{PATH}.x-kubernetes-validations[0].messageExpression: Forbidden: estimated messageExpression cost "
            "exceeds budget by factor of more than 100x",
            id="of a message",
        ),
    ],
)
def test_a_rule_that_may_cost_too_much_is_refused(spec: JSON, expected: str) -> None:
    reply = CustomClient().post(CRDS, defined(spec))
    causes = reply.json.get("details", {}).get("causes", [])
    told = [f"{each['field']}: {each['message']}" for each in causes[:1]]
    assert (reply.status, told) == ((422, [f"{expected} {ADVICE} declared)"]) if expected else (201, []))


def test_rules_that_may_cost_too_much_together_are_refused() -> None:
    expensive = {"type": "array", "items": ruled({"type": "string"}, rule("self.contains('ab')")), "maxItems": 30}
    fields = {f"f{number:02}": expensive for number in range(12)}
    causes = CustomClient().post(CRDS, defined(obj(**fields))).json["details"]["causes"]
    told = [each["message"] for each in causes]
    assert [each["field"] for each in causes[:4]] == [
        f"{PATH}.properties[f{number:02}].items.{OWN_RULE}" for number in range(4)
    ]
    assert told[0] == (
        "Forbidden: contributed to estimated rule cost total exceeding cost limit for entire OpenAPIv3 schema"
    )
    assert told[4].startswith(
        "Forbidden: x-kubernetes-validations estimated rule cost total for entire OpenAPIv3 schema exceeds budget by "
        "factor of 1.13"
    )
