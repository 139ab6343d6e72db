"""What the user is told of Services: the first events, and none for a port that a line for all has told of."""

from __future__ import annotations

import errno
from typing import Any

import pytest

from kubeapi.meta import ObjectKey
from kubeproxy.portowner import explain_bind_error
from kubesvc.remote.proxy.serviceevents import ServiceEvents
from kubesvc.remote.user import User

WEB = ObjectKey("default", "web")
LOW, TAKEN = (explain_bind_error(OSError(each, ""), "10.96.0.20", 80) for each in (errno.EACCES, errno.EADDRINUSE))


@pytest.mark.parametrize(("has_low_ports", "told"), [(False, [TAKEN]), (True, [LOW, TAKEN])])
def test_ports_that_need_a_privilege_are_told_of_once_for_all(has_low_ports: bool, told: list[str]) -> None:
    said: list[str] = []
    nobody: Any = None
    events = ServiceEvents(nobody, nobody, User(said.append, lambda: None), has_low_ports=has_low_ports)
    for message in (LOW, TAKEN):
        events.record(WEB, "Warning", "PortBindFailed", message)
    assert said == [f"Warning: Service default/web: PortBindFailed: {each}" for each in told]
    assert events._queue.qsize() == 2


def test_many_events_are_left_to_the_api() -> None:
    said: list[str] = []
    nobody: Any = None
    events = ServiceEvents(nobody, nobody, User(said.append, lambda: None))
    for number in range(30):
        events.record(WEB, "Warning", "PortBindFailed", str(number))
    assert said[20:] == ["further events are not printed; `kubectl get events -A` has them"]
