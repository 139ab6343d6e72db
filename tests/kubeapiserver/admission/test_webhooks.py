"""Admission webhooks: which requests they are asked about, and what their answers do. The calls are the test's."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from typing import Any

import pytest
from tests.helpers.kubeapiserver.client import APPS, DEFAULT, PATCH_TYPES, APIClient
from tests.helpers.kubeapiserver.crds import TABS, CustomClient, crd, tab
from tests.helpers.kubeapiserver.crds import version as crd_version

from kubeapi.meta import JSON
from kubeapi.webhooks.calls import CallNeeded, Outcome
from kubeapiserver.messages import Request, Response

HOOKS = "/apis/admissionregistration.k8s.io/v1"
ALL: JSON = {"apiGroups": ["*"], "apiVersions": ["*"], "resources": ["*/*"], "operations": ["*"]}
MAP: JSON = {"metadata": {"name": "m", "labels": {"a": "b"}}, "data": {"k": "v"}}
CONFIGMAPS, SERVICES, PODS = f"{DEFAULT}/configmaps", f"{DEFAULT}/services", f"{DEFAULT}/pods"
Respond = Callable[[JSON], JSON]


class Webhooks:
    """An API client whose requests get the answers of ``respond``; ``asked`` are the reviews' requests."""

    def __init__(self, client: APIClient | None = None, *, is_mutating: bool = False, **hook: Any) -> None:
        self.client = client or APIClient()
        self.asked: list[JSON] = []
        self.respond: Respond = lambda _: {"allowed": True}
        self.failure = ""
        self.rounds = 0
        self.in_order: Callable[[list[CallNeeded]], list[CallNeeded]] = list
        """In which order the answers come to calls that are made side by side."""
        self.add("x", is_mutating=is_mutating, **hook)

    def add(self, name: str, *, is_mutating: bool = False, **hook: Any) -> None:
        """Store a configuration with one webhook."""
        webhook = {
            "name": f"{name}.example.com",
            "sideEffects": "None",
            "admissionReviewVersions": ["v1"],
            "clientConfig": {"url": f"https://{name}.example.com/check"},
            "rules": [ALL],
            **hook,
        }
        plural = f"{'mutating' if is_mutating else 'validating'}webhookconfigurations"
        reply = self.client.post(f"{HOOKS}/{plural}", {"metadata": {"name": name}, "webhooks": [webhook]})
        assert reply.status == 201, reply.text

    def send(self, method: str, target: str, body: Any = None, media: str = "application/json") -> tuple[int, JSON]:
        """Return what a request is answered in the end."""
        request = Request.of(
            method, target, {"Content-Type": media}, b"" if body is None else json.dumps(body).encode()
        )
        while True:
            try:
                answer = self.client.api.handle(request)
            except CallNeeded as needed:
                self.rounds += 1
                for each in self.in_order([needed, *needed.others]):
                    each.keep(self._answer(each))
                request = request._replace(reviews=needed.reviews)
                continue
            assert isinstance(answer, Response)
            self.header_lines = list(answer.headers)
            self.headers = dict(answer.headers)
            return answer.status, json.loads(answer.body)

    def _answer(self, needed: CallNeeded) -> Outcome:
        asked = json.loads(needed.call.body)["request"]
        self.asked.append(asked)
        if self.failure:
            return Outcome(needed.call.uid, failure=self.failure)
        review = {"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview"}
        response = {"uid": asked["uid"], **self.respond(asked)}
        return Outcome(needed.call.uid, json.dumps({**review, "response": response}).encode())

    def create_map(self) -> tuple[int, JSON]:
        return self.send("POST", CONFIGMAPS, MAP)


def patch(*operations: JSON) -> JSON:
    """Return the response that changes an object."""
    content = base64.b64encode(json.dumps(operations).encode()).decode()
    return {"allowed": True, "patchType": "JSONPatch", "patch": content}


