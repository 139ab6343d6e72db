"""How much a pod prefers each node: figures of the real scheduler for the same nodes and pods."""

from __future__ import annotations

from typing import Any

import pytest
from tests.helpers.kubescheduler.worlds import asking_pod, sized_node, world_of

from kubeapi.meta import JSON
from kubescheduler.nodes import placed_pod
from kubescheduler.scoring import scores
from kubescheduler.spreading import spread_scores

HALF = {"cpu": "2", "memory": "8Gi"}
SOFT = {"key": "soft", "effect": "PreferNoSchedule"}
OWNED = {"kind": "ReplicaSet", "name": "web", "uid": "web", "controller": True}


def prefer(label: str, value: str) -> JSON:
    expression = {"key": label, "operator": "In", "values": [value]}
    term = {"weight": 7, "preference": {"matchExpressions": [expression]}}
    return {"affinity": {"nodeAffinity": {"preferredDuringSchedulingIgnoredDuringExecution": [term]}}}


def near(kind: str) -> JSON:
    term = {"labelSelector": {"matchLabels": {"app": "db"}}, "topologyKey": "kubernetes.io/hostname"}
    weighted = {"weight": 3, "podAffinityTerm": term}
    return {"affinity": {kind: {"preferredDuringSchedulingIgnoredDuringExecution": [weighted]}}}


@pytest.mark.parametrize(
    ("nodes", "there", "spec", "expected"),
    [
        pytest.param([sized_node("a"), sized_node("b", HALF)], [], {}, [97, 96], id="the free parts"),
        pytest.param([sized_node("a"), sized_node("b")], [asking_pod("x", {"cpu": "2"}, "b")], {}, [97, 71],
                     id="the least allocated"),
        pytest.param([sized_node("a"), sized_node("b", taints=[SOFT])], [], {}, [397, 97], id="no taint"),
        pytest.param([sized_node("a", zone="a"), sized_node("b", zone="b")], [],
                     prefer("topology.kubernetes.io/zone", "b"), [97, 297], id="its node affinity"),
        pytest.param([sized_node("a"), sized_node("b")], [asking_pod("db", {}, "b", labels={"app": "db"})],
                     near("podAffinity"), [97, 295], id="its pod affinity"),
        pytest.param([sized_node("a"), sized_node("b")], [asking_pod("db", {}, "b", labels={"app": "db"})],
                     near("podAntiAffinity"), [297, 95], id="its anti-affinity"),
    ],
)  # fmt: skip
def test_a_node_is_rated(nodes: list[JSON], there: list[JSON], spec: Any, expected: list[int]) -> None:
    world = world_of(*nodes, pods=there)
    assert scores(placed_pod(asking_pod("web", **spec)), world.infos, world) == expected


def test_the_pods_of_a_workload_are_spread_over_nodes_and_zones() -> None:
    def owned(name: str, node: str = "") -> JSON:
        found = asking_pod(name, {}, node)
        return {**found, "metadata": {**found["metadata"], "ownerReferences": [OWNED]}}

    nodes = [sized_node(name, zone=name[0]) for name in ("a1", "a2", "b1")]
    world = world_of(*nodes, pods=[owned("web-1", "a1")])
    alone = world_of(*nodes, pods=[asking_pod("web-1", {}, "a1")])
    placed = placed_pod(owned("web-2"))
    differences = [
        one - other
        for one, other in zip(scores(placed, world.infos, world), scores(placed, alone.infos, alone), strict=True)
    ]
    assert differences == [-68, -24, 0]


def test_nodes_without_a_zone_are_a_domain_for_the_weight_of_zones() -> None:
    def owned(name: str, node: str = "") -> JSON:
        found = asking_pod(name, {}, node)
        return {**found, "metadata": {**found["metadata"], "ownerReferences": [OWNED]}}

    places = {"n1": 1, "n2": 0, "n3": 2, "n4": 0, "n6": 3}
    zones = {"n1": "a", "n2": "a", "n3": "b", "n4": "b", "n6": ""}
    there = [owned(f"web-{node}-{number}", node) for node, count in places.items() for number in range(count)]
    world = world_of(*(sized_node(name, zone=zone) for name, zone in zones.items()), pods=there)
    placed = placed_pod(owned("web"))
    assert spread_scores(placed.pod, placed.owner, world.infos, world) == [84, 100, 61, 92, 100]
