"""Ephemeral containers: added to a running pod, run once, and without effect on its life."""

from __future__ import annotations

from typing import Any

from kubelet.pod.machine.events import Action, Began, Deleted, Event, Exited, Finish, Signal, Start, Started, Ticked
from kubelet.pod.machine.lifecycle import step
from kubelet.pod.machine.state import (
    EarlierRuns,
    PodPlace,
    PodState,
    Stage,
    Termination,
    new_pod_state,
    with_added_containers,
)
from kubelet.pod.spec import PodSpec, Role, read_pod_spec
from kubelet.pod.status import phase_of, pod_status

DEBUG = {"name": "debug", "image": "busybox", "command": ["sh"], "targetContainerName": "web"}


def pod(*ephemeral: dict[str, Any], **spec: Any) -> dict[str, Any]:
    fields = {"containers": [{"name": "web", "image": "x"}], "nodeName": "n", **spec}
    if ephemeral:
        fields["ephemeralContainers"] = list(ephemeral)
    return {"metadata": {"namespace": "ns", "name": "p", "uid": "u"}, "spec": fields}


def play(state: PodState, *events: Event) -> tuple[PodState, list[Action]]:
    done: list[Action] = []
    for event in events:
        state, actions = step(state, event, 0.0)
        done += [each for each in actions if isinstance(each, Start | Signal | Finish)]
    return state, done


def running(**spec: Any) -> PodState:
    return play(new_pod_state(read_pod_spec(pod(**spec))), Began(), Started("web", 1, "id"))[0]


def with_guest(state: PodState, **spec: Any) -> tuple[PodState, PodSpec]:
    read = read_pod_spec(pod(DEBUG, **spec))
    return with_added_containers(state, read), read


def test_a_container_that_is_added_starts_beside_the_others() -> None:
    state, read = with_guest(running())
    assert play(state, Ticked())[1] == [Start("debug")]
    assert with_added_containers(state, read) is state
    assert state.container("debug").role is Role.EPHEMERAL


def test_it_does_not_wait_for_init_containers() -> None:
    init = [{"name": "first", "image": "x"}]
    waiting = play(new_pod_state(read_pod_spec(pod(initContainers=init))), Began())[0]
    state, _ = with_guest(waiting, initContainers=init)
    assert play(state, Ticked())[1] == [Start("debug")]


def test_it_is_not_started_again_and_the_pod_goes_on() -> None:
    state, _ = with_guest(running())
    state, done = play(state, Ticked(), Started("debug", 2, "id"), Exited("debug", 1, 0, ""))
    assert (done, state.container("debug").stage) == ([Start("debug")], Stage.TERMINATED)
    assert phase_of(state) == "Running"


def test_it_ends_with_the_pods_own_containers() -> None:
    state, _ = with_guest(running(restartPolicy="Never"), restartPolicy="Never")
    state, done = play(state, Ticked(), Started("debug", 2, "id"), Exited("web", 0, 0, ""))
    assert done == [Start("debug"), Signal("debug")]
    assert phase_of(state) == "Running"
    state, _ = play(state, Exited("debug", 0, 0, ""))
    assert phase_of(state) == "Succeeded"


def test_a_pod_that_is_deleted_waits_for_it() -> None:
    state, _ = with_guest(running())
    state, done = play(state, Ticked(), Started("debug", 2, "id"), Deleted(30), Exited("web", 0, 0, ""))
    assert done == [Start("debug"), Signal("web"), Signal("debug")]
    assert play(state, Exited("debug", 0, 0, ""))[1] == [Finish()]


def test_after_a_reboot_it_is_over() -> None:
    end = Termination(255, 0, "Unknown", "", 0.0, 0.0, "id")
    state = new_pod_state(read_pod_spec(pod(DEBUG)), {"debug": EarlierRuns(0, end), "web": EarlierRuns(0, end)})
    assert play(state, Began())[1] == [Start("web")]


def test_its_status_is_in_a_list_of_its_own_and_never_ready() -> None:
    state, _ = with_guest(running())
    state, _ = play(state, Ticked(), Started("debug", 2, "id"))
    status = pod_status(pod(DEBUG), state, PodPlace(("127.0.0.2",), ("127.0.0.1",), 0.0), 0.0)
    (found,) = status["ephemeralContainerStatuses"]
    assert (found["name"], found["ready"], "started" in found, list(found["state"])) == (
        "debug",
        False,
        False,
        ["running"],
    )
    assert [each["name"] for each in status["containerStatuses"]] == ["web"]
    assert "initContainerStatuses" not in status
    assert {each["type"]: each["status"] for each in status["conditions"]}["Ready"] == "True"
