"""Custom resources that a webhook converts from version to version; the calls are the test's."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from tests.helpers.kubeapiserver.crds import TABS, TEXT, CustomClient, crd, obj, tab, version

from kubeapi.meta import JSON
from kubeapi.scheme import Resource
from kubeapi.status import StatusError
from kubeapi.webhooks.calls import CallNeeded, Outcome
from kubeapiserver.messages import Request, Response, Watch

SECOND = TABS.replace("v1", "v2")
Convert = Callable[[JSON], JSON]


def swapped(obj: JSON) -> JSON:
    """Return an object of v1 or v2 in the other version: ``one`` of v1 is ``two`` of v2."""
    first, second = ("one", "two") if obj["apiVersion"].endswith("v1") else ("two", "one")
    fields = {second if name == first else name: value for name, value in obj["spec"].items()}
    return {**obj, "spec": fields}


class Converted:
    """A client of a definition with two versions; ``calls`` are the objects of each call of its webhook."""

    def __init__(self, convert: Convert = swapped, **second: Any) -> None:
        self.client = CustomClient()
        self.convert = convert
        self.respond: Convert = lambda response: response
        self.calls: list[list[JSON]] = []
        one, two = (obj(spec=obj(**{name: TEXT})) for name in ("one", "two"))
        definition = crd(version(schema=one), version("v2", schema=two, **second))
        webhook = {"clientConfig": {"url": "https://x"}, "conversionReviewVersions": ["v1"]}
        definition["spec"]["conversion"] = {"strategy": "Webhook", "webhook": webhook}
        self.client.define(definition)

    def send(self, method: str, target: str, body: Any = None) -> tuple[int, JSON]:
        """Return what a request is answered in the end."""
        answer = self.answer(method, target, body)
        assert isinstance(answer, Response)
        return answer.status, json.loads(answer.body)

    def answer(self, method: str, target: str, body: Any = None) -> Any:
        content = b"" if body is None else json.dumps(body).encode()
        request = Request.of(method, target, {"content-type": "application/json"}, content)
        for _ in range(20):
            try:
                return self.client.api.handle(request)
            except CallNeeded as needed:
                self.keep(needed)
                request = request._replace(reviews=needed.reviews or request.reviews)
        raise AssertionError("the request does not settle")

    def keep(self, needed: CallNeeded) -> None:
        request = json.loads(needed.call.body)["request"]
        self.calls.append(request["objects"])
        objects = [{**self.convert(each), "apiVersion": request["desiredAPIVersion"]} for each in request["objects"]]
        response = {"uid": request["uid"], "result": {"status": "Success"}, "convertedObjects": objects}
        review = {"kind": "ConversionReview", "apiVersion": "apiextensions.k8s.io/v1"}
        needed.keep(Outcome(needed.call.uid, json.dumps({**review, "response": self.respond(response)}).encode()))


def second(fields: JSON, name: str = "a") -> JSON:
    return {**tab(fields, name), "apiVersion": "example.com/v2"}


def test_an_object_is_stored_in_one_version_and_read_in_both() -> None:
    converted = Converted()
    code, created = converted.send("POST", SECOND, second({"two": "x"}))
    assert (code, created["apiVersion"], created["spec"]) == (201, "example.com/v2", {"two": "x"})
    [stored] = converted.client.registry.store.list(Resource("Tab", "tabs", "example.com", "v1", True))
    assert (stored["apiVersion"], stored["spec"]) == ("example.com/v1", {"one": "x"})
    assert converted.send("GET", f"{TABS}/a")[1]["spec"] == {"one": "x"}
    seen = converted.send("GET", f"{SECOND}/a")[1]
    assert seen["spec"] == {"two": "x"}
    assert seen["metadata"] == converted.send("GET", f"{TABS}/a")[1]["metadata"]


def test_a_list_asks_once_for_all_that_has_not_been_converted_yet() -> None:
    converted = Converted()
    for name in ("a", "b", "c"):
        assert converted.send("POST", TABS, tab({"one": name}, name))[0] == 201
    assert converted.calls == []
    items = converted.send("GET", SECOND)[1]["items"]
    assert [each["spec"] for each in items] == [{"two": "a"}, {"two": "b"}, {"two": "c"}]
    assert [len(each) for each in converted.calls] == [3]
    assert converted.send("GET", f"{SECOND}/b")[1]["spec"] == {"two": "b"}
    assert len(converted.calls) == 1


def test_an_update_and_a_deletion_show_the_version_that_is_asked_for() -> None:
    converted = Converted()
    created = converted.send("POST", TABS, tab({"one": "x"}))[1]
    changed = second({"two": "y"})
    changed["metadata"]["resourceVersion"] = created["metadata"]["resourceVersion"]
    code, updated = converted.send("PUT", f"{SECOND}/a", changed)
    assert (code, updated["spec"], updated["metadata"]["generation"]) == (200, {"two": "y"}, 2)
    assert converted.send("GET", f"{TABS}/a")[1]["spec"] == {"one": "y"}
    assert converted.send("DELETE", f"{SECOND}/a")[0] == 200
    assert converted.send("GET", f"{TABS}/a")[0] == 404


def test_a_field_selector_reads_the_version_that_is_asked_for() -> None:
    converted = Converted(selectableFields=[{"jsonPath": ".spec.two"}])
    for name in ("a", "b"):
        converted.send("POST", TABS, tab({"one": name}, name))
    items = converted.send("GET", f"{SECOND}?fieldSelector=spec.two%3Db")[1]["items"]
    assert [each["metadata"]["name"] for each in items] == ["b"]
    assert converted.send("GET", f"{TABS}?fieldSelector=spec.two%3Db")[1]["message"] == (
        "field label not supported: spec.two"
    )


def test_an_event_of_a_watch_is_converted_first() -> None:
    converted = Converted(selectableFields=[{"jsonPath": ".spec.two"}])
    watch = converted.answer("GET", f"{SECOND}?watch=1&resourceVersion=1&fieldSelector=spec.two%3Dx")
    assert isinstance(watch, Watch)
    events: list[Any] = []
    converted.client.registry.store.watch(
        watch.resource, converted.client.registry.store.resource_version, events.append
    )
    converted.send("POST", TABS, tab({"one": "x"}))
    with pytest.raises(CallNeeded) as needed:
        watch.encode(events[0])
    converted.keep(needed.value)
    line = watch.encode(events[0])
    assert line is not None
    assert json.loads(line)["object"]["spec"] == {"two": "x"}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"uid": "y"}, 'failed: expected response.uid="'),
        ({"result": {"status": "Failure", "message": "no"}}, "failed: no"),
        ({"result": {}}, "failed: response.result.status was '', not 'Success'"),
        ({"convertedObjects": []}, "returned 0 objects, expected 1"),
        (
            {"convertedObjects": [{}]},
            "returned invalid object at index 0: invalid groupVersion (expected example.com/v2",
        ),
    ],
)
def test_an_answer_that_is_none_is_an_error(change: JSON, message: str) -> None:
    converted = Converted()
    converted.send("POST", TABS, tab({"one": "x"}))
    converted.respond = lambda response: {**response, **change}
    with pytest.raises(StatusError) as error:
        converted.send("GET", f"{SECOND}/a")
    assert str(error.value).startswith(f"conversion webhook for example.com/v1, Kind=Tab {message}")


@pytest.mark.parametrize(
    ("metadata", "message"),
    [
        ({"name": "b"}, "returned invalid object: must have the same name: a != b"),
        ({"labels": {"x": 1}}, "returned invalid metadata: metadata.labels[x] must be a string in converted object"),
        ({"labels": {"x": "-"}}, "returned invalid metadata: metadata.labels: Invalid value: "),
    ],
)
def test_metadata_that_may_not_change_is_an_error(metadata: JSON, message: str) -> None:
    converted = Converted(lambda obj: {**obj, "metadata": {**obj["metadata"], **metadata}})
    converted.send("POST", TABS, tab({"one": "x"}))
    with pytest.raises(StatusError) as error:
        converted.send("GET", f"{SECOND}/a")
    assert str(error.value).startswith(f"conversion webhook for example.com/v1, Kind=Tab {message}")


def test_labels_may_change_and_the_rest_of_the_metadata_stays() -> None:
    converted = Converted(
        lambda obj: {
            **swapped(obj),
            "metadata": {**obj["metadata"], "labels": {"x": "y"}, "uid": obj["metadata"]["uid"], "finalizers": ["z"]},
        }
    )
    converted.send("POST", TABS, tab({"one": "x"}))
    metadata = converted.send("GET", f"{SECOND}/a")[1]["metadata"]
    assert metadata["labels"] == {"x": "y"}
    assert "finalizers" not in metadata
