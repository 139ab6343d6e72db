"""Objects whose owner or namespace is deleted."""

from __future__ import annotations

from typing import Any

import pytest

from kubeapi.extensions.answers import UNSERVED, ExtensionContents, ExtensionFound, ExtensionObject, NoServers
from kubeapi.meta import JSON, ObjectKey
from kubeapi.scheme import (
    APISERVICES,
    CONFIGMAPS,
    CRONJOBS,
    DEPLOYMENTS,
    EVENTS,
    JOBS,
    NAMESPACES,
    PODS,
    REPLICASETS,
    SERVICES,
)
from kubeapi.store import Store
from kubeapi.watching import Delta
from kubecontroller.change import Delete, Requeue, Update, UpdateStatus
from kubecontroller.cleanup import garbagecollector, namespace
from kubecontroller.cleanup.garbagecollector import Dependent, Owner
from kubecontroller.listers import Listers, ObjectId


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


class Answering(NoServers):
    """An extension API server that is asked for the object that owns another one."""

    def __init__(self, *answers: ExtensionFound | None) -> None:
        self.answers = list(answers)
        self.asked: list[ExtensionObject] = []

    def find(self, asked: ExtensionObject) -> ExtensionFound | None:
        self.asked.append(asked)
        return self.answers.pop(0)


def of_remote_owner(*answers: ExtensionFound | None) -> tuple[garbagecollector.GarbageCollector, Answering, ObjectId]:
    """Return a collector that looks after a ConfigMap of a server's object, and the server."""
    store, servers = Store(), Answering(*answers)
    reference = {"apiVersion": "example.com/v1", "kind": "Toy", "name": "bear", "uid": "b"}
    metadata = {"name": "c", "namespace": "default", "uid": "c", "ownerReferences": [reference]}
    store.create(CONFIGMAPS, {"metadata": metadata})
    key = ObjectId(CONFIGMAPS, ObjectKey("default", "c"))
    return garbagecollector.GarbageCollector(Listers(store), servers), servers, key


BEAR: JSON = {"metadata": {"name": "bear", "uid": "b"}}
BUSY: JSON = {"metadata": {"name": "bear", "uid": "another"}}


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        pytest.param(ExtensionFound(BEAR), [Requeue], id="there"),
        pytest.param(ExtensionFound(), [Delete, Requeue], id="gone"),
        pytest.param(ExtensionFound(BUSY), [Delete, Requeue], id="another one of that name"),
        pytest.param(ExtensionFound(is_known=False), [Requeue], id="its server does not answer"),
        pytest.param(UNSERVED, [], id="no server"),
    ],
)
def test_an_owner_that_an_extension_api_server_has_is_looked_for(answer: ExtensionFound, expected: list[type]) -> None:
    collector, servers, key = of_remote_owner(None, answer)
    assert collector.reconcile(key, 0.0) == [Requeue(0.1)]
    assert [type(each) for each in collector.reconcile(key, 0.0)] == expected
    assert servers.asked == [ExtensionObject("example.com/v1", "Toy", ObjectKey("default", "bear"))] * 2


def test_an_owner_of_an_unknown_kind_is_looked_for_once_a_server_may_know_it() -> None:
    collector, _, key = of_remote_owner(UNSERVED, ExtensionFound())
    server = Delta(ObjectKey("", "v1.example.com"), None, {"metadata": {"name": "v1.example.com"}})
    assert [*collector.keys_for(APISERVICES, server)] == []
    assert collector.reconcile(key, 0.0) == []
    assert [*collector.keys_for(APISERVICES, server)] == [key]
    assert [type(each) for each in collector.reconcile(key, 0.0)] == [Delete, Requeue]
    assert [*collector.keys_for(APISERVICES, server)] == []


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


NOW = 1_767_225_600.0  # 2026-01-01T00:00:00Z
GONE_FOR = "2025-12-31T23:59:%02dZ"


def going(*finalizers: str, since: int = 59) -> JSON:
    """Return a Namespace whose deletion began in the last minute before NOW."""
    metadata = {"name": "shop", "deletionTimestamp": GONE_FOR % since, "uid": "n"}
    spec = {"finalizers": ["kubernetes", *finalizers]}
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": metadata, "spec": spec}


def conditions(change: object) -> dict[str, str]:
    """Return the messages of the conditions that are True."""
    assert isinstance(change, UpdateStatus)
    listed = change.obj["status"]["conditions"]
    assert len(listed) == 5
    return {each["type"]: each["message"] for each in listed if each["status"] == "True"}


def in_shop(**metadata: Any) -> JSON:
    return {"metadata": {"name": "x", "namespace": "shop", "uid": "x", **metadata}, "spec": {"nodeName": "n"}}


def test_the_pods_of_a_namespace_go_first() -> None:
    contents = [Dependent(DEPLOYMENTS, in_shop()), Dependent(PODS, in_shop())]
    deletion, status, later = namespace.reconcile(going(), contents, NOW)
    assert isinstance(deletion, Delete) and deletion.resource == PODS
    assert conditions(status) == {}
    assert later == Requeue(30.0)


