"""Load balancer addresses, and what becomes of objects whose owner or namespace goes."""

from __future__ import annotations

from typing import Any

import pytest

from kubeapi.meta import JSON
from kubeapi.scheme import DEPLOYMENTS, EVENTS, PODS, REPLICASETS, SERVICES
from kubecontroller import garbagecollector, loadbalancer, namespace
from kubecontroller.change import Delete, RecordEvent, Update, UpdateStatus
from kubecontroller.garbagecollector import Dependent

POOL = "127.0.113.0/30"
BOTH_EVENTS = ["EnsuringLoadBalancer", "EnsuredLoadBalancer"]


def service(status: str = "", **spec: Any) -> JSON:
    ingress = {"ingress": [{"ip": status}]} if status else {}
    metadata = {"name": "web", "namespace": "default", "uid": "svc"}
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": metadata,
        "spec": {"type": "LoadBalancer", **spec},
        "status": {"loadBalancer": ingress},
    }


@pytest.mark.parametrize(
    ("obj", "taken", "address", "reasons"),
    [
        pytest.param(service(), [], "127.0.113.1", ["EnsuringLoadBalancer", "EnsuredLoadBalancer"], id="first"),
        pytest.param(
            service(), ["127.0.113.1"], "127.0.113.2", ["EnsuringLoadBalancer", "EnsuredLoadBalancer"], id="next"
        ),
        pytest.param(
            service(),
            ["127.0.113.1", "127.0.113.2"],
            "",
            ["EnsuringLoadBalancer", "SyncLoadBalancerFailed"],
            id="pool exhausted",
        ),
        pytest.param(
            service(loadBalancerIP="127.0.113.77"),
            [],
            "127.0.113.77",
            ["EnsuringLoadBalancer", "EnsuredLoadBalancer"],
            id="asked for",
        ),
        pytest.param(
            service(loadBalancerIP="127.0.113.1"),
            ["127.0.113.1"],
            "",
            ["EnsuringLoadBalancer", "SyncLoadBalancerFailed"],
            id="asked for, taken",
        ),
        pytest.param(service("127.0.113.2"), [], "", [], id="has one"),
        pytest.param(
            service() | {"status": {"loadBalancer": {"ingress": [{"hostname": "lb.example"}]}}},
            [],
            "",
            [],
            id="has a hostname that somebody wrote",
        ),
        pytest.param(service(loadBalancerClass="example.com/lb"), [], "", [], id="somebody else's class"),
        pytest.param(service(type="ClusterIP"), [], "", [], id="another type"),
        pytest.param(service(ipFamilies=["IPv6", "IPv4"]), [], "127.0.113.1", BOTH_EVENTS, id="both families"),
        pytest.param(
            service(ipFamilies=["IPv6"]), [], "", ["EnsuringLoadBalancer", "SyncLoadBalancerFailed"], id="IPv6 alone"
        ),
    ],
)
def test_a_load_balancer_gets_a_free_address_of_the_pool(
    obj: JSON, taken: list[str], address: str, reasons: list[str]
) -> None:
    changes = loadbalancer.reconcile(obj, POOL, taken.__contains__, lambda _: False)
    written = [loadbalancer.addresses_of(each.obj) for each in changes if isinstance(each, UpdateStatus)]
    assert written == ([[address]] if address else [])
    assert [each.reason for each in changes if isinstance(each, RecordEvent)] == reasons


def test_an_address_is_given_back_with_the_type() -> None:
    [change] = loadbalancer.reconcile(service("127.0.113.1", type="NodePort"), POOL, lambda _: False, lambda _: False)
    assert isinstance(change, UpdateStatus)
    assert change.resource is SERVICES
    assert change.obj["status"]["loadBalancer"] == {}


