"""Admission policies and match conditions, with the texts of a real API server 1.37."""

from __future__ import annotations

from typing import Any

import pytest
from tests.helpers.kubeapiserver.client import DEFAULT, APIClient, Reply

from kubeapi.meta import JSON
from kubeapi.scheme import VALIDATINGADMISSIONPOLICIES, VALIDATINGADMISSIONPOLICYBINDINGS

GROUP = "/apis/admissionregistration.k8s.io/v1"
MAPS = f"{DEFAULT}/configmaps"
RULE: JSON = {
    "apiGroups": [""],
    "apiVersions": ["v1"],
    "operations": ["CREATE", "UPDATE"],
    "resources": ["configmaps"],
}
MATCHED: JSON = {"resourceRules": [RULE]}
CONFIG_MAP = {"apiVersion": "v1", "kind": "ConfigMap"}
VALIDATING, MUTATING = "validatingadmissionpolicies", "mutatingadmissionpolicies"


def policy(client: APIClient, kind: str, spec: JSON, name: str = "p") -> Reply:
    return client.post(f"{GROUP}/{kind}", {"metadata": {"name": name}, "spec": spec})


def checks(*validations: JSON, **more: Any) -> JSON:
    return {"matchConstraints": MATCHED, "validations": list(validations), **more}


def mutations(*each: JSON, **more: Any) -> JSON:
    return {"matchConstraints": MATCHED, "reinvocationPolicy": "Never", "mutations": list(each), **more}


def patch(expression: str) -> JSON:
    return {"patchType": "JSONPatch", "jsonPatch": {"expression": expression}}


def applied(expression: str) -> JSON:
    return {"patchType": "ApplyConfiguration", "applyConfiguration": {"expression": expression}}


def bound(kind: str, spec: JSON, **binding: Any) -> APIClient:
    """Return a client of a cluster with a policy p and its binding b."""
    client = APIClient()
    reply = policy(client, kind, spec)
    assert reply.status == 201, reply.text
    content = {"policyName": "p", **({"validationActions": ["Deny"]} if kind == VALIDATING else {}), **binding}
    path = f"{GROUP}/{kind.replace('policies', 'policybindings')}"
    reply = client.post(path, {"metadata": {"name": "b"}, "spec": content})
    assert reply.status == 201, reply.text
    return client


def create(client: APIClient, name: str = "a", **data: str) -> Reply:
    return client.post(MAPS, {"metadata": {"name": name}, **({"data": data} if data else {})})


