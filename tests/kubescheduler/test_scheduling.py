"""The node that a pod gets, and the message when it fits on none."""

from __future__ import annotations

import random
from collections import Counter
from typing import Any

import pytest
from tests.helpers.kubecontroller.fakes import node
from tests.helpers.kubescheduler.worlds import world_of
from tests.helpers.objects import build

from kubeapi.meta import JSON, ObjectKey
from kubescheduler.nodes import Nodes, owner_of
from kubescheduler.scheduling import Unschedulable, bound, schedule, with_scheduled

NO_HELP = "preemption: 0/{n} nodes are available: {n} Preemption is not helpful for scheduling."
NO_VICTIMS = "preemption: 0/1 nodes are available: 1 No preemption victims found for incoming pod."
NOT_READY = {"conditions": [{"type": "Ready", "status": "False"}]}
READY = {"conditions": [{"type": "Ready", "status": "True"}]}


def pod(name: str = "web", owner: str = "", **spec: Any) -> JSON:
    references = [{"kind": "ReplicaSet", "name": owner, "uid": owner, "controller": True}] if owner else []
    return build("Pod", name, "default", metadata={"uid": f"uid-{name}", "ownerReferences": references}, spec=spec)


def term(*expressions: JSON) -> JSON:
    terms = [{"matchExpressions": list(expressions)}]
    required = {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": terms}}
    return {"affinity": {"nodeAffinity": required}}


ZONE = "topology.kubernetes.io/zone"


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        pytest.param({"nodeSelector": {"kubernetes.io/hostname": "node-2"}}, "node-2", id="node selector"),
        pytest.param(term({"key": ZONE, "operator": "In", "values": ["b"]}), "node-2", id="affinity In"),
        pytest.param(term({"key": ZONE, "operator": "NotIn", "values": ["b"]}), "node-1", id="affinity NotIn"),
        pytest.param(term({"key": "gpu", "operator": "Exists"}), "node-2", id="affinity Exists"),
        pytest.param(term({"key": "gpu", "operator": "DoesNotExist"}), "node-1", id="affinity DoesNotExist"),
        pytest.param(term({"key": "gpu", "operator": "Gt", "values": ["3"]}), "node-2", id="affinity Gt"),
        pytest.param(term({"key": ZONE, "operator": "Lt", "values": ["3"]}), None, id="affinity Lt on a word"),
        pytest.param(term(), None, id="an empty term matches nothing"),
    ],
)
def test_a_pod_gets_a_node_that_its_selector_and_affinity_match(spec: JSON, expected: str | None) -> None:
    first, second = node("node-1", "a"), node("node-2", "b")
    second["metadata"]["labels"]["gpu"] = "4"
    decision = schedule(pod(**spec), world_of(first, second), random.Random(0))
    assert (None if isinstance(decision, Unschedulable) else decision) == expected


@pytest.mark.parametrize(
    ("nodes", "spec", "message"),
    [
        pytest.param([], {}, "no nodes available to schedule pods", id="no nodes"),
        pytest.param(
            [node("node-1"), node("node-2")],
            {"nodeSelector": {"disk": "ssd"}},
            "0/2 nodes are available: 2 node(s) didn't match Pod's node affinity/selector. " + NO_HELP.format(n=2),
            id="selector",
        ),
        pytest.param(
            [node("node-1", unschedulable=True), node("node-2") | {"status": NOT_READY}],
            {},
            "0/2 nodes are available: 1 node(s) had untolerated taint(s), "
            "1 node(s) were unschedulable. " + NO_HELP.format(n=2),
            id="cordoned and not ready",
        ),
        pytest.param(
            [node("node-1") | {"status": {}}],
            {},
            "0/1 nodes are available: 1 node(s) had untolerated taint(s). " + NO_HELP.format(n=1),
            id="no kubelet has spoken",
        ),
        pytest.param(
            [node("node-1", taints=[{"key": "team", "value": "blue", "effect": "NoSchedule"}])],
            {"tolerations": [{"key": "team", "value": "red"}]},
            "0/1 nodes are available: 1 node(s) had untolerated taint(s). " + NO_HELP.format(n=1),
            id="taint",
        ),
        pytest.param(
            [node("node-1") | {"status": READY | {"allocatable": {"pods": "0"}}}],
            {},
            "0/1 nodes are available: 1 Too many pods. " + NO_VICTIMS,
            id="full",
        ),
    ],
)
def test_a_pod_that_fits_on_no_node_gets_the_reasons(nodes: list[JSON], spec: JSON, message: str) -> None:
    decision = schedule(pod(**spec), world_of(*nodes), random.Random(0))
    assert decision == Unschedulable(message)


@pytest.mark.parametrize(
    "toleration",
    [
        pytest.param({"operator": "Exists"}, id="everything"),
        pytest.param({"key": "team", "operator": "Exists"}, id="the key"),
        pytest.param({"key": "team", "operator": "Equal", "value": "blue", "effect": "NoSchedule"}, id="all of it"),
    ],
)
def test_a_tolerated_taint_does_not_keep_a_pod_away(toleration: JSON) -> None:
    tainted = node("node-1", taints=[{"key": "team", "value": "blue", "effect": "NoSchedule"}])
    assert schedule(pod(tolerations=[toleration]), world_of(tainted), random.Random(0)) == "node-1"


@pytest.mark.parametrize(
    ("loads", "expected"),
    [
        pytest.param([(9, 0), (1, 1)], "node-1", id="fewest siblings first"),
        pytest.param([(9, 1), (8, 1)], "node-2", id="then fewest pods"),
    ],
)
def test_the_emptiest_node_is_taken(loads: list[tuple[int, int]], expected: str) -> None:
    there = [
        bound(pod(f"{number}-{place}", owner="rs" if place < siblings else "other"), f"node-{number}")
        for number, (pods, siblings) in enumerate(loads, start=1)
        for place in range(pods)
    ]
    nodes = world_of(*(node(f"node-{number}") for number in range(1, len(loads) + 1)), pods=there)
    assert schedule(pod(owner="rs"), nodes, random.Random(0)) == expected


def test_the_random_source_decides_between_equal_nodes() -> None:
    nodes = world_of(node("node-1"), node("node-2"))
    chosen = Counter(schedule(pod(), nodes, random.Random(seed)) for seed in range(200))
    assert chosen.keys() == {"node-1", "node-2"}
    assert schedule(pod(), nodes, random.Random(7)) == schedule(pod(), nodes, random.Random(7))


def test_assigned_pods_count_and_finished_or_deleted_ones_do_not() -> None:
    nodes = Nodes()
    nodes.put_node("node-1", node("node-1"))
    key = ObjectKey("default", "web")
    placed = bound(pod(owner="rs"), "node-1")
    for state, expected in [(placed, 1), (placed | {"status": {"phase": "Failed"}}, 0), (placed, 1), (None, 0)]:
        nodes.put_pod(key, state)
        assert [(len(each.pods), each.owners["rs"]) for each in nodes.world().infos] == [(expected, expected)]
    assert owner_of(placed) == "rs"


def test_the_condition_keeps_its_time_while_it_stays_the_same() -> None:
    refused = with_scheduled(pod(), "2026-01-01T00:00:00Z", "no")
    again = with_scheduled(refused, "2026-01-02T00:00:00Z", "still no")
    done = with_scheduled(again, "2026-01-03T00:00:00Z")
    times = [each["status"]["conditions"][0]["lastTransitionTime"] for each in (refused, again, done)]
    assert times == ["2026-01-01T00:00:00Z", "2026-01-01T00:00:00Z", "2026-01-03T00:00:00Z"]
