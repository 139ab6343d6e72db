"""The rules of writing: names, versions, generations, preconditions, finalizers, graceful deletion."""

from __future__ import annotations

from typing import Any

import pytest
from tests.helpers.kubeapi.objects import (
    EPOCH_TEXT,
    FakeClock,
    deployment,
    faults_of,
    namespace,
    new_registry,
    pod,
    service,
    update_faults_of,
)

from kubeapi.meta import JSON, ObjectKey, parse_time
from kubeapi.registry import DeleteOptions, Registry
from kubeapi.registry.scaling import scale
from kubeapi.scheme import (
    CONFIGMAPS,
    DEPLOYMENTS,
    ENDPOINTSLICES,
    NAMESPACES,
    NODES,
    PODS,
    REPLICASETS,
    SERVICES,
    Resource,
)
from kubeapi.status import BadRequest, Conflict, Forbidden, NotFound, StatusError


def changed(obj: JSON, **spec: Any) -> JSON:
    return {**obj, "spec": {**obj["spec"], **spec}}


def with_metadata(obj: JSON, **metadata: Any) -> JSON:
    return {**obj, "metadata": {**obj["metadata"], **metadata}}


NO_KUBELET = {"daemonEndpoints": {"kubeletEndpoint": {"Port": 0}}}
NO_NODE_INFO = dict.fromkeys(
    (
        "machineID",
        "systemUUID",
        "bootID",
        "kernelVersion",
        "osImage",
        "containerRuntimeVersion",
        "kubeletVersion",
        "kubeProxyVersion",
        "operatingSystem",
        "architecture",
    ),
    "",
)


@pytest.mark.parametrize("version", ["7", "00012"])
def test_a_new_object_states_no_version(version: str) -> None:
    registry = new_registry()
    with pytest.raises(StatusError, match="resourceVersion should not be set on objects to be created") as refusal:
        registry.create(DEPLOYMENTS, with_metadata(deployment(), resourceVersion=version))
    assert (refusal.value.code, refusal.value.reason) == (500, "")
    registry.create(DEPLOYMENTS, with_metadata(deployment(), resourceVersion=version), dry_run=True)
    assert registry.create(DEPLOYMENTS, with_metadata(deployment(), resourceVersion="0"))["metadata"]["generation"] == 1


def test_a_new_object_gets_what_only_the_server_gives() -> None:
    given = with_metadata(deployment(), uid="mine", creationTimestamp="2001-01-01T00:00:00Z")
    created = new_registry().create(DEPLOYMENTS, {**given, "status": {"replicas": 3}})
    metadata = created["metadata"]
    assert metadata["namespace"] == "default"
    assert metadata["uid"] not in ("", "mine")
    assert metadata["creationTimestamp"] == EPOCH_TEXT
    assert metadata["generation"] == 1
    assert metadata["resourceVersion"] == "1"
    assert created["status"] == {}


@pytest.mark.parametrize(
    ("resource", "obj", "status"),
    [
        (SERVICES, service(), {"loadBalancer": {}}),
        (PODS, pod(), {"phase": "Pending", "qosClass": "BestEffort"}),
        (NAMESPACES, namespace("x"), {"phase": "Active"}),
        (NODES, {"metadata": {"name": "n"}}, {"nodeInfo": {**NO_NODE_INFO, "machineID": "m"}, **NO_KUBELET}),
    ],
    ids=["Service", "Pod", "Namespace", "Node"],
)
def test_the_first_status_is_the_servers_but_for_a_nodes(resource: Resource, obj: JSON, status: JSON) -> None:
    given = {**obj, "status": {"nodeInfo": {"machineID": "m"}} if resource is NODES else {"phase": "Running"}}
    given["status"] = {} if resource is SERVICES else given["status"]
    assert new_registry().create(resource, given)["status"] == status


def test_a_generated_name_is_one_label_however_long_its_prefix() -> None:
    made = pod()
    made["metadata"] = {"generateName": "x" * 62 + "-"}
    name = new_registry().create(PODS, made)["metadata"]["name"]
    assert (len(name), name[:58]) == (63, "x" * 58)


def test_a_generated_name_is_the_prefix_and_five_letters() -> None:
    registry = new_registry()
    template = pod()
    template["metadata"] = {"generateName": "web-"}
    names = {registry.create(PODS, template)["metadata"]["name"] for _ in range(20)}
    assert len(names) == 20
    assert all(len(name) == len("web-") + 5 for name in names)


def test_a_namespace_must_exist() -> None:
    registry = new_registry()
    with pytest.raises(NotFound, match='namespaces "nons" not found'):
        registry.create(SERVICES, service(metadata={"namespace": "nons"}))
    registry.create(NAMESPACES, namespace("nons"))
    registry.create(SERVICES, service(metadata={"namespace": "nons"}))