A_BAD_VERSION = {"apiVersion": "a/b/c", "kind": "ConfigMap"}
FAULTS: list[tuple[str, JSON, str]] = [
    (
        VALIDATING,
        {"matchConstraints": {}},
        "[spec.matchConstraints.resourceRules: Required value, spec.validations: Required value: validations or "
        "auditAnnotations must contain at least one item, spec.auditAnnotations: Required value: validations or "
        "auditAnnotations must contain at least one item]",
    ),
    (
        VALIDATING,
        checks({"expression": ""}),
        "spec.validations[0].expression: Required value: expression is not specified",
    ),
    (
        VALIDATING,
        checks({"expression": "true", "message": " ", "reason": "X", "messageExpression": "1"}),
        '[spec.validations[0].messageExpression: Invalid value: "1": must evaluate to string but got int, '
        'spec.validations[0].message: Invalid value: " ": must be non-empty if specified, spec.validations[0].reason: '
        'Unsupported value: "X": supported values: "Forbidden", "Invalid", "RequestEntityTooLarge"]',
    ),
    (
        VALIDATING,
        checks({"expression": "true", "messageExpression": " "}),
        'spec.validations[0].messageExpression: Invalid value: " ": must be non-empty if specified',
    ),
    (
        VALIDATING,
        checks({"expression": "true"}, paramKind=A_BAD_VERSION),
        'spec.paramKind.apiVersion: Invalid value: "a/b/c": unexpected GroupVersion string: a/b/c',
    ),
    (
        VALIDATING,
        checks(
            {"expression": "true"},
            matchConditions=[{"name": "w", "expression": "x"}, {"name": "q", "expression": "true"}, {"name": "q"}],
        ),
        '[spec.matchConditions[0].expression: Invalid value: "x": compilation failed: ERROR: <input>:1:1: undeclared '
        "reference to 'x' (in container '')\n | x\n | ^, spec.matchConditions[2].expression: Required value, "
        'spec.matchConditions[2].name: Duplicate value: "q"]',
    ),
    (
        VALIDATING,
        checks(
            {"expression": "variables.a"},
            variables=[{"name": "if", "expression": "1"}, {"name": "a", "expression": "b"}],
        ),
        '[spec.variables[0].name: Invalid value: "if": must be a valid CEL identifier, spec.variables[1].expression: '
        "Invalid value: \"b\": compilation failed: ERROR: <input>:1:1: undeclared reference to 'b' (in container '')\n"
        ' | b\n | ^, spec.validations[0].expression: Invalid value: "variables.a": must evaluate to bool but got dyn]',
    ),
    (
        VALIDATING,
        {
            "matchConstraints": MATCHED,
            "auditAnnotations": [{"key": "k", "valueExpression": "1"}, {"key": "k", "valueExpression": "'a'"}],
        },
        '[spec.auditAnnotations[0].valueExpression: Invalid value: "1": must evaluate to one of [string null_type] but '
        'got int, spec.auditAnnotations[1].key: Duplicate value: "k"]',
    ),
    (
        VALIDATING,
        {
            "matchConstraints": {
                "resourceRules": [
                    {"apiVersions": ["v1"], "operations": ["X"], "resources": ["a"], "resourceNames": ["x", "x"]}
                ]
            },
            "failurePolicy": "No",
            "validations": [{"expression": "true"}],
        },
        '[spec.failurePolicy: Unsupported value: "No": supported values: "Fail", "Ignore", '
        'spec.matchConstraints.resourceRules[0].resourceNames[1]: Duplicate value: "x", '
        'spec.matchConstraints.resourceRules[0].operations[0]: Unsupported value: "X": supported values: "*", '
        '"CONNECT", "CREATE", "DELETE", "UPDATE", spec.matchConstraints.resourceRules[0].apiGroups: Required value]',
    ),
    (
        MUTATING,
        {},
        "[spec.matchConstraints: Required value, spec.mutations: Required value: mutations must contain at least one "
        "item, spec.reinvocationPolicy: Required value]",
    ),
    (
        MUTATING,
        mutations({"patchType": "JSONPatch"}),
        "spec.mutations[0].jsonPatch: Required value: must be specified when patchType is JSONPatch",
    ),
    (
        MUTATING,
        mutations({**patch("[1]"), **applied("Object{}"), "patchType": "JSONPatch"}),
        '[spec.mutations[0].jsonPatch.expression: Invalid value: "[1]": must evaluate to list(JSONPatch) but got '
        'list(int), spec.mutations[0].applyConfiguration: Invalid value: "{applyConfiguration}": must not be specified '
        "when patchType is JSONPatch]",
    ),
    (
        MUTATING,
        mutations(patch("[JSONPatch{op: 1}]")),
        'spec.mutations[0].jsonPatch.expression: Invalid value: "[JSONPatch{op: 1}]": compilation failed: ERROR: '
        "<input>:1:14: expected type of field 'op' is 'string' but provided type is 'int'\n | [JSONPatch{op: 1}]\n"
        " | .............^",
    ),
    (
        MUTATING,
        mutations(applied("Object{spec: Foo{}}")),
        'spec.mutations[0].applyConfiguration.expression: Invalid value: "Object{spec: Foo{}}": compilation failed: '
        "ERROR: <input>:1:17: undeclared reference to 'Foo' (in container '')\n | Object{spec: Foo{}}\n"
        " | ................^",
    ),
    (
        MUTATING,
        {
            **mutations(patch("[JSONPatch{}]")),
            "matchConstraints": {"resourceRules": [{**RULE, "operations": ["DELETE"]}]},
        },
        'spec.matchConstraints.resourceRules.operations: Unsupported value: "DELETE": supported values: "*", '
        '"CONNECT", "CREATE", "UPDATE"',
    ),
]


@pytest.mark.parametrize(("kind", "spec", "text"), FAULTS)
def test_a_policy_with_a_fault_is_refused(kind: str, spec: JSON, text: str) -> None:
    reply = policy(APIClient(), kind, spec)
    singular = "ValidatingAdmissionPolicy" if kind == VALIDATING else "MutatingAdmissionPolicy"
    assert reply.json["message"] == f'{singular}.admissionregistration.k8s.io "p" is invalid: {text}'


