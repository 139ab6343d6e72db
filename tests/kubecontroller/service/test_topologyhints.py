"""Hints in proportion to the zones' CPU, and when there are none."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.helpers.objects import build, build_pod, build_service

from kubeapi.meta import JSON
from kubecontroller.change import Create, RecordEvent
from kubecontroller.service.endpointslice import Topology, reconcile
from kubecontroller.service.topologyhints import OVERLOAD, Allotment, allot, is_automatic, topology_of, zone_shares

SCARCE = "Insufficient node information: allocatable CPU or zone not specified on one or more nodes"
OVERLOADED = "Unable to allocate minimum required endpoints to each zone without exceeding overload threshold"


def node(zone: str = "a", cpu: str = "2", ready: str = "True", **labels: str) -> JSON:
    zoned = {"topology.kubernetes.io/zone": zone} if zone else {}
    status = {"allocatable": {"cpu": cpu}, "conditions": [{"type": "Ready", "status": ready}]}
    return build("Node", f"node-{zone}", metadata={"labels": {**zoned, **labels}}, status=status)


def endpoints(zones: str, unready: str = "") -> list[JSON]:
    """Return an endpoint for each letter, which is its zone; "-" has none."""
    return [
        {
            "addresses": [f"127.244.0.{number}"],
            "conditions": {"ready": number >= len(unready)},
            **({"zone": zone} if zone != "-" else {}),
        }
        for number, zone in enumerate(unready + zones)
    ]


CONTROL_PLANE = node("c", **{"node-role.kubernetes.io/control-plane": ""})


@pytest.mark.parametrize(
    ("nodes", "shares"),
    [
        pytest.param([node("a"), node("b")], {"a": 0.5, "b": 0.5}, id="alike"),
        pytest.param([node("a"), node("b"), node("b", "4000m")], {"a": 0.25, "b": 0.75}, id="by CPU"),
        pytest.param([node("a"), node("b"), CONTROL_PLANE], {"a": 0.5, "b": 0.5}, id="no control plane"),
        pytest.param([node("a"), node("b"), node("c", ready="False")], {"a": 0.5, "b": 0.5}, id="no unready node"),
        pytest.param([node("a"), node("a")], {}, id="one zone"),
        pytest.param([node("a"), node("b"), node("")], {}, id="a node without zone"),
        pytest.param([node("a"), node("b", "0")], {}, id="a node without CPU"),
        pytest.param([node("a"), node("b", "many")], {}, id="CPU that is no number"),
        pytest.param([], {}, id="no node"),
    ],
)
def test_a_zones_share_is_that_of_its_cpus(nodes: list[JSON], shares: dict[str, float]) -> None:
    assert zone_shares(nodes) == shares


HALVES = {"a": 0.5, "b": 0.5}


@pytest.mark.parametrize(
    ("found", "shares", "allotment"),
    [
        pytest.param(endpoints("ab"), HALVES, Allotment(("a", "b")), id="everybody at home"),
        pytest.param(endpoints("aaab"), HALVES, Allotment(("b", "a", "a", "b")), id="one given away"),
        pytest.param(endpoints("aaaa"), HALVES, Allotment(("b", "b", "a", "a")), id="a zone without endpoints"),
        pytest.param(
            endpoints("aab", "b"), HALVES, Allotment((), f"{OVERLOADED} (3 endpoints, 2 zones)"), id="3 for 2"
        ),
        pytest.param(endpoints("ab", "b"), HALVES, Allotment(("", "a", "b")), id="the unready have none"),
        pytest.param(
            endpoints("a"),
            HALVES,
            Allotment((), "Insufficient number of endpoints (1 endpoints, 2 zones)"),
            id="fewer endpoints than zones",
        ),
        pytest.param(
            endpoints("a-"), HALVES, Allotment((), "One or more endpoints do not have a zone specified"), id="no zone"
        ),
        pytest.param(endpoints("ab"), {}, Allotment((), SCARCE), id="no shares"),
        pytest.param(endpoints("ccaabb"), HALVES, Allotment(("c", "c", "a", "a", "b", "b")), id="a zone without nodes"),
    ],
)
def test_endpoints_are_allotted_to_zones(found: list[JSON], shares: dict[str, float], allotment: Allotment) -> None:
    assert allot(found, shares) == allotment


@given(st.lists(st.sampled_from("abc"), max_size=40), st.lists(st.integers(1, 9), min_size=2, max_size=3))
@settings(max_examples=200)
def test_no_zone_is_overloaded(zones: list[str], cpus: list[int]) -> None:
    shares = zone_shares([node("abc"[index], str(cpu)) for index, cpu in enumerate(cpus)])
    here = [each for each in zones if each in shares]
    allotment = allot(endpoints("".join(here)), shares)
    if allotment.fault:
        return
    meant = Counter(allotment.zones)
    for zone, share in shares.items():
        assert share * len(here) <= meant[zone] * (1 + OVERLOAD) + 0.6 * (1 + OVERLOAD)


@pytest.mark.parametrize(
    ("annotations", "expected"),
    [
        pytest.param({}, False, id="none"),
        pytest.param({"service.kubernetes.io/topology-mode": "Auto"}, True, id="mode"),
        pytest.param({"service.kubernetes.io/topology-aware-hints": "auto"}, True, id="the older one"),
        pytest.param({"service.kubernetes.io/topology-mode": "AUTO"}, False, id="capitals"),
        pytest.param({"service.kubernetes.io/topology-mode": "Disabled"}, False, id="disabled"),
        pytest.param(
            {
                "service.kubernetes.io/topology-mode": "Auto",
                "service.kubernetes.io/topology-aware-hints": "Disabled",
            },
            False,
            id="the older one wins",
        ),
    ],
)
def test_the_annotations_ask_for_hints_in_proportion(annotations: dict[str, str], expected: bool) -> None:
    assert is_automatic({"metadata": {"annotations": annotations}}) is expected


def test_a_heartbeat_of_a_node_changes_no_hints_and_the_end_of_its_readiness_does() -> None:
    beating = node()
    beating["status"]["conditions"][0]["lastHeartbeatTime"] = "2026-01-01T00:00:00Z"
    assert topology_of(beating) == topology_of(node())
    for other in (None, node(ready="False"), node("b"), node(cpu="4")):
        assert topology_of(other) != topology_of(node())


def pod(number: int, zone: str) -> JSON:
    metadata = {"uid": f"uid-{number}", "labels": {"app": "web"}}
    conditions = [{"type": "Ready", "status": "True"}]
    made = build_pod(f"web-{number}", {"name": "web"}, namespace="default", metadata=metadata, nodeName=zone)
    return {**made, "status": {"phase": "Running", "podIP": f"127.244.0.{number}", "conditions": conditions}}


def automatic(**annotations: Any) -> JSON:
    metadata = {"uid": "svc", "annotations": annotations}
    return build_service("web", "default", metadata=metadata, clusterIP="127.96.0.20", selector={"app": "web"})


def test_slices_have_the_hints_and_an_event_reports_them() -> None:
    nodes = {"a": node("a"), "b": node("b")}
    pods = [pod(number, zone) for number, zone in enumerate("aabb")]
    changes = reconcile(automatic(), pods, Topology(nodes.get, zone_shares(nodes.values())), [])
    [created] = [each.obj for each in changes if isinstance(each, Create)]
    assert [each["hints"]["forZones"] for each in created["endpoints"]] == [[{"name": each}] for each in "aabb"]
    assert [each.message for each in changes if isinstance(each, RecordEvent)] == [
        "Topology Aware Hints has been enabled, addressType: IPv4"
    ]


def test_without_enough_endpoints_there_are_no_hints_and_an_event_says_why() -> None:
    nodes = {"a": node("a"), "b": node("b")}
    changes = reconcile(automatic(), [pod(1, "a")], Topology(nodes.get, zone_shares(nodes.values())), [])
    [created] = [each.obj for each in changes if isinstance(each, Create)]
    assert "hints" not in created["endpoints"][0]
    assert [(each.reason, each.message) for each in changes if isinstance(each, RecordEvent)] == [
        (
            "TopologyAwareHintsDisabled",
            "Insufficient number of endpoints (1 endpoints, 2 zones), addressType: IPv4",
        )
    ]
