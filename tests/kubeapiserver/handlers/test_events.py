"""Events of events.k8s.io/v1 and of v1 are the same objects, each with the names of its version."""

from __future__ import annotations

import json
from typing import Any

import pytest
from tests.helpers.kubeapiserver.client import DEFAULT, TABLE_ACCEPT, APIClient

from kubeapi.meta import JSON
from kubeapiserver.messages import Response

EVENTS = "/apis/events.k8s.io/v1/namespaces/default/events"
STORED = f"{DEFAULT}/events"
TIME = "2026-01-01T00:00:00.000000Z"
REGARDING = {"apiVersion": "v1", "kind": "Pod", "name": "web", "namespace": "default"}


def event(name: str = "e", **fields: Any) -> JSON:
    return {
        "apiVersion": "events.k8s.io/v1",
        "kind": "Event",
        "metadata": {"name": name, "namespace": "default"},
        "eventTime": TIME,
        "reportingController": "example.com/me",
        "reportingInstance": "me-1",
        "action": "Started",
        "reason": "Started",
        "regarding": REGARDING,
        "note": "It runs.",
        "type": "Normal",
        **fields,
    }


def legacy(name: str = "old", **fields: Any) -> JSON:
    return {
        "metadata": {"name": name},
        "involvedObject": REGARDING,
        "message": "It ran.",
        "reason": "Ran",
        "type": "Normal",
        "count": 3,
        "source": {"component": "me"},
        "firstTimestamp": "2026-01-01T00:00:00Z",
        "lastTimestamp": "2026-01-01T00:00:00Z",
        **fields,
    }


@pytest.fixture
def client() -> APIClient:
    client = APIClient()
    assert client.post(EVENTS, event()).status == 201
    assert client.post(STORED, legacy()).status == 201
    return client


def test_what_is_created_under_one_version_is_there_under_both(client: APIClient) -> None:
    new = client.get(f"{EVENTS}/e").json
    assert (new["apiVersion"], new["note"], new["regarding"]["name"]) == ("events.k8s.io/v1", "It runs.", "web")
    old = client.get(f"{STORED}/e").json
    assert (old["apiVersion"], old["message"], old["involvedObject"]["name"]) == ("v1", "It runs.", "web")
    assert (old["reportingComponent"], old["eventTime"]) == ("example.com/me", TIME)
    assert old["metadata"]["uid"] == new["metadata"]["uid"]
    converted = client.get(f"{EVENTS}/old").json
    assert (converted["deprecatedCount"], converted["deprecatedSource"]) == (3, {"component": "me"})
    assert "count" not in converted


def test_what_go_does_not_leave_out_is_there_though_it_is_empty(client: APIClient) -> None:
    new = client.get(f"{EVENTS}/e").json
    assert [new[field] for field in ("deprecatedSource", "deprecatedFirstTimestamp")] == [{}, None]
    assert client.get(f"{EVENTS}/old").json["eventTime"] is None


def test_a_client_that_accepts_only_protobuf_gets_that(client: APIClient) -> None:
    answer = client.ask("GET", EVENTS, accept="application/vnd.kubernetes.protobuf")
    assert isinstance(answer, Response)
    assert answer.body.startswith(b"k8s\x00")
    assert b"events.k8s.io/v1" in answer.body


def test_lists_and_tables_and_statuses_are_of_the_version_that_is_asked(client: APIClient) -> None:
    listed = client.get(EVENTS).json
    assert (listed["apiVersion"], [each["note"] for each in listed["items"]]) == (
        "events.k8s.io/v1",
        ["It runs.", "It ran."],
    )
    rows = client.get(f"{EVENTS}?includeObject=Object", TABLE_ACCEPT).json["rows"]
    assert [row["object"]["apiVersion"] for row in rows] == ["events.k8s.io/v1"] * 2
    assert client.get(EVENTS, TABLE_ACCEPT).rows == client.get(STORED, TABLE_ACCEPT).rows
    missing = client.get(f"{EVENTS}/nope").json
    assert (missing["message"], missing["details"]["group"]) == (
        'events.events.k8s.io "nope" not found',
        "events.k8s.io",
    )
    assert client.delete(f"{EVENTS}/e").json["details"]["group"] == "events.k8s.io"
    assert client.get(f"{STORED}/e").status == 404


@pytest.mark.parametrize(
    ("selector", "code", "names"),
    [
        ("regarding.name=web,reason=Ran", 200, ["old"]),
        ("reportingController=example.com/me", 200, ["e"]),
        ("type!=Normal", 200, []),
        ("involvedObject.name=web", 400, []),
    ],
)
def test_fields_are_selected_by_their_names_here(client: APIClient, selector: str, code: int, names: list[str]) -> None:
    reply = client.get(f"{EVENTS}?fieldSelector={selector.replace('=', '%3D')}")
    assert reply.status == code
    assert [each["metadata"]["name"] for each in reply.json.get("items", ())] == names


def test_the_source_of_an_event_without_one_is_its_controller(client: APIClient) -> None:
    found = client.get(f"{STORED}?fieldSelector=source%3Dexample.com/me").json["items"]
    assert [each["metadata"]["name"] for each in found] == ["e"]


def test_a_watch_tells_events_of_both_versions_in_its_own(client: APIClient) -> None:
    watch = client.watch(f"{EVENTS}?watch=1&resourceVersion={client.version()}&allowWatchBookmarks=1")
    client.post(STORED, legacy("later"))
    client.delete(f"{EVENTS}/later")
    seen = watch.take()
    assert [(each["type"], each["object"]["note"]) for each in seen] == [("ADDED", "It ran."), ("DELETED", "It ran.")]
    assert {each["object"]["apiVersion"] for each in seen} == {"events.k8s.io/v1"}
    assert watch.watch.bookmark is not None
    assert json.loads(watch.watch.bookmark(7))["object"]["apiVersion"] == "events.k8s.io/v1"


