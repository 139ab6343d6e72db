from __future__ import annotations

import random

import pytest
from tests.helpers.kubesvc.input_manifests import load_text, new_registry

from kubeapi.meta import JSON, ObjectKey
from kubeapi.registry import Registry
from kubeapi.scheme import NAMESPACES, SERVICES, Resource
from kubeapi.status import FieldError, Invalid, NotFound, StatusError
from kubemanifest.applying import apply_documents, changes_between, faults_of, in_order, with_objects

MIXED = """
{apiVersion: apps/v1, kind: Deployment, metadata: {name: d}}
---
{apiVersion: v1, kind: Endpoints, metadata: {name: e}}
---
{apiVersion: v1, kind: Service, metadata: {name: free}, spec: {ports: [{port: 80}]}}
---
{apiVersion: v1, kind: Service, metadata: {name: headless}, spec: {clusterIP: None, ports: [{port: 80}]}}
---
{apiVersion: v1, kind: Service, metadata: {name: own-port}, spec: {ports: [{port: 80, nodePort: 30001}]}}
---
{apiVersion: v1, kind: Service, metadata: {name: own-ip}, spec: {clusterIP: 127.96.0.9, ports: [{port: 80}]}}
---
{apiVersion: v1, kind: Pod, metadata: {name: p}}
---
{apiVersion: v1, kind: ConfigMap, metadata: {name: c}}
---
{apiVersion: v1, kind: Namespace, metadata: {name: shop}}
"""

SHOP = """
{apiVersion: v1, kind: Service, metadata: {name: a}, spec: {ports: [{port: 80}]}}
---
{apiVersion: v1, kind: Service, metadata: {name: b}, spec: {ports: [{port: 80}]}}
"""


def names(documents: object) -> list[str]:
    assert isinstance(documents, (list, tuple))
    return [document.name for document in documents]


def test_what_others_need_comes_first_and_explicit_addresses_before_free_ones() -> None:
    ordered = in_order(load_text(MIXED).documents)
    assert names(ordered) == ["shop", "c", "own-port", "own-ip", "free", "headless", "e", "p", "d"]


REVIEWED = """
{apiVersion: v1, kind: Service, metadata: {name: before}, spec: {ports: [{port: 80}]}}
---
{apiVersion: v1, kind: ConfigMap, metadata: {name: early, namespace: early}}
---
{apiVersion: admissionregistration.k8s.io/v1, kind: ValidatingAdmissionPolicyBinding, metadata: {name: binding}}
---
{apiVersion: apps/v1, kind: Deployment, metadata: {name: after}}
---
{apiVersion: v1, kind: ConfigMap, metadata: {name: also-after}}
---
{apiVersion: v1, kind: Namespace, metadata: {name: early}}
---
{apiVersion: v1, kind: Namespace, metadata: {name: late}}
"""


def test_what_reviews_writes_stays_between_what_is_written_before_and_after_it() -> None:
    ordered = in_order(load_text(REVIEWED).documents)
    assert names(ordered) == ["early", "early", "before", "binding", "late", "also-after", "after"]


def test_applying_twice_creates_and_then_changes_nothing() -> None:
    registry, documents = new_registry(), load_text(SHOP).documents
    faults, applied, _ = apply_documents(lambda _: registry, documents)
    assert (faults, [str(each) for each in applied]) == ([], ["service/a created", "service/b created"])
    assert registry.store.find(SERVICES, ObjectKey("default", "a")) is not None
    assert [each.outcome for each in apply_documents(lambda _: registry, documents).applied] == [
        "unchanged",
        "unchanged",
    ]


def test_an_edited_document_is_configured() -> None:
    registry = new_registry()
    apply_documents(lambda _: registry, load_text(SHOP).documents)
    _, applied, _ = apply_documents(lambda _: registry, load_text(SHOP.replace("80", "81", 1)).documents)
    assert [str(each) for each in applied] == ["service/a configured", "service/b unchanged"]


class RefusingRegistry(Registry):
    """A Registry that refuses every object of one name."""

    def __init__(self, name: str, error: StatusError) -> None:
        accepting = new_registry()
        super().__init__(accepting.store, accepting.config, clock=lambda: 0.0, rng=random.Random(1))
        self._name, self._error = name, error

    def create_typed(self, resource: Resource, obj: JSON, *, dry_run: bool = False) -> JSON:
        if obj["metadata"]["name"] == self._name:
            raise self._error
        return super().create_typed(resource, obj, dry_run=dry_run)


