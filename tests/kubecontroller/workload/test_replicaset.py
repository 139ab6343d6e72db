"""ReplicaSets: the pods to create, the order of deletion, the status."""

from __future__ import annotations

from typing import Any

import pytest
from tests.helpers.objects import build

from kubeapi.meta import JSON
from kubecontroller.change import Create, Delete, Requeue, Update, UpdateStatus
from kubecontroller.workload.podcontrol import pod_from_template
from kubecontroller.workload.replicaset import in_deletion_order, reconcile

NOW = 1_767_225_600.0  # 2026-01-01T00:00:00Z


def replica_set(replicas: int, **spec: Any) -> JSON:
    template = {"metadata": {"labels": {"app": "web"}}, "spec": {"containers": [{"name": "main"}]}}
    full = {"replicas": replicas, "selector": {"matchLabels": {"app": "web"}}, "template": template, **spec}
    return build("ReplicaSet", "web-abc", "default", metadata={"uid": "rs", "generation": 3}, spec=full)


OWNED = [{"kind": "ReplicaSet", "name": "web-abc", "uid": "rs", "controller": True}]


def pod(name: str = "a", **more: Any) -> JSON:
    metadata = {
        "uid": name,
        "labels": {"app": "web"},
        "ownerReferences": OWNED,
        "creationTimestamp": "2025-12-31T00:00:00Z",
    }
    status = {"phase": "Running", "conditions": [ready("2025-12-31T12:00:00Z")]}
    return build(
        "Pod",
        name,
        "default",
        metadata=metadata | more.get("metadata", {}),
        spec={"nodeName": "node-1"} | more.get("spec", {}),
        status=status | more.get("status", {}),
    )


def ready(since: str, status: str = "True") -> JSON:
    return {"type": "Ready", "status": status, "lastTransitionTime": since}


@pytest.mark.parametrize(
    ("replicas", "pods", "created", "deleted"),
    [
        pytest.param(2, [], 2, 0, id="none yet"),
        pytest.param(2, [pod("a"), pod("b")], 0, 0, id="just right"),
        pytest.param(1, [pod("a"), pod("b")], 0, 1, id="one too many"),
        pytest.param(2, [pod("a"), pod("b", status={"phase": "Failed"})], 1, 0, id="a failed one is replaced"),
        pytest.param(2, [pod("a"), pod("b", status={"phase": "Succeeded"})], 1, 0, id="one that ended is replaced"),
        pytest.param(
            2, [pod("a"), pod("b", metadata={"deletionTimestamp": "x"})], 1, 0, id="one that is leaving is replaced"
        ),
        pytest.param(1, [pod("a", metadata={"ownerReferences": []})], 0, 0, id="an orphan is adopted"),
        pytest.param(1, [pod("a", metadata={"labels": {}})], 1, 0, id="one that no longer matches is let go"),
        pytest.param(600, [], 500, 0, id="not all at once"),
    ],
)
def test_pods_are_created_and_deleted_as_the_replicas_ask(
    replicas: int, pods: list[JSON], created: int, deleted: int
) -> None:
    changes = reconcile(replica_set(replicas), pods, pods, NOW)
    assert sum(isinstance(each, Create) for each in changes) == created
    assert sum(isinstance(each, Delete) for each in changes) == deleted


def test_a_terminating_replica_set_creates_no_pods() -> None:
    going = replica_set(2)
    going["metadata"]["deletionTimestamp"] = "2026-01-01T00:00:00Z"
    assert [type(each) for each in reconcile(going, [], [], NOW)] == [UpdateStatus]


def test_adoptions_and_releases_are_written() -> None:
    orphan = pod("a", metadata={"ownerReferences": []})
    stray = pod("b", metadata={"labels": {}})
    adopted, released = [
        each.obj for each in reconcile(replica_set(1), [orphan, stray], [], NOW) if isinstance(each, Update)
    ]
    assert adopted["metadata"]["ownerReferences"][0]["uid"] == "rs"
    assert "ownerReferences" not in released["metadata"]


@pytest.mark.parametrize(
    ("first", "second"),
    [
        pytest.param(pod("z", spec={"nodeName": ""}), pod("a"), id="unassigned"),
        pytest.param(pod("z", status={"phase": "Pending"}), pod("a", status={"phase": "Unknown"}), id="pending"),
        pytest.param(pod("z", status={"phase": "Unknown"}), pod("a"), id="unknown"),
        pytest.param(pod("z", status={"conditions": [ready("x", "False")]}), pod("a"), id="not ready"),
        pytest.param(
            pod("z", metadata={"annotations": {"controller.kubernetes.io/pod-deletion-cost": "-1"}}),
            pod("a"),
            id="cheaper",
        ),
        pytest.param(pod("z", status={"conditions": [ready("2025-12-31T13:00:00Z")]}), pod("a"), id="ready later"),
        pytest.param(pod("z", status={"containerStatuses": [{"restartCount": 2}]}), pod("a"), id="restarted more"),
        pytest.param(pod("z", metadata={"creationTimestamp": "2025-12-31T01:00:00Z"}), pod("a"), id="younger"),
        pytest.param(pod("a"), pod("z"), id="by uid at last"),
    ],
)
def test_the_least_useful_pod_is_deleted_first(first: JSON, second: JSON) -> None:
    assert in_deletion_order([second, first], []) == [first, second]
    assert in_deletion_order([first, second], []) == [first, second]


def test_a_pod_of_the_fuller_node_is_deleted_first() -> None:
    crowd = [pod("c", spec={"nodeName": "node-2"}), pod("d", spec={"nodeName": "node-2"}), pod("a")]
    order = [each["metadata"]["name"] for each in in_deletion_order(crowd, crowd)]
    assert order == ["c", "d", "a"]


def test_the_status_has_the_counts_and_the_key_is_requeued_for_availability() -> None:
    fresh = pod("b", status={"conditions": [ready("2025-12-31T23:59:50Z")]})
    going = pod("d", metadata={"deletionTimestamp": "2025-12-31T23:59:55Z"})
    waiting = pod("c", status={"phase": "Pending", "conditions": []})
    status, later = reconcile(replica_set(3, minReadySeconds=30), [pod("a"), fresh, waiting, going], [], NOW)
    assert isinstance(status, UpdateStatus)
    assert status.obj["status"] == {
        "replicas": 3,
        "terminatingReplicas": 1,
        "fullyLabeledReplicas": 3,
        "readyReplicas": 2,
        "availableReplicas": 1,
        "observedGeneration": 3,
    }
    assert later == Requeue(20.0)


def test_a_pod_is_the_template_with_an_owner_and_a_generated_name() -> None:
    made = pod_from_template(replica_set(1))
    assert made["metadata"]["generateName"] == "web-abc-"
    assert made["metadata"]["labels"] == {"app": "web"}
    assert made["metadata"]["ownerReferences"][0]["controller"] is True
    assert made["spec"] == {"containers": [{"name": "main"}]}
