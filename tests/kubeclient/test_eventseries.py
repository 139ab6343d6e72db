"""Which events are written, and which are only counted."""

from __future__ import annotations

from tests.helpers.objects import build_service

from kubeclient.eventseries import BURST, FINISHED_SECONDS, REFRESH_SECONDS, SECONDS_PER_EVENT, EventSeries, Occurrence
from kubeclient.eventseries import Write as Request

NOW = 1_700_000_000.25
WEB = build_service("web", "shop", metadata={"uid": "u1", "resourceVersion": "7"})


def happened(reason: str = "Odd", note: str = "it is odd", about: object = None) -> Occurrence:
    return Occurrence(about or WEB, "Warning", reason, note, reason)  # type: ignore[arg-type]


def new() -> EventSeries:
    return EventSeries("kube-proxy", "node-1")


def test_an_event_is_written_whole() -> None:
    written = new().note(happened(note="ü" * 1000), NOW)
    assert written is not None
    assert (written.method, written.path) == ("POST", "/apis/events.k8s.io/v1/namespaces/shop/events")
    note = written.body.pop("note")
    assert note == "ü" * 512
    assert written.body == {
        "apiVersion": "events.k8s.io/v1",
        "kind": "Event",
        "metadata": {"name": "web.17979cfe4510b200", "namespace": "shop"},
        "eventTime": "2023-11-14T22:13:20.250000Z",
        "reportingController": "kube-proxy",
        "reportingInstance": "node-1",
        "action": "Odd",
        "reason": "Odd",
        "type": "Warning",
        "regarding": {
            "apiVersion": "v1",
            "kind": "Service",
            "namespace": "shop",
            "name": "web",
            "uid": "u1",
            "resourceVersion": "7",
        },
    }


def test_the_same_event_again_is_a_series_that_is_written_at_its_start_and_end() -> None:
    series = new()
    first = series.note(happened(), NOW)
    assert first is not None
    path = f"{first.path}/{first.body['metadata']['name']}"
    counted = {"series": {"count": 2, "lastObservedTime": "2023-11-14T22:13:21.250000Z"}}
    assert series.note(happened(note="other words"), NOW + 1) == Request("PATCH", path, counted)
    assert series.note(happened(), NOW + 2) is None
    assert series.due(NOW + 3) == []
    counted = {"series": {"count": 3, "lastObservedTime": "2023-11-14T22:13:22.250000Z"}}
    assert series.due(NOW + 2 + FINISHED_SECONDS) == [Request("PATCH", path, counted)]
    again = series.note(happened(), NOW + 3 + FINISHED_SECONDS)
    assert again is not None
    assert again.method == "POST"


def test_a_long_series_is_written_now_and_then() -> None:
    series, written, now = new(), list[Request](), NOW
    while now < NOW + 2.5 * REFRESH_SECONDS:
        series.note(happened(), now)
        written += series.due(now)
        now += 60.0
    assert [each.method for each in written] == ["PATCH"] * 2


def test_other_events_are_not_of_the_series() -> None:
    series = new()
    other = build_service("api", "shop")
    for each in (happened(), happened("Other"), happened(about=other)):
        assert series.note(each, NOW) is not None
    names = {written.body["metadata"]["name"] for each in "abc" if (written := series.note(happened(each), NOW))}
    assert len(names) == 3


def test_a_flood_of_one_object_is_held_back_and_no_other() -> None:
    series = new()
    written = [series.note(happened(f"Odd{number}"), NOW) is not None for number in range(BURST + 10)]
    assert written == [True] * BURST + [False] * 10
    assert series.note(happened(about=build_service("api", "shop")), NOW) is not None
    assert series.note(happened("Late"), NOW + SECONDS_PER_EVENT) is not None
    assert series.note(happened("Later"), NOW + SECONDS_PER_EVENT) is None


def test_events_of_what_has_no_namespace_are_in_default() -> None:
    node = {"apiVersion": "v1", "kind": "Node", "metadata": {"name": "n"}}
    written = new().note(happened(about=node), NOW)
    assert written is not None
    assert written.path == "/apis/events.k8s.io/v1/namespaces/default/events"
    assert written.body["regarding"] == {"apiVersion": "v1", "kind": "Node", "name": "n"}
