"""``apply`` changes what the manifest says, deletes what it said before, and leaves what others set."""

from __future__ import annotations

from typing import Any

import pytest
from tests.helpers.kubeapi.objects import container, deployment, new_registry, pod, service

from kubeapi.customresources.resource import resources_of
from kubeapi.meta import JSON, LAST_APPLIED, ObjectKey
from kubeapi.patch import merge
from kubeapi.patch.strategic import strategic_merge
from kubeapi.registry import Registry
from kubeapi.registry.scaling import scale
from kubeapi.schema import struct_of
from kubeapi.scheme import CONFIGMAPS, CUSTOM_RESOURCE_DEFINITIONS, DEPLOYMENTS, NAMESPACES, PODS, SERVICES
from kubeapi.status import Invalid
from kubeapi.webhooks.calls import CallNeeded
from kubemanifest.clientapply import apply, three_way_patch


def test_apply_creates_configures_and_then_has_nothing_to_do() -> None:
    registry = new_registry()
    outcomes = [apply(registry, DEPLOYMENTS, deployment(replicas=count))[1] for count in (1, 2, 2)]
    assert outcomes == ["created", "configured", "unchanged"]


def test_the_manifest_is_kept_as_kubectl_keeps_it() -> None:
    created, _ = apply(new_registry(), CONFIGMAPS, {"metadata": {"name": "web"}, "data": {"a": "ä & b"}})
    text = created["metadata"]["annotations"][LAST_APPLIED]
    assert text == (
        r'{"apiVersion":"v1","data":{"a":"ä \u0026 b"},"kind":"ConfigMap",'
        '"metadata":{"annotations":{},"name":"web","namespace":"default"}}\n'
    )


def test_a_null_in_a_manifest_counts_as_absent() -> None:
    registry = new_registry()
    apply(registry, SERVICES, service(clusterIP=None, externalIPs=None))
    assert apply(registry, SERVICES, service(clusterIP=None))[1] == "unchanged"


def test_replicas_that_the_manifest_does_not_state_stay_scaled() -> None:
    registry = new_registry()
    apply(registry, DEPLOYMENTS, deployment())
    scale(registry, DEPLOYMENTS, ObjectKey("default", "web"), 5)
    applied, outcome = apply(registry, DEPLOYMENTS, deployment(template_spec={"containers": [container(image="b:1")]}))
    assert (applied["spec"]["replicas"], outcome) == (5, "configured")


def test_replicas_that_the_manifest_states_come_back() -> None:
    registry = new_registry()
    apply(registry, DEPLOYMENTS, deployment(replicas=2))
    scale(registry, DEPLOYMENTS, ObjectKey("default", "web"), 5)
    applied, outcome = apply(registry, DEPLOYMENTS, deployment(replicas=2))
    assert (applied["spec"]["replicas"], outcome) == (2, "configured")


def test_labels_of_others_stay_and_labels_left_out_go() -> None:
    registry = new_registry()
    apply(registry, SERVICES, service(metadata={"labels": {"mine": "1", "gone": "1"}}))
    stored = registry.store.get(SERVICES, "default", "web")
    labels = {**stored["metadata"]["labels"], "theirs": "1"}
    registry.update(SERVICES, {**stored, "metadata": {**stored["metadata"], "labels": labels}})
    applied, _ = apply(registry, SERVICES, service(metadata={"labels": {"mine": "2"}}))
    assert applied["metadata"]["labels"] == {"mine": "2", "theirs": "1"}


def test_a_changed_port_merges_by_number_and_keeps_its_node_port() -> None:
    registry = new_registry()
    ports = [{"name": "a", "port": 80}, {"name": "b", "port": 81}, {"name": "c", "port": 82}]
    before, _ = apply(registry, SERVICES, service(type="NodePort", ports=ports))
    changed = [{"name": "c", "port": 82}, {"name": "a", "port": 80, "targetPort": "http"}, {"name": "d", "port": 83}]
    after, _ = apply(registry, SERVICES, service(type="NodePort", ports=changed))
    assert [(port["name"], port["targetPort"]) for port in after["spec"]["ports"]] == [
        ("c", 82),
        ("a", "http"),
        ("d", 83),
    ]
    by_name = {port["name"]: port["nodePort"] for port in before["spec"]["ports"]}
    assert [port["nodePort"] for port in after["spec"]["ports"][:2]] == [by_name["c"], by_name["a"]]


