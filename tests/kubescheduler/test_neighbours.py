"""Pod affinity, anti-affinity, topology spread and ports of the node."""

from __future__ import annotations

import random
from typing import Any

import pytest
from tests.helpers.kubecontroller.fakes import node
from tests.helpers.objects import build_pod

from kubeapi.meta import JSON, key_of
from kubescheduler.affinity import NOT_ATTRACTED, REPELLED, REPELLED_BY_OTHERS
from kubescheduler.nodes import Nodes
from kubescheduler.ports import TAKEN
from kubescheduler.scheduling import Unschedulable, schedule
from kubescheduler.spreading import NO_LABEL, UNEVEN

HOST, ZONE = "kubernetes.io/hostname", "topology.kubernetes.io/zone"
REQUIRED = "requiredDuringSchedulingIgnoredDuringExecution"
PREFERRED = "preferredDuringSchedulingIgnoredDuringExecution"


def pod(name: str, app: str = "web", namespace: str = "default", **spec: Any) -> JSON:
    return build_pod(name, namespace=namespace, metadata={"uid": name, "labels": {"app": app}}, **spec)


def near(app: str, key: str = HOST, **more: Any) -> JSON:
    return {"labelSelector": {"matchLabels": {"app": app}}, "topologyKey": key, **more}


def beside(app: str, key: str = HOST, **more: Any) -> JSON:
    return {"affinity": {"podAffinity": {REQUIRED: [near(app, key, **more)]}}}


def apart(app: str, key: str = HOST, **more: Any) -> JSON:
    return {"affinity": {"podAntiAffinity": {REQUIRED: [near(app, key, **more)]}}}


def rather(kind: str, app: str, key: str = HOST) -> JSON:
    return {"affinity": {kind: {PREFERRED: [{"weight": 10, "podAffinityTerm": near(app, key)}]}}}


def spread(key: str = ZONE, unsatisfiable: str = "DoNotSchedule", skew: int = 1) -> JSON:
    constraint = {
        "maxSkew": skew,
        "topologyKey": key,
        "whenUnsatisfiable": unsatisfiable,
        "labelSelector": {"matchLabels": {"app": "web"}},
    }
    return {"topologySpreadConstraints": [constraint]}


def port(number: int, **more: Any) -> JSON:
    return {"containers": [{"name": "c", "ports": [{"containerPort": number, **more}]}]}


def town(**there: list[JSON]) -> Nodes:
    """Return the nodes a1 and a2 in zone a, b1 in zone b, with these pods on them."""
    nodes = Nodes()
    for name in ("a1", "a2", "b1"):
        nodes.put_node(name, node(name, name[0]))
        for each in there.get(name, []):
            nodes.put_pod(key_of(each), {**each, "spec": {**each["spec"], "nodeName": name}})
    return nodes


def decide(nodes: Nodes, wanted: JSON, seed: int = 0) -> str | Unschedulable:
    return schedule(wanted, nodes.world(), random.Random(seed))


def choices(nodes: Nodes, wanted: JSON) -> set[str]:
    found = [decide(nodes, wanted, seed) for seed in range(20)]
    assert all(isinstance(each, str) for each in found), found
    return {str(each) for each in found}


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        pytest.param({}, {"a1", "b1"}, id="no wish: the emptiest"),
        pytest.param(beside("cache"), {"b1"}, id="beside it on its nodes"),
        pytest.param(beside("db", ZONE), {"a1"}, id="in its zone"),
        pytest.param(beside("web"), {"a1", "b1"}, id="beside its own kind, of which nobody is there"),
        pytest.param(apart("db"), {"b1"}, id="not on its node"),
        pytest.param(apart("db", ZONE), {"b1"}, id="not in its zone"),
        pytest.param(apart("db", namespaces=["other"]), {"a1", "b1"}, id="another namespace does not count"),
        pytest.param(apart("db", namespaceSelector={}), {"b1"}, id="every namespace counts"),
        pytest.param(rather("podAffinity", "cache"), {"a2"}, id="rather beside most of them"),
        pytest.param(rather("podAntiAffinity", "cache"), {"a1"}, id="rather beside none of them"),
    ],
)
def test_a_pod_gets_the_node_that_its_pod_affinity_asks_for(spec: JSON, expected: set[str]) -> None:
    caches = [pod(f"cache-{number}", "cache") for number in range(3)]
    assert choices(town(a1=[pod("db", "db")], a2=caches[:2], b1=caches[2:]), pod("web", **spec)) == expected