@pytest.mark.parametrize(
    ("given", "wanted", "kept"),
    [
        pytest.param("127.0.113.1", "", [], id="of the pool"),
        pytest.param("127.0.113.1", "127.0.113.1", ["127.0.113.1"], id="asked for"),
        pytest.param("127.9.9.9", "", ["127.9.9.9"], id="written by somebody"),
    ],
)
def test_an_address_of_the_pool_makes_way_for_an_external_one(given: str, wanted: str, kept: list[str]) -> None:
    spec = {"loadBalancerIP": wanted} if wanted else {}
    changes = loadbalancer.reconcile(service(given, **spec), POOL, given.__eq__, given.__eq__)
    written = [loadbalancer.addresses_of(each.obj) for each in changes if isinstance(each, UpdateStatus)]
    assert written == ([] if kept else [["127.0.113.2"]])


@pytest.mark.parametrize(
    ("obj", "is_terminating", "kept"),
    [
        pytest.param(service("127.0.113.1"), True, ["example.com/x"], id="deleted"),
        pytest.param(service("127.0.113.1", loadBalancerClass="a"), True, ["example.com/x"], id="another class"),
        pytest.param(service(type="ClusterIP"), False, ["example.com/x"], id="no load balancer any more"),
        pytest.param(service("127.0.113.1"), False, None, id="in use"),
    ],
)
def test_the_finalizer_of_a_load_balancer_goes_with_it(obj: JSON, is_terminating: bool, kept: list[str] | None) -> None:
    finalizers = ["example.com/x", "service.kubernetes.io/load-balancer-cleanup"]
    deleted = {"deletionTimestamp": "2026-01-01T00:00:00Z"} if is_terminating else {}
    obj = {**obj, "metadata": {**obj["metadata"], **deleted, "finalizers": finalizers}}
    changes = loadbalancer.reconcile(obj, POOL, lambda _: False, lambda _: False)
    assert [each.obj["metadata"]["finalizers"] for each in changes if isinstance(each, Update)] == (
        [kept] if kept else []
    )


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
def test_a_dependent_goes_with_its_last_owner(obj: JSON, absent: list[str], expected: list[type]) -> None:
    changes = garbagecollector.reconcile(PODS, obj, lambda reference: reference["uid"] in absent, [])
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


def test_orphans_are_let_go_before_their_owner_goes() -> None:
    dependents = [Dependent(PODS, owned("a"))]
    release, last = garbagecollector.reconcile(REPLICASETS, leaving("orphan"), lambda _: False, dependents)
    assert isinstance(release, Update)
    assert isinstance(last, Update)
    assert "ownerReferences" not in release.obj["metadata"]
    assert last.obj["metadata"]["finalizers"] == []


def test_in_the_foreground_the_owner_waits_for_those_that_block_it() -> None:
    blocking = owned("a")
    blocking["metadata"]["ownerReferences"][0]["blockOwnerDeletion"] = True
    owner = leaving("foregroundDeletion")
    [first] = garbagecollector.reconcile(REPLICASETS, owner, lambda _: False, [Dependent(PODS, blocking)])
    assert isinstance(first, Delete)
    [last] = garbagecollector.reconcile(REPLICASETS, owner, lambda _: False, [])
    assert isinstance(last, Update)
    assert last.obj["metadata"]["finalizers"] == []


def test_a_namespace_empties_what_makes_others_first_and_then_goes() -> None:
    going = {"metadata": {"name": "shop", "deletionTimestamp": "x", "uid": "n"}, "spec": {"finalizers": ["kubernetes"]}}
    contents = [Dependent(DEPLOYMENTS, owned()), Dependent(PODS, owned(deletionTimestamp="x"))]
    [change] = namespace.reconcile(going, contents)
    assert isinstance(change, Delete)
    assert change.resource is DEPLOYMENTS
    assert namespace.reconcile(going, [Dependent(PODS, owned(deletionTimestamp="x"))]) == []
    changes = namespace.reconcile(going, [Dependent(EVENTS, owned())])
    assert [type(each) for each in changes] == [Delete, Update, Delete]
    assert namespace.CONTENTS[:2] == (DEPLOYMENTS, REPLICASETS)


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
