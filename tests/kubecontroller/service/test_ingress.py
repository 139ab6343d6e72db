"""Which Ingresses get an address, and which one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from tests.helpers.kubeapi.objects import new_registry

from kubeapi.meta import JSON, ObjectKey, key_of
from kubeapi.objects.ingress import INGRESS_CONTROLLER
from kubeapi.registry import Registry
from kubeapi.scheme import INGRESSCLASSES, INGRESSES, SERVICES
from kubeapi.watching import Delta
from kubecontroller.change import Change, RecordEvent, UpdateStatus
from kubecontroller.listers import Listers
from kubecontroller.service.ingress import IngressController, reconcile
from kubecontroller.service.loadbalancer import LoadBalancerController

POOL = "127.0.113.0/29"
LAST = "127.0.113.6"


def ingress(name: str = "web", class_name: str = "", address: str = "") -> JSON:
    spec: JSON = {"defaultBackend": {"service": {"name": "web", "port": {"number": 80}}}}
    if class_name:
        spec["ingressClassName"] = class_name
    status = {"loadBalancer": {"ingress": [{"ip": address}]} if address else {}}
    return {"metadata": {"name": name, "namespace": "default"}, "spec": spec, "status": status}


def told(changes: list[Change]) -> list[Any]:
    """Return the addresses that are written, and the reasons of events."""
    found: list[Any] = []
    for each in changes:
        if isinstance(each, UpdateStatus):
            found.append([one["ip"] for one in each.obj["status"]["loadBalancer"].get("ingress", [])])
        elif isinstance(each, RecordEvent):
            found.append(each.reason)
    return found


@pytest.mark.parametrize(
    ("obj", "controller", "address", "expected"),
    [
        pytest.param(ingress(), None, LAST, [[LAST], "Sync"], id="without a class"),
        pytest.param(ingress(class_name="a"), INGRESS_CONTROLLER, LAST, [[LAST], "Sync"], id="of our class"),
        pytest.param(ingress(class_name="a"), "k8s.io/other", LAST, [], id="of another controller"),
        pytest.param(ingress(class_name="a"), None, LAST, ["IngressClassNotFound"], id="of no class that there is"),
        pytest.param(ingress(class_name="a", address=LAST), "k8s.io/other", LAST, [[]], id="not ours any more"),
        pytest.param(ingress(class_name="a", address="9.9.9.9"), "k8s.io/other", LAST, [], id="another's address"),
        pytest.param(ingress(address=LAST), None, LAST, [], id="has it already"),
        pytest.param(ingress(), None, "", ["NoAddress"], id="no address left"),
    ],
)
def test_an_ingress_of_ours_gets_the_address(
    obj: JSON, controller: str | None, address: str, expected: list[Any]
) -> None:
    assert told(reconcile(obj, controller, address, POOL)) == expected


def test_an_ingress_of_no_class_is_told_how_it_is_served() -> None:
    [event] = reconcile(ingress(class_name="nginx"), None, LAST, POOL)
    assert isinstance(event, RecordEvent)
    assert event.message.startswith("IngressClass nginx does not exist: nothing serves this Ingress")
    assert event.message.endswith(f"with the controller {INGRESS_CONTROLLER}")


def controller_of(registry: Registry) -> IngressController:
    listers = Listers(registry.store)
    for resource in (SERVICES, INGRESSES):
        for each in registry.store.list(resource):
            listers.refresh(resource, key_of(each))
    return IngressController(listers, POOL)


def with_address(registry: Registry, resource: Any, obj: JSON, address: str) -> None:
    made = registry.create(resource, obj)
    registry.update_status(resource, {**made, "status": {"loadBalancer": {"ingress": [{"ip": address}]}}})


def service(address: str) -> Mapping[str, Any]:
    spec = {"type": "LoadBalancer", "ports": [{"port": 80}], "loadBalancerIP": address}
    return {"metadata": {"name": f"s{address[-1]}", "namespace": "default"}, "spec": spec}


@pytest.mark.parametrize(
    ("services", "ingresses", "address"),
    [
        ([], [], LAST),
        ([LAST], [], "127.0.113.5"),
        ([], ["127.0.113.3"], "127.0.113.3"),
        ([LAST], [LAST], "127.0.113.5"),
    ],
    ids=["the last", "that no Service has", "that Ingresses have", "but not from a Service"],
)
def test_all_ingresses_have_the_last_free_address(services: list[str], ingresses: list[str], address: str) -> None:
    registry = new_registry()
    for each in services:
        with_address(registry, SERVICES, dict(service(each)), each)
    for index, each in enumerate(ingresses):
        with_address(registry, INGRESSES, ingress(f"old{index}"), each)
    registry.create(INGRESSES, ingress("new"))
    changes = controller_of(registry).reconcile(ObjectKey("default", "new"), 0)
    assert told(changes)[:1] == [[address]]


def test_a_class_that_comes_concerns_its_ingresses() -> None:
    registry = new_registry()
    registry.create(INGRESSES, ingress("a", "mine"))
    registry.create(INGRESSES, ingress("b", "other"))
    made = registry.create(INGRESSCLASSES, {"metadata": {"name": "mine"}, "spec": {"controller": INGRESS_CONTROLLER}})
    keys = controller_of(registry).keys_for(INGRESSCLASSES, Delta(key_of(made), None, made))
    assert [each.name for each in keys] == ["a"]


def test_a_service_that_waits_for_an_address_gets_that_of_ingresses_which_have_gone() -> None:
    registry = new_registry()
    registry.create(SERVICES, dict(service(LAST)))
    with_address(registry, INGRESSES, ingress(), LAST)
    listers = Listers(registry.store)
    controller = LoadBalancerController(listers, POOL)
    (waiting,), (stored,) = registry.store.list(SERVICES), registry.store.list(INGRESSES)
    listers.refresh(INGRESSES, key_of(stored))
    (event,) = [each for each in controller.reconcile(key_of(waiting), 0) if isinstance(each, RecordEvent)][1:]
    assert "is in use by another Service, or by Ingresses" in event.message
    registry.delete(INGRESSES, *key_of(stored))
    listers.refresh(INGRESSES, key_of(stored))
    assert controller.keys_for(INGRESSES, Delta(key_of(stored), stored, None)) == [key_of(waiting)]
    assert told(controller.reconcile(key_of(waiting), 0)) == ["EnsuringLoadBalancer", [LAST], "EnsuredLoadBalancer"]
