"""What Failures say, where, how often and how long."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Sequence

import pytest

from kubeapi.failures import FORGET_SECONDS, KEPT, LINES, Failures, Subject
from kubeapi.io.informer import Informer
from kubeapi.meta import JSON, ObjectKey
from kubeapi.scheme import PODS, SERVICES
from kubeapi.watching import Delta, ObjectList, WatchEvent

WEB = Subject(SERVICES, ObjectKey("default", "web"))


pytestmark = pytest.mark.usefixtures("wanted_failures")


def fail() -> None:
    raise ValueError("what")


def error(text: str = "what") -> Exception:
    try:
        raise ValueError(text)
    except ValueError as caught:
        return caught


def test_a_failure_is_a_problem_until_the_object_is_well() -> None:
    failures = Failures()
    for _ in range(3):
        failures.note("kube-proxy", WEB, error())
    assert [str(each) for each in failures.all()] == [
        "kube-proxy goes on without Service default/web: ValueError: what (3 times); the traceback is in kubesvc.log"
    ]
    failures.forget("kube-dns", WEB)
    assert len(failures.all()) == 1
    failures.forget("kube-proxy", WEB)
    assert failures.all() == []


def test_a_failure_is_no_problem_any_more_when_its_object_is_gone() -> None:
    failures = Failures()
    failures.exists = lambda _: False
    failures.note("kube-proxy", WEB, error())
    assert failures.all() == []


def test_a_failure_of_no_object_is_a_problem_for_an_hour() -> None:
    now = 0.0
    failures = Failures(lambda: now)
    failures.note("kube-proxy", "a connection", error())
    now = FORGET_SECONDS
    assert [str(each) for each in failures.all()] == [
        "kube-proxy failed at a connection: ValueError: what; the traceback is in kubesvc.log"
    ]
    now += 1
    assert failures.all() == []


def test_no_more_failures_are_kept_than_people_read() -> None:
    failures = Failures()
    for number in range(KEPT + 5):
        failures.note("kube-apiserver", f"GET /{number}", error())
    assert len(failures.all()) == KEPT


def test_the_log_has_one_traceback_for_a_place_and_then_ever_fewer_lines(caplog: pytest.LogCaptureFixture) -> None:
    failures = Failures()
    for _ in range(10_000):
        failures.note("kube-proxy", "a connection", error())
    lines = [each for each in caplog.records if each.levelno == logging.ERROR]
    assert [each.exc_info is not None for each in lines[:2]] == [True, False]
    assert len(lines) == LINES + 7  # the 128th to the 8,192nd


def test_an_event_that_cannot_be_written_is_no_second_failure() -> None:
    failures = Failures()

    def record(*_: object) -> None:
        raise KeyError("metadata")

    failures.record = record
    failures.note("kube-proxy", WEB, error())
    assert len(failures.all()) == 1


def test_a_guard_takes_exceptions_and_lets_cancellation_pass() -> None:
    failures = Failures()
    with failures.guard("kube-proxy", WEB):
        fail()
    assert len(failures.all()) == 1
    with failures.guard("kube-proxy", WEB):
        pass
    assert failures.all() == []
    with pytest.raises(KeyboardInterrupt), failures.guard("kube-proxy", WEB):
        raise KeyboardInterrupt


class Broken:
    """A source that lists nonsense."""

    def __init__(self) -> None:
        self.lists = 0

    async def list(self, _resource: object) -> ObjectList:
        self.lists += 1
        return ObjectList([{"no": "metadata"}] if self.lists == 1 else [pod("a")], "1")

    async def watch(self, _resource: object, _version: str) -> AsyncIterator[Sequence[WatchEvent]]:
        yield []
        raise ConnectionError


def pod(name: str) -> JSON:
    return {"metadata": {"name": name, "namespace": "default"}}


@pytest.mark.looptime
async def test_a_source_that_lists_nonsense_is_listed_again() -> None:
    failures, heard = Failures(), list[Delta]()
    informer = Informer(Broken(), PODS, failures)
    informer.add_handler("kubelet", heard.append)
    task = asyncio.create_task(informer.run())
    await informer.wait_for_sync()
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert [each.key.name for each in heard] == ["a"]
    assert [each.component for each in failures.all()] == ["informer"]
