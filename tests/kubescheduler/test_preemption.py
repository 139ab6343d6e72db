"""Which pods have to leave for a more important one."""

from __future__ import annotations

import random
from typing import Any

import pytest
from tests.helpers.kubescheduler.worlds import asking_pod, sized_node, world_of
from tests.helpers.objects import build

from kubeapi.meta import JSON, key_of
from kubeapi.objects.budget import read_budget
from kubeapi.objects.disruption import with_disruption
from kubescheduler.nodes import Nodes, World
from kubescheduler.preemption import PREEMPTED
from kubescheduler.scheduling import Facts, Unschedulable, schedule

NODE = {"cpu": "4"}
NO_ROOM = "0/1 nodes are available: 1 Insufficient cpu. preemption: "


def pod(name: str, cpu: str, priority: int = 0, node: str = "", **more: Any) -> JSON:
    return asking_pod(name, {"cpu": cpu}, node, priority=priority, **more)


def decide(wanted: JSON, world: World, budgets: list[JSON] | None = None) -> Unschedulable:
    facts = Facts(lambda: [read_budget(each) for each in budgets or ()], lambda: 0.0)
    decision = schedule(wanted, world, random.Random(0), None, facts)
    assert isinstance(decision, Unschedulable)
    return decision


def victims(decision: Unschedulable) -> tuple[str, set[str]]:
    assert decision.preemption is not None
    return decision.preemption.node, {each["metadata"]["name"] for each in decision.preemption.victims}


def budget(allowed: int, app: str = "db") -> JSON:
    selector = {"selector": {"matchLabels": {"app": app}}}
    return build("PodDisruptionBudget", "b", "default", spec=selector, status={"disruptionsAllowed": allowed})


def since(second: int) -> JSON:
    return {"startTime": f"2026-01-01T00:00:0{second}Z"}


@pytest.mark.parametrize(
    ("there", "expected"),
    [
        pytest.param([pod("low", "1", 1, "n1"), pod("mid", "1", 5, "n1"), pod("high", "2", 99, "n1")],
                     ("n1", {"low", "mid"}), id="none that is as important"),
        pytest.param([pod("low", "2", 1, "n1"), pod("mid", "2", 5, "n1")], ("n1", {"low"}), id="the least important"),
        pytest.param([pod("small", "1", 1, "n1"), pod("large", "3", 1, "n1", status=since(1))],
                     ("n1", {"large"}), id="no more than needed"),
        pytest.param([pod("old", "2", 1, "n1", status=since(1)), pod("new", "2", 1, "n1", status=since(2))],
                     ("n1", {"new"}), id="the youngest"),
        pytest.param([pod("a", "4", 5, "n1"), pod("b", "4", 1, "n2")], ("n2", {"b"}), id="of the cheapest node"),
        pytest.param([pod("a", "2", 1, "n1"), pod("b", "2", 1, "n1"), pod("c", "4", 1, "n2")],
                     ("n1", {"b"}), id="of equal nodes where the last pod started last"),
        pytest.param([pod("db", "2", 1, "n1", labels={"app": "db"}), pod("web", "2", 5, "n1")],
                     ("n1", {"web"}), id="rather than one that its budget protects"),
    ],
)  # fmt: skip
def test_the_fewest_and_least_important_pods_leave(there: list[JSON], expected: tuple[str, set[str]]) -> None:
    names = sorted({each["spec"]["nodeName"] for each in there})
    world = world_of(*(sized_node(each, NODE) for each in names), pods=there)
    decision = decide(pod("vip", "2", 10), world, [budget(0)])
    assert victims(decision) == expected


def test_a_budget_that_is_used_up_protects_as_far_as_it_can() -> None:
    world = world_of(sized_node("n1", NODE), pods=[pod("db", "4", 1, "n1", labels={"app": "db"})])
    decision = decide(pod("vip", "2", 10), world, [budget(0)])
    assert victims(decision) == ("n1", {"db"})
    assert decision.preemption is not None
    assert decision.preemption.violations == 1
    said = "preemption: found a potential placement for pod on node n1, preempting 1 victims"
    assert decision.message == f"0/1 nodes are available: 1 Insufficient cpu. {said}"


@pytest.mark.parametrize(
    ("wanted", "why"),
    [
        pytest.param(pod("vip", "2", 10, preemptionPolicy="Never"),
                     "not eligible due to preemptionPolicy=Never.", id="never"),
        pytest.param(pod("vip", "2", 5), "0/1 nodes are available: 1 No preemption victims found for incoming pod.",
                     id="nobody is less important"),
        pytest.param(pod("vip", "5", 10), "0/1 nodes are available: 1 Preemption is not helpful for scheduling.",
                     id="too large for the node"),
    ],
)  # fmt: skip
def test_nobody_leaves_if_that_may_not_be_or_would_not_help(wanted: JSON, why: str) -> None:
    world = world_of(sized_node("n1", NODE), pods=[pod("web", "3", 5, "n1")])
    assert decide(wanted, world) == Unschedulable(NO_ROOM + why, keeps_nomination="not eligible" in why)


def test_a_pod_waits_for_the_pods_that_leave_for_it() -> None:
    leaving = with_disruption(pod("web", "3", 5, "n1"), PREEMPTED, "", 0.0)
    leaving["metadata"]["deletionTimestamp"] = "2026-01-01T00:00:00Z"
    waiting = pod("vip", "2", 10, status={"nominatedNodeName": "n1"})
    why = "not eligible due to a terminating pod on the nominated node."
    world = world_of(sized_node("n1", NODE), pods=[leaving, pod("small", "1", 1, "n1")])
    assert decide(waiting, world) == Unschedulable(NO_ROOM + why, keeps_nomination=True)


@pytest.mark.parametrize(("priority", "is_kept_out"), [(5, True), (10, True), (11, False)])
def test_room_that_a_pod_waits_for_is_not_given_to_a_less_important_one(priority: int, is_kept_out: bool) -> None:
    nodes = Nodes()
    nodes.put_node("n1", sized_node("n1", NODE))
    waiting = pod("vip", "3", 10, status={"nominatedNodeName": "n1"})
    nodes.put_pod(key_of(waiting), waiting)
    decision = schedule(pod("web", "2", priority), nodes.world(), random.Random(0))
    assert isinstance(decision, Unschedulable) is is_kept_out
    assert schedule(waiting, nodes.world(), random.Random(0)) == "n1"
    nodes.put_pod(key_of(waiting), None)
    assert schedule(pod("web", "2", priority), nodes.world(), random.Random(0)) == "n1"