@pytest.mark.parametrize(
    ("spec", "text"),
    [
        ({}, "[spec.policyName: Required value, spec.validationActions: Required value]"),
        (
            {"policyName": "p", "validationActions": ["Deny", "Warn"]},
            'spec.validationActions: Invalid value: ["Deny","Warn"]: must not contain both Deny and Warn (repeating '
            "the same validation failure information in the API response and headers serves no purpose)",
        ),
        (
            {"policyName": "p", "validationActions": ["X", "Deny", "Deny"]},
            '[spec.validationActions[0]: Unsupported value: "X": supported values: "Audit", "Deny", "Warn", '
            'spec.validationActions[2]: Duplicate value: "Deny"]',
        ),
        (
            {
                "policyName": "p",
                "validationActions": ["Deny"],
                "paramRef": {"name": "x", "selector": {}, "parameterNotFoundAction": "No"},
            },
            "[spec.paramRef.name: Forbidden: name and selector are mutually exclusive, spec.paramRef.selector: "
            "Forbidden: name and selector are mutually exclusive, spec.paramRef.parameterNotFoundAction: Unsupported "
            'value: "No": supported values: "Deny", "Allow"]',
        ),
    ],
)
def test_a_binding_with_a_fault_is_refused(spec: JSON, text: str) -> None:
    reply = APIClient().post(f"{GROUP}/validatingadmissionpolicybindings", {"metadata": {"name": "b"}, "spec": spec})
    kind = "ValidatingAdmissionPolicyBinding.admissionregistration.k8s.io"
    assert reply.json["message"] == f'{kind} "b" is invalid: {text}'


DENIED = "configmaps \"a\" is forbidden: ValidatingAdmissionPolicy 'p' with binding 'b' denied request: "
THREE = checks(
    {"expression": "object.data.a == 'x'"},
    {"expression": "!has(object.data.b)", "message": "no b"},
    {"expression": "!has(object.data.c)", "messageExpression": "'c is ' + object.data.c", "reason": "Forbidden"},
)


@pytest.mark.parametrize(
    ("data", "status", "text"),
    [
        ({"a": "x"}, 201, ""),
        ({"a": "y"}, 422, "failed expression: object.data.a == 'x'"),
        ({"a": "x", "b": "1"}, 422, "no b"),
        ({"a": "x", "c": "1"}, 403, "c is 1"),
        ({"b": "1"}, 422, "expression 'object.data.a == 'x'' resulted in error: no such key: a"),
    ],
)
def test_a_policy_denies_what_its_first_failed_validation_says(data: dict[str, str], status: int, text: str) -> None:
    reply = create(bound(VALIDATING, THREE), **data)
    assert reply.status == status
    if text:
        assert reply.json["message"] == DENIED + text
        cause = DENIED.partition("forbidden: ")[2] + text
        assert reply.json["details"] == {"name": "a", "kind": "configmaps", "causes": [{"message": cause}]}
        assert reply.json["reason"] == ("Forbidden" if status == 403 else "Invalid")


def test_a_warning_lets_the_object_be_stored() -> None:
    client = bound(
        VALIDATING,
        checks({"expression": "object.data.a == 'x'", "message": "a must be x"}),
        validationActions=["Warn"],
    )
    told = "Validation failed for ValidatingAdmissionPolicy 'p' with binding 'b': a must be x"
    reply = create(client, a="y")
    assert (reply.status, reply.warnings) == (201, [f'299 - "{told}"'])


def test_a_policy_that_ignores_failures_denies_only_what_is_false() -> None:
    client = bound(VALIDATING, checks({"expression": "object.data.a == 'x'"}, failurePolicy="Ignore"))
    assert create(client).status == 201
    assert create(client, "b", a="y").status == 422


def test_match_conditions_choose_what_a_policy_is_asked_about() -> None:
    conditions = [
        {"name": "c", "expression": "object.metadata.name.startsWith('m')"},
        {"name": "d", "expression": "object.data.q == '1'"},
    ]
    client = bound(VALIDATING, checks({"expression": "false"}, matchConditions=conditions))
    assert create(client).status == 201
    assert "expression 'object.data.q == '1'' resulted in error: no such key: data" in create(client, "m").text
    assert "denied request: failed expression: false" in create(client, "m", q="1").text


