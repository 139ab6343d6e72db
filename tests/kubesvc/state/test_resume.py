"""What is said of objects that start again."""

from __future__ import annotations

from typing import Any

import pytest
from tests.helpers.kubesvc.ground import add_deployment, add_service, ground
from tests.helpers.kubesvc.input_manifests import load_text

from kubeapi.kinds import RESOURCES
from kubeapi.meta import JSON
from kubeapi.registry import Registry
from kubeapi.scheme import CONFIGMAPS, ENDPOINTSLICES, NAMESPACES, PODS
from kubesvc.state.resume import goes_on, outside_subnets
from kubesvc.state.saved import Saved

OWNED = {
    "ownerReferences": [{"kind": "ReplicaSet", "name": "web", "uid": "u", "apiVersion": "apps/v1", "controller": True}]
}
SLICE = {
    "apiVersion": "discovery.k8s.io/v1",
    "kind": "EndpointSlice",
    "addressType": "IPv4",
    "endpoints": [],
}
WEB = "apiVersion: v1\nkind: Service\nmetadata: {name: web}\nspec: {ports: [{port: 80}]}\n"


def saved(registry: Registry, *origins: str) -> Saved:
    objects = tuple((resource, obj) for resource in RESOURCES for obj in registry.store.list(resource))
    return Saved(1, "", objects, origins)


def named(kind: str, name: str, **metadata: Any) -> JSON:
    return {"apiVersion": "v1", "kind": kind, "metadata": {"name": name, **metadata}}


def test_a_cluster_that_has_only_what_every_cluster_has_goes_on_with_nothing() -> None:
    assert goes_on("default", saved(ground()), ()) == ""


def test_what_the_input_does_not_name_is_said_with_where_it_comes_from_and_how_to_forget_it() -> None:
    registry = ground()
    add_service(registry)
    add_service(registry, "api")
    add_deployment(registry)
    documents = load_text(WEB).documents
    assert goes_on("default", saved(registry, "/a/a.yaml"), documents) == (
        'cluster "default" starts with 2 objects of earlier runs, from /a/a.yaml: '
        "deployment.apps/web and service/api; to start without them: `kubesvc down --purge` before `kubesvc up`"
    )
    assert goes_on("two", saved(registry), documents).endswith("`kubesvc down --purge --name two` before `kubesvc up`")


def test_what_the_input_names_is_not_said() -> None:
    registry = ground()
    add_service(registry)
    assert goes_on("default", saved(registry), load_text(WEB).documents) == ""


def test_what_controllers_have_made_is_not_said_and_what_people_have_made_is() -> None:
    registry = ground()
    registry.create(NAMESPACES, named("Namespace", "shop"))
    registry.create(CONFIGMAPS, named("ConfigMap", "settings", namespace="shop"))
    spec = {"containers": [{"name": "a", "image": "b"}]}
    registry.create(PODS, named("Pod", "made", **OWNED) | {"spec": spec})
    registry.create(PODS, named("Pod", "own") | {"spec": spec})
    managed = {"endpointslice.kubernetes.io/managed-by": "endpointslice-controller.k8s.io"}
    registry.create(ENDPOINTSLICES, {**SLICE, "metadata": {"name": "made", "labels": managed}})
    registry.create(ENDPOINTSLICES, {**SLICE, "metadata": {"name": "own"}})
    said = goes_on("default", saved(registry), ())
    assert "4 objects of earlier runs: pod/own, endpointslice.discovery.k8s.io/own, " in said
    assert "configmap/settings in shop and namespace/shop; " in said


@pytest.mark.parametrize(
    ("cidrs", "said"),
    [
        ("127.113.0.0/16", ""),
        ("127.112.0.0/12,fd00:10:96::/108", ""),
        (
            "127.113.0.0/24",
            "1 Service keeps a cluster IP outside the serviceSubnet 127.113.0.0/24: default/web (127.113.7.7); "
            "delete and apply again what should be inside",
        ),
    ],
)
def test_a_service_whose_address_is_outside_a_changed_subnet_is_said(cidrs: str, said: str) -> None:
    registry = ground()
    add_service(registry, clusterIP="127.113.7.7")
    add_service(registry, "headless", clusterIP="None")
    assert outside_subnets(saved(registry), cidrs) == said
