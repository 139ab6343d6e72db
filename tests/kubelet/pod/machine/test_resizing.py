"""Tables of what the resize of a running pod does, refuses and says."""

from __future__ import annotations

import json
from typing import Any

import pytest

from kubeapi.meta import JSON
from kubelet.pod.machine.events import Began, Report, Resized, ResizeRestart, Resizes, Signal, Started
from kubelet.pod.machine.lifecycle import step
from kubelet.pod.machine.resizing import (
    Memory,
    allocated_before,
    given_to,
    memory_refusal,
    needs_restart,
    resize_order,
    resize_text,
    with_resources,
)
from kubelet.pod.machine.state import Given, PodPlace, Resizing, new_pod_state
from kubelet.pod.spec import PodSpec, read_pod_spec
from kubelet.pod.status import pod_status

ONE, TWO = {"limits": {"cpu": "1"}, "requests": {"cpu": "1"}}, {"limits": {"cpu": "2"}, "requests": {"cpu": "1"}}
MEMORY = {"limits": {"cpu": "1", "memory": "1Gi"}}
RESTART = [{"resourceName": "cpu", "restartPolicy": "RestartContainer"}]


def obj(given: JSON, **spec: Any) -> JSON:
    container = {"name": "c", "image": "x", "resources": given, "resizePolicy": spec.pop("policy", [])}
    metadata = {"namespace": "ns", "name": "p", "uid": "u", "generation": 2}
    return {"metadata": metadata, "spec": {"containers": [container], **spec}}


def pod(given: JSON, **spec: Any) -> PodSpec:
    return read_pod_spec(obj(given, **spec))


@pytest.mark.parametrize(
    ("before", "after", "is_other"),
    [
        (obj(ONE), obj(ONE), False),
        (obj(ONE), obj(TWO), True),
        (obj(ONE), obj(ONE, resources=TWO), True),
        (obj(ONE, resources=TWO), obj(ONE), True),
        (obj(ONE), obj(ONE, ephemeralContainers=[{"name": "e"}]), False),
        (obj(ONE), obj(ONE, policy=RESTART), False),
    ],
)
def test_a_pod_keeps_the_resources_that_it_has_been_given(before: JSON, after: JSON, is_other: bool) -> None:
    given = with_resources(after["spec"], before["spec"])
    assert (given is not after["spec"]) is is_other
    assert given["containers"][0]["resources"] == ONE
    assert given.get("resources") == before["spec"].get("resources")


@pytest.mark.parametrize(
    ("before", "after", "restarts"),
    [
        (ONE, TWO, True),
        (ONE, {**ONE, "limits": {"cpu": "1000m"}}, False),
        (ONE, {**MEMORY, "requests": {"cpu": "1"}}, False),
    ],
)
def test_a_container_is_restarted_where_its_policy_asks_for_it(before: JSON, after: JSON, restarts: bool) -> None:
    [container] = pod(after, policy=RESTART).containers
    wanted = Given(after, {})
    assert needs_restart(container, Given(before, {}), wanted) is restarts
    assert not needs_restart(pod(after).containers[0], Given(before, {}), wanted)


@pytest.mark.parametrize(
    ("container", "around", "refusal"),
    [
        pytest.param(Memory("200", 50), Memory("200", 50), "", id="enough"),
        pytest.param(Memory("100", 100), Memory("100", 100), "", id="as before, though full"),
        pytest.param(Memory("max", 50), Memory("max", 60), "", id="none before"),
        pytest.param(Memory("", 0), Memory("", 0), "", id="no controller"),
        pytest.param(
            Memory("200", 150),
            Memory("max", 90),
            'cannot decrease memory limits: attempting to set container "c" memory limit (100) below current usage '
            "(150)",
            id="a container uses more",
        ),
        pytest.param(
            Memory("200", 150),
            Memory("200", 150),
            "cannot decrease memory limits: [attempting to set pod memory limit (100) below current usage (150), "
            'attempting to set container "c" memory limit (100) below current usage (150)]',
            id="both do",
        ),
    ],
)
def test_memory_is_not_taken_from_those_that_use_it(container: Memory, around: Memory, refusal: str) -> None:
    assert memory_refusal("c", {"memory.max": "100"}, {"memory.max": "100"}, container, around) == refusal


