"""The official Python client, typed: its pydantic models read every answer, so a wrong type anywhere is an error."""

from __future__ import annotations

import http.client
import json
from collections.abc import Iterator
from typing import Any

import pytest
from kubernetes import client, config, watch
from tests.helpers.cluster.api import GREETING, WEB, APICluster
from tests.helpers.cluster.cli import find
from tests.helpers.patience import PATIENCE

NAMESPACE = "python-kubernetes"
MERGE, JSON_PATCH = "application/merge-patch+json", "application/json-patch+json"


@pytest.fixture
def core(api: Any) -> Any:
    return client.CoreV1Api(api)


@pytest.fixture
def apps(api: Any) -> Any:
    return client.AppsV1Api(api)


def service(name: str, **spec: Any) -> Any:
    ports = [client.V1ServicePort(name="http", port=80)]
    return client.V1Service(
        api_version="v1",
        kind="Service",
        metadata=client.V1ObjectMeta(name=name, labels={"test": name}),
        spec=client.V1ServiceSpec(**{"selector": {"app": name}, "ports": ports, **spec}),
    )


@pytest.fixture
def stored(core: Any, request: pytest.FixtureRequest) -> Iterator[Any]:
    """A Service named after the test, gone after it."""
    name = request.node.name.partition("[")[0].removeprefix("test_").replace("_", "-")[:63].strip("-")
    yield core.create_namespaced_service(NAMESPACE, service(name))
    core.delete_collection_namespaced_service(NAMESPACE, label_selector=f"test={name}")


def test_every_kind_of_the_cluster_is_read_by_the_typed_models(api: Any, core: Any, apps: Any) -> None:
    discovery = client.DiscoveryV1Api(api)

    assert [each.metadata.name for each in core.list_node().items] == ["node-1", "node-2"]
    assert WEB in {each.metadata.name for each in core.list_pod_for_all_namespaces().items}
    assert {WEB, "kubernetes"} <= {each.metadata.name for each in core.list_namespaced_service("default").items}
    assert NAMESPACE in {each.metadata.name for each in core.list_namespace().items}
    assert {"kubernetes", WEB} <= {each.metadata.name for each in core.list_namespaced_endpoints("default").items}
    slices = discovery.list_namespaced_endpoint_slice("default", label_selector=f"kubernetes.io/service-name={WEB}")
    assert [endpoint.target_ref.name for each in slices.items for endpoint in each.endpoints] == [WEB]
    assert {each.reason for each in core.list_namespaced_event("default").items} >= {"Started"}
    assert core.list_config_map_for_all_namespaces().metadata.resource_version
    assert apps.list_namespaced_deployment("default").items == []
    assert apps.list_namespaced_replica_set("default").items == []


def test_version_and_groups_are_told(api: Any) -> None:
    assert client.VersionApi(api).get_code().major == "1"
    assert {"apps", "discovery.k8s.io"} <= {each.name for each in client.ApisApi(api).get_api_versions().groups}


def test_a_created_service_comes_back_with_its_defaults(stored: Any) -> None:
    assert stored.metadata.uid
    assert stored.spec.type == "ClusterIP"
    assert stored.spec.cluster_ip.startswith("127.72.")
    assert (stored.spec.ports[0].protocol, stored.spec.ports[0].target_port) == ("TCP", 80)


def test_a_strategic_merge_patch_merges_the_list_of_ports(core: Any, stored: Any) -> None:
    more = {"spec": {"ports": [{"name": "more", "port": 81}]}}
    patched = core.patch_namespaced_service(stored.metadata.name, NAMESPACE, more)

    assert {each.name for each in patched.spec.ports} == {"http", "more"}


def test_a_merge_patch_replaces_the_list_of_ports(core: Any, stored: Any) -> None:
    less = {"metadata": {"labels": {"patched": "yes"}}, "spec": {"ports": [{"name": "only", "port": 82}]}}
    patched = core.patch_namespaced_service(stored.metadata.name, NAMESPACE, less, _content_type=MERGE)

    assert [each.name for each in patched.spec.ports] == ["only"]
    assert patched.metadata.labels == {"test": stored.metadata.name, "patched": "yes"}