@pytest.mark.parametrize(
    ("hook", "is_asked"),
    [
        ({}, True),
        ({"rules": [{**ALL, "resources": ["configmaps"]}]}, True),
        ({"rules": [{**ALL, "resources": ["*"]}]}, True),
        ({"rules": [{**ALL, "resources": ["configmaps/*"]}]}, True),
        ({"rules": [{**ALL, "resources": ["configmaps/status"]}]}, False),
        ({"rules": [{**ALL, "resources": ["secrets"]}]}, False),
        ({"rules": [{**ALL, "apiGroups": ["apps"]}]}, False),
        ({"rules": [{**ALL, "apiVersions": ["v2"]}]}, False),
        ({"rules": [{**ALL, "operations": ["UPDATE", "DELETE"]}]}, False),
        ({"rules": [{**ALL, "scope": "Namespaced"}]}, True),
        ({"rules": [{**ALL, "scope": "Cluster"}]}, False),
        ({"objectSelector": {"matchLabels": {"a": "b"}}}, True),
        ({"objectSelector": {"matchLabels": {"a": "c"}}}, False),
        ({"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "default"}}}, True),
        ({"namespaceSelector": {"matchLabels": {"a": "b"}}}, False),
    ],
)
def test_a_webhook_is_asked_about_what_its_rules_and_selectors_match(hook: JSON, is_asked: bool) -> None:
    webhooks = Webhooks(**hook)
    assert webhooks.create_map()[0] == 201
    assert bool(webhooks.asked) == is_asked


def test_no_namespace_selector_exempts_what_is_in_no_namespace() -> None:
    selector = {"matchExpressions": [{"key": "kubernetes.io/metadata.name", "operator": "NotIn", "values": ["a"]}]}
    webhooks = Webhooks(rules=[{**ALL, "resources": ["nodes", "namespaces"]}], namespaceSelector=selector)
    node = {"apiVersion": "v1", "kind": "Node", "metadata": {"name": "node-9"}}
    webhooks.send("POST", "/api/v1/nodes", node)
    for name in ("a", "b"):
        webhooks.send("POST", "/api/v1/namespaces", {"metadata": {"name": name}})
    assert [each["name"] for each in webhooks.asked] == ["node-9", "b"]


def test_each_verb_is_an_operation_with_the_states_that_it_has() -> None:
    webhooks = Webhooks()
    webhooks.create_map()
    webhooks.send("PUT", f"{CONFIGMAPS}/m", MAP)
    webhooks.send("PATCH", f"{CONFIGMAPS}/m", {"data": {"k": "w"}}, PATCH_TYPES["merge"])
    applied = {"apiVersion": "v1", "kind": "ConfigMap", "data": {"l": "v"}}
    webhooks.send("PATCH", f"{CONFIGMAPS}/m?fieldManager=me", applied, PATCH_TYPES["apply"])
    webhooks.send("DELETE", f"{CONFIGMAPS}/m")
    states = [(each["operation"], bool(each["object"]), bool(each["oldObject"])) for each in webhooks.asked]
    updates = [("UPDATE", True, True)] * 3
    assert states == [("CREATE", True, False), *updates, ("DELETE", False, True)]
    first = webhooks.asked[0]
    assert (first["name"], first["namespace"], first["userInfo"]["username"]) == ("m", "default", "kubernetes-admin")
    assert first["resource"] == {"group": "", "version": "v1", "resource": "configmaps"}


@pytest.mark.parametrize(
    ("status", "code", "message"),
    [
        ({"message": "no"}, 400, ": no"),
        ({"reason": "because"}, 400, ": because"),
        ({"message": "later", "code": 429}, 429, ": later"),
        ({"message": "fine", "code": 200}, 400, ": fine"),
        (None, 400, " without explanation"),
    ],
)
def test_a_denial_says_which_webhook_and_why(status: JSON | None, code: int, message: str) -> None:
    webhooks = Webhooks()
    webhooks.respond = lambda _: {"allowed": False, "status": status}
    answered, reply = webhooks.create_map()
    denied = 'admission webhook "x.example.com" denied the request'
    assert (answered, reply["message"]) == (code, f"{denied}{message}")
    assert webhooks.client.get(f"{CONFIGMAPS}/m").status == 404


@pytest.mark.parametrize(("policy", "code"), [("Fail", 500), ("Ignore", 201)])
def test_the_failure_policy_decides_if_a_webhook_cannot_be_asked(policy: str, code: int) -> None:
    webhooks = Webhooks(failurePolicy=policy)
    webhooks.failure = 'Post "https://x": context deadline exceeded'
    answered, reply = webhooks.create_map()
    assert answered == code
    if code == 500:
        failed = 'failed calling webhook "x.example.com": failed to call webhook: '
        assert reply["message"] == f"Internal error occurred: {failed}{webhooks.failure}"


def test_mutating_webhooks_change_the_object_one_after_the_other() -> None:
    webhooks = Webhooks(is_mutating=True, reinvocationPolicy="IfNeeded")
    webhooks.add("y", is_mutating=True)
    webhooks.add("z")

    def respond(asked: JSON) -> JSON:
        seen = asked["object"]["data"]
        if asked["object"]["metadata"].get("annotations"):
            return {"allowed": True}
        count = len(seen)
        added = {"op": "add", "path": f"/data/n{count}", "value": "x"}
        return patch(added) if count < 3 else {"allowed": True, "warnings": [f"saw {count}"]}

    webhooks.respond = respond
    answered, created = webhooks.create_map()
    assert (answered, created["data"]) == (201, {"k": "v", "n1": "x", "n2": "x"})
    # The first again, as the second has changed the object; then the validating one.
    assert [len(each["object"]["data"]) for each in webhooks.asked] == [1, 2, 3, 3]
    assert webhooks.headers["Warning"] == '299 - "saw 3"'


def test_what_a_webhook_adds_is_decoded_and_gets_defaults() -> None:
    webhooks = Webhooks(is_mutating=True)
    service = {"metadata": {"name": "s"}, "spec": {"ports": [{"port": 80}]}}
    webhooks.respond = lambda _: patch({"op": "add", "path": "/spec/ports/-", "value": {"port": 81, "name": "b"}})
    webhooks.send("POST", SERVICES, {**service, "spec": {"ports": [{"port": 80, "name": "a"}]}})
    stored = webhooks.client.get(f"{SERVICES}/s").json
    assert [(each["port"], each["protocol"], each["targetPort"]) for each in stored["spec"]["ports"]] == [
        (80, "TCP", 80),
        (81, "TCP", 81),
    ]
    webhooks.respond = lambda _: patch({"op": "add", "path": "/data", "value": "x"})
    code, reply = webhooks.create_map()
    text = "json: cannot unmarshal string into Go struct field ConfigMap.data of type map[string]string"
    assert (code, reply["message"]) == (500, f"Internal error occurred: {text}")


@pytest.mark.parametrize(
    ("response", "message"),
    [
        ({"allowed": True, "uid": "other"}, 'expected response.uid="'),
        ({"allowed": True, "patch": "W10="}, "validating webhook may not return response.patch"),
    ],
)
def test_an_answer_that_is_none_is_a_failure(response: JSON, message: str) -> None:
    webhooks = Webhooks()
    webhooks.respond = lambda _: response
    answered, reply = webhooks.create_map()
    assert answered == 500
    assert f"received invalid webhook response: {message}" in reply["message"]


@pytest.mark.parametrize("effects", ["None", "NoneOnDryRun"])
def test_a_dry_run_is_told_to_the_webhook(effects: str) -> None:
    webhooks = Webhooks(sideEffects=effects)
    assert webhooks.send("POST", f"{CONFIGMAPS}?dryRun=All", MAP)[0] == 201
    assert [each["dryRun"] for each in webhooks.asked] == [True]


def test_deletecollection_deletes_nothing_if_one_deletion_is_denied() -> None:
    webhooks = Webhooks()
    for name in ("a", "b"):
        webhooks.send("POST", CONFIGMAPS, {"metadata": {"name": name}})
    webhooks.respond = lambda asked: {"allowed": asked["oldObject"]["metadata"]["name"] == "a"}
    assert webhooks.send("DELETE", CONFIGMAPS)[0] == 400
    assert {"a", "b"} <= set(webhooks.client.get(CONFIGMAPS).names)
    webhooks.respond = lambda _: {"allowed": True}
    gone = webhooks.send("DELETE", CONFIGMAPS)[1]["items"]
    assert {"a", "b"} <= {each["metadata"]["name"] for each in gone}


POD: JSON = {"metadata": {"name": "p"}, "spec": {"containers": [{"name": "c", "image": "nginx"}]}}


@pytest.mark.parametrize(
    ("target", "body", "kind"),
    [
        (f"{PODS}/p/binding", {"target": {"kind": "Node", "name": "n"}}, "Binding"),
        (f"{PODS}/p/eviction", {"apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": "p"}}, "Eviction"),
    ],
)
def test_what_is_posted_to_a_subresource_is_reviewed_as_it_is(target: str, body: JSON, kind: str) -> None:
    webhooks = Webhooks()
    webhooks.send("POST", PODS, POD)
    webhooks.asked.clear()
    assert webhooks.send("POST", target, body)[0] == 201
    [asked] = webhooks.asked
    assert (asked["operation"], asked["kind"]["kind"], asked["object"]["kind"]) == ("CREATE", kind, kind)
    assert (asked["resource"]["resource"], asked["subResource"]) == ("pods", target.rpartition("/")[2])


def test_of_a_scale_the_numbers_are_reviewed() -> None:
    webhooks = Webhooks(is_mutating=True)
    webhooks.respond = lambda asked: (
        patch({"op": "replace", "path": "/spec/replicas", "value": 3})
        if asked.get("subResource")
        else {"allowed": True}
    )
    labels = {"a": "b"}
    template = {"metadata": {"labels": labels}, "spec": POD["spec"]}
    deployment = {"metadata": {"name": "d"}, "spec": {"selector": {"matchLabels": labels}, "template": template}}
    assert webhooks.send("POST", f"{APPS}/deployments", deployment)[0] == 201
    code, scale = webhooks.send("PATCH", f"{APPS}/deployments/d/scale", {"spec": {"replicas": 9}}, PATCH_TYPES["merge"])
    assert (code, scale["spec"]["replicas"]) == (200, 3)
    asked = webhooks.asked[-1]
    assert (asked["object"]["spec"], asked["oldObject"]["spec"]) == ({"replicas": 9}, {"replicas": 1})


def test_a_webhook_that_only_allows_sees_what_would_be_stored() -> None:
    webhooks = Webhooks()
    webhooks.send("POST", SERVICES, {"metadata": {"generateName": "s-"}, "spec": {"ports": [{"port": 80}]}})
    [asked] = webhooks.asked
    stored = webhooks.client.get(f"{SERVICES}/{asked['name']}").json
    for field in ("name", "uid"):
        assert asked["object"]["metadata"][field] == stored["metadata"][field]
    assert asked["object"]["spec"]["clusterIP"] == stored["spec"]["clusterIP"]


def test_a_webhook_that_may_change_sees_what_was_sent() -> None:
    webhooks = Webhooks(is_mutating=True)
    webhooks.send("POST", PODS, {**POD, "metadata": {"generateName": "p-"}})
    [asked] = webhooks.asked
    assert "name" not in asked
    assert {"name", "uid", "creationTimestamp"} & asked["object"]["metadata"].keys() == set()
    assert asked["object"]["spec"]["tolerations"]


def test_two_webhooks_that_are_reinvoked_are_both_asked_again() -> None:
    webhooks = Webhooks(is_mutating=True, reinvocationPolicy="IfNeeded")
    webhooks.add("y", is_mutating=True, reinvocationPolicy="IfNeeded")

    def respond(asked: JSON) -> JSON:
        count = len(asked["object"]["data"])
        added = {"op": "add", "path": f"/data/n{count}", "value": "x"}
        return patch(added) if count < 4 else {"allowed": True}

    webhooks.respond = respond
    webhooks.create_map()
    assert [len(each["object"]["data"]) for each in webhooks.asked] == [1, 2, 3, 4]


@pytest.mark.parametrize(
    ("policy", "version", "is_asked"),
    [("Equivalent", "v1", True), ("Exact", "v1", False), ("Equivalent", "v2", True), ("Exact", "v2", True)],
)
def test_of_two_versions_a_webhook_is_asked_in_the_one_of_its_rules(policy: str, version: str, is_asked: bool) -> None:
    rule = {**ALL, "apiGroups": ["example.com"], "apiVersions": [version], "resources": ["tabs"]}
    webhooks = Webhooks(CustomClient(), is_mutating=True, rules=[rule], matchPolicy=policy)
    assert isinstance(webhooks.client, CustomClient)
    webhooks.client.define(crd(crd_version(), crd_version("v2")))
    webhooks.respond = lambda _: patch({"op": "add", "path": "/spec/text", "value": "x"})
    code, created = webhooks.send("POST", TABS.replace("v1", "v2"), tab({}, api_version="v2"))
    assert (code, created["apiVersion"], created["spec"]) == (201, "example.com/v2", {"text": "x"} if is_asked else {})
    for asked in webhooks.asked:
        assert (asked["resource"]["version"], asked["requestResource"]["version"]) == (version, "v2")
        assert asked["object"]["apiVersion"] == f"example.com/{version}"
    assert bool(webhooks.asked) == is_asked


@pytest.mark.parametrize(("policy", "is_asked"), [("Equivalent", True), ("Exact", False)])
def test_a_request_in_a_kind_s_other_version_is_reviewed_as_it_is_stored(policy: str, is_asked: bool) -> None:
    rule = {**ALL, "apiGroups": ["autoscaling"], "apiVersions": ["v2"], "resources": ["horizontalpodautoscalers"]}
    webhooks = Webhooks(rules=[rule], matchPolicy=policy)
    target = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "d"}
    autoscaler = {"metadata": {"name": "h"}, "spec": {"maxReplicas": 3, "scaleTargetRef": target}}
    path = "/apis/autoscaling/v1/namespaces/default/horizontalpodautoscalers"
    assert webhooks.send("POST", path, autoscaler)[0] == 201
    asked = [(each["kind"]["version"], each["requestKind"]["version"]) for each in webhooks.asked]
    assert asked == ([("v2", "v1")] if is_asked else [])