def test_variables_are_computed_when_they_are_read() -> None:
    variables = [
        {"name": "n", "expression": "object.metadata.name"},
        {"name": "bad", "expression": "object.data.nope"},
        {"name": "long", "expression": "variables.n.size() > 3"},
    ]
    client = bound(VALIDATING, checks({"expression": "!variables.long || variables.bad == 1"}, variables=variables))
    assert create(client).status == 201
    failed = 'resulted in error: composited variable \\"bad\\" fails to evaluate: no such key: data'
    assert failed in create(client, "abcd").text


def test_parameters_are_those_of_the_binding() -> None:
    spec = checks(
        {
            "expression": "object.metadata.name.size() <= int(params.data.max)",
            "messageExpression": "'longer than ' + params.data.max",
        },
        paramKind=CONFIG_MAP,
        matchConditions=[{"name": "c", "expression": "object.metadata.name != 'par'"}],
    )
    client = bound(VALIDATING, spec, paramRef={"name": "par", "parameterNotFoundAction": "Deny"})
    missing = "failed to configure binding: no params found for policy binding with `Deny` parameterNotFoundAction"
    assert create(client).json["message"] == DENIED + missing
    unbound = f"{GROUP}/validatingadmissionpolicybindings/b"
    binding = client.get(unbound).json
    client.delete(unbound)
    create(client, "par", max="1")
    client.post(f"{GROUP}/validatingadmissionpolicybindings", {"metadata": {"name": "b"}, "spec": binding["spec"]})
    assert create(client).status == 201
    assert create(client, "ab").json["message"].endswith("denied request: longer than 1")


def test_expressions_see_request_namespace_and_authorizer() -> None:
    text = (
        "namespaceObject.metadata.name == 'default' && request.operation == 'CREATE' && oldObject == null"
        " && request.userInfo.username == 'kubernetes-admin' && request.kind.kind == 'ConfigMap'"
        " && request.resource.resource == 'configmaps' && !has(request.subResource) && !request.dryRun"
        " && authorizer.group('').resource('pods').namespace('default').check('create').allowed()"
        " && !authorizer.serviceAccount('default', 'x').group('').resource('pods').check('get').allowed()"
        " && authorizer.requestResource.check('create').allowed()"
        " && namespaceObject.metadata.creationTimestamp > timestamp('1970-01-01T00:00:00Z')"
    )
    assert create(bound(VALIDATING, checks({"expression": text}))).status == 201


def test_a_deletion_can_be_denied() -> None:
    constraints = {"resourceRules": [{**RULE, "operations": ["DELETE"]}]}
    client = bound(VALIDATING, {**checks({"expression": "oldObject.data.a != 'x'"}), "matchConstraints": constraints})
    create(client, a="x")
    assert client.delete(f"{MAPS}/a").status == 422


def test_names_and_exclusions_narrow_what_a_policy_matches() -> None:
    rule = {**RULE, "resourceNames": ["a", "b"]}
    constraints = {"resourceRules": [rule], "excludeResourceRules": [{**RULE, "resourceNames": ["b"]}]}
    client = bound(VALIDATING, {**checks({"expression": "false"}), "matchConstraints": constraints})
    assert [create(client, name).status for name in ("a", "b", "c")] == [422, 201, 201]


def test_what_no_audit_log_gets_is_said() -> None:
    spec = {"policyName": "p", "validationActions": ["Audit"]}
    path = f"{GROUP}/validatingadmissionpolicybindings"
    reply = APIClient().post(path, {"metadata": {"name": "b"}, "spec": spec})
    assert "kubesvc writes no audit log" in reply.warnings[0]


ADDED = "JSONPatch{op: 'add', path: '/data/n', value: 'v'}"
MADE: list[tuple[list[JSON], JSON]] = [
    (
        [applied("Object{data: {'added': object.metadata.name}, metadata: Object.metadata{labels: {'l': 'v'}}}")],
        {"data": {"x": "y", "added": "a"}, "labels": {"l": "v"}},
    ),
    (
        [
            patch(f"[{ADDED}, JSONPatch{{op: 'test', path: '/data/x', value: 'y'}}]"),
            patch("[JSONPatch{op: 'add', path: '/metadata/labels', value: {'a': object.data.n}}]"),
        ],
        {"data": {"x": "y", "n": "v"}, "labels": {"a": "v"}},
    ),
    (
        [patch(f"[{ADDED}, JSONPatch{{op: 'test', path: '/data/x', value: 'z'}}]")],
        {"data": {"x": "y"}, "labels": None},
    ),
    (
        [patch("[JSONPatch{op: 'add', path: '/data/' + jsonpatch.escapeKey('a.b'), value: string(1 + 1)}]")],
        {"data": {"x": "y", "a.b": "2"}, "labels": None},
    ),
]