@pytest.mark.parametrize(
    ("obj", "message"),
    [
        (
            service(ports=[{"port": "80"}]),
            'Service in version "v1" cannot be handled as a Service: json: cannot unmarshal string into Go struct '
            "field ServicePort.spec.ports.port of type int32",
        ),
        (pod(), 'Service in version "v1" cannot be handled as a Service: kind is Pod, not Service'),
        (
            [],
            'Service in version "v1" cannot be handled as a Service: json: cannot unmarshal array into Go value '
            "of type Service",
        ),
    ],
    ids=["wrong type", "wrong kind", "no object"],
)
def test_what_cannot_be_read_is_a_bad_request(obj: Any, message: str) -> None:
    with pytest.raises(BadRequest) as refusal:
        new_registry().create(SERVICES, obj)
    assert (refusal.value.code, str(refusal.value)) == (400, message)


def test_an_update_counts_generations_only_for_the_spec() -> None:
    registry = new_registry()
    first = registry.create(DEPLOYMENTS, deployment())
    labelled = registry.update(DEPLOYMENTS, with_metadata(first, labels={"a": "b"}))
    scaled = registry.update(DEPLOYMENTS, changed(labelled, replicas=3))
    seen = registry.update_status(DEPLOYMENTS, {**scaled, "status": {"observedGeneration": 2}})
    assert [each["metadata"]["generation"] for each in (first, labelled, scaled, seen)] == [1, 1, 2, 2]


def test_an_update_leaves_the_status_and_a_status_update_all_else() -> None:
    registry = new_registry()
    created = registry.create(DEPLOYMENTS, deployment())
    ready = registry.update_status(DEPLOYMENTS, {**changed(created, replicas=9), "status": {"replicas": 1}})
    assert ready["spec"] == created["spec"]
    assert registry.update(DEPLOYMENTS, {**ready, "status": {}})["status"] == {"replicas": 1}


def test_what_a_pod_s_status_has_observed_stays_where_a_writer_leaves_it_out() -> None:
    registry = new_registry()
    created = registry.create(PODS, pod())
    ready = [{"type": "Ready", "status": "False", "observedGeneration": 3}, {"type": "Own", "status": "True"}]
    registry.update_status(PODS, {**created, "status": {"observedGeneration": 2, "conditions": ready}})
    turned = [{"type": "Ready", "status": "True"}, {"type": "Own", "status": "True", "observedGeneration": 4}]
    found = registry.update_status(PODS, {**created, "status": {"phase": "Running", "conditions": turned}})["status"]
    assert (found["observedGeneration"], found["qosClass"], found["phase"]) == (2, "BestEffort", "Running")
    assert [each["observedGeneration"] for each in found["conditions"]] == [3, 4]


def test_a_write_that_changes_nothing_keeps_the_version() -> None:
    registry = new_registry()
    created = registry.create(DEPLOYMENTS, deployment())
    assert registry.update(DEPLOYMENTS, deployment()) is created
    assert registry.update_status(DEPLOYMENTS, created) is created


def test_a_stale_version_is_a_conflict() -> None:
    registry = new_registry()
    stale = registry.create(SERVICES, service())
    registry.update(SERVICES, with_metadata(stale, labels={"a": "b"}))
    with pytest.raises(Conflict) as refusal:
        registry.update(SERVICES, stale)
    assert str(refusal.value) == (
        'Operation cannot be fulfilled on services "web": the object has been modified; '
        "please apply your changes to the latest version and try again"
    )


@pytest.mark.parametrize("version", ["", "0"])
@pytest.mark.parametrize("verb", ["update", "update_status"])
def test_a_write_of_no_version_replaces_any(verb: str, version: str) -> None:
    registry = new_registry()
    stored = registry.create(SERVICES, service())
    registry.update(SERVICES, with_metadata(stored, labels={"a": "b"}))
    assert (
        getattr(registry, verb)(SERVICES, with_metadata(stored, resourceVersion=version))["metadata"]["name"] == "web"
    )


@pytest.mark.parametrize("verb", ["update", "update_status"])
def test_another_uid_is_a_conflict(verb: str) -> None:
    registry = new_registry()
    created = registry.create(PODS, pod())
    with pytest.raises(Conflict, match="UID in precondition: other"):
        getattr(registry, verb)(PODS, with_metadata(created, uid="other"))