def test_what_a_webhook_says_of_a_denial_is_passed_on() -> None:
    webhooks = Webhooks()
    details = {"causes": [{"field": "f", "message": "m"}]}
    webhooks.respond = lambda _: {"allowed": False, "status": {"code": 422, "reason": "Invalid", "details": details}}
    code, reply = webhooks.create_map()
    assert (code, reply["reason"], reply["details"]) == (422, "Invalid", details)
    webhooks.respond = lambda _: {"allowed": False, "status": {"reason": "because"}}
    assert "details" not in webhooks.create_map()[1]


@pytest.mark.parametrize(
    ("response", "message"),
    [
        ({"patch": "W10=", "patchType": "Merge"}, ""),
        ({"patch": "WzFd", "patchType": "Merge"}, 'unsupported patch type "Merge"'),
        ({"patchType": "JSONPatch"}, "received invalid webhook response: webhook returned response.patchType but not"),
        ({"patch": "W10="}, "received invalid webhook response: webhook returned response.patch but not"),
        ({"patch": "%", "patchType": "JSONPatch"}, "failed to call webhook: illegal base64 data"),
        (
            {"patch": "ew==", "patchType": "JSONPatch"},
            "received undecodable patch in webhook response: unexpected end of",
        ),
        ({"patch": "e30=", "patchType": "JSONPatch"}, "received undecodable patch in webhook response: json: cannot"),
    ],
)
def test_a_patch_that_is_none_is_a_failure(response: JSON, message: str) -> None:
    webhooks = Webhooks(is_mutating=True)
    webhooks.respond = lambda _: {"allowed": True, **response}
    code, reply = webhooks.create_map()
    failed = f'Internal error occurred: failed calling webhook "x.example.com": {message}'
    assert (code, reply["message"].startswith(failed)) == (500, True) if message else code == 201