@pytest.mark.parametrize(("each", "made"), MADE)
def test_a_policy_changes_an_object(each: list[JSON], made: JSON) -> None:
    obj = create(bound(MUTATING, mutations(*each)), x="y").json
    assert {"data": obj["data"], "labels": obj["metadata"].get("labels")} == made


@pytest.mark.parametrize(
    ("mutation", "text"),
    [
        (
            patch("[JSONPatch{op: 'remove', path: '/data/nope'}]"),
            "JSON Patch: error in remove for path: '/data/nope': Unable to remove nonexistent key: nope: missing value",
        ),
        (
            applied("Object{data: {'added': object.data.nope}}"),
            "expression 'Object{data: {'added': object.data.nope}}' resulted in error: no such key: nope",
        ),
        (
            applied("Object{metadata: Object.wrong{}}"),
            'type mismatch: unexpected type name "Object.wrong", expected "Object.metadata", which matches field name '
            "path from root Object type",
        ),
        (
            applied("Object{nope: 1}"),
            "error applying patch: failed to convert patch object to typed object: .nope: field not declared in schema",
        ),
    ],
)
def test_a_mutation_that_cannot_be_made_denies_the_request(mutation: JSON, text: str) -> None:
    reply = create(bound(MUTATING, mutations(mutation)), x="y")
    assert reply.json["message"] == f"policy 'p' with binding 'b' denied request: {text}"
    assert (reply.status, reply.json["reason"]) == (403, "Invalid")


def test_an_atomic_list_cannot_be_mutated() -> None:
    rule = {"apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": ["pods"]}
    container = "Object.spec.containers{name: 'c', args: ['x']}"
    spec = mutations(applied(f"Object{{spec: Object.spec{{containers: [{container}]}}}}"))
    client = bound(MUTATING, {**spec, "matchConstraints": {"resourceRules": [rule]}})
    pod = {"metadata": {"name": "a"}, "spec": {"containers": [{"name": "c", "image": "i"}]}}
    message = client.post(f"{DEFAULT}/pods", pod).json["message"]
    assert "may not mutate atomic arrays, maps or structs: .spec.containers[0].args" in message


def test_a_policy_that_another_overtakes_is_asked_again_if_it_wants_to() -> None:
    client = bound(
        MUTATING,
        mutations(applied("Object{data: {'seen': string(has(object.data.late))}}"), reinvocationPolicy="IfNeeded"),
    )
    policy(client, MUTATING, mutations(applied("Object{data: {'late': '1'}}")), "q")
    path = f"{GROUP}/mutatingadmissionpolicybindings"
    client.post(path, {"metadata": {"name": "c"}, "spec": {"policyName": "q"}})
    assert create(client, x="y").json["data"] == {"x": "y", "late": "1", "seen": "true"}


def test_a_policy_without_a_binding_does_nothing() -> None:
    client = APIClient()
    policy(client, VALIDATING, checks({"expression": "false"}))
    assert create(client).status == 201


@pytest.mark.usefixtures("wanted_failures")
def test_a_policy_that_no_validation_has_seen_ends_no_request() -> None:
    client = bound(VALIDATING, checks({"expression": "object.data.a != 'x'"}))
    stored = client.registry.store.get(VALIDATINGADMISSIONPOLICIES, "", "p")
    broken = {**stored, "metadata": {**stored["metadata"], "name": "broken", "uid": "u"}, "spec": {"variables": [1]}}
    broken["metadata"].pop("resourceVersion")
    client.registry.store.create(VALIDATINGADMISSIONPOLICIES, broken)
    binding = client.registry.store.get(VALIDATINGADMISSIONPOLICYBINDINGS, "", "b")
    metadata = {**binding["metadata"], "name": "broken", "uid": "v"}
    metadata.pop("resourceVersion")
    spec = {**binding["spec"], "policyName": "broken"}
    client.registry.store.create(VALIDATINGADMISSIONPOLICYBINDINGS, {**binding, "metadata": metadata, "spec": spec})
    assert (create(client, a="x").status, create(client, a="y").status) == (422, 201)