def test_a_port_that_is_there_twice_with_two_protocols_is_replaced_whole() -> None:
    registry = new_registry()
    ports = [{"name": "udp", "port": 53, "protocol": "UDP"}, {"name": "tcp", "port": 53}]
    apply(registry, SERVICES, service(ports=ports))
    applied, outcome = apply(registry, SERVICES, service(ports=[{**ports[0], "targetPort": 5353}, ports[1]]))
    assert [port["targetPort"] for port in applied["spec"]["ports"]] == [5353, 53]
    assert outcome == "configured"


def test_a_strategy_without_rolling_update_sheds_its_defaults() -> None:
    registry = new_registry()
    apply(registry, DEPLOYMENTS, deployment())
    applied, _ = apply(registry, DEPLOYMENTS, deployment(strategy={"type": "Recreate"}))
    assert applied["spec"]["strategy"] == {"type": "Recreate"}


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ({"type": "NodePort"}, {"type": "ClusterIP"}),
        ({"type": "LoadBalancer"}, {}),
        ({"type": "LoadBalancer", "externalTrafficPolicy": "Local"}, {"type": "NodePort"}),
        ({}, {"type": "ExternalName", "externalName": "a.example"}),
        ({"type": "ExternalName", "externalName": "a.example"}, {"type": "NodePort"}),
        ({"sessionAffinity": "ClientIP"}, {}),
    ],
    ids=str,
)
def test_a_service_may_be_applied_as_another_type_and_is_then_stable(before: JSON, after: JSON) -> None:
    registry = new_registry()
    apply(registry, SERVICES, service(**before))
    assert apply(registry, SERVICES, service(**after))[1] == "configured"
    assert apply(registry, SERVICES, service(**after))[1] == "unchanged"


def test_an_object_that_was_not_applied_before_is_adopted() -> None:
    registry = new_registry()
    registry.create(SERVICES, service(metadata={"labels": {"theirs": "1"}}))
    applied, outcome = apply(registry, SERVICES, service(metadata={"labels": {"mine": "1"}}))
    assert outcome == "configured"
    assert applied["metadata"]["labels"] == {"theirs": "1", "mine": "1"}


@pytest.mark.parametrize("text", ["{", "[]", "null"])
def test_a_spoilt_annotation_counts_as_none(text: str) -> None:
    registry = new_registry()
    registry.create(SERVICES, service(metadata={"annotations": {LAST_APPLIED: text}}))
    assert apply(registry, SERVICES, service())[1] == "configured"


def test_a_refused_apply_changes_nothing() -> None:
    registry = new_registry()
    apply(registry, SERVICES, service(clusterIP="127.96.0.20"))
    version = registry.store.resource_version
    with pytest.raises(Invalid, match="may not change once set"):
        apply(registry, SERVICES, service(clusterIP="127.96.0.21"))
    assert registry.store.resource_version == version


def apply_all(registry: Registry) -> list[str]:
    return [
        apply(registry, resource, obj)[1]
        for resource, obj in (
            (NAMESPACES, {"metadata": {"name": "x"}}),
            (CONFIGMAPS, {"metadata": {"name": "web", "namespace": "x"}, "data": {"a": "b"}}),
            (SERVICES, service(metadata={"namespace": "x", "finalizers": ["a/b"]}, type="NodePort")),
            (DEPLOYMENTS, deployment(replicas=2)),
            (PODS, pod(volumes=[{"name": "v"}])),
        )
    ]


def test_applying_a_whole_set_again_writes_nothing() -> None:
    registry = new_registry()
    assert set(apply_all(registry)) == {"created"}
    version = registry.store.resource_version
    assert set(apply_all(registry)) == {"unchanged"}
    assert registry.store.resource_version == version


