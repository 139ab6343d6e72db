"""The Store's promises: one version counter, no-op writes, and watches that replay to what a list says."""

from __future__ import annotations

import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kubeapi.meta import JSON, ObjectKey, key_of
from kubeapi.scheme import CONFIGMAPS, PODS, SERVICES
from kubeapi.status import AlreadyExists, Conflict, Expired, NotFound
from kubeapi.store import HISTORY_BYTES, HISTORY_SECONDS, Store
from kubeapi.watching import EventType, WatchEvent


def obj(name: str, value: int = 0, namespace: str = "default") -> JSON:
    return {"metadata": {"name": name, "namespace": namespace}, "value": value}


def replay(state: dict[ObjectKey, JSON], events: list[WatchEvent]) -> dict[ObjectKey, JSON]:
    """Return what a follower that had ``state`` has after ``events``."""
    result = dict(state)
    for event in events:
        if event.type is EventType.DELETED:
            del result[key_of(event.object)]
        else:
            assert (event.type is EventType.ADDED) is (key_of(event.object) not in result)
            result[key_of(event.object)] = event.object
    return result


def listed(store: Store) -> dict[ObjectKey, JSON]:
    return {key_of(each): each for each in store.list(PODS)}


def test_every_write_gets_the_next_version_whatever_the_resource() -> None:
    store = Store()
    versions = [
        store.create(PODS, obj("a"))["metadata"]["resourceVersion"],
        store.create(SERVICES, obj("a"))["metadata"]["resourceVersion"],
        store.update(PODS, obj("a", 1))["metadata"]["resourceVersion"],
        store.delete(PODS, "default", "a")["metadata"]["resourceVersion"],
    ]
    assert versions == ["1", "2", "3", "4"]


def test_writing_what_is_stored_changes_nothing_and_tells_nobody() -> None:
    store, events = Store(), list[WatchEvent]()
    stored = store.create(PODS, obj("a"))
    store.watch(PODS, 1, events.append)
    assert store.update(PODS, obj("a")) is stored
    assert (store.resource_version, events) == (1, [])


def test_names_are_taken_missing_or_stale() -> None:
    store = Store()
    first = store.create(PODS, obj("a"))
    store.update(PODS, obj("a", 1))
    with pytest.raises(AlreadyExists):
        store.create(PODS, obj("a"))
    with pytest.raises(Conflict):
        store.update(PODS, {**first, "value": 2})
    with pytest.raises(NotFound, match='pods "b" not found'):
        store.get(PODS, "default", "b")
    with pytest.raises(NotFound):
        store.delete(PODS, "default", "b")


def test_a_list_is_of_one_namespace_or_of_all() -> None:
    store = Store()
    for namespace in ("x", "y"):
        store.create(PODS, obj("a", namespace=namespace))
    assert [key_of(each).namespace for each in store.list(PODS)] == ["x", "y"]
    assert len(store.list(PODS, "x")) == 1
    assert store.list(PODS, "z") == []


def test_a_watch_that_is_stopped_hears_no_more() -> None:
    store, events = Store(), list[WatchEvent]()
    stop = store.watch(PODS, 0, events.append)
    store.create(PODS, obj("a"))
    stop()
    stop()
    store.create(PODS, obj("b"))
    assert [event.object["metadata"]["name"] for event in events] == ["a"]


def test_a_watch_from_before_the_history_is_expired() -> None:
    store = Store(history_limit=3)
    for number in range(5):
        store.create(PODS, obj(f"p{number}"))
    with pytest.raises(Expired, match="too old resource version: 1"):
        store.watch(PODS, 1, lambda _: None)
    events: list[WatchEvent] = []
    store.watch(PODS, 2, events.append)
    assert [event.resource_version for event in events] == ["3", "4", "5"]


def test_the_history_of_large_objects_is_bounded_in_bytes() -> None:
    store = Store()
    store.create(CONFIGMAPS, obj("large") | {"data": {"text": "0" * 500_000}})
    for number in range(2000):
        store.update(CONFIGMAPS, obj("large") | {"data": {"text": f"{number % 10}" * 500_000}})
    assert store.history_bytes() <= HISTORY_BYTES
    with pytest.raises(Expired):
        store.watch(CONFIGMAPS, 1900, lambda _: None)
    store.watch(CONFIGMAPS, 1990, lambda _: None)