def test_the_events_have_the_resources_as_json() -> None:
    said = resize_text("Pod resize error", pod({"requests": {"memory": "1", "cpu": "1"}, "limits": {}}), 3, 'no "room"')
    prefix, _, text = said.partition(": ")
    assert prefix == "Pod resize error" and text.startswith('{"containers":[{"name":"c","resources":{"requests":{"cpu"')
    assert json.loads(text)["error"] == 'no "room"' and json.loads(text)["generation"] == 3


def test_a_status_has_the_resources_that_a_container_runs_with_and_a_condition_until_it_has_the_new_ones() -> None:
    before, after = Given(ONE, {}), obj(TWO)
    state = new_pod_state(read_pod_spec(after))
    for event in (Began(), Started("c", 7, "id", before), Resizes(Resizing(2, "no room"))):
        state, _ = step(state, event, 1.0)
    place = PodPlace(("127.246.1.2",), ("127.169.0.1",), 1000.0)
    status = pod_status(after, state, place, 2.0)
    [shown] = [each for each in status["conditions"] if each["type"] == "PodResizeInProgress"]
    assert (shown["status"], shown["reason"], shown["message"]) == ("True", "Error", "no room")
    [container] = status["containerStatuses"]
    assert (container["resources"], container["allocatedResources"]) == (ONE, TWO["requests"])
    for done in (Resized("c", given_to(read_pod_spec(after), read_pod_spec(after).containers[0])), Resizes(None)):
        state, _ = step(state, done, 3.0)
    status = pod_status({**after, "status": status}, state, place, 3.0)
    assert status["containerStatuses"][0]["resources"] == TWO
    assert not [each for each in status["conditions"] if each["type"] == "PodResizeInProgress"]


def test_a_restart_for_other_resources_is_a_stop_with_its_reason() -> None:
    state = new_pod_state(pod(ONE))
    for event in (Began(), Started("c", 7, "id")):
        state, _ = step(state, event, 1.0)
    state, actions = step(state, ResizeRestart("c"), 2.0)
    assert actions == [Report("Normal", "Killing", "Container c resize requires restart"), Signal("c")]


def test_of_the_resizes_that_wait_the_smaller_ones_come_first_then_those_of_higher_priority() -> None:
    def key(name: str, asked: JSON, **spec: Any) -> tuple[tuple[bool, int, bool], str]:
        return resize_order({**obj(asked, **spec), "status": {}}, {"cpu": 1000}), name

    larger = {"requests": {"cpu": "2"}}
    waiting = [
        key("old", larger),
        key("guaranteed", {"requests": {"cpu": "2", "memory": "1Mi"}, "limits": {"cpu": "2", "memory": "1Mi"}}),
        key("important", larger, priority=5),
        key("smaller", {"requests": {"cpu": "500m"}}),
        key("new", larger),
    ]
    in_order = [name for _, name in sorted(waiting, key=lambda each: each[0])]
    assert in_order == ["smaller", "important", "guaranteed", "old", "new"]


def test_a_pod_that_waits_for_a_resize_keeps_its_resources_over_a_restart_of_its_kubelet() -> None:
    waiting = {"conditions": [{"type": "PodResizePending", "status": "True"}]}
    status = {**waiting, "containerStatuses": [{"name": "c", "resources": ONE}]}
    assert allocated_before({**obj(TWO), "status": status})["containers"][0]["resources"] == ONE
    assert allocated_before({**obj(TWO), "status": {}})["containers"][0]["resources"] == TWO
