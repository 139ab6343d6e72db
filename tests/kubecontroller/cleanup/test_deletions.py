"""Objects whose owner or namespace is deleted."""

from __future__ import annotations

from typing import Any

import pytest

from kubeapi.meta import JSON
from kubeapi.scheme import CRONJOBS, DEPLOYMENTS, EVENTS, JOBS, PODS, REPLICASETS, SERVICES
from kubecontroller.change import Delete, Update
from kubecontroller.cleanup import garbagecollector, namespace
from kubecontroller.cleanup.garbagecollector import Dependent, Owner


def owned(*uids: str, **metadata: Any) -> JSON:
    references = [{"apiVersion": "apps/v1", "kind": "ReplicaSet", "name": each, "uid": each} for each in uids]
    full = {"name": "dependent", "namespace": "default", "uid": "d", "ownerReferences": references, **metadata}
    return {"metadata": full}


@pytest.mark.parametrize(
    ("obj", "absent", "expected"),
    [
        pytest.param(owned("a"), [], [], id="its owner is there"),
        pytest.param(owned("a"), ["a"], [Delete], id="its owner is gone"),
        pytest.param(owned("a", "b"), ["a", "b"], [Delete], id="all owners are gone"),
        pytest.param(owned("a", "b"), ["a"], [Update], id="one owner is left"),
        pytest.param(owned(), [], [], id="nobody's"),
    ],
)
def test_a_dependent_is_deleted_after_its_last_owner(obj: JSON, absent: list[str], expected: list[type]) -> None:
    changes = garbagecollector.reconcile(PODS, obj, lambda reference: Owner(reference["uid"] in absent), [])
    assert [type(each) for each in changes] == expected
    for change in changes:
        if isinstance(change, Update):
            assert [each["uid"] for each in change.obj["metadata"]["ownerReferences"]] == ["b"]


def leaving(*finalizers: str) -> JSON:
    return {
        "metadata": {
            "name": "owner",
            "namespace": "default",
            "uid": "a",
            "deletionTimestamp": "2026-01-01T00:00:00Z",
            "finalizers": list(finalizers),
        }
    }


def test_orphans_are_released_before_their_owner_is_deleted() -> None:
    dependents = [Dependent(PODS, owned("a"))]
    release, last = garbagecollector.reconcile(REPLICASETS, leaving("orphan"), lambda _: Owner(), dependents)
    assert isinstance(release, Update)
    assert isinstance(last, Update)
    assert "ownerReferences" not in release.obj["metadata"]
    assert last.obj["metadata"]["finalizers"] == []


def test_in_the_foreground_the_owner_waits_for_the_dependents_that_block_it() -> None:
    blocking = owned("a")
    blocking["metadata"]["ownerReferences"][0]["blockOwnerDeletion"] = True
    owner = leaving("foregroundDeletion")
    [first] = garbagecollector.reconcile(REPLICASETS, owner, lambda _: Owner(), [Dependent(PODS, blocking)])
    assert isinstance(first, Delete)
    [last] = garbagecollector.reconcile(REPLICASETS, owner, lambda _: Owner(), [])
    assert isinstance(last, Update)
    assert last.obj["metadata"]["finalizers"] == []


@pytest.mark.parametrize(
    ("other", "expected"),
    [
        pytest.param(Owner(), Update, id="stays"),
        pytest.param(Owner(is_waiting=True), Delete, id="is deleted in the foreground, too"),
        pytest.param(Owner(is_absent=True), Delete, id="is gone"),
    ],
)
def test_a_dependent_of_two_owners_is_parted_from_one_if_the_other(other: Owner, expected: type) -> None:
    shared = owned("a", "b")
    shared["metadata"]["ownerReferences"][0]["blockOwnerDeletion"] = True
    dependents = [Dependent(PODS, shared)]
    [change] = garbagecollector.reconcile(REPLICASETS, leaving("foregroundDeletion"), lambda _: other, dependents)
    assert isinstance(change, expected)
    if isinstance(change, Update):
        assert [each["uid"] for each in change.obj["metadata"]["ownerReferences"]] == ["b"]


def test_in_a_namespace_the_objects_that_create_others_are_deleted_first() -> None:
    going = {"metadata": {"name": "shop", "deletionTimestamp": "x", "uid": "n"}, "spec": {"finalizers": ["kubernetes"]}}
    contents = [Dependent(DEPLOYMENTS, owned()), Dependent(PODS, owned(deletionTimestamp="x"))]
    [change] = namespace.reconcile(going, contents)
    assert isinstance(change, Delete)
    assert change.resource is DEPLOYMENTS
    assert namespace.reconcile(going, [Dependent(PODS, owned(deletionTimestamp="x"))]) == []
    changes = namespace.reconcile(going, [Dependent(EVENTS, owned())])
    assert [type(each) for each in changes] == [Delete, Update, Delete]
    order = [namespace.CONTENTS.index(each) for each in (CRONJOBS, DEPLOYMENTS, JOBS, REPLICASETS, PODS, SERVICES)]
    assert max(order[:2]) < min(order[2:4])
    assert max(order[2:4]) < min(order[4:])


def test_a_namespace_with_another_finalizer_waits_for_it() -> None:
    going = {
        "metadata": {"name": "shop", "deletionTimestamp": "x", "uid": "n"},
        "spec": {"finalizers": ["kubernetes", "example.com/x"]},
    }
    [change] = namespace.reconcile(going, [])
    assert isinstance(change, Update)
    assert change.obj["spec"]["finalizers"] == ["example.com/x"]


def test_a_namespace_that_stays_is_left_alone() -> None:
    assert namespace.reconcile({"metadata": {"name": "shop"}}, [Dependent(PODS, owned())]) == []


def test_in_the_foreground_a_dependent_goes_after_its_own_dependents() -> None:
    owner = leaving("foregroundDeletion")
    uid = owner["metadata"]["uid"]
    blocking = {"kind": "Deployment", "name": "web", "uid": uid, "blockOwnerDeletion": True}
    middle: JSON = {"metadata": {"name": "web-1", "namespace": "default", "uid": "m", "ownerReferences": [blocking]}}
    dependents = [Dependent(REPLICASETS, middle, has_dependents=True)]
    update, gone = garbagecollector.reconcile(REPLICASETS, owner, lambda _: Owner(is_waiting=True), dependents)
    assert isinstance(update, Update) and isinstance(gone, Delete)
    assert update.obj["metadata"]["finalizers"] == ["foregroundDeletion"]
    assert gone.uid == "m"