def test_a_patch_may_not_make_another_kind_of_an_object() -> None:
    webhooks = Webhooks(is_mutating=True)
    webhooks.respond = lambda _: patch({"op": "replace", "path": "/kind", "value": "Secret"})
    assert webhooks.create_map()[0] == 500


def test_the_options_of_a_request_are_told() -> None:
    webhooks = Webhooks()
    webhooks.create_map()
    webhooks.send("PATCH", f"{CONFIGMAPS}/m?fieldManager=me", {"data": {"k": "w"}}, PATCH_TYPES["merge"])
    webhooks.send("DELETE", f"{CONFIGMAPS}/m?propagationPolicy=Background&gracePeriodSeconds=3")
    options = [{**each["options"]} for each in webhooks.asked]
    assert all(each.pop("apiVersion") == "meta.k8s.io/v1" for each in options)
    assert options == [
        {"kind": "CreateOptions"},
        {"kind": "UpdateOptions", "fieldManager": "me"},
        {"kind": "DeleteOptions", "gracePeriodSeconds": 3, "propagationPolicy": "Background"},
    ]


def test_a_namespace_is_in_itself() -> None:
    webhooks = Webhooks()
    webhooks.send("POST", "/api/v1/namespaces", {"metadata": {"name": "shop"}})
    assert [each["namespace"] for each in webhooks.asked] == ["shop"]


