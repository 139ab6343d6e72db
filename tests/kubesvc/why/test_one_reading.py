"""`kubectl get pods`, `kubesvc status` and the reason for not being ready say the same of a pod."""

from __future__ import annotations

from typing import Any

import pytest
from tests.helpers.kubeapi.objects import container, pod
from tests.helpers.kubesvc.ground import document, ground

from kubeapi.meta import JSON
from kubeapi.scheme import PODS
from kubeapiserver.tables import table_for
from kubesvc.why.readiness import waiting_for


def status(name: str, *, restarts: int = 0, **state: JSON) -> JSON:
    return {"name": name, "image": "x", "imageID": "", "ready": False, "restartCount": restarts, "state": state}


WAITS = status("app", waiting={"reason": "PodInitializing"})
INIT = {"initContainers": [container("first")]}


@pytest.mark.parametrize(
    ("spec", "reported", "shown", "restarts"),
    [
        pytest.param(
            INIT,
            {
                "initContainerStatuses": [status("first", restarts=2, waiting={"reason": "CrashLoopBackOff"})],
                "containerStatuses": [WAITS],
            },
            "Init:CrashLoopBackOff",
            2,
            id="init container fails again and again",
        ),
        pytest.param(
            INIT,
            {
                "initContainerStatuses": [status("first", restarts=1, terminated={"exitCode": 3, "reason": "Error"})],
                "containerStatuses": [WAITS],
            },
            "Init:Error",
            1,
            id="init container has failed",
        ),
        pytest.param(
            {},
            {"phase": "Failed", "containerStatuses": [status("app", terminated={"exitCode": 137, "signal": 9})]},
            "Signal:9",
            0,
            id="ended by a signal",
        ),
        pytest.param(
            {},
            {"phase": "Failed", "containerStatuses": [status("app", terminated={"exitCode": 3})]},
            "ExitCode:3",
            0,
            id="ended without a reason",
        ),
        pytest.param({}, {"phase": "Failed", "reason": "Evicted"}, "Evicted", 0, id="evicted"),
        pytest.param({}, {}, "Pending", 0, id="not looked at"),
    ],
)
def test_every_place_says_the_same_of_a_pod(spec: JSON, reported: JSON, shown: str, restarts: int) -> None:
    registry = ground()
    created = registry.create(PODS, pod("web", nodeName="node-1", **spec))
    updated = registry.update_status(PODS, {**created, "status": {"phase": "Pending", **reported}})
    cells: list[Any] = table_for(PODS).row(updated, 1_700_000_000.0)["cells"]
    [said] = document(registry)["pods"]
    assert (cells[2], cells[3]) == (shown, str(restarts))
    assert (said["status"], said["restarts"]) == (shown, restarts)
    assert waiting_for(registry.store, []) == [f"Pod default/web: {shown}"]
