"""The official Python client, dynamic: it learns the kinds from the legacy discovery documents."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from kubernetes import config, dynamic
from kubernetes.dynamic.exceptions import ConflictError, NotFoundError
from tests.helpers.cluster.api import WEB, APICluster
from tests.helpers.patience import PATIENCE

NAMESPACE = "python-dynamic"


@pytest.fixture(scope="module")
def found(cluster: APICluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    with config.new_client_from_config(str(cluster.kubeconfig)) as api:
        cache = tmp_path_factory.mktemp("discovery") / "cache.json"
        yield dynamic.DynamicClient(api, cache_file=str(cache))


@pytest.fixture
def services(found: Any) -> Any:
    return found.resources.get(api_version="v1", kind="Service")


def manifest(name: str, **spec: Any) -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": name},
        "spec": {"selector": {"app": name}, "ports": [{"name": "http", "port": 80}], **spec},
    }


@pytest.mark.parametrize(
    ("api_version", "kind", "plural", "is_namespaced"),
    [
        ("v1", "Service", "services", True),
        ("v1", "Pod", "pods", True),
        ("v1", "Namespace", "namespaces", False),
        ("v1", "Node", "nodes", False),
        ("apps/v1", "Deployment", "deployments", True),
        ("discovery.k8s.io/v1", "EndpointSlice", "endpointslices", True),
    ],
)
def test_discovery_tells_each_kind(found: Any, api_version: str, kind: str, plural: str, is_namespaced: bool) -> None:
    resource = found.resources.get(api_version=api_version, kind=kind)

    assert (resource.name, resource.namespaced) == (plural, is_namespaced)
    assert {"get", "list", "watch", "create", "delete"} <= set(resource.verbs)


def test_short_names_are_told(found: Any) -> None:
    assert found.resources.get(short_names=["svc"]).kind == "Service"
    assert found.resources.get(short_names=["deploy"]).kind == "Deployment"


def test_an_object_lives_through_all_verbs(services: Any) -> None:
    assert services.create(body=manifest("verbs"), namespace=NAMESPACE).spec.clusterIP

    found = services.get(name="verbs", namespace=NAMESPACE)
    assert (found.kind, found.spec.ports[0].targetPort) == ("Service", 80)
    port = {"spec": {"ports": [{"name": "more", "port": 81}]}}
    patched = services.patch(body=port, name="verbs", namespace=NAMESPACE)
    assert {each.port for each in patched.spec.ports} == {80, 81}
    merged = services.patch(body=port, name="verbs", namespace=NAMESPACE, content_type="application/merge-patch+json")
    assert [each.port for each in merged.spec.ports] == [81]
    replaced = services.replace(body={**merged.to_dict(), "metadata": {"name": "verbs"}}, namespace=NAMESPACE)
    assert replaced.metadata.uid == found.metadata.uid
    assert [each.metadata.name for each in services.get(namespace=NAMESPACE).items] == ["verbs"]
    services.delete(name="verbs", namespace=NAMESPACE)
    with pytest.raises(NotFoundError):
        services.get(name="verbs", namespace=NAMESPACE)


def test_what_another_manager_owns_is_taken_only_by_force(services: Any) -> None:
    def apply(manager: str, app: str, **options: Any) -> Any:
        body = manifest("owned", selector={"app": app})
        return services.server_side_apply(body=body, namespace=NAMESPACE, field_manager=manager, **options)

    apply("first", "one")
    assert apply("first", "two").spec.selector.app == "two"
    with pytest.raises(ConflictError) as refused:
        apply("second", "three")
    assert 'conflict with "first": .spec.selector' in refused.value.summary()
    assert apply("second", "three", force_conflicts=True).spec.selector.app == "three"


def test_a_watch_tells_what_happens_to_one_object(services: Any) -> None:
    services.create(body=manifest("watched"), namespace=NAMESPACE)

    seen = []
    for event in services.watch(namespace=NAMESPACE, name="watched", timeout=PATIENCE):
        seen.append((event["type"], event["object"].metadata.name))
        if event["type"] == "DELETED":
            break
        services.delete(name="watched", namespace=NAMESPACE)
    assert seen == [("ADDED", "watched"), ("DELETED", "watched")]


def test_subresources_are_reached_by_name(found: Any) -> None:
    deployments = found.resources.get(api_version="apps/v1", kind="Deployment")
    body = {
        "metadata": {"name": "none"},
        "spec": {
            "replicas": 0,
            "selector": {"matchLabels": {"app": "none"}},
            "template": {
                "metadata": {"labels": {"app": "none"}},
                "spec": {"containers": [{"name": "none", "image": "registry.k8s.io/pause"}]},
            },
        },
    }
    deployments.create(body=body, namespace=NAMESPACE)

    # An API server leaves a 0 out (omitempty).
    assert deployments.scale.get(name="none", namespace=NAMESPACE).spec.replicas is None
    patched = deployments.scale.patch(
        body={"spec": {"replicas": 1}},
        name="none",
        namespace=NAMESPACE,
        content_type="application/merge-patch+json",
    )
    assert patched.spec.replicas == 1
    deployments.delete(name="none", namespace=NAMESPACE)


def test_a_list_of_all_namespaces_has_what_each_has(found: Any) -> None:
    pods = found.resources.get(api_version="v1", kind="Pod")

    assert WEB in {each.metadata.name for each in pods.get().items}
    assert [each.metadata.name for each in pods.get(field_selector=f"metadata.name={WEB}").items] == [WEB]


def test_the_cache_of_what_was_discovered_serves_the_next_client(cluster: APICluster, tmp_path: Path) -> None:
    for _ in range(2):
        with config.new_client_from_config(str(cluster.kubeconfig)) as api:
            again = dynamic.DynamicClient(api, cache_file=str(tmp_path / "cache.json"))
            assert again.resources.get(api_version="v1", kind="Service").name == "services"
