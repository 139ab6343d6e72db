"""Why no node may run a pod whose claims are not there, are going, or have no volume."""

from __future__ import annotations

import random
from typing import Any

import pytest
from tests.helpers.kubecontroller.fakes import node
from tests.helpers.kubescheduler.worlds import world_of
from tests.helpers.objects import build, build_pod

from kubeapi.meta import JSON, ObjectKey
from kubeapi.scheme import PERSISTENTVOLUMECLAIMS, Resource
from kubescheduler.scheduling import Unschedulable, schedule
from kubescheduler.storage import Objects, pod_storage

BOUND = {"annotations": {"pv.kubernetes.io/bind-completed": "yes"}}


def claim(metadata: JSON | None = None, status: str = "Pending", **spec: Any) -> JSON:
    asked = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}
    own = {"uid": "c", **(metadata or {})}
    return build(
        "PersistentVolumeClaim", "data", "default", metadata=own, spec={**asked, **spec}, status={"phase": status}
    )


def objects(*stored: JSON) -> Objects:
    def find(resource: Resource, key: ObjectKey) -> JSON | None:
        named = (each for each in stored if each["kind"] == resource.kind and each["metadata"]["name"] == key.name)
        return next(named, None)

    return Objects(find, lambda resource, _: [each for each in stored if each["kind"] == resource.kind])


@pytest.mark.parametrize(
    ("volume", "stored", "why"),
    [
        pytest.param(
            {"persistentVolumeClaim": {"claimName": "data"}}, [], 'persistentvolumeclaim "data" not found', id="gone"
        ),
        pytest.param(
            {"ephemeral": {}},
            [],
            'waiting for ephemeral volume controller to create the persistentvolumeclaim "web-v"',
            id="ephemeral, not yet",
        ),
        pytest.param(
            {"persistentVolumeClaim": {"claimName": "data"}},
            [claim({"deletionTimestamp": "x"})],
            'persistentvolumeclaim "data" is being deleted',
            id="going",
        ),
        pytest.param(
            {"persistentVolumeClaim": {"claimName": "data"}},
            [claim(status="Lost", volumeName="disk")],
            'persistentvolumeclaim "data" bound to non-existent persistentvolume "disk"',
            id="lost",
        ),
        pytest.param(
            {"persistentVolumeClaim": {"claimName": "data"}},
            [claim()],
            "pod has unbound immediate PersistentVolumeClaims",
            id="unbound",
        ),
        pytest.param(
            {"persistentVolumeClaim": {"claimName": "data"}},
            [claim(BOUND, volumeName="disk")],
            "1 node(s) unavailable due to one or more pvc(s) bound to non-existent pv(s)",
            id="volume gone",
        ),
    ],
)
def test_a_pod_waits_and_its_event_says_for_which_claim(volume: JSON, stored: list[JSON], why: str) -> None:
    pod = build_pod("web", namespace="default", metadata={"uid": "p"}, volumes=[{"name": "v", **volume}])
    storage = pod_storage(pod, objects(*stored))
    decision = schedule(pod, world_of(node("node-1")), random.Random(0), storage)
    assert isinstance(decision, Unschedulable)
    help_text = "preemption: 0/1 nodes are available: 1 Preemption is not helpful for scheduling."
    assert decision.message == f"0/1 nodes are available: {why}. {help_text}"


def test_a_pod_without_claims_asks_nothing_of_storage() -> None:
    assert pod_storage(build_pod("web", volumes=[{"name": "v", "emptyDir": {}}]), objects()) is None


def test_a_claim_that_waits_is_marked_with_the_node_once() -> None:
    late = build("StorageClass", "late", provisioner="x/y", volumeBindingMode="WaitForFirstConsumer")
    pod = build_pod("web", namespace="default", volumes=[{"name": "v", "persistentVolumeClaim": {"claimName": "data"}}])
    storage = pod_storage(pod, objects(late, claim(storageClassName="late")))
    assert storage is not None
    [(resource, marked)] = storage.reservations(node("node-1"))
    assert resource is PERSISTENTVOLUMECLAIMS
    again = pod_storage(pod, objects(late, marked))
    assert again is not None
    assert again.reservations(node("node-1")) == []


@pytest.mark.parametrize(("priority", "is_freed"), [(0, True), (10, False)])
def test_a_claim_for_one_pod_alone_is_freed_for_a_more_important_one(priority: int, is_freed: bool) -> None:
    volumes = [{"name": "v", "persistentVolumeClaim": {"claimName": "data"}}]
    disk = build("PersistentVolume", "disk", spec={"accessModes": ["ReadWriteOncePod"], "capacity": {"storage": "1Gi"}})
    held = claim(BOUND, "Bound", volumeName="disk", accessModes=["ReadWriteOncePod"])
    user = build_pod(
        "user", namespace="default", metadata={"uid": "u"}, volumes=volumes, nodeName="node-1", priority=priority
    )
    wanted = build_pod("web", namespace="default", metadata={"uid": "p"}, volumes=volumes, priority=10)
    storage = pod_storage(wanted, objects(disk, held))
    decision = schedule(wanted, world_of(node("node-1"), node("node-2"), pods=[user]), random.Random(0), storage)
    assert isinstance(decision, Unschedulable)
    why = (
        "2 node(s) unavailable due to PersistentVolumeClaim with ReadWriteOncePod access mode already in-use by another"
    )
    assert decision.message.startswith(f"0/2 nodes are available: {why} pod. preemption: ")
    assert (decision.preemption is not None) is is_freed