def test_a_json_patch_changes_one_place_or_nothing(core: Any, stored: Any) -> None:
    name = stored.metadata.name
    moved = [{"op": "replace", "path": "/spec/ports/0/port", "value": 8080}]
    untrue = [{"op": "test", "path": "/spec/type", "value": "NodePort"}, {"op": "remove", "path": "/spec/selector"}]

    patched = core.patch_namespaced_service(name, NAMESPACE, moved, _content_type=JSON_PATCH)
    assert patched.spec.ports[0].port == 8080
    with pytest.raises(client.ApiException) as refused:
        core.patch_namespaced_service(name, NAMESPACE, untrue, _content_type=JSON_PATCH)
    assert (refused.value.status, json.loads(refused.value.body)["reason"]) == (422, "Invalid")
    assert core.read_namespaced_service(name, NAMESPACE).spec.selector == {"app": name}


def test_a_replacement_from_an_older_reading_is_a_conflict(core: Any, stored: Any) -> None:
    name = stored.metadata.name
    core.patch_namespaced_service(name, NAMESPACE, {"metadata": {"labels": {"newer": "yes"}}})

    stored.spec.selector = {"app": "older"}
    with pytest.raises(client.ApiException) as refused:
        core.replace_namespaced_service(name, NAMESPACE, stored)
    assert (refused.value.status, json.loads(refused.value.body)["reason"]) == (409, "Conflict")

    fresh = core.read_namespaced_service(name, NAMESPACE)
    fresh.spec.selector = {"app": "newer"}
    assert core.replace_namespaced_service(name, NAMESPACE, fresh).spec.selector == {"app": "newer"}


def test_a_dry_run_answers_and_stores_nothing(core: Any) -> None:
    answered = core.create_namespaced_service(NAMESPACE, service("dry"), dry_run="All")

    assert answered.spec.cluster_ip
    with pytest.raises(client.ApiException) as refused:
        core.read_namespaced_service("dry", NAMESPACE)
    assert refused.value.status == 404


@pytest.mark.parametrize(
    ("name", "spec", "status", "reason", "said"),
    [
        pytest.param("bad", {"type": "None"}, 422, "Invalid", 'Unsupported value: "None"', id="a type that is not one"),
        pytest.param("bad", {"cluster_ip": "9.9.9.9"}, 422, "Invalid", "failed to allocate IP", id="a foreign address"),
        pytest.param("Bad_", {}, 422, "Invalid", "metadata.name: Invalid value", id="a name that is none"),
        pytest.param("taken", {}, 409, "AlreadyExists", 'services "taken" already exists', id="a name that is taken"),
    ],
)
def test_a_service_is_refused_with_a_status(
    core: Any, name: str, spec: dict[str, Any], status: int, reason: str, said: str
) -> None:
    if name == "taken":
        core.create_namespaced_service(NAMESPACE, service(name))
    with pytest.raises(client.ApiException) as refused:
        core.create_namespaced_service(NAMESPACE, service(name, **spec))
    answer = json.loads(refused.value.body)
    assert (refused.value.status, answer["kind"], answer["reason"]) == (status, "Status", reason)
    assert said in answer["message"]


def test_a_watch_tells_each_change_as_it_is_made(core: Any) -> None:
    listed = core.list_namespaced_service(NAMESPACE)
    core.create_namespaced_service(NAMESPACE, service("watched"))
    watching, seen = watch.Watch(), []
    acts = {
        "ADDED": lambda: core.patch_namespaced_service("watched", NAMESPACE, {"spec": {"selector": {"app": "other"}}}),
        "MODIFIED": lambda: core.delete_namespaced_service("watched", NAMESPACE),
        "DELETED": watching.stop,
    }
    for event in watching.stream(
        core.list_namespaced_service,
        NAMESPACE,
        label_selector="test=watched",
        resource_version=listed.metadata.resource_version,
        timeout_seconds=PATIENCE,
    ):
        seen.append((event["type"], event["object"].spec.selector["app"]))
        acts[event["type"]]()
    assert seen == [("ADDED", "watched"), ("MODIFIED", "other"), ("DELETED", "other")]


def test_a_watch_without_a_version_begins_with_what_is_there_and_ends_in_time(core: Any) -> None:
    events = watch.Watch().stream(core.list_namespaced_service, "default", timeout_seconds=1)

    assert {each["object"].metadata.name for each in events} == {"kubernetes", WEB}


def test_a_long_list_comes_whole_whatever_limit_is_asked_for(core: Any) -> None:
    for number in range(7):
        core.create_namespaced_config_map(NAMESPACE, client.V1ConfigMap(metadata={"name": f"page-{number}"}))

    names, following = set(), None
    while following != "":
        page = core.list_namespaced_config_map(NAMESPACE, limit=3, _continue=following)
        names |= {each.metadata.name for each in page.items}
        following = page.metadata._continue or ""
    assert {f"page-{number}" for number in range(7)} <= names