def test_replicas_with_anti_affinity_get_a_node_each_and_then_wait() -> None:
    nodes = town()
    taken = set()
    for number in range(3):
        wanted = pod(f"web-{number}", **apart("web"))
        chosen = decide(nodes, wanted)
        assert isinstance(chosen, str)
        taken.add(chosen)
        nodes.put_pod(key_of(wanted), {**wanted, "spec": {**wanted["spec"], "nodeName": chosen}})
    assert taken == {"a1", "a2", "b1"}
    refused = decide(nodes, pod("web-3", **apart("web")))
    assert isinstance(refused, Unschedulable)
    assert refused.message.startswith(f"0/3 nodes are available: 3 {REPELLED}. ")


@pytest.mark.parametrize(
    ("there", "spec", "reason"),
    [
        pytest.param({}, beside("db"), NOT_ATTRACTED, id="nobody to be beside"),
        pytest.param(
            {"a1": [pod("db", "db")]}, beside("db", namespaces=["other"]), NOT_ATTRACTED, id="of another namespace"
        ),
        pytest.param(
            {each: [pod(f"db-{each}", "db", **apart("web"))] for each in ("a1", "a2", "b1")},
            {},
            REPELLED_BY_OTHERS,
            id="others want to be alone",
        ),
        pytest.param(
            {each: [pod(f"db-{each}", "db", **port(80, hostPort=80))] for each in ("a1", "a2", "b1")},
            {"hostNetwork": True, **port(80)},
            TAKEN,
            id="ports of the node",
        ),
        pytest.param({}, spread("rack"), NO_LABEL, id="no such topology"),
    ],
)
def test_a_pod_whose_pod_affinity_cannot_be_met_gets_the_reason(there: Any, spec: JSON, reason: str) -> None:
    refused = decide(town(**there), pod("web", **spec))
    assert isinstance(refused, Unschedulable)
    assert refused.message.startswith(f"0/3 nodes are available: 3 {reason}. ")


def test_one_port_by_two_protocols_is_two_ports() -> None:
    there = {each: [pod(f"dns-{each}", "dns", **port(53, hostPort=53))] for each in ("a1", "a2", "b1")}
    wanted = pod("web", **port(53, hostPort=53, protocol="UDP"))
    assert choices(town(**there), wanted) == {"a1", "a2", "b1"}


@pytest.mark.parametrize(
    ("taken", "wanted", "is_free"),
    [
        pytest.param("127.0.0.1", "127.0.0.2", True, id="at-other-addresses"),
        pytest.param("127.0.0.1", "127.0.0.1", False, id="at-the-same-address"),
        pytest.param("127.0.0.1", "", False, id="one-at-all-addresses"),
        pytest.param("0.0.0.0", "127.0.0.1", False, id="the-other-at-all-addresses"),
    ],
)
def test_one_port_of_the_node_at_two_addresses(taken: str, wanted: str, is_free: bool) -> None:
    there = {each: [pod(f"dns-{each}", "dns", **port(53, hostPort=53, hostIP=taken))] for each in ("a1", "a2", "b1")}
    decided = decide(town(**there), pod("web", **port(53, hostPort=53, hostIP=wanted)))
    assert isinstance(decided, Unschedulable) is not is_free


def test_pods_spread_over_zones_not_over_nodes() -> None:
    there = {"a1": [pod("web-0")]}
    assert choices(town(**there), pod("web-1", **spread())) == {"b1"}
    there["b1"] = [pod("web-1")]
    assert choices(town(**there), pod("web-2", **spread())) == {"a2"}


def test_a_spread_that_cannot_be_kept_delays_the_pod_or_only_moves_it() -> None:
    nodes = town(a1=[pod("web-0")], a2=[pod("web-1")])
    nodes.put_node("b1", node("b1", "b", unschedulable=True))
    refused = decide(nodes, pod("web-2", **spread()))
    assert isinstance(refused, Unschedulable)
    assert f"2 {UNEVEN}" in refused.message
    assert choices(nodes, pod("web-2", **spread(unsatisfiable="ScheduleAnyway"))) == {"a1", "a2"}
    assert choices(nodes, pod("web-2", **spread(skew=3))) == {"a1", "a2"}


def test_a_pod_that_is_deleted_does_not_count_as_a_neighbour() -> None:
    nodes = town(a1=[pod("web-0", **apart("web"))], a2=[pod("web-1")])
    assert choices(nodes, pod("web-2", **apart("web"))) == {"b1"}
    nodes.put_pod(key_of(pod("web-0")), None)
    nodes.put_pod(key_of(pod("web-1")), None)
    assert choices(nodes, pod("web-2", **apart("web"))) == {"a1", "a2", "b1"}
