"""What the API accepts, every component can work with: no object of any kind is a fault of a handler."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.helpers.kubeapi_objects import new_registry
from tests.kubeapi.test_arbitrary_objects import likely_object

from kubeapi.core import read_service
from kubeapi.informer import Delta
from kubeapi.meta import JSON, key_of
from kubeapi.scheme import ENDPOINTSLICES, NAMESPACES, NODES, PODS, RESOURCES, SERVICES, Resource
from kubeapi.status import StatusError
from kubeapi.store import Store
from kubeapiserver.tables import printer_for
from kubecontroller.controller import ControllerConfig, _controllers
from kubecontroller.listers import Listers
from kubedns.records import Records
from kubelet.podspec import read_pod
from kubelet.reboot import after_reboot
from kubeproxy.proxier import Proxier
from kubescheduler.scheduling import Nodes, owner_of, schedule
from kubesvc.readiness import waiting_for
from kubesvc.snapshot import Readings, status_document


def follow_as_the_proxy(store: Store) -> None:
    proxier = Proxier()
    trackers: dict[Resource, Callable[[Any, JSON | None], None]] = {
        NODES: proxier.nodes.update,
        SERVICES: proxier.services.update,
        ENDPOINTSLICES: proxier.endpoints.update,
    }
    for resource, update in trackers.items():
        for obj in store.list(resource):
            update(key_of(obj), obj)
    proxier.sync()


def follow_as_the_name_server(store: Store) -> None:
    records = Records()
    handlers: dict[Resource, Callable[[list[Delta]], object]] = {
        NAMESPACES: records.namespaces_changed,
        SERVICES: records.services_changed,
        ENDPOINTSLICES: records.slices_changed,
        PODS: records.pods_changed,
    }
    for resource, handle in handlers.items():
        for obj in store.list(resource):
            handle([Delta(key_of(obj), None, obj)])


def changes(store: Store, resource: Resource) -> Iterator[Delta]:
    for obj in store.list(resource):
        for old, new in ((None, obj), (obj, obj), (obj, None)):
            yield Delta(key_of(obj), old, new)


def reconcile_as_the_controllers(store: Store) -> None:
    listers = Listers(store)
    for resource in RESOURCES:
        for obj in store.list(resource):
            listers.refresh(resource, key_of(obj))
    for controller in _controllers(listers, ControllerConfig()):
        for resource in controller.watches:
            for delta in changes(store, resource):
                for key in controller.keys_for(resource, delta):
                    controller.reconcile(key, 0.0)


def schedule_and_read_pods(store: Store) -> None:
    nodes = Nodes()
    for obj in store.list(NODES):
        nodes.put_node(obj["metadata"]["name"], obj)
    for obj in store.list(PODS):
        nodes.put_pod(key_of(obj), obj)
        schedule(obj, nodes.loads(owner_of(obj)), random.Random(1), nodes.neighbourhood(obj))
        read_pod(obj)
        after_reboot(obj, 0.0)
    for obj in store.list(SERVICES):
        read_service(obj)


def show(store: Store) -> None:
    for resource in RESOURCES:
        for obj in store.list(resource):
            printer = printer_for(resource)
            printer.cells(obj, 0.0)
            printer.conditions(obj)
    status_document(store, Readings("n", 1, "v", "zone", [], [], {}, []))
    waiting_for(store, [])
    assert [str(each) for each in store.faults.all()] == []


@pytest.mark.parametrize("resource", RESOURCES, ids=str)
@settings(max_examples=25, suppress_health_check=list(HealthCheck))
@given(pick=st.data())
def test_no_accepted_object_is_a_fault_of_anybodys(resource: Resource, pick: st.DataObject) -> None:
    registry = new_registry()
    for write in (registry.create, registry.update, registry.update_status):
        try:
            write(resource, pick.draw(likely_object(resource)))
        except StatusError:
            continue
        for work in (
            follow_as_the_proxy,
            follow_as_the_name_server,
            reconcile_as_the_controllers,
            schedule_and_read_pods,
            show,
        ):
            work(registry.store)
