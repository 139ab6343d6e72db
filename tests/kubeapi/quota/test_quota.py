"""ResourceQuotas: what is charged for an object, and what is refused in the words of a real server."""

from __future__ import annotations

from typing import Any

import pytest
from tests.helpers.kubeapi.objects import container, new_registry, pod, service

from kubeapi.kinds import kind_of
from kubeapi.meta import JSON, ObjectKey, key_of
from kubeapi.quota.countable import usage_of
from kubeapi.registry import Registry
from kubeapi.scheme import CONFIGMAPS, PERSISTENTVOLUMECLAIMS, PODS, RESOURCEQUOTAS, SERVICES, Resource
from kubeapi.status import Forbidden
from kubeapi.watching import Delta
from kubecontroller.listers import Listers
from kubecontroller.quota.resourcequota import ResourceQuotaController


def asking(**requests: str) -> JSON:
    return container(resources={"requests": requests})


@pytest.mark.parametrize(
    ("resource", "obj", "expected"),
    [
        pytest.param(
            PODS,
            pod(containers=[asking(cpu="100m", memory="1Gi"), {**asking(cpu="1"), "name": "b"}]),
            {
                "count/pods": "1",
                "pods": "1",
                "cpu": "1100m",
                "requests.cpu": "1100m",
                "memory": "1Gi",
                "requests.memory": "1Gi",
            },
            id="the sum of containers",
        ),
        pytest.param(
            PODS,
            pod(initContainers=[{**asking(cpu="3"), "name": "i"}], containers=[asking(cpu="1")]),
            {"count/pods": "1", "pods": "1", "cpu": "3", "requests.cpu": "3"},
            id="the largest init container",
        ),
        pytest.param(
            PODS,
            {
                **pod(containers=[{**asking(cpu="1"), "name": "a"}]),
                "status": {"containerStatuses": [{"name": "a", "resources": {"requests": {"cpu": "3"}}}]},
            },
            {"count/pods": "1", "pods": "1", "cpu": "3", "requests.cpu": "3"},
            id="what a pod still has that asks for less",
        ),
        pytest.param(PODS, {**pod(), "status": {"phase": "Succeeded"}}, {"count/pods": "1"}, id="a pod that has ended"),
        pytest.param(
            SERVICES,
            service(type="LoadBalancer"),
            {"count/services": "1", "services": "1", "services.nodeports": "1", "services.loadbalancers": "1"},
            id="a load balancer and its node port",
        ),
        pytest.param(
            SERVICES,
            service(type="LoadBalancer", allocateLoadBalancerNodePorts=False),
            {"count/services": "1", "services": "1", "services.nodeports": "0", "services.loadbalancers": "1"},
            id="a load balancer without node ports",
        ),
        pytest.param(
            PERSISTENTVOLUMECLAIMS,
            {"metadata": {}, "spec": {"storageClassName": "gold", "resources": {"requests": {"storage": "2Gi"}}}},
            {
                "count/persistentvolumeclaims": "1",
                "persistentvolumeclaims": "1",
                "requests.storage": "2Gi",
                "gold.storageclass.storage.k8s.io/persistentvolumeclaims": "1",
                "gold.storageclass.storage.k8s.io/requests.storage": "2Gi",
            },
            id="a claim of a class",
        ),
        pytest.param(CONFIGMAPS, {}, {"count/configmaps": "1", "configmaps": "1"}, id="a name as before counts"),
    ],
)
def test_what_an_object_takes(resource: Resource, obj: JSON, expected: dict[str, str]) -> None:
    assert usage_of(resource, kind_of(resource).countable, obj) == expected


def limited(hard: dict[str, str], **spec: Any) -> Registry:
    """Return a registry with a quota whose controller has counted."""
    registry = new_registry()
    registry.create(RESOURCEQUOTAS, {"metadata": {"name": "q"}, "spec": {"hard": hard, **spec}})
    count(registry)
    return registry


def count(registry: Registry) -> None:
    [quota] = registry.store.list(RESOURCEQUOTAS)
    controller = ResourceQuotaController(Listers(registry.store))
    for change in controller.reconcile(key_of(quota), 0.0):
        registry.update_status(RESOURCEQUOTAS, change.obj)  # type: ignore[union-attr]


def used(registry: Registry) -> JSON:
    [quota] = registry.store.list(RESOURCEQUOTAS)
    found: JSON = quota["status"]["used"]
    return found


def test_an_object_is_charged_and_the_one_too_many_is_refused() -> None:
    registry = limited({"pods": "1", "configmaps": "0"})
    registry.create(PODS, pod("a"))
    assert used(registry) == {"pods": "1", "configmaps": "0"}
    text = 'pods "b" is forbidden: exceeded quota: q, requested: pods=1, used: pods=1, limited: pods=1'
    with pytest.raises(Forbidden, match=text):
        registry.create(PODS, pod("b"))
    with pytest.raises(Forbidden, match="exceeded quota: q, requested: configmaps=1, used: configmaps=0"):
        registry.create(CONFIGMAPS, {"metadata": {"name": "m"}})
    assert used(registry) == {"pods": "1", "configmaps": "0"}


def test_a_dry_run_is_refused_but_charges_nothing() -> None:
    registry = limited({"pods": "1"})
    registry.create(PODS, pod("a"), dry_run=True)
    assert used(registry) == {"pods": "0"}


def test_what_has_gone_is_given_back_by_the_count() -> None:
    registry = limited({"pods": "1"})
    registry.create(PODS, pod("a"))
    registry.delete(PODS, "default", "a")
    count(registry)
    assert used(registry) == {"pods": "0"}