def test_label_and_field_selectors_choose_objects(core: Any, stored: Any) -> None:
    def names(**selectors: str) -> set[str]:
        return {each.metadata.name for each in core.list_service_for_all_namespaces(**selectors).items}

    name = stored.metadata.name
    assert names(label_selector=f"test={name}") == {name}
    assert names(label_selector=f"test in ({name}, other),!absent") == {name}
    assert names(field_selector=f"metadata.name={name},metadata.namespace!=default") == {name}
    with pytest.raises(client.ApiException) as refused:
        names(field_selector="spec.foo=bar")
    assert refused.value.status == 400


def test_a_deployment_is_scaled_and_deleted_with_its_pods(core: Any, apps: Any) -> None:
    container = client.V1Container(name="idle", image="registry.k8s.io/pause")
    labels = {"app": "idle"}
    apps.create_namespaced_deployment(
        NAMESPACE,
        client.V1Deployment(
            metadata=client.V1ObjectMeta(name="idle"),
            spec=client.V1DeploymentSpec(
                selector=client.V1LabelSelector(match_labels=labels),
                template=client.V1PodTemplateSpec(
                    metadata=client.V1ObjectMeta(labels=labels), spec=client.V1PodSpec(containers=[container])
                ),
            ),
        ),
    )

    scaled = apps.patch_namespaced_deployment_scale("idle", NAMESPACE, {"spec": {"replicas": 2}})
    assert scaled.spec.replicas == 2
    assert apps.read_namespaced_deployment_scale("idle", NAMESPACE).status.selector == "app=idle"
    wait_for(apps.list_namespaced_deployment, lambda each: each.object.status.ready_replicas == 2)
    version = core.list_namespaced_pod(NAMESPACE).metadata.resource_version
    apps.delete_namespaced_deployment("idle", NAMESPACE, propagation_policy="Foreground")
    wait_for(apps.list_namespaced_deployment, lambda each: each.type == "DELETED", resource_version=version)
    assert core.list_namespaced_pod(NAMESPACE, label_selector="app=idle").items == []


class _Event:
    def __init__(self, event: Any) -> None:
        self.type, self.object = event["type"], event["object"]


def wait_for(listing: Any, is_met: Any, **options: Any) -> None:
    """Return once an event of the namespace meets a condition."""
    watching, met = watch.Watch(), False
    for event in watching.stream(listing, NAMESPACE, timeout_seconds=PATIENCE, **options):
        if met := is_met(_Event(event)):
            watching.stop()
    assert met


def test_logs_are_read_whole_by_lines_and_followed(core: Any) -> None:
    assert core.read_namespaced_pod_log(WEB, "default").startswith(f"{GREETING}\n")
    assert core.read_namespaced_pod_log(WEB, "default", tail_lines=1).count("\n") == 1
    assert core.read_namespaced_pod_log(WEB, "default", limit_bytes=len(GREETING)) == GREETING
    followed = watch.Watch().stream(core.read_namespaced_pod_log, WEB, "default", follow=True)
    assert next(followed) == GREETING
    followed.close()


def test_traffic_reaches_the_pod_through_the_service_that_the_api_tells(core: Any, cluster: APICluster) -> None:
    found = core.read_namespaced_service(WEB, "default")
    # An ordinary user's cluster answers port 80 elsewhere on that address.
    listener = find(cluster.commands.service(WEB)["listeners"], address=found.spec.cluster_ip)
    assert listener["servicePort"] == found.spec.ports[0].port
    connection = http.client.HTTPConnection(found.spec.cluster_ip, listener["port"], timeout=PATIENCE)
    try:
        connection.request("GET", "/")
        assert connection.getresponse().status == 200
    finally:
        connection.close()


def test_a_wrong_token_is_refused(cluster: APICluster) -> None:
    with config.new_client_from_config(str(cluster.kubeconfig)) as stranger:
        stranger.configuration.refresh_api_key_hook = None
        stranger.configuration.api_key["BearerToken"] = "Bearer wrong"
        with pytest.raises(client.ApiException) as refused:
            client.CoreV1Api(stranger).list_namespace()
    assert (refused.value.status, json.loads(refused.value.body)["reason"]) == (401, "Unauthorized")