def test_the_causes_of_a_refusal_become_faults_at_their_fields_and_the_others_are_applied() -> None:
    causes = (
        FieldError("FieldValueInvalid", "spec.ports[0].port", "Invalid value: 80: no"),
        FieldError("FieldValueRequired", "spec.selector", "Required value"),
    )
    registry = RefusingRegistry("a", Invalid(SERVICES, "a", causes))
    faults, applied, _ = apply_documents(lambda _: registry, load_text(SHOP).documents)
    assert [str(fault) for fault in faults] == [
        "<stdin>:2:54: spec.selector: Required value",
        "<stdin>:2:70: spec.ports[0].port: Invalid value: 80: no",
    ]
    assert [str(each) for each in applied] == ["service/b created"]


def test_a_refusal_without_causes_is_a_fault_at_the_name() -> None:
    (document, _) = load_text(SHOP).documents
    (fault,) = faults_of(document, StatusError(500, "InternalError", "failed to allocate a serviceIP: range is full"))
    assert str(fault) == "<stdin>:2:44: failed to allocate a serviceIP: range is full"


def test_a_missing_namespace_says_what_to_add() -> None:
    (document, _) = load_text(SHOP.replace("name: a", "name: a, namespace: shop")).documents
    (fault,) = faults_of(document, NotFound(NAMESPACES, "shop"))
    assert str(fault) == (
        '<stdin>:2:53: metadata.namespace: namespaces "shop" not found\n    add a Namespace shop to the manifests'
    )


def test_the_echo_of_an_unreadable_field_is_not_reported_again() -> None:
    (document,) = load_text(
        "{apiVersion: v1, kind: Service, metadata: {name: a}, spec: {ports: [{port: eighty}]}}"
    ).documents
    causes = (
        FieldError("FieldValueInvalid", "spec.ports[0].port", "Invalid value: 0: must be between 1 and 65535"),
        FieldError("FieldValueInvalid", "spec.type", "other"),
    )
    assert [fault.field for fault in faults_of(document, Invalid(SERVICES, "a", causes))] == ["spec.type"]


def test_a_target_port_that_is_only_defaulted_from_an_unreadable_port_is_not_reported() -> None:
    ports = "[{port: eighty}, {port: x, targetPort: 0}]"
    (document,) = load_text(
        f"{{apiVersion: v1, kind: Service, metadata: {{name: a}}, spec: {{ports: {ports}}}}}"
    ).documents
    causes = tuple(
        FieldError("FieldValueInvalid", f"spec.ports[{index}].targetPort", "Invalid value: 0: no") for index in (0, 1)
    )
    assert [fault.field for fault in faults_of(document, Invalid(SERVICES, "a", causes))] == [
        "spec.ports[1].targetPort"
    ]


def test_an_unsupported_value_comes_with_the_nearest_supported_one() -> None:
    registry = new_registry()
    faults, _, _ = apply_documents(
        lambda _: registry,
        load_text(
            "{apiVersion: v1, kind: Service, metadata: {name: a}, spec: {type: NodePor, ports: [{port: 80}]}}"
        ).documents,
    )
    assert [str(fault) for fault in faults] == [
        '<stdin>:1:61: spec.type: Unsupported value: "NodePor": '
        'supported values: "ClusterIP", "ExternalName", "LoadBalancer", "NodePort"\n    did you mean "NodePort"?'
    ]


def test_changed_objects_keep_their_places() -> None:
    def change(obj: JSON) -> tuple[JSON, list[FieldError]]:
        return {**obj, "spec": {}}, [FieldError("", "spec.ports[0]", "gone")]

    documents, warnings = with_objects(load_text(SHOP).documents, change)
    assert [document.obj["spec"] for document in documents] == [{}, {}]
    assert [str(each) for each in warnings] == [
        "<stdin>:2:69: spec.ports[0]: gone",
        "<stdin>:4:69: spec.ports[0]: gone",
    ]


@pytest.mark.parametrize(
    ("after", "applied", "deleted"),
    [
        pytest.param(SHOP, [], [], id="nothing"),
        pytest.param("# a comment\n" + SHOP, [], [], id="only positions"),
        pytest.param(SHOP.replace("80", "81", 1), ["a"], [], id="edited"),
        pytest.param(SHOP.replace("name: a", "name: c"), ["c"], ["a"], id="renamed"),
        pytest.param(SHOP.partition("---")[0], [], ["b"], id="vanished"),
        pytest.param(SHOP + "---\n{apiVersion: v1, kind: Namespace, metadata: {name: shop}}", ["shop"], [], id="added"),
    ],
)
def test_changes_between_two_readings_are_what_to_apply_and_what_to_delete(
    after: str, applied: list[str], deleted: list[str]
) -> None:
    changes = changes_between(load_text(SHOP), load_text(after))
    assert (names(changes.applied), names(changes.deleted)) == (applied, deleted)


def test_what_vanished_is_deleted_in_the_reverse_order() -> None:
    before = load_text(MIXED)
    deleted = names(changes_between(before, before._replace(documents=())).deleted)
    assert deleted == ["d", "p", "e", "headless", "free", "own-ip", "own-port", "c", "shop"]
