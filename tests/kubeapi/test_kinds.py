"""The kinds are found by their files; what they do not state is what most kinds do."""

from __future__ import annotations

from pathlib import Path

import pytest

from kubeapi import kinds
from kubeapi.kind import Kind
from kubeapi.kinds import KINDS, RESOURCES, SERVED_RESOURCES, kind_of, resource_for
from kubeapi.schema import struct_of
from kubeapi.scheme import CONFIGMAPS, DEPLOYMENTS, EVENTS_V1, NAMESPACES, PODS, SERVICES, Resource

UNKNOWN = Resource("Thing", "things", "example.com", "v1", True)


def test_every_file_of_the_folder_is_a_kind_of_its_own() -> None:
    [folder] = kinds.__path__
    files = {each.stem for each in Path(folder).iterdir() if not each.stem.startswith("__")}
    assert {kind.resource.kind.lower() for kind in KINDS} == files


def test_kinds_are_in_the_order_in_which_they_are_applied() -> None:
    ranks = [kind.apply_rank for kind in KINDS]
    assert ranks == sorted(ranks)
    order = [RESOURCES.index(each) for each in (NAMESPACES, CONFIGMAPS, SERVICES, PODS, DEPLOYMENTS)]
    assert order == sorted(order)


@pytest.mark.parametrize("resource", SERVED_RESOURCES, ids=str)
def test_a_kind_is_found_by_what_a_manifest_says(resource: Resource) -> None:
    assert resource_for(resource.api_version, resource.kind) == resource
    assert {"metadata", "kind", "apiVersion"} <= struct_of(resource).fields.keys()


def test_an_unknown_kind_has_no_resource_and_the_rules_of_most() -> None:
    assert resource_for(UNKNOWN.api_version, UNKNOWN.kind) is None
    rules, most = kind_of(UNKNOWN), Kind(resource=UNKNOWN)
    assert rules.resource == UNKNOWN
    assert (rules.validate, rules.verbs, rules.field_labels) == (most.validate, most.verbs, most.field_labels)


def test_a_kind_without_a_schema_says_how_to_get_one() -> None:
    with pytest.raises(LookupError, match=r"no schema for example\.v1\.Thing: run `make derive`"):
        struct_of(UNKNOWN)


def test_another_version_is_served_and_not_stored() -> None:
    assert EVENTS_V1 in SERVED_RESOURCES
    assert EVENTS_V1 not in RESOURCES


def test_what_can_be_scaled_and_what_makes_pods_is_a_workload() -> None:
    workloads = {"Deployment", "ReplicaSet", "ReplicationController", "StatefulSet"}
    assert {kind.resource.kind for kind in KINDS if kind.is_scalable} == workloads
    assert {kind.resource.kind for kind in KINDS if kind.makes_pods} == workloads | {"DaemonSet", "Job", "CronJob"}
