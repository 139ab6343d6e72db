"""The status of a Deployment: its conditions, and its deadline."""

from __future__ import annotations

from typing import Any

import pytest

from kubeapi.meta import JSON, format_time
from kubecontroller.workload.deployment.status import Condition, counted, progressed, seconds_to_deadline, with_changed

NOW = 1_700_000_000.0
NEW = {"metadata": {"name": "web-new"}, "spec": {"replicas": 2}}


def deployment(status: JSON | None = None, **spec: Any) -> JSON:
    strategy = {"rollingUpdate": {"maxSurge": 1, "maxUnavailable": 0}}
    metadata = {"name": "web", "namespace": "default", "generation": 4}
    full = {"replicas": 2, "strategy": strategy, "progressDeadlineSeconds": 60, **spec}
    return {"metadata": metadata, "spec": full, "status": status or {}}


def progressing(reason: str, since: float, value: str = "True") -> JSON:
    stamp = format_time(since)
    times = {"lastUpdateTime": stamp, "lastTransitionTime": stamp}
    return {"type": "Progressing", "status": value, "reason": reason, "message": "", **times}


COMPLETE = {"observedGeneration": 4, "replicas": 2, "updatedReplicas": 2, "availableReplicas": 2}
HALF = {"observedGeneration": 4, "replicas": 2, "updatedReplicas": 1, "availableReplicas": 1}


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        pytest.param(
            [progressing("ReplicaSetUpdated", NOW - 5)],
            COMPLETE,
            ("True", "NewReplicaSetAvailable", 'ReplicaSet "web-new" has successfully progressed.', NOW - 5),
            id="complete",
        ),
        pytest.param(
            [progressing("NewReplicaSetCreated", NOW - 5)],
            HALF,
            ("True", "ReplicaSetUpdated", 'ReplicaSet "web-new" is progressing.', NOW - 5),
            id="under way",
        ),
        pytest.param(
            [progressing("ReplicaSetUpdated", NOW - 61)],
            {},
            ("False", "ProgressDeadlineExceeded", 'ReplicaSet "web-new" has timed out progressing.', NOW),
            id="too late",
        ),
        pytest.param(
            [progressing("ProgressDeadlineExceeded", NOW - 500, "False")],
            {},
            ("False", "ProgressDeadlineExceeded", "", NOW - 500),
            id="still too late",
        ),
        pytest.param(
            [progressing("ReplicaSetUpdated", NOW - 59)], {}, ("True", "ReplicaSetUpdated", "", NOW - 59), id="in time"
        ),
    ],
)
def test_the_condition_progressing_is_as_kubectl_rollout_status_reads_it(
    before: list[JSON], after: JSON, expected: tuple[str, str, str, float]
) -> None:
    status = progressed(deployment(), {**after, "conditions": before}, NEW, NOW)
    [found] = status["conditions"]
    told = (found["status"], found["reason"], found["message"], found["lastTransitionTime"])
    assert told == (*expected[:3], format_time(expected[3]))


def test_without_a_deadline_there_is_no_condition_progressing() -> None:
    status = {"conditions": [progressing("ReplicaSetUpdated", NOW)]}
    without = deployment(progressDeadlineSeconds=2**31 - 1)
    assert progressed(without, status, NEW, NOW)["conditions"] == []
    assert seconds_to_deadline(without, status, NOW) is None


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        pytest.param(progressing("ReplicaSetUpdated", NOW - 20), 40.0, id="under way"),
        pytest.param(progressing("NewReplicaSetAvailable", NOW - 20), None, id="done"),
        pytest.param(progressing("ProgressDeadlineExceeded", NOW - 20), None, id="given up"),
        pytest.param(progressing("DeploymentPaused", NOW - 20), None, id="paused"),
    ],
)
def test_only_a_rollout_that_is_under_way_has_a_deadline_to_wait_for(condition: JSON, expected: float | None) -> None:
    assert seconds_to_deadline(deployment(), {"conditions": [condition]}, NOW) == expected


@pytest.mark.parametrize(
    ("available", "reason"),
    [
        pytest.param(2, "MinimumReplicasAvailable", id="enough"),
        pytest.param(1, "MinimumReplicasUnavailable", id="too few"),
    ],
)
def test_availability_allows_the_unavailable_pods_of_the_strategy(available: int, reason: str) -> None:
    replica_set = {**NEW, "status": {"replicas": 2, "readyReplicas": available, "availableReplicas": available}}
    status = counted(deployment(), {"collisionCount": 1}, replica_set, [replica_set], NOW)
    assert status["conditions"][0]["reason"] == reason
    assert status.get("unavailableReplicas", 0) == 2 - available
    assert (status["observedGeneration"], status["collisionCount"], status["updatedReplicas"]) == (4, 1, 2)


def test_the_same_condition_again_changes_nothing() -> None:
    available = Condition("Available", "True", "MinimumReplicasAvailable", "yes")
    status = with_changed({}, available, NOW)
    assert with_changed(status, available, NOW + 9) is status
