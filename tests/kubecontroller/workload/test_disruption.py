"""PodDisruptionBudgets: how many pods may go."""

from __future__ import annotations

from typing import Any

import pytest
from tests.helpers.objects import build

from kubeapi.meta import JSON, ObjectKey
from kubeapi.scheme import Resource
from kubecontroller.change import Change, RecordEvent, Requeue, UpdateStatus
from kubecontroller.workload.disruption import reconcile

NOW = 1_767_225_600.0  # 2026-01-01T00:00:00Z
READY = [{"type": "Ready", "status": "True"}]


def budget(status: JSON | None = None, **spec: Any) -> JSON:
    metadata = {"uid": "b", "generation": 2}
    full = {"selector": {"matchLabels": {"app": "web"}}, **spec}
    return build("PodDisruptionBudget", "web", "default", metadata=metadata, spec=full, status=status or {})


def pod(name: str, owner: str = "ReplicaSet", *, is_ready: bool = True, **metadata: Any) -> JSON:
    reference = {"apiVersion": VERSIONS[owner], "kind": owner, "name": "rs", "uid": owner, "controller": True}
    owners = {"ownerReferences": [reference]} if owner else {}
    status = {"phase": "Running", "conditions": READY if is_ready else []}
    return build("Pod", name, "default", metadata={"labels": {"app": "web"}, **owners, **metadata}, status=status)


VERSIONS = {"ReplicaSet": "apps/v1", "Job": "batch/v1", "ReplicationController": "v1", "Thing": "x.io/v1", "": ""}


def find(resource: Resource, key: ObjectKey) -> JSON | None:
    """Return a ReplicaSet of a Deployment with five replicas, or a ReplicationController with two."""
    metadata: JSON = {"uid": resource.kind}
    if resource.kind == "ReplicaSet":
        metadata["ownerReferences"] = [
            {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web", "uid": "Deployment", "controller": True}
        ]
    replicas = 2 if resource.kind == "ReplicationController" else 5
    return build(resource.kind, key.name, key.namespace, metadata=metadata, spec={"replicas": replicas})


def counts(changes: list[Change]) -> tuple[int, ...]:
    """Return the healthy, desired, allowed and expected pods of the status that is written."""
    [status] = [each.obj["status"] for each in changes if isinstance(each, UpdateStatus)]
    return tuple(status[each] for each in ("currentHealthy", "desiredHealthy", "disruptionsAllowed", "expectedPods"))


def reasons(changes: list[Change]) -> list[str]:
    return [each.reason for each in changes if isinstance(each, RecordEvent)]


THREE = [pod("a"), pod("b"), pod("c")]


@pytest.mark.parametrize(
    ("spec", "pods", "expected", "events"),
    [
        pytest.param({"minAvailable": 2}, THREE, (3, 2, 1, 3), [], id="a number"),
        pytest.param({"minAvailable": 2}, [], (0, 2, 0, 0), ["NoPods"], id="no pods"),
        pytest.param({"minAvailable": 0}, THREE[:1], (1, 0, 1, 1), [], id="all may go"),
        pytest.param({"minAvailable": "50%"}, THREE, (3, 3, 0, 5), [], id="a share of what the Deployment wants"),
        pytest.param({"maxUnavailable": 3}, THREE, (3, 2, 1, 5), [], id="some may lack"),
        pytest.param({"maxUnavailable": "30%"}, THREE, (3, 3, 0, 5), [], id="a share may lack, rounded up"),
        pytest.param({"maxUnavailable": 9}, THREE, (3, 0, 3, 5), [], id="more than there are"),
        pytest.param(
            {"minAvailable": 1},
            [pod("a"), pod("b", is_ready=False), pod("c", deletionTimestamp="2026-01-01T00:00:00Z")],
            (1, 1, 0, 3),
            [],
            id="only ready ones count",
        ),
        pytest.param(
            {"maxUnavailable": 1}, [pod("a", "ReplicationController")], (1, 1, 0, 2), [], id="of another kind"
        ),
        pytest.param({"maxUnavailable": 1}, [pod("a", "")], (1, 0, 0, 0), ["UnmanagedPods"], id="of no controller"),
        pytest.param({}, THREE, (3, 0, 0, 0), [], id="neither is said"),
    ],
)
def test_the_status_says_how_many_may_go(
    spec: JSON, pods: list[JSON], expected: tuple[int, ...], events: list[str]
) -> None:
    changes = reconcile(budget(**spec), pods, find, NOW)
    assert counts(changes) == expected
    assert reasons(changes) == events


@pytest.mark.parametrize(
    ("owner", "fault"),
    [
        ("Job", "jobs.batch does not implement the scale subresource"),
        ("Thing", 'no matches for kind "Thing" in version "x.io/v1"'),
    ],
)
def test_pods_that_cannot_be_counted_may_not_go(owner: str, fault: str) -> None:
    changes = reconcile(budget({"disruptionsAllowed": 3}, maxUnavailable=1), [pod("a", owner)], find, NOW)
    assert reasons(changes) == ["CalculateExpectedPodCountFailed"]
    [status] = [each.obj["status"] for each in changes if isinstance(each, UpdateStatus)]
    [condition] = status["conditions"]
    assert (status["disruptionsAllowed"], condition["reason"], condition["message"]) == (0, "SyncFailed", fault)


def test_an_evicted_pod_counts_as_gone_for_two_minutes() -> None:
    evicted = {"disruptedPods": {"a": "2025-12-31T23:59:00Z", "b": "2025-12-31T23:00:00Z", "gone": "x"}}
    changes = reconcile(budget(evicted, minAvailable=1), THREE, find, NOW)
    assert counts(changes) == (2, 1, 1, 3)
    assert [each.after for each in changes if isinstance(each, Requeue)] == [60.0]
    assert reasons(changes) == ["NotDeleted"]


def test_a_status_that_is_right_is_not_written() -> None:
    [change] = reconcile(budget(minAvailable=2), THREE, find, NOW)
    assert isinstance(change, UpdateStatus)
    assert reconcile(change.obj, THREE, find, NOW + 60) == []
