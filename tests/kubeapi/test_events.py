"""Events are counted when they repeat and bounded when they do not."""

from __future__ import annotations

from tests.helpers.kubeapi.objects import FakeClock, namespace, new_registry, pod

from kubeapi.events import EVENT_TTL_SECONDS, OBJECT_LIMIT, RECORDER_LIMIT, EventRecorder
from kubeapi.meta import JSON, format_time
from kubeapi.registry import Registry
from kubeapi.scheme import EVENTS, NAMESPACES, PODS


def events(registry: Registry) -> list[JSON]:
    return registry.store.list(EVENTS)


def recorder(registry: Registry, clock: FakeClock) -> EventRecorder:
    return EventRecorder(registry, "kubelet", clock=clock, host="node-1")


def test_an_event_says_what_happened_to_what() -> None:
    clock = FakeClock()
    registry = new_registry(clock)
    about = registry.create(PODS, pod())
    recorder(registry, clock).event(about, "Warning", "BackOff", "Back-off restarting failed container")
    [event] = events(registry)
    assert event["metadata"]["name"] == f"web.{int(clock.now * 1e9):x}"
    assert event["metadata"]["namespace"] == "default"
    assert event["involvedObject"] == {
        "apiVersion": "v1",
        "kind": "Pod",
        "name": "web",
        "namespace": "default",
        "uid": about["metadata"]["uid"],
    }
    assert (event["type"], event["reason"], event["count"]) == ("Warning", "BackOff", 1)
    assert event["source"] == {"component": "kubelet", "host": "node-1"}


def test_the_same_event_again_raises_the_count_and_the_time() -> None:
    clock = FakeClock()
    registry = new_registry(clock)
    about, recording = registry.create(PODS, pod()), recorder(registry, clock)
    for _ in range(3):
        recording.event(about, "Normal", "Pulled", "m")
        clock.advance(10)
    [event] = events(registry)
    assert event["count"] == 3
    assert (event["firstTimestamp"], event["lastTimestamp"]) == (
        format_time(clock.now - 30),
        format_time(clock.now - 10),
    )


def test_another_reason_message_or_object_is_another_event() -> None:
    clock = FakeClock()
    registry = new_registry(clock)
    recording = recorder(registry, clock)
    first, second = registry.create(PODS, pod()), registry.create(PODS, pod("other"))
    for about, reason, message in ((first, "A", "m"), (first, "B", "m"), (first, "A", "n"), (second, "A", "m")):
        recording.event(about, "Normal", reason, message)
    assert [event["count"] for event in events(registry)] == [1, 1, 1, 1]


def test_an_event_that_somebody_deleted_is_recorded_anew() -> None:
    clock = FakeClock()
    registry = new_registry(clock)
    about, recording = registry.create(PODS, pod()), recorder(registry, clock)
    recording.event(about, "Normal", "A", "m")
    registry.delete(EVENTS, "default", events(registry)[0]["metadata"]["name"])
    recording.event(about, "Normal", "A", "m")
    assert [event["count"] for event in events(registry)] == [1]


def test_an_event_that_has_not_happened_for_an_hour_is_deleted() -> None:
    clock = FakeClock()
    registry = new_registry(clock)
    about, recording = registry.create(PODS, pod()), recorder(registry, clock)
    recording.event(about, "Normal", "Old", "m")
    recording.event(about, "Normal", "Repeated", "m")
    clock.advance(EVENT_TTL_SECONDS - 1)
    recording.event(about, "Normal", "Repeated", "m")
    clock.advance(2)
    recording.expire()
    assert [(event["reason"], event["count"]) for event in events(registry)] == [("Repeated", 2)]


def test_one_object_cannot_fill_the_memory() -> None:
    clock = FakeClock()
    registry = new_registry(clock)
    about, recording = registry.create(PODS, pod()), recorder(registry, clock)
    recording.event(registry.create(PODS, pod("other")), "Normal", "A", "kept")
    for number in range(OBJECT_LIMIT + 5):
        recording.event(about, "Warning", "Failed", f"exit {number}")
    messages = [event["message"] for event in events(registry)]
    assert messages == ["kept", *(f"exit {number}" for number in range(5, OBJECT_LIMIT + 5))]


def test_many_objects_cannot_fill_the_memory() -> None:
    clock = FakeClock()
    registry = new_registry(clock)
    recording = recorder(registry, clock)
    for number in range(RECORDER_LIMIT + 5):
        recording.event({**pod(f"web-{number}")}, "Normal", "A", "m")
    assert len(events(registry)) == RECORDER_LIMIT


def test_events_of_what_has_no_namespace_are_in_default() -> None:
    clock = FakeClock()
    registry = new_registry(clock)
    node = {"apiVersion": "v1", "kind": "Node", "metadata": {"name": "node-1"}}
    recorder(registry, clock).event(node, "Normal", "Starting", "m")
    assert events(registry)[0]["metadata"]["namespace"] == "default"


def test_an_event_in_a_namespace_that_is_going_is_dropped() -> None:
    clock = FakeClock()
    registry = new_registry(clock)
    registry.create(NAMESPACES, namespace("x"))
    about = registry.create(PODS, pod(metadata={"namespace": "x"}))
    registry.delete(NAMESPACES, "", "x")
    recorder(registry, clock).event(about, "Normal", "Killing", "m")
    assert events(registry) == []


def test_two_recorders_at_the_same_time_use_two_names() -> None:
    clock = FakeClock()
    registry = new_registry(clock)
    about = registry.create(PODS, pod())
    for component in ("a", "b"):
        EventRecorder(registry, component, clock=clock).event(about, "Normal", "A", "m")
    assert [event["source"]["component"] for event in events(registry)] == ["a", "b"]