@pytest.mark.parametrize(
    ("document", "patch", "result"),
    [
        ({"a": "b"}, {"a": "c"}, {"a": "c"}),
        ({"a": "b"}, {"b": "c"}, {"a": "b", "b": "c"}),
        ({"a": "b"}, {"a": None}, {}),
        ({"a": ["b"]}, {"a": "c"}, {"a": "c"}),
        ({"a": {"b": "c"}}, {"a": {"b": "d", "c": None}}, {"a": {"b": "d"}}),
        ({"a": [{"b": "c"}]}, {"a": [1]}, {"a": [1]}),
        (["a", "b"], ["c", "d"], ["c", "d"]),
        ({"a": "foo"}, None, None),
        ({"e": None}, {"a": 1}, {"e": None, "a": 1}),
        ([1, 2], {"a": "b", "c": None}, {"a": "b"}),
        ({}, {"a": {"bb": {"ccc": None}}}, {"a": {"bb": {}}}),
    ],
    ids=str,
)
def test_merge_patches_of_rfc_7386(document: Any, patch: Any, result: Any) -> None:
    assert merge(document, patch) == result


@pytest.mark.parametrize("before", [{}, {"a": []}, {"a": 1}, {"a": [{"b": None, "c": 1}, None]}], ids=str)
def test_objects_in_a_list_of_a_merge_patch_lose_their_nulls(before: Any) -> None:
    assert merge(before, {"a": [{"b": None, "c": 1}, None]}) == {"a": [{"c": 1}, None]}


def test_a_list_in_place_of_an_object_keeps_them() -> None:
    assert merge({"a": {}}, {"a": [{"b": None}]}) == {"a": [{"b": None}]}


def test_sets_of_scalars_merge() -> None:
    original, modified = {"metadata": {"finalizers": ["a", "b"]}}, {"metadata": {"finalizers": ["b", "d"]}}
    current = {"metadata": {"finalizers": ["a", "b", "c"]}}
    patch = three_way_patch(original, modified, current, struct_of(SERVICES))
    assert patch == {"metadata": {"finalizers": ["d"], "$deleteFromPrimitiveList/finalizers": ["a"]}}
    merged = strategic_merge(current, patch, struct_of(SERVICES))
    assert sorted(merged["metadata"]["finalizers"]) == ["b", "c", "d"]


def test_a_manifest_that_was_read_from_a_cluster_may_be_applied_to_an_empty_one() -> None:
    manifest = deployment()
    manifest["metadata"]["resourceVersion"] = "7"
    applied, outcome = apply(new_registry(), DEPLOYMENTS, manifest)
    assert (outcome, applied["metadata"]["resourceVersion"]) == ("created", "1")


def test_a_dry_run_answers_and_stores_nothing() -> None:
    registry = new_registry()
    version = registry.store.resource_version
    answer, outcome = apply(registry, DEPLOYMENTS, deployment(replicas=4), dry_run=True)
    assert (answer["spec"]["replicas"], outcome) == (4, "created")
    assert registry.store.resource_version == version


def test_an_object_that_a_webhook_has_to_convert_waits_for_it() -> None:
    schema = {"openAPIV3Schema": {"type": "object"}}
    versions = [{"name": each, "served": True, "storage": each == "v1", "schema": schema} for each in ("v1", "v2")]
    webhook = {"clientConfig": {"url": "https://x"}, "conversionReviewVersions": ["v1"]}
    definition = {
        "metadata": {"name": "tabs.example.com"},
        "spec": {
            "group": "example.com",
            "scope": "Namespaced",
            "names": {"plural": "tabs", "kind": "Tab"},
            "versions": versions,
            "conversion": {"strategy": "Webhook", "webhook": webhook},
        },
    }
    registry = new_registry()
    crd = registry.create(CUSTOM_RESOURCE_DEFINITIONS, definition)
    accepted = {**crd, "status": {"acceptedNames": crd["spec"]["names"], "conditions": [CONDITION]}}
    second = next(each for each in resources_of(accepted) if each.version == "v2")
    with pytest.raises(CallNeeded, match="https://x"):
        apply(registry, second, {"metadata": {"name": "a"}})
    assert registry.store.list(second) == []


CONDITION = {"type": "NamesAccepted", "status": "True"}