@pytest.mark.parametrize(
    "precondition", [DeleteOptions(uid="other"), DeleteOptions(resource_version="0")], ids=["uid", "version"]
)
def test_a_deletion_may_be_meant_for_one_object_only(precondition: DeleteOptions) -> None:
    registry = new_registry()
    created = registry.create(PODS, pod())
    with pytest.raises(Conflict, match="in the precondition"):
        registry.delete(PODS, "default", "web", precondition)
    metadata = created["metadata"]
    registry.delete(PODS, "default", "web", DeleteOptions(None, metadata["uid"], metadata["resourceVersion"]))
    assert registry.store.list(PODS) == []


def test_kinds_without_status_or_scale_have_no_such_subresource() -> None:
    registry = new_registry()
    registry.create(CONFIGMAPS, {"metadata": {"name": "web"}})
    with pytest.raises(StatusError, match="could not find the requested resource"):
        registry.update_status(CONFIGMAPS, {"metadata": {"name": "web"}, "status": {}})
    with pytest.raises(StatusError, match="could not find the requested resource"):
        scale(registry, CONFIGMAPS, ObjectKey("default", "web"), 1)


def test_scale_sets_the_replicas_and_nothing_else() -> None:
    registry = new_registry()
    created = registry.create(DEPLOYMENTS, deployment(replicas=2))
    scaled = scale(registry, DEPLOYMENTS, ObjectKey("default", "web"), 5)
    assert scaled["spec"] == {**created["spec"], "replicas": 5}
    with pytest.raises(StatusError, match=r"spec.replicas: Invalid value: -1: must be greater than or equal to 0"):
        scale(registry, DEPLOYMENTS, ObjectKey("default", "web"), -1)


@pytest.mark.parametrize("verb", ["create", "update"])
def test_dry_run_answers_and_stores_nothing(verb: str) -> None:
    registry = new_registry()
    if verb == "update":
        registry.create(DEPLOYMENTS, deployment())
    version = registry.store.resource_version
    answer = getattr(registry, verb)(DEPLOYMENTS, deployment(replicas=4), dry_run=True)
    assert answer["spec"]["replicas"] == 4
    assert registry.store.resource_version == version


class TestDeletion:
    def running(self, clock: FakeClock, **fields: Any) -> Registry:
        registry = new_registry(clock)
        registry.create(PODS, pod(nodeName="node-1", **fields))
        return registry

    def test_a_pod_without_a_node_goes_at_once(self) -> None:
        registry = new_registry()
        registry.create(PODS, pod())
        registry.delete(PODS, "default", "web")
        assert registry.store.list(PODS) == []

    @pytest.mark.parametrize("phase", ["Succeeded", "Failed"])
    def test_a_pod_that_is_over_goes_at_once(self, phase: str) -> None:
        registry = self.running(FakeClock())
        registry.update_status(PODS, {**pod(), "status": {"phase": phase}})
        registry.delete(PODS, "default", "web")
        assert registry.store.list(PODS) == []

    def test_a_running_pod_has_its_grace(self) -> None:
        clock = FakeClock()
        registry = self.running(clock, terminationGracePeriodSeconds=7)
        metadata = registry.delete(PODS, "default", "web")["metadata"]
        assert metadata["deletionGracePeriodSeconds"] == 7
        assert parse_time(metadata["deletionTimestamp"]) == clock.now + 7
        assert registry.delete(PODS, "default", "web", DeleteOptions(0))
        assert registry.store.list(PODS) == []

    def test_a_second_deletion_can_only_shorten_the_grace(self) -> None:
        clock = FakeClock()
        registry = self.running(clock)
        registry.delete(PODS, "default", "web")
        begun = clock.now
        clock.advance(3)
        longer = registry.delete(PODS, "default", "web", DeleteOptions(60))["metadata"]
        assert longer["deletionGracePeriodSeconds"] == 30
        shorter = registry.delete(PODS, "default", "web", DeleteOptions(10))["metadata"]
        assert shorter["deletionGracePeriodSeconds"] == 10
        assert parse_time(shorter["deletionTimestamp"]) == begun + 10

    def test_a_dry_deletion_deletes_nothing(self) -> None:
        registry = self.running(FakeClock())
        version = registry.store.resource_version
        registry.delete(PODS, "default", "web", dry_run=True)
        registry.delete(PODS, "default", "web", DeleteOptions(0), dry_run=True)
        assert registry.store.resource_version == version

    def test_finalizers_hold_an_object_until_the_last_is_gone(self) -> None:
        registry = new_registry()
        registry.create(SERVICES, service(metadata={"finalizers": ["a.example/x"]}))
        waiting = registry.delete(SERVICES, "default", "web")
        assert waiting["metadata"]["deletionTimestamp"] == EPOCH_TEXT
        assert update_faults_of(
            SERVICES, with_metadata(waiting, finalizers=["a.example/x", "b.example/x"]), registry
        ) == [
            "metadata.finalizers: Forbidden: no new finalizers can be added if the object is being deleted, "
            'found new finalizers []string{"b.example/x"}'
        ]
        registry.update(SERVICES, with_metadata(waiting, finalizers=[]))
        assert registry.store.list(SERVICES) == []
        assert faults_of(SERVICES, service("other", clusterIP=waiting["spec"]["clusterIP"]), registry) == []

    def test_a_namespace_goes_when_it_has_been_finalized(self) -> None:
        registry = new_registry()
        registry.create(NAMESPACES, namespace("x"))
        going = registry.delete(NAMESPACES, "", "x")
        assert going["status"] == {"phase": "Terminating"}
        with pytest.raises(Forbidden, match="because it is being terminated"):
            registry.create(SERVICES, service(metadata={"namespace": "x"}))
        registry.update(NAMESPACES, changed(going, finalizers=[]))
        assert registry.store.list(NAMESPACES) == []

    def test_a_live_namespace_keeps_its_finalizer(self) -> None:
        registry = new_registry()
        registry.create(NAMESPACES, namespace("x"))
        assert registry.update(NAMESPACES, namespace("x"))["spec"] == {"finalizers": ["kubernetes"]}

    @pytest.mark.parametrize("name", ["default", "kube-system", "kube-public"])
    def test_a_namespace_of_the_system_may_not_be_deleted(self, name: str) -> None:
        registry = new_registry()
        registry.create(NAMESPACES, namespace(name))
        with pytest.raises(Forbidden, match="this namespace may not be deleted"):
            registry.delete(NAMESPACES, "", name)


