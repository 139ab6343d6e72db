"""What pods request, and whether nodes have it."""

from __future__ import annotations

import random
from collections.abc import Mapping
from typing import Any

import pytest
from tests.helpers.kubescheduler.worlds import asking_pod, sized_node, world_of

from kubeapi.meta import JSON, key_of
from kubeapi.objects.podresizing import counted_request
from kubescheduler.nodes import Nodes
from kubescheduler.resources import Usage, usage_of
from kubescheduler.scheduling import Unschedulable, schedule


def container(restart: str = "", **requests: str) -> JSON:
    found: JSON = {"name": "c", "resources": {"requests": requests}}
    return found | ({"restartPolicy": restart} if restart else {})


@pytest.mark.parametrize(
    ("spec", "requested", "usage"),
    [
        pytest.param({"containers": [{"name": "c"}]}, {}, Usage(100, 200 << 20), id="nothing"),
        pytest.param(
            {"containers": [container(cpu="1500m", memory="1Ki"), container(cpu="1")]},
            {"cpu": 2500, "memory": 1024},
            Usage(2500, 1024 + (200 << 20)),
            id="the sum",
        ),
        pytest.param(
            {"containers": [container(cpu="1")], "initContainers": [container(cpu="3"), container(cpu="2")]},
            {"cpu": 3000},
            Usage(3000, 200 << 20),
            id="the largest init container",
        ),
        pytest.param(
            {"containers": [container(cpu="1")], "initContainers": [container("Always", cpu="1"), container(cpu="2")]},
            {"cpu": 3000},
            Usage(3000, 400 << 20),
            id="beside a sidecar",
        ),
        pytest.param(
            {"containers": [container(cpu="1")], "overhead": {"cpu": "250m"}},
            {"cpu": 1250},
            Usage(1250, 200 << 20),
            id="with overhead",
        ),
        pytest.param({"containers": [container(cpu="1n")]}, {"cpu": 1}, Usage(1, 200 << 20), id="rounded up"),
    ],
)
def test_a_pod_requests_what_its_containers_need_at_once(spec: JSON, requested: Any, usage: Usage) -> None:
    pod = {"spec": spec}
    assert (counted_request(pod), usage_of(pod)) == (requested, usage)


SMALL = {"cpu": "2", "memory": "1Gi", "ephemeral-storage": "1Gi", "example.com/gpu": "2"}
NO_VICTIMS = "preemption: 0/1 nodes are available: 1 No preemption victims found for incoming pod."
NO_HELP = "preemption: 0/1 nodes are available: 1 Preemption is not helpful for scheduling."


@pytest.mark.parametrize(
    ("requests", "why"),
    [
        pytest.param({"cpu": "1"}, None, id="just enough"),
        pytest.param({"cpu": "1001m"}, f"1 Insufficient cpu. {NO_VICTIMS}", id="more than is left"),
        pytest.param({"cpu": "3"}, f"1 Insufficient cpu. {NO_HELP}", id="more than the node has"),
        pytest.param(
            {"cpu": "3", "memory": "2Gi"}, f"1 Insufficient cpu, 1 Insufficient memory. {NO_HELP}", id="two resources"
        ),
        pytest.param({"ephemeral-storage": "2Gi"}, f"1 Insufficient ephemeral-storage. {NO_HELP}", id="disk"),
        pytest.param({"example.com/gpu": "2"}, f"1 Insufficient example.com/gpu. {NO_VICTIMS}", id="extended"),
        pytest.param({"example.com/tpu": "1"}, f"1 Insufficient example.com/tpu. {NO_HELP}", id="unknown there"),
        pytest.param({"example.com/tpu": "0"}, None, id="none of what is unknown there"),
    ],
)
def test_a_node_runs_a_pod_that_it_has_enough_for(requests: dict[str, str], why: str | None) -> None:
    there = asking_pod("there", {"cpu": "1", "example.com/gpu": "1"}, "node-1")
    decision = schedule(
        asking_pod("web", requests), world_of(sized_node("node-1", SMALL), pods=[there]), random.Random()
    )
    expected = "node-1" if why is None else Unschedulable(f"0/1 nodes are available: {why}")
    assert decision == expected


def test_a_resize_gives_room_to_others_once_it_is_done() -> None:
    nodes, has = Nodes(), {"cpu": "2"}
    nodes.put_node("node-1", sized_node("node-1", SMALL))
    there = asking_pod("there", {"cpu": "1"}, "node-1")

    def told(allocated: Mapping[str, str], actual: Mapping[str, str]) -> JSON:
        said = {"name": "c", "allocatedResources": allocated, "resources": {"requests": actual}}
        return {**there, "status": {"containerStatuses": [said]}}

    for pod, made_room, fits in (
        (told(has, has), False, False),
        (told({"cpu": "1"}, has), False, False),
        (told({"cpu": "1"}, {"cpu": "1"}), True, True),
    ):
        assert nodes.put_pod(key_of(pod), pod) == made_room
        decision = schedule(asking_pod("web", {"cpu": "1"}), nodes.world(), random.Random())
        assert (decision == "node-1") == fits
        assert nodes.world().infos[0].usage.cpu == (1000 if fits else 2000)


def test_a_pod_that_names_its_nodes_is_not_told_of_the_others() -> None:
    field = {"key": "metadata.name", "operator": "In", "values": ["node-2"]}
    terms = {"nodeSelectorTerms": [{"matchFields": [field]}]}
    affinity = {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": terms}}
    world = world_of(*(sized_node(f"node-{number}", SMALL) for number in (1, 2, 3)))
    decision = schedule(asking_pod("web", {"cpu": "3"}, affinity=affinity), world, random.Random())
    assert isinstance(decision, Unschedulable)
    why = "1 Insufficient cpu, 2 node(s) didn't satisfy plugin(s) [NodeAffinity]"
    assert decision.message.startswith(f"0/3 nodes are available: {why}. preemption: ")
