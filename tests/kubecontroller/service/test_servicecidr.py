"""When a ServiceCIDR is ready, when it may go, and that every cluster IP has an IPAddress."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
from tests.helpers.kubecontroller.fakes import EPOCH, FakeCluster, service

from kubeapi.meta import JSON, ObjectKey, format_time
from kubeapi.objects.servicecidr import FINALIZER, READY_MESSAGE
from kubeapi.registry.bootstrap import bootstrap
from kubeapi.scheme import IPADDRESSES, SERVICECIDRS, SERVICES
from kubecontroller.change import Change, Update, UpdateStatus
from kubecontroller.controllers import ControllerConfig
from kubecontroller.service.servicecidr import reconcile

NOW = EPOCH
READY = {"type": "Ready", "status": "True", "reason": "", "message": READY_MESSAGE}


def cidr(*cidrs: str, name: str = "more", status: JSON | None = None, **metadata: Any) -> JSON:
    return {"metadata": {"name": name, **metadata}, "spec": {"cidrs": list(cidrs)}, "status": status or {}}


def going(*cidrs: str) -> JSON:
    return cidr(*cidrs, finalizers=[FINALIZER], deletionTimestamp="2026-01-01T00:00:00Z")


def told(changes: Sequence[Change]) -> list[str]:
    """Return what each change says: the finalizers, or status and reason of the condition."""
    said = []
    for each in changes:
        if isinstance(each, Update):
            said.append(f"finalizers {each.obj['metadata']['finalizers']}")
        elif isinstance(each, UpdateStatus):
            [condition] = each.obj["status"]["conditions"]
            said.append(f"{condition['status']} {condition['reason']}".strip())
    return said


def test_a_new_range_gets_the_finalizer_and_becomes_ready() -> None:
    kept, ready = reconcile(cidr("10.0.0.0/24"), [], [], NOW)
    assert isinstance(kept, Update) and kept.obj["metadata"]["finalizers"] == [FINALIZER]
    assert isinstance(ready, UpdateStatus)
    assert ready.obj["status"] == {"conditions": [{**READY, "lastTransitionTime": format_time(NOW)}]}


def test_a_range_that_is_ready_is_left_alone() -> None:
    assert reconcile(cidr("10.0.0.0/24", finalizers=[FINALIZER], status={"conditions": [READY]}), [], [], NOW) == []


@pytest.mark.parametrize(
    ("others", "addresses", "said"),
    [
        pytest.param([], [], ["finalizers []"], id="unused"),
        pytest.param([], ["10.0.0.7"], ["False Terminating"], id="used"),
        pytest.param([], ["10.0.1.7", "fd00::7"], ["finalizers []"], id="others are used"),
        pytest.param([], ["10.0.0.0", "10.0.0.255"], ["finalizers []"], id="addresses that are never given"),
        pytest.param(["10.0.0.0/16"], ["10.0.0.7"], ["finalizers []"], id="within another"),
        pytest.param(["10.0.0.0/25"], ["10.0.0.7"], ["finalizers []"], id="the address is in another"),
        pytest.param(["10.0.0.0/25"], ["10.0.0.200"], ["False Terminating"], id="the address is in no other"),
    ],
)
def test_a_range_stays_until_no_address_is_in_it_alone(
    others: list[str], addresses: list[str], said: list[str]
) -> None:
    assert told(reconcile(going("10.0.0.0/24"), [cidr(each, name="other") for each in others], addresses, NOW)) == said


def test_each_part_of_a_dual_stack_range_keeps_it() -> None:
    obj = going("10.0.0.0/24", "fd00::/112")
    assert told(reconcile(obj, [cidr("10.0.0.0/16", name="other")], ["fd00::7"], NOW)) == ["False Terminating"]
    assert told(reconcile(obj, [cidr("10.0.0.0/16", name="other")], ["10.0.0.7"], NOW)) == ["finalizers []"]


async def test_a_second_range_gives_addresses_and_goes_after_its_last_service() -> None:
    async with FakeCluster().running() as cluster:
        bootstrap(cluster.registry)
        cluster.apply(SERVICECIDRS, cidr("127.0.50.0/29"))
        await cluster.settle()
        cluster.apply(SERVICES, service("web", clusterIP="127.0.50.3"))
        cluster.registry.delete(SERVICECIDRS, "", "more")
        await cluster.settle()
        [condition] = cluster.one(SERVICECIDRS, "more")["status"]["conditions"]
        assert (condition["status"], condition["reason"]) == ("False", "Terminating")
        cluster.registry.delete(SERVICES, "default", "web")
        await cluster.settle()
        assert cluster.store.find(SERVICECIDRS, ObjectKey("", "more")) is None


async def test_the_configured_range_comes_back() -> None:
    config = ControllerConfig(service_cidrs=("127.96.0.0/12",))
    async with FakeCluster(config=config).running() as cluster:
        cluster.apply(SERVICECIDRS, cidr("127.96.0.0/12", name="kubernetes"))
        await cluster.settle()
        before = cluster.one(SERVICECIDRS, "kubernetes")
        cluster.registry.delete(SERVICECIDRS, "", "kubernetes")
        await cluster.settle()
        after = cluster.one(SERVICECIDRS, "kubernetes")
        assert after["metadata"]["uid"] != before["metadata"]["uid"]
        assert after["status"]["conditions"][0]["status"] == "True"


async def test_an_address_that_somebody_deletes_comes_back_with_an_event() -> None:
    async with FakeCluster().running() as cluster:
        cluster.apply(SERVICES, service("web", clusterIP="127.96.0.7"))
        cluster.registry.delete(IPADDRESSES, "", "127.96.0.7")
        await cluster.settle()
        assert cluster.one(IPADDRESSES, "127.96.0.7")["spec"]["parentRef"]["name"] == "web"
        assert cluster.events("ClusterIPNotAllocated") == ["Cluster IP [IPv4]: 127.96.0.7 is not allocated; repairing"]


async def test_a_load_balancer_makes_way_for_a_cluster_ip_of_its_pool() -> None:
    async with FakeCluster(config=ControllerConfig(load_balancer_pool="127.0.113.0/29")).running() as cluster:
        cluster.apply(SERVICECIDRS, cidr("127.0.113.0/29"))
        cluster.apply(SERVICES, service("lb", type="LoadBalancer"))
        await cluster.settle()
        [ingress] = cluster.one(SERVICES, "lb")["status"]["loadBalancer"]["ingress"]
        cluster.apply(SERVICES, service("web", clusterIP=ingress["ip"]))
        await cluster.settle()
        [moved] = cluster.one(SERVICES, "lb")["status"]["loadBalancer"]["ingress"]
        assert moved["ip"] != ingress["ip"]
