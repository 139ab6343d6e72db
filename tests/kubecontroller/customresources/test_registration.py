"""The APIServices of the versions that CustomResourceDefinitions serve."""

from __future__ import annotations

import pytest
from tests.helpers.kubeapi.objects import new_registry

from kubeapi.apipriorities import BUILT_IN, CUSTOM, create_missing_api_services, new_api_service
from kubeapi.meta import JSON, ObjectKey
from kubeapi.objects.apiservice import ALWAYS, ON_START, local_condition
from kubeapi.scheme import APISERVICES, CUSTOM_RESOURCE_DEFINITIONS
from kubeapi.watching import Delta
from kubeapiserver.catalog import CATALOG
from kubecontroller.change import Create, Delete, Update, UpdateStatus
from kubecontroller.customresources.registration import RegistrationController, reconcile
from kubecontroller.listers import Listers

NAME = "v1.example.com"
WANTED = new_api_service("example.com", "v1", CUSTOM, ALWAYS)


def crd(**versions: bool) -> JSON:
    """Return a definition with versions, and whether each is served."""
    listed = [{"name": name, "served": is_served} for name, is_served in versions.items()]
    return {"metadata": {"name": "as.example.com"}, "spec": {"group": "example.com", "versions": listed}}


def stored(managed: str, **spec: object) -> JSON:
    """Return the APIService as it is in the Store."""
    made = new_api_service("example.com", "v1", CUSTOM, managed)
    status = {"conditions": [local_condition("1970-01-01T00:00:00Z")]}
    return {**made, "metadata": {**made["metadata"], "uid": "u"}, "spec": {**made["spec"], **spec}, "status": status}


@pytest.mark.parametrize(
    ("found", "definitions", "changes"),
    [
        (None, [crd(v1=True)], [Create(APISERVICES, WANTED)]),
        (None, [crd(v1=False, v2=True)], []),
        (stored(ALWAYS), [crd(v1=True)], []),
        (stored(ALWAYS), [], [Delete(APISERVICES, ObjectKey("", NAME), "u")]),
        (stored(ALWAYS, versionPriority=7), [crd(v1=True)], [Update(APISERVICES, stored(ALWAYS))]),
        (stored("", versionPriority=7), [crd(v1=True)], []),
        (stored(ON_START, versionPriority=7), [], []),
    ],
    ids=["new", "not-served", "as-wanted", "not-served-any-more", "changed", "somebody's-own", "built-in"],
)
def test_an_api_service_follows_the_definitions(
    found: JSON | None, definitions: list[JSON], changes: list[object]
) -> None:
    assert reconcile(NAME, found, definitions, 0.0) == changes


def test_one_that_has_lost_its_service_is_available_again() -> None:
    failed = {"type": "Available", "status": "False", "reason": "ServiceNotFound"}
    lost = {**stored(""), "status": {"conditions": [failed]}}
    assert reconcile(NAME, lost, [], 0.0) == [UpdateStatus(APISERVICES, stored(""))]
    remote = {**lost, "spec": {**lost["spec"], "service": {"name": "a", "namespace": "b"}}}
    assert reconcile(NAME, remote, [], 0.0) == []
    controller = RegistrationController(Listers(new_registry().store))
    assert controller.keys_for(APISERVICES, Delta(ObjectKey("", NAME), remote, lost)) == [("", NAME)]


def test_only_versions_that_begin_or_end_to_be_served_are_looked_at() -> None:
    controller = RegistrationController(Listers(new_registry().store))
    delta = Delta(ObjectKey("", "as.example.com"), crd(v1=True, v2=True), crd(v1=True, v2=False, v3=True))
    keys = controller.keys_for(CUSTOM_RESOURCE_DEFINITIONS, delta)
    assert sorted(each.name for each in keys) == ["v2.example.com", "v3.example.com"]
    assert controller.keys_for(APISERVICES, Delta(ObjectKey("", "v1.apps"), None, stored(ON_START))) == []
    assert controller.keys_for(APISERVICES, Delta(ObjectKey("", NAME), stored(ALWAYS), None)) == [("", NAME)]


def test_everything_built_in_has_an_api_service_but_the_metrics_and_their_own_kind() -> None:
    registry = new_registry()
    assert len(list(create_missing_api_services(registry))) == len(BUILT_IN)
    served = {(each.resource.group, each.resource.version) for each in CATALOG}
    assert {group for group, _ in served - set(BUILT_IN)} == {
        "apiregistration.k8s.io",
        "metrics.k8s.io",
        "custom.metrics.k8s.io",
    }
    assert set(BUILT_IN) < served
    names = {each["metadata"]["name"] for each in registry.store.list(APISERVICES)}
    assert {"v1.", "v1.apps", "v2.autoscaling"} < names


def test_a_start_mends_what_is_built_in_and_leaves_what_is_somebodys_own() -> None:
    registry = new_registry()
    list(create_missing_api_services(registry))
    for name, labels in (("v1.apps", {"kube-aggregator.kubernetes.io/automanaged": "onstart"}), ("v1.batch", {})):
        changed = dict(registry.store.get(APISERVICES, "", name))
        metadata = {**changed["metadata"], "labels": labels}
        registry.update(
            APISERVICES, {**changed, "metadata": metadata, "spec": {**changed["spec"], "versionPriority": 7}}
        )
    [mended] = create_missing_api_services(registry)
    assert (mended["metadata"]["name"], mended["spec"]["versionPriority"]) == ("v1.apps", 15)
