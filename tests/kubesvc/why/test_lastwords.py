from __future__ import annotations

from collections.abc import AsyncGenerator
from typing import Any

import pytest
from tests.helpers.kubesvc.ground import add_pod, ground, waiting

from kubeapi.meta import JSON, ObjectKey
from kubeapi.status import StatusError
from kubesvc.why.lastwords import failing_containers, last_words

ENDED = {"terminated": {"exitCode": 1}}
DONE = {"terminated": {"exitCode": 0}}
RUNS: JSON = {"running": {}}


def status(name: str, state: JSON, last: JSON | None = None, *, is_ready: bool = False) -> JSON:
    fields = {"image": "x", "imageID": "", "restartCount": 1, "ready": is_ready}
    return {"name": name, "state": state, "lastState": last or {}, **fields}


@pytest.mark.parametrize(
    ("reported", "failing"),
    [
        pytest.param({"containerStatuses": [status("app", ENDED)]}, ["app"], id="ended"),
        pytest.param(
            {"containerStatuses": [{**waiting("CrashLoopBackOff")[0], "lastState": ENDED}]}, ["app"], id="loops"
        ),
        pytest.param({"containerStatuses": [status("app", RUNS, DONE)]}, ["app"], id="ended-before"),
        pytest.param({"containerStatuses": waiting("ErrImagePull")}, [], id="has-never-run"),
        pytest.param({"containerStatuses": [status("app", RUNS)]}, [], id="runs"),
        pytest.param(
            {"containerStatuses": [status("app", RUNS, ENDED, is_ready=True), status("b", ENDED)]},
            ["b"],
            id="one-of-two",
        ),
        pytest.param(
            {"initContainerStatuses": [status("a", DONE), status("i", ENDED)], "containerStatuses": waiting("Init")},
            ["i"],
            id="init",
        ),
        pytest.param({"phase": "Succeeded", "containerStatuses": [status("app", ENDED)]}, [], id="succeeded"),
    ],
)
def test_containers_that_have_ended_are_those_that_fail(reported: dict[str, Any], failing: list[str]) -> None:
    registry = ground()
    add_pod(registry, is_ready=False, **reported)
    assert [name for _, name in failing_containers(registry.store)] == failing


def test_a_ready_pod_has_nothing_to_say() -> None:
    registry = ground()
    add_pod(registry, containerStatuses=[status("app", RUNS, ENDED, is_ready=True)])
    assert list(failing_containers(registry.store)) == []


async def test_the_lines_are_those_of_the_run_that_said_something_without_what_acts_in_a_terminal() -> None:
    registry = ground()
    add_pod(registry, is_ready=False, containerStatuses=[status("app", ENDED), status("mute", ENDED)])

    async def read(pod: ObjectKey, container: str, is_previous: bool) -> AsyncGenerator[bytes, None]:
        if container == "mute":
            raise StatusError(400, "BadRequest", "it has never run")
        if is_previous:
            yield b"no \x1b[31mdatabase\nbye\xff"

    assert await last_words(registry.store, read) == [
        "container app of pod default/web wrote last:",
        "    no \\x1b[31mdatabase",
        "    bye\ufffd",
    ]