def test_a_pod_that_stays_too_long_is_told_of_unless_it_has_finalizers() -> None:
    leaving_pod = in_shop(deletionTimestamp="x")
    [status] = namespace.reconcile(going(since=20), [Dependent(PODS, leaving_pod)], NOW)
    still = "unexpected items still remain in namespace: shop for gvr: /v1, Resource=pods"
    assert conditions(status)["NamespaceDeletionContentFailure"] == (
        f"Failed to delete all resource types, 1 remaining: failed to delete pods for namespace: shop, err: {still}"
    )
    leaving_pod["metadata"]["finalizers"] = ["example.com/x"]
    [status] = namespace.reconcile(going(since=20), [Dependent(PODS, leaving_pod)], NOW)
    assert conditions(status) == {}


def test_what_made_pods_goes_before_the_rest() -> None:
    order = [namespace.CONTENTS.index(each) for each in (CRONJOBS, DEPLOYMENTS, JOBS, REPLICASETS, SERVICES)]
    assert max(order[:2]) < min(order[2:4])
    assert max(order[2:4]) < order[4]


def test_what_finalizers_keep_is_told_of_and_keeps_the_namespace() -> None:
    contents = [Dependent(SERVICES, in_shop(finalizers=["example.com/x"])), Dependent(CONFIGMAPS, in_shop())]
    *deletions, status = namespace.reconcile(going(), contents, NOW)
    assert [each.resource for each in deletions if isinstance(each, Delete)] == [SERVICES, CONFIGMAPS]
    assert conditions(status) == {
        "NamespaceContentRemaining": "Some resources are remaining: services. has 1 resource instances",
        "NamespaceFinalizersRemaining": "Some content in the namespace has finalizers remaining:"
        " example.com/x in 1 resource instances",
    }


def test_an_object_that_cannot_be_deleted_is_told_of() -> None:
    [deletion, status] = namespace.reconcile(going(), [Dependent(CONFIGMAPS, in_shop())], NOW)
    assert isinstance(deletion, Delete) and not deletion.holds_up
    assert isinstance(status, UpdateStatus) and status.refused is not None
    said = conditions(UpdateStatus(NAMESPACES, status.refused("denied")))
    assert said["NamespaceDeletionContentFailure"] == "Failed to delete all resource types, 1 remaining: denied"


def test_a_namespace_in_which_only_events_are_left_goes_with_them() -> None:
    changes = namespace.reconcile(going(), [Dependent(EVENTS, in_shop())], NOW)
    assert [type(each) for each in changes] == [Delete, UpdateStatus, Update, Delete]


def test_a_namespace_with_another_finalizer_waits_for_it() -> None:
    _, change = namespace.reconcile(going("example.com/x"), [], NOW)
    assert isinstance(change, Update)
    assert change.obj["spec"]["finalizers"] == ["example.com/x"]


class Servers(NoServers):
    """Servers that have something of every namespace."""

    def __init__(self, remote: ExtensionContents) -> None:
        self.remote = remote

    def contents(self, namespace: str) -> ExtensionContents:
        return self.remote


REMOTE = ExtensionContents(counts={"things.example.com": 2}, finalizers={"a.example.com/b": 1})
STALE = "example.com/v1: stale GroupVersion discovery: example.com/v1"


@pytest.mark.parametrize(
    ("remote", "said"),
    [
        (
            REMOTE,
            {
                "NamespaceContentRemaining": "Some resources are remaining:"
                " things.example.com has 2 resource instances",
                "NamespaceFinalizersRemaining": "Some content in the namespace has finalizers remaining:"
                " a.example.com/b in 1 resource instances",
            },
        ),
        (
            ExtensionContents(undiscovered=("example.com/v1",)),
            {
                "NamespaceDeletionDiscoveryFailure": "Discovery failed for some groups, 1 failing:"
                f" unable to retrieve the complete list of server APIs: {STALE}"
            },
        ),
        (
            ExtensionContents(faults=("oh",)),
            {"NamespaceDeletionContentFailure": "Failed to delete all resource types, 1 remaining: oh"},
        ),
    ],
    ids=["objects", "undiscovered", "fault"],
)
def test_a_namespace_waits_for_extension_api_servers(remote: ExtensionContents, said: dict[str, str]) -> None:
    status, later = namespace.reconcile(going(), [], NOW, Servers(remote))
    assert conditions(status) == said
    assert later == Requeue(2.0)


def test_a_namespace_says_nothing_of_what_is_being_found_out() -> None:
    assert namespace.reconcile(going(), [], NOW, Servers(ExtensionContents(is_pending=True))) == [Requeue(0.1)]


def test_a_namespace_that_stays_is_left_alone() -> None:
    assert namespace.reconcile({"metadata": {"name": "shop"}}, [Dependent(PODS, owned())], NOW) == []


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


def test_objects_that_own_each_other_do_not_wait_for_each_other() -> None:
    owner = leaving("foregroundDeletion")
    blocking = {"kind": "Pod", "name": "web", "uid": owner["metadata"]["uid"], "blockOwnerDeletion": True}
    other: JSON = {"metadata": {"name": "a", "namespace": "default", "uid": "m", "ownerReferences": [blocking]}}
    dependents = [Dependent(PODS, other, has_dependents=True, is_in_circle=True)]
    update, gone = garbagecollector.reconcile(PODS, owner, lambda _: Owner(is_waiting=True), dependents)
    assert isinstance(update, Update) and isinstance(gone, Delete)
    assert [each["blockOwnerDeletion"] for each in update.obj["metadata"]["ownerReferences"]] == [False]
    [freed] = garbagecollector.reconcile(PODS, owner, lambda _: Owner(is_waiting=True), [Dependent(PODS, update.obj)])
    assert isinstance(freed, Update) and "foregroundDeletion" not in freed.obj["metadata"]["finalizers"]