def test_configurations_of_webhooks_are_not_reviewed() -> None:
    webhooks = Webhooks()
    webhooks.respond = lambda _: {"allowed": False}
    assert webhooks.send("DELETE", f"{HOOKS}/validatingwebhookconfigurations/x")[0] == 200
    assert webhooks.create_map()[0] == 201
    assert webhooks.asked == []


def test_a_webhook_is_called_if_its_conditions_hold() -> None:
    conditions = [{"name": "skip-me", "expression": "object.metadata.name != 'skip-me'"}]
    webhooks = Webhooks(matchConditions=conditions)
    webhooks.respond = lambda _: {"allowed": False}
    assert webhooks.send("POST", CONFIGMAPS, {"metadata": {"name": "skip-me"}})[0] == 201
    assert webhooks.asked == []
    assert webhooks.send("POST", CONFIGMAPS, {"metadata": {"name": "a"}})[0] == 400


@pytest.mark.parametrize(("policy", "status"), [("Ignore", 201), ("Fail", 403)])
def test_a_condition_without_a_value_is_a_failure(policy: str, status: int) -> None:
    conditions = [{"name": "c", "expression": "object.data.nope == '1'"}]
    webhooks = Webhooks(matchConditions=conditions, failurePolicy=policy)
    code, answer = webhooks.send("POST", CONFIGMAPS, MAP)
    assert (code, webhooks.asked) == (status, [])
    if status == 403:
        why = "expression 'object.data.nope == '1'' resulted in error: no such key: nope"
        assert answer["message"] == f'configmaps "m" is forbidden: {why}'


