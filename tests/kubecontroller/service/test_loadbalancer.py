"""Load-balancer addresses."""

from __future__ import annotations

from typing import Any

import pytest
from tests.helpers.objects import build_service

from kubeapi.meta import JSON
from kubeapi.objects.service import load_balancer_addresses
from kubeapi.scheme import SERVICES
from kubecontroller.change import RecordEvent, Update, UpdateStatus
from kubecontroller.service import loadbalancer

POOL = "127.0.113.0/30"
BOTH_EVENTS = ["EnsuringLoadBalancer", "EnsuredLoadBalancer"]


def service(status: str = "", **spec: Any) -> JSON:
    ingress = {"ingress": [{"ip": status}]} if status else {}
    made = build_service("web", "default", metadata={"uid": "svc"}, **{"type": "LoadBalancer", **spec})
    return {**made, "status": {"loadBalancer": ingress}}


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
    written = [load_balancer_addresses(each.obj) for each in changes if isinstance(each, UpdateStatus)]
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
def test_a_service_gets_another_address_of_the_pool_if_one_is_claimed_as_external(
    given: str, wanted: str, kept: list[str]
) -> None:
    spec = {"loadBalancerIP": wanted} if wanted else {}
    changes = loadbalancer.reconcile(service(given, **spec), POOL, given.__eq__, given.__eq__)
    written = [load_balancer_addresses(each.obj) for each in changes if isinstance(each, UpdateStatus)]
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
def test_the_finalizer_of_a_load_balancer_is_removed_with_it(
    obj: JSON, is_terminating: bool, kept: list[str] | None
) -> None:
    finalizers = ["example.com/x", "service.kubernetes.io/load-balancer-cleanup"]
    deleted = {"deletionTimestamp": "2026-01-01T00:00:00Z"} if is_terminating else {}
    obj = {**obj, "metadata": {**obj["metadata"], **deleted, "finalizers": finalizers}}
    changes = loadbalancer.reconcile(obj, POOL, lambda _: False, lambda _: False)
    assert [each.obj["metadata"]["finalizers"] for each in changes if isinstance(each, Update)] == (
        [kept] if kept else []
    )
