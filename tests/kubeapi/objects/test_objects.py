"""Parts that may be absent, conditions, nodes and workloads."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from kubeapi.meta import JSON
from kubeapi.objects.conditions import conditions_of, find_condition, is_condition_true, with_condition
from kubeapi.objects.node import read_node
from kubeapi.objects.parts import list_at, map_at, spec_of, status_of
from kubeapi.objects.workload import Workload, read_workload

READY = {"type": "Ready", "status": "True"}
PRESSED = {"type": "MemoryPressure", "status": "False"}


@pytest.mark.parametrize("obj", [{}, {"spec": None, "status": None}, {"spec": {}, "status": {}}], ids=str)
def test_parts_that_are_absent_or_null_are_empty(obj: JSON) -> None:
    assert spec_of(obj) == status_of(obj) == map_at(obj, "spec", "affinity", "nodeAffinity") == {}
    assert not list_at(obj, "spec", "tolerations")
    assert not conditions_of(obj)


def test_parts_are_found_by_the_path_of_their_names() -> None:
    obj = {"spec": {"affinity": {"nodeAffinity": {"a": 1}}, "tolerations": [2]}}
    assert map_at(obj, "spec", "affinity", "nodeAffinity") == {"a": 1}
    assert list_at(obj, "spec", "tolerations") == [2]


def test_a_condition_is_found_by_its_type() -> None:
    obj = {"status": {"conditions": [PRESSED, READY]}}
    assert find_condition(obj, "Ready") == READY
    assert find_condition(obj, "DiskPressure") is None
    found = [is_condition_true(obj, each) for each in ("Ready", "MemoryPressure", "DiskPressure")]
    assert found == [True, False, False]


def test_a_condition_takes_the_place_of_the_one_of_its_type() -> None:
    unready = {"type": "Ready", "status": "False"}
    assert with_condition({"phase": "x", "conditions": [READY, PRESSED]}, unready) == {
        "phase": "x",
        "conditions": [PRESSED, unready],
    }
    assert with_condition({}, READY) == {"conditions": [READY]}


def node(*, labels: dict[str, str] | None = None, spec: JSON | None = None, **status: Any) -> JSON:
    return {"metadata": {"name": "node-1", "labels": labels}, "spec": spec, "status": status}


def test_a_node_is_ready_when_its_condition_is_true() -> None:
    assert read_node(node(conditions=[PRESSED, READY])).is_ready
    assert not read_node(node(conditions=[{"type": "Ready", "status": "Unknown"}])).is_ready
    assert not read_node(node()).is_ready


def test_a_node_has_a_zone_taints_and_addresses() -> None:
    zone, taint = {"topology.kubernetes.io/zone": "a"}, {"key": "k", "effect": "NoSchedule"}
    addresses = [{"type": "Hostname", "address": "n"}, {"type": "InternalIP", "address": "127.0.0.2"}]
    found = read_node(node(labels=zone, spec={"unschedulable": True, "taints": [taint]}, addresses=addresses))
    assert (found.name, found.zone, found.is_unschedulable, found.taints) == ("node-1", "a", True, [taint])
    assert (found.addresses("InternalIP"), found.addresses("ExternalIP")) == (["127.0.0.2"], [])
    bare = read_node(node())
    assert (bare.zone, bare.is_unschedulable, list(bare.taints)) == ("", False, [])


@pytest.mark.parametrize(
    ("allocatable", "expected"),
    [({"cpu": "2"}, 2), ({"cpu": "1500m"}, Decimal("1.5")), ({"cpu": 4}, 4), ({"cpu": "many"}, None), ({}, None)],
    ids=str,
)
def test_a_node_says_how_much_it_has_for_pods(allocatable: JSON, expected: Decimal | None) -> None:
    assert read_node(node(allocatable=allocatable)).allocatable("cpu") == expected


def workload(spec: JSON | None = None, status: JSON | None = None, generation: int = 2) -> Workload:
    return read_workload({"metadata": {"name": "web", "generation": generation}, "spec": spec, "status": status})


def test_a_workload_that_says_nothing_has_the_defaults() -> None:
    found = workload()
    assert (found.replicas, found.min_ready_seconds, found.is_paused, found.is_rolling) == (1, 0, False, True)
    assert (found.revision_history_limit, found.progress_deadline_seconds) == (10, 600)
    assert (found.selector, found.match_labels, found.template, found.template_labels) == ({}, {}, {}, {})
    counts = found.current_replicas, found.updated_replicas, found.ready_replicas, found.available_replicas
    assert counts == (0, 0, 0, 0)
    assert found.collision_count is None


@pytest.mark.parametrize(("observed", "expected"), [(None, False), (1, False), (2, True), (3, True)])
def test_a_workload_is_observed_when_its_controller_has_seen_its_generation(
    observed: int | None, expected: bool
) -> None:
    assert workload(status={"observedGeneration": observed}).is_observed is expected


def test_a_workload_has_its_wanted_and_its_present_replicas() -> None:
    spec = {
        "replicas": 0,
        "selector": {"matchLabels": {"app": "web"}},
        "template": {"metadata": {"labels": {"app": "web"}}},
        "strategy": {"type": "Recreate"},
        "progressDeadlineSeconds": 2**31 - 1,
    }
    found = workload(spec, {"replicas": 3, "availableReplicas": 2})
    assert (found.replicas, found.match_labels, found.template_labels) == (0, {"app": "web"}, {"app": "web"})
    assert (found.is_rolling, found.progress_deadline_seconds) == (False, None)
    assert (found.current_replicas, found.available_replicas) == (3, 2)