def test_conditions_with_faults_are_refused() -> None:
    expressions = ("... [] bad expression", "object.x + 1", "params.a == 1")
    webhook = {
        "name": "x.example.com",
        "sideEffects": "None",
        "admissionReviewVersions": ["v1"],
        "clientConfig": {"url": "https://x"},
        "matchConditions": [{"name": f"c{index}", "expression": each} for index, each in enumerate(expressions)],
    }
    body = {"metadata": {"name": "x"}, "webhooks": [webhook]}
    message = APIClient().post(f"{HOOKS}/validatingwebhookconfigurations", body).json["message"]
    path = "webhooks[0].matchConditions"
    assert message.endswith(
        f'[{path}[0].expression: Invalid value: "... [] bad expression": compilation failed: ERROR: <input>:1:2: '
        "Syntax error: no viable alternative at input '..'\n | ... [] bad expression\n | .^, "
        f'{path}[1].expression: Invalid value: "object.x + 1": must evaluate to bool but got int, '
        f'{path}[2].expression: Invalid value: "params.a == 1": compilation failed: ERROR: <input>:1:1: undeclared '
        "reference to 'params' (in container '')\n | params.a == 1\n | ^]"
    )


def test_validating_webhooks_are_asked_side_by_side_and_the_first_refusal_counts() -> None:
    webhooks = Webhooks(is_mutating=False)
    for name in ("second", "third"):
        webhooks.add(name, is_mutating=False)
    webhooks.respond = lambda request: {"allowed": False, "status": {"message": "no"}}
    webhooks.in_order = lambda calls: list(reversed(calls))
    status, said = webhooks.create_map()
    assert (status, webhooks.rounds, len(webhooks.asked)) == (400, 1, 3)
    assert said["message"] == 'admission webhook "x.example.com" denied the request: no'


def test_the_warnings_of_validating_webhooks_come_as_their_answers_do() -> None:
    webhooks = Webhooks(is_mutating=False)
    webhooks.add("second", is_mutating=False)
    webhooks.respond = lambda request: {"allowed": True, "warnings": [f"answer {len(webhooks.asked)}"]}
    webhooks.in_order = lambda calls: list(reversed(calls))
    assert webhooks.create_map()[0] == 201
    assert [value for name, value in webhooks.header_lines if name == "Warning"] == [
        '299 - "answer 1"',
        '299 - "answer 2"',
    ]