def test_a_quota_is_counted_anew_when_a_pod_ends_leaves_its_scope_or_goes() -> None:
    registry = limited({"pods": "1"}, scopes=["NotTerminating"])
    controller = ResourceQuotaController(Listers(registry.store))
    running = registry.create(PODS, pod("a"))
    key, quotas = key_of(running), [ObjectKey("default", "q")]
    ended = {**running, "status": {"phase": "Succeeded"}}
    bounded = {**running, "spec": {**running["spec"], "activeDeadlineSeconds": 5}}
    assert list(controller.keys_for(PODS, Delta(key, running, None))) == quotas
    assert list(controller.keys_for(PODS, Delta(key, running, ended))) == quotas
    assert list(controller.keys_for(PODS, Delta(key, running, bounded))) == quotas
    assert list(controller.keys_for(PODS, Delta(key, running, {**running, "status": {"podIP": "1"}}))) == []
    assert list(controller.keys_for(PODS, Delta(key, None, running))) == []


def test_a_quota_of_cpu_wants_every_container_to_say_what_it_asks_for() -> None:
    registry = limited({"requests.cpu": "2", "limits.memory": "1Gi"})
    with pytest.raises(Forbidden, match=r"failed quota: q: must specify limits.memory for: app; requests.cpu for: app"):
        registry.create(PODS, pod())


def test_nothing_is_admitted_before_the_first_count() -> None:
    registry = new_registry()
    registry.create(RESOURCEQUOTAS, {"metadata": {"name": "q"}, "spec": {"hard": {"pods": "1"}}})
    registry.create(PODS, pod("a"))  # the quota has no status, and so no limit yet
    count(registry)
    [quota] = registry.store.list(RESOURCEQUOTAS)
    registry.update_status(RESOURCEQUOTAS, {**quota, "status": {"hard": {"pods": "3"}}})
    with pytest.raises(Forbidden, match="status unknown for quota: q, resources: pods"):
        registry.create(PODS, pod("b"))


@pytest.mark.parametrize(
    ("scope", "spec", "is_counted"),
    [
        ("Terminating", {"activeDeadlineSeconds": 5}, True),
        ("NotTerminating", {"activeDeadlineSeconds": 5}, False),
        ("BestEffort", {}, True),
        ("NotBestEffort", {}, False),
        ("NotBestEffort", {"containers": [asking(cpu="1")]}, True),
    ],
)
def test_a_quota_counts_the_pods_of_its_scope(scope: str, spec: JSON, is_counted: bool) -> None:
    registry = limited({"pods": "5"}, scopes=[scope])
    registry.create(PODS, pod(**spec))
    assert used(registry) == {"pods": str(int(is_counted))}


@pytest.mark.parametrize(
    ("requirement", "attributes", "is_counted"),
    [
        ({"operator": "Exists"}, "", False),
        ({"operator": "Exists"}, "gold", True),
        ({"operator": "In", "values": ["gold"]}, "gold", True),
        ({"operator": "In", "values": ["gold"]}, "tin", False),
        ({"operator": "NotIn", "values": ["gold"]}, "", True),
    ],
)
def test_a_quota_counts_the_claims_of_a_class_of_attributes(
    requirement: JSON, attributes: str, is_counted: bool
) -> None:
    expression = {"scopeName": "VolumeAttributesClass", **requirement}
    registry = limited({"persistentvolumeclaims": "5"}, scopeSelector={"matchExpressions": [expression]})
    spec: JSON = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}
    spec |= {"volumeAttributesClassName": attributes} if attributes else {}
    registry.create(PERSISTENTVOLUMECLAIMS, {"metadata": {"name": "c"}, "spec": spec})
    assert used(registry) == {"persistentvolumeclaims": str(int(is_counted))}


def test_a_service_that_becomes_a_load_balancer_is_charged_for_the_difference() -> None:
    registry = limited({"services": "1", "services.loadbalancers": "0"})
    stored = registry.create(SERVICES, service())
    with pytest.raises(Forbidden, match=r"requested: services.loadbalancers=1, used: services.loadbalancers=0"):
        registry.update(SERVICES, {**stored, "spec": {**stored["spec"], "type": "LoadBalancer"}})


@pytest.mark.parametrize(
    ("spec", "fault"),
    [
        ({"hard": {"foo": "1"}}, "spec.hard[foo]"),
        ({"hard": {"pods": "1.5"}}, "must be an integer"),
        ({"hard": {"pods": "-1"}}, "must be greater than or equal to 0"),
        ({"hard": {"pods": "1"}, "scopes": ["Terminating", "NotTerminating"]}, "conflicting scopes"),
        ({"hard": {"cpu": "1"}, "scopes": ["BestEffort"]}, "unsupported scope applied to resource"),
        ({"hard": {"pods": "1"}, "scopes": ["Foo"]}, "unsupported scope"),
        (
            {"scopeSelector": {"matchExpressions": [{"scopeName": "PriorityClass", "operator": "In"}]}},
            "must be at least one value when `operator` is 'In' or 'NotIn' for scope selector",
        ),
    ],
)
def test_a_quota_that_cannot_be_counted_is_invalid(spec: JSON, fault: str) -> None:
    with pytest.raises(Exception, match=r"is invalid") as caught:
        new_registry().create(RESOURCEQUOTAS, {"metadata": {"name": "q"}, "spec": spec})
    assert fault in str(caught.value)
