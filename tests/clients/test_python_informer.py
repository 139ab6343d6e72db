"""What is built on the official Python client: an informer's cache, and objects made from the shipped files."""

from __future__ import annotations

import http.client
import queue
from typing import Any

import pytest
import yaml
from kubernetes import client, utils, watch
from kubernetes.informer import SharedInformer
from tests.helpers.cluster.cli import eventually
from tests.helpers.configs import CONFIGS
from tests.helpers.patience import PATIENCE

NAMESPACE = "python-informer"


@pytest.fixture(scope="module")
def core(api: Any) -> Any:
    return client.CoreV1Api(api)


def service(name: str) -> dict[str, Any]:
    return {"metadata": {"name": name}, "spec": {"selector": {"app": name}, "ports": [{"port": 80}]}}


def test_an_informer_keeps_what_the_cluster_has(core: Any) -> None:
    core.create_namespaced_service(NAMESPACE, service("earlier"))
    told: queue.Queue[tuple[str, str]] = queue.Queue()
    informer = SharedInformer(core.list_namespaced_service, NAMESPACE)
    for change in ("ADDED", "MODIFIED", "DELETED"):
        informer.add_event_handler(change, lambda found, change=change: told.put((change, found.metadata.name)))
    informer.start()
    try:
        assert told.get(timeout=PATIENCE) == ("ADDED", "earlier")
        core.create_namespaced_service(NAMESPACE, service("later"))
        assert told.get(timeout=PATIENCE) == ("ADDED", "later")
        core.patch_namespaced_service("later", NAMESPACE, {"spec": {"selector": {"app": "other"}}})
        assert told.get(timeout=PATIENCE) == ("MODIFIED", "later")
        assert informer.cache.get_by_key(f"{NAMESPACE}/later").spec.selector == {"app": "other"}
        core.delete_namespaced_service("later", NAMESPACE)
        assert told.get(timeout=PATIENCE) == ("DELETED", "later")
        assert informer.cache.list_keys() == [f"{NAMESPACE}/earlier"]
    finally:
        informer.stop()


def test_a_shipped_file_is_created_answers_and_goes_with_its_namespaces(api: Any, core: Any) -> None:
    documents = list(yaml.safe_load_all((CONFIGS / "two-namespaces.yaml").read_text()))
    utils.create_from_yaml(api, yaml_objects=documents)

    for namespace in ("staging", "production"):
        wait_until_ready(api, namespace)
        address = core.read_namespaced_service("web", namespace).spec.cluster_ip
        assert get(address, 8080) == f"{namespace}\n"
    with pytest.raises(utils.FailToCreateError, match="AlreadyExists"):
        utils.create_from_yaml(api, yaml_objects=documents)

    for namespace in ("staging", "production"):
        core.delete_namespace(namespace)
    assert eventually(lambda: {"staging", "production"}.isdisjoint(names(core)))


def names(core: Any) -> set[str]:
    return {each.metadata.name for each in core.list_namespace().items}


def wait_until_ready(api: Any, namespace: str) -> None:
    """Return once a namespace's one Deployment has all its pods."""
    watching, is_ready = watch.Watch(), False
    events = watching.stream(client.AppsV1Api(api).list_namespaced_deployment, namespace, timeout_seconds=PATIENCE)
    for event in events:
        found = event["object"]
        if is_ready := found.status.available_replicas == found.spec.replicas:
            watching.stop()
    assert is_ready


def get(address: str, port: int) -> str:
    connection = http.client.HTTPConnection(address, port, timeout=PATIENCE)
    try:
        connection.request("GET", "/")
        return connection.getresponse().read().decode()
    finally:
        connection.close()
