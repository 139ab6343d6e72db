"""Nodes that Kubernetes refuses are refused in its words, and those that it takes are taken."""

from __future__ import annotations

import random
from typing import Any

import pytest

from kubeapi.meta import JSON
from kubeapi.registry import Registry, RegistryConfig
from kubeapi.scheme import NODES
from kubeapi.status import Invalid
from kubeapi.store import Store

NOT_A_CIDR = "must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)"
ONE_A_FAMILY = "may specify no more than one CIDR for each IP family"


def registry() -> Registry:
    return Registry(Store(), RegistryConfig(), clock=lambda: 0.0, rng=random.Random(1))


def node(spec: JSON | None = None, status: JSON | None = None) -> JSON:
    return {"metadata": {"name": "n"}, "spec": spec or {}, "status": status or {}}


def faults_of(spec: JSON | None = None, status: JSON | None = None) -> list[str]:
    try:
        registry().create(NODES, node(spec, status))
    except Invalid as refusal:
        return [str(each) for each in refusal.causes]
    return []


GOOD: list[Any] = [
    {"podCIDRs": ["10.1.0.0/24"]},
    {"podCIDRs": ["10.1.0.0/24", "2001:db8::/64"]},
    {"podCIDR": "2001:db8::/64"},
    {"taints": [{"key": "a", "effect": effect} for effect in ("NoSchedule", "NoExecute", "PreferNoSchedule")]},
    {"taints": [{"key": "example.com/a", "value": "b", "effect": "NoSchedule"}], "providerID": "x://y"},
]


@pytest.mark.parametrize("spec", GOOD, ids=str)
def test_a_good_node_is_taken(spec: JSON) -> None:
    assert faults_of(spec) == []


BAD = [
    ({"podCIDRs": ["foo"]}, [f'spec.podCIDRs[0]: Invalid value: "foo": {NOT_A_CIDR}']),
    ({"podCIDRs": [""]}, [f'spec.podCIDRs[0]: Invalid value: "": {NOT_A_CIDR}']),
    ({"podCIDR": "foo"}, [f'spec.podCIDRs[0]: Invalid value: "foo": {NOT_A_CIDR}']),
    ({"podCIDRs": ["10.1.0.0"]}, [f'spec.podCIDRs[0]: Invalid value: "10.1.0.0": {NOT_A_CIDR}']),
    (
        {"podCIDRs": ["10.1.0.0/24", "10.2.0.0/24"]},
        [f'spec.podCIDRs: Invalid value: ["10.1.0.0/24","10.2.0.0/24"]: {ONE_A_FAMILY}'],
    ),
    (
        {"podCIDRs": ["10.1.0.0/24", "10.1.0.0/24"]},
        [
            f'spec.podCIDRs: Invalid value: ["10.1.0.0/24","10.1.0.0/24"]: {ONE_A_FAMILY}',
            'spec.podCIDRs[1]: Duplicate value: "10.1.0.0/24"',
        ],
    ),
    (
        {"podCIDRs": ["10.1.0.0/24", "bar"]},
        [
            f'spec.podCIDRs[1]: Invalid value: "bar": {NOT_A_CIDR}',
            "spec.podCIDRs: Internal error: invalid PodCIDRs. failed to check with dual stack with error:"
            'failed to parse cidr value:"bar" with error:invalid CIDR address: bar',
            f'spec.podCIDRs: Invalid value: ["10.1.0.0/24","bar"]: {ONE_A_FAMILY}',
        ],
    ),
    (
        {"taints": [{"key": "a", "effect": "Never"}]},
        [
            'metadata.taints[0].effect: Unsupported value: "Never": supported values: '
            '"NoSchedule", "PreferNoSchedule", "NoExecute"'
        ],
    ),
    ({"taints": [{"key": "a", "effect": ""}]}, ["metadata.taints[0].effect: Required value"]),
    (
        {"taints": [{"key": "a", "effect": "NoSchedule"}, {"key": "a", "value": "b", "effect": "NoSchedule"}]},
        [
            'metadata.taints[1]: Duplicate value: {"Key":"a","Value":"b","Effect":"NoSchedule","TimeAdded":null}'
            ": taints must be unique by key and effect pair"
        ],
    ),
]


@pytest.mark.parametrize(("spec", "faults"), BAD, ids=[str(spec) for spec, _ in BAD])
def test_a_bad_node_is_refused(spec: JSON, faults: list[str]) -> None:
    assert faults_of(spec) == faults


def test_a_taint_without_a_key_is_refused() -> None:
    assert faults_of({"taints": [{"effect": "NoSchedule"}]})[0].startswith("metadata.taints[0].key: Invalid value: ")


@pytest.mark.parametrize("field", ["capacity", "allocatable"])
@pytest.mark.parametrize(
    ("name", "quantity", "faults"),
    [
        ("cpu", "500m", []),
        ("pods", "1k", []),
        ("pods", "500m", ['Invalid value: "500m": must be an integer']),
        ("memory", "-1", ['Invalid value: "-1": must be greater than or equal to 0']),
    ],
)
def test_what_a_node_has_is_a_quantity(field: str, name: str, quantity: str, faults: list[str]) -> None:
    path = f"status.{field}.{name}"
    assert faults_of(status={field: {name: quantity}}) == [f"{path}: {each}" for each in faults]


def test_a_pod_cidr_is_given_once() -> None:
    cluster = registry()
    stored = cluster.create(NODES, node())
    stored = cluster.update(NODES, {**stored, "spec": {"podCIDR": "10.1.0.0/24"}})
    assert stored["spec"] == {"podCIDR": "10.1.0.0/24", "podCIDRs": ["10.1.0.0/24"]}
    with pytest.raises(Invalid, match=r'spec\.podCIDRs: Forbidden: node updates may not change podCIDR except from ""'):
        cluster.update(NODES, {**stored, "spec": {"podCIDRs": ["10.2.0.0/24"]}})
    with pytest.raises(Invalid, match="node updates may not change podCIDR"):
        cluster.update(NODES, {**stored, "spec": {}})


def test_a_provider_is_named_once() -> None:
    cluster = registry()
    stored = cluster.create(NODES, node())
    stored = cluster.update(NODES, {**stored, "spec": {"providerID": "a"}})
    with pytest.raises(Invalid, match='node updates may not change providerID except from "" to valid'):
        cluster.update(NODES, {**stored, "spec": {"providerID": "b"}})


def test_a_status_says_an_address_once() -> None:
    cluster = registry()
    stored = cluster.create(NODES, node())
    address = {"type": "InternalIP", "address": "10.0.0.1"}
    with pytest.raises(Invalid, match=r'addresses\[1\]: Duplicate value: {"Type":"InternalIP","Address":'):
        cluster.update_status(NODES, {**stored, "status": {"addresses": [address, address]}})