def test_a_pod_is_bound_once_and_its_spec_stays() -> None:
    registry = new_registry()
    created = registry.create(PODS, pod())
    bound = registry.update(PODS, changed(created, nodeName="node-1"))
    for change in ({"nodeName": "node-2"}, {"hostname": "other"}):
        [fault] = update_faults_of(PODS, changed(bound, **change), registry)
        assert fault.startswith("spec: Forbidden: pod updates may not change fields other than")
    registry.update(PODS, changed(bound, containers=[{**bound["spec"]["containers"][0], "image": "nginx:2"}]))


@pytest.mark.parametrize("resource", [DEPLOYMENTS, REPLICASETS], ids=str)
def test_a_selector_may_not_change(resource: Resource) -> None:
    registry = new_registry()
    obj = {**deployment(), "kind": resource.kind}
    obj["spec"]["template"]["metadata"]["labels"]["b"] = "c"
    registry.create(resource, obj)
    assert update_faults_of(resource, changed(obj, selector={"matchLabels": {"b": "c"}}), registry) == [
        'spec.selector: Invalid value: {"matchLabels":{"b":"c"}}: field is immutable'
    ]


def test_an_immutable_config_map_stays() -> None:
    registry = new_registry()
    obj = {"metadata": {"name": "web"}, "data": {"a": "b"}, "immutable": True}
    registry.create(CONFIGMAPS, obj)
    assert update_faults_of(CONFIGMAPS, {**obj, "data": {}, "immutable": False}, registry) == [
        "immutable: Forbidden: field is immutable when `immutable` is set",
        "data: Forbidden: field is immutable when `immutable` is set",
    ]


def test_a_generation_counts_what_others_copy_of_an_object_too() -> None:
    registry = new_registry()
    made = registry.create(DEPLOYMENTS, deployment())
    noted = registry.update(DEPLOYMENTS, with_metadata(made, annotations={"a": "b"}))
    labelled = registry.update(DEPLOYMENTS, with_metadata(noted, labels={"a": "b"}))
    assert [each["metadata"]["generation"] for each in (made, noted, labelled)] == [1, 2, 2]
    piece = registry.create(ENDPOINTSLICES, {"metadata": {"name": "web-1"}, "addressType": "IPv4", "endpoints": []})
    noted = registry.update(ENDPOINTSLICES, with_metadata(piece, annotations={"a": "b"}))
    labelled = registry.update(ENDPOINTSLICES, with_metadata(noted, labels={"a": "b"}))
    assert [each["metadata"]["generation"] for each in (piece, noted, labelled)] == [1, 1, 2]


def test_kinds_that_do_not_count_generations_keep_the_one_they_came_with() -> None:
    registry = new_registry()
    made = registry.create(SERVICES, service(metadata={"generation": 7}))
    changed_twice = registry.update(SERVICES, with_metadata(changed(made, publishNotReadyAddresses=True), generation=9))
    assert [each["metadata"]["generation"] for each in (made, changed_twice)] == [7, 7]
    assert "generation" not in registry.create(SERVICES, service("other"))["metadata"]