SERIES: dict[str, Any] = {"series": {"count": 2, "lastObservedTime": TIME}}
OPERATIONS = [
    {"op": "test", "path": "/regarding/name", "value": "web"},
    {"op": "add", "path": "/series", "value": SERIES["series"]},
]


@pytest.mark.parametrize(
    ("kind", "patch"),
    [
        ("strategic", SERIES),
        ("merge", {**SERIES, "apiVersion": "events.k8s.io/v1", "regarding": REGARDING}),
        ("json", OPERATIONS),
    ],
)
def test_a_series_goes_on_by_a_patch(client: APIClient, kind: str, patch: Any) -> None:
    reply = client.patch(f"{EVENTS}/e", patch, kind)
    assert (reply.status, reply.json["series"]["count"], reply.json["note"]) == (200, 2, "It runs.")
    assert client.get(f"{STORED}/e").json["series"]["count"] == 2


def test_an_event_is_replaced_and_applied(client: APIClient) -> None:
    assert client.put(f"{EVENTS}/e", event(**SERIES)).json["series"]["count"] == 2
    reply = client.patch(f"{EVENTS}/new?fieldManager=m", event("new"), "apply")
    assert (reply.status, reply.json["note"]) == (201, "It runs.")


@pytest.mark.parametrize(
    ("fields", "field", "said"),
    [
        pytest.param({"eventTime": None}, "eventTime", "Required value", id="no-time"),
        pytest.param({"type": "Odd"}, "type", "has invalid value: Odd", id="type"),
        pytest.param({"deprecatedCount": 1}, "count", "needs to be unset", id="count"),
        pytest.param({"deprecatedSource": {"host": "h"}}, "source", "needs to be unset", id="source"),
        pytest.param({"series": {"count": 1, "lastObservedTime": TIME}}, "series.count", "at least 2", id="series"),
        pytest.param({"action": ""}, "action", "Required value", id="no-action"),
        pytest.param({"reportingController": ""}, "reportingController", "Required value", id="no-controller"),
        pytest.param({"note": "x" * 1025}, "message", "can have at most 1024 characters", id="long-note"),
        pytest.param(
            {"regarding": {"kind": "Node"}, "metadata": {"name": "x", "namespace": "other"}}, "", "", id="namespace"
        ),
    ],
)
def test_what_a_new_event_must_be(client: APIClient, fields: JSON, field: str, said: str) -> None:
    reply = client.post(EVENTS, event("bad", **fields))
    if not field:
        assert reply.status == 400
        return
    assert (reply.status, reply.json["details"]["group"]) == (422, "events.k8s.io")
    assert reply.json["message"].startswith('Event.events.k8s.io "bad" is invalid: ')
    assert (field, True) in [(each["field"], said in each["message"]) for each in reply.json["details"]["causes"]]


def test_what_has_happened_does_not_change(client: APIClient) -> None:
    reply = client.patch(f"{EVENTS}/e", {"note": "Other."}, "merge")
    assert (reply.status, reply.json["details"]["causes"][0]["field"]) == (422, "message")
    assert client.get(f"{EVENTS}/e").json["note"] == "It runs."
    assert client.patch(f"{STORED}/e", {"message": "Other."}, "merge").status == 200


def test_names_of_the_other_version_are_unknown_fields(client: APIClient) -> None:
    reply = client.post(f"{EVENTS}?fieldValidation=Strict", event("x", message="m"))
    assert (reply.status, 'unknown field "message"' in reply.json["message"]) == (400, True)
    reply = client.post(EVENTS, event("x", message="m"))
    assert (reply.status, reply.json["note"], reply.warnings) == (
        201,
        "It runs.",
        ['299 - "unknown field \\"message\\""'],
    )
    assert client.post(EVENTS, event("y", note=1)).json["message"].startswith('Event in version "v1" cannot be handled')


# Leases

LEASES = "/apis/coordination.k8s.io/v1/namespaces/default/leases"


def lease(**spec: Any) -> JSON:
    return {"metadata": {"name": "l"}, "spec": spec}


def test_a_lease_is_only_changed_by_a_client_that_has_seen_its_last_state() -> None:
    client = APIClient()
    created = client.put(f"{LEASES}/l", lease(holderIdentity="a", leaseDurationSeconds=15)).json
    assert client.get(LEASES, TABLE_ACCEPT).rows == [["l", "a", "0s"]]
    blind = client.put(f"{LEASES}/l", lease(holderIdentity="b"))
    assert (blind.status, blind.json["message"]) == (
        422,
        'leases.coordination.k8s.io "l" is invalid: metadata.resourceVersion: Invalid value: 0: must be specified for'
        " an update",
    )
    taken = client.put(f"{LEASES}/l", {**created, "spec": {"holderIdentity": "b", "leaseTransitions": 1}})
    assert taken.status == 200
    assert client.put(f"{LEASES}/l", {**created, "spec": {"holderIdentity": "c"}}).status == 409


@pytest.mark.parametrize(
    ("spec", "field"),
    [({"leaseDurationSeconds": 0}, "spec.leaseDurationSeconds"), ({"leaseTransitions": -1}, "spec.leaseTransitions")],
)
def test_a_lease_lasts_and_is_passed_on(spec: JSON, field: str) -> None:
    reply = APIClient().post(LEASES, lease(**spec))
    assert (reply.status, reply.json["details"]["causes"][0]["field"]) == (422, field)