def test_an_object_larger_than_the_whole_history_can_still_be_watched() -> None:
    store = Store()
    version = store.create(CONFIGMAPS, obj("large") | {"data": {"text": "0" * (HISTORY_BYTES + 1)}})
    events: list[WatchEvent] = []
    store.watch(CONFIGMAPS, int(version["metadata"]["resourceVersion"]) - 1, events.append)
    assert len(events) == 1


@pytest.mark.parametrize("is_written", [False, True], ids=["no write follows", "a write follows"])
def test_an_event_goes_when_it_is_old(is_written: bool) -> None:
    now = 0.0
    store = Store(clock=lambda: now)
    store.create(PODS, obj("a"))
    now = HISTORY_SECONDS
    store.compact()
    store.watch(PODS, 0, lambda _: None)
    now += 1
    if is_written:
        store.create(PODS, obj("b"))
    else:
        store.compact()
        assert store.history_bytes() == 0
    with pytest.raises(Expired, match=r"too old resource version: 0 \(1\)"):
        store.watch(PODS, 0, lambda _: None)


def test_the_memory_of_many_versions_of_a_large_object_is_bounded() -> None:
    store = Store()
    store.create(CONFIGMAPS, obj("large") | {"data": {}})
    tracemalloc.start()
    try:
        for number in range(2000):
            store.update(CONFIGMAPS, obj("large") | {"data": {"text": f"{number % 10}" * 100_000}})
        held, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert held < 2 * HISTORY_BYTES


STEPS = st.lists(st.tuples(st.sampled_from(["put", "delete"]), st.sampled_from("abc"), st.integers(0, 2)), max_size=30)


@given(STEPS, st.integers(0, 30), st.integers(1, 40))
def test_replaying_a_watch_from_any_version_equals_a_list(
    steps: list[tuple[str, str, int]], start: int, history_limit: int
) -> None:
    store = Store(history_limit)
    states: dict[int, dict[ObjectKey, JSON]] = {0: {}}
    live: list[WatchEvent] = []
    store.watch(PODS, 0, live.append)
    for verb, name, value in steps:
        exists = store.find(PODS, ObjectKey("default", name)) is not None
        if verb == "put":
            (store.update if exists else store.create)(PODS, obj(name, value))
        elif exists:
            store.delete(PODS, "default", name)
        states[store.resource_version] = listed(store)
    assert replay({}, live) == listed(store)
    version = min(start, store.resource_version)
    late: list[WatchEvent] = []
    try:
        store.watch(PODS, version, late.append)
    except Expired:
        assert store.resource_version - version > history_limit
        return
    assert replay(states[version], late) == listed(store)


@given(st.lists(st.tuples(st.sampled_from("abc"), st.sampled_from(["put", "delete"])), max_size=20), st.data())
def test_a_list_of_an_older_version_is_what_was_there_then(steps: list[tuple[str, str]], data: st.DataObject) -> None:
    store = Store()
    then = [listed(store)]
    for number, (name, step) in enumerate(steps):
        present = store.find(PODS, ObjectKey("default", name))
        if present is None:
            store.create(PODS, obj(name, number))
        elif step == "put":
            store.update(PODS, obj(name, number))
        else:
            store.delete(PODS, "default", name)
        then.append(listed(store))
    version = data.draw(st.integers(0, store.resource_version))
    assert {key_of(each): each for each in store.list_at(PODS, version)} == then[version]
    assert store.list_at(PODS, version, "other") == []


def test_a_list_from_before_the_history_is_expired() -> None:
    store = Store(history_limit=2)
    for value in range(4):
        (store.create if value == 0 else store.update)(PODS, obj("a", value))
    assert [each["value"] for each in store.list_at(PODS, 2)] == [1]
    with pytest.raises(Expired):
        store.list_at(PODS, 1)


def test_a_version_is_compacted_when_it_is_old_and_not_the_newest() -> None:
    now = 0.0
    store = Store(clock=lambda: now)
    store.create(PODS, obj("a"))
    store.compact()
    store.create(CONFIGMAPS, obj("b"))
    now = HISTORY_SECONDS
    store.compact()
    assert store.compacted_version == 0
    now += 1
    store.compact()
    assert store.compacted_version == 1
