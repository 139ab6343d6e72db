"""EndpointSlices: the endpoints of a Service, their conditions, and their slices."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.helpers.kubecontroller.fakes import node
from tests.helpers.objects import build, build_service

from kubeapi.meta import JSON, copy_object
from kubeapi.scheme import ENDPOINTSLICES
from kubecontroller.change import Change, Create, Delete, Update
from kubecontroller.service.endpointslice import Topology, reconcile
from kubecontroller.service.podendpoints import endpoint_of, endpoint_ports

NODES = {"node-1": node("node-1", "zone-a"), "node-2": node("node-2", "zone-b")}
TOPOLOGY = Topology(NODES.get)
BORN = "2026-01-01T00:00:00Z"


def service(**spec: Any) -> JSON:
    ports = [{"port": 80, "protocol": "TCP", "targetPort": 8080}]
    full = {"clusterIP": "127.96.0.20", "selector": {"app": "web"}, "ports": ports, **spec}
    return build_service("web", "default", metadata={"uid": "svc", "creationTimestamp": BORN}, **full)


def pod(name: str = "web-1", ip: str = "127.244.0.1", *, ready: bool = True, **more: Any) -> JSON:
    ready_text = "True" if ready else "False"
    conditions = [{"type": "Ready", "status": ready_text, "lastTransitionTime": "2026-01-02T00:00:00Z"}]
    container = {"name": "main", "ports": [{"name": "http", "containerPort": 8080, "protocol": "TCP"}]}
    return build(
        "Pod",
        name,
        "default",
        metadata={"uid": f"uid-{name}", "labels": {"app": "web"}} | more.get("metadata", {}),
        spec={"nodeName": "node-1", "containers": [container]} | more.get("spec", {}),
        status={"phase": "Running", "podIP": ip, "conditions": conditions} | more.get("status", {}),
    )


LEAVING: dict[str, Any] = {"metadata": {"deletionTimestamp": "2026-01-03T00:00:00Z"}}


@pytest.mark.parametrize(
    ("obj", "publishes_all", "conditions"),
    [
        pytest.param(pod(), False, (True, True, False), id="pod ready"),
        pytest.param(pod(ready=False), False, (False, False, False), id="pod not ready"),
        pytest.param(pod(**LEAVING), False, (False, True, True), id="terminating, still serving"),
        pytest.param(pod(ready=False, **LEAVING), False, (False, False, True), id="terminating, not serving"),
        pytest.param(pod(ready=False), True, (True, False, False), id="published though not ready"),
        pytest.param(pod(**LEAVING), True, (True, True, True), id="published though terminating"),
        pytest.param(pod(status={"phase": "Failed"}), True, None, id="failed, even if published"),
        pytest.param(pod(status={"phase": "Succeeded"}), False, None, id="succeeded"),
        pytest.param(pod(ip=""), False, None, id="no address yet"),
        pytest.param(pod(spec={"nodeName": "gone"}), False, None, id="its node does not exist"),
        pytest.param(pod(spec={"nodeName": "gone"}), True, (True, True, False), id="published though without node"),
    ],
)
def test_a_pods_state_decides_its_conditions(
    obj: JSON, publishes_all: bool, conditions: tuple[bool, bool, bool] | None
) -> None:
    endpoint = endpoint_of(service(publishNotReadyAddresses=publishes_all), obj, NODES.get, "IPv4")
    found = endpoint and tuple(endpoint["conditions"][each] for each in ("ready", "serving", "terminating"))
    assert found == conditions


def test_an_endpoint_names_its_pod_node_and_zone() -> None:
    assert endpoint_of(service(), pod(), NODES.get, "IPv4") == {
        "addresses": ["127.244.0.1"],
        "conditions": {"ready": True, "serving": True, "terminating": False},
        "targetRef": {"kind": "Pod", "namespace": "default", "name": "web-1", "uid": "uid-web-1"},
        "nodeName": "node-1",
        "zone": "zone-a",
    }


@pytest.mark.parametrize(
    ("spec", "hostname"),
    [
        pytest.param({"hostname": "db-0", "subdomain": "web"}, "db-0", id="subdomain is the Service"),
        pytest.param({"hostname": "db-0", "subdomain": "other"}, None, id="another subdomain"),
        pytest.param({"hostname": "db-0"}, None, id="no subdomain"),
        pytest.param({"subdomain": "web"}, None, id="no hostname"),
    ],
)
def test_an_endpoint_has_a_hostname_if_the_subdomain_is_the_service(spec: JSON, hostname: str | None) -> None:
    endpoint = endpoint_of(service(), pod(spec=spec), NODES.get, "IPv4")
    assert endpoint is not None
    assert endpoint.get("hostname") == hostname


UDP_NAMED_HTTP = {"name": "main", "ports": [{"name": "http", "containerPort": 53, "protocol": "UDP"}]}
SIDECAR = {"name": "side", "restartPolicy": "Always", "ports": [{"name": "http", "containerPort": 9}]}
INIT = {"name": "init", "ports": [{"name": "http", "containerPort": 9}]}
BARE = [{"name": "main"}]


@pytest.mark.parametrize(
    ("target", "spec", "numbers"),
    [
        pytest.param(8080, {}, [8080], id="number"),
        pytest.param(None, {}, [80], id="as the port"),
        pytest.param("http", {}, [8080], id="named targetPort"),
        pytest.param("nope", {}, [], id="name unknown"),
        pytest.param("http", {"containers": [UDP_NAMED_HTTP]}, [], id="name of another protocol"),
        pytest.param("http", {"containers": BARE, "initContainers": [SIDECAR]}, [9], id="name in a sidecar"),
        pytest.param("http", {"containers": BARE, "initContainers": [INIT]}, [], id="name in an init container"),
    ],
)
def test_target_ports_are_found_at_the_pod(target: int | str | None, spec: JSON, numbers: list[int]) -> None:
    port: JSON = {"port": 80, "protocol": "TCP"} | ({"targetPort": target} if target else {})
    assert [each["port"] for each in endpoint_ports(service(ports=[port]), pod(spec=spec))] == numbers


@pytest.mark.parametrize(
    ("annotations", "preference", "ready", "hints"),
    [
        pytest.param({}, None, True, None, id="none"),
        pytest.param({}, "PreferClose", True, {"forZones": [{"name": "zone-a"}]}, id="PreferClose"),
        pytest.param({}, "PreferSameZone", True, {"forZones": [{"name": "zone-a"}]}, id="PreferSameZone"),
        pytest.param(
            {},
            "PreferSameNode",
            True,
            {"forZones": [{"name": "zone-a"}], "forNodes": [{"name": "node-1"}]},
            id="PreferSameNode",
        ),
        pytest.param({}, "PreferClose", False, None, id="not ready"),
        pytest.param(
            {"service.kubernetes.io/topology-mode": "Auto"}, "PreferClose", True, None, id="the annotation wins"
        ),
    ],
)
def test_traffic_distribution_becomes_hints(
    annotations: dict[str, str], preference: str | None, ready: bool, hints: JSON | None
) -> None:
    preferring = service(trafficDistribution=preference)
    preferring["metadata"]["annotations"] = annotations
    endpoint = endpoint_of(preferring, pod(ready=ready), NODES.get, "IPv4")
    assert endpoint is not None
    assert endpoint.get("hints") == hints


@pytest.mark.parametrize(
    ("preference", "hints"),
    [("PreferSameNode", {"forNodes": [{"name": "node-3"}]}), ("PreferSameZone", None), ("PreferClose", None)],
)
def test_without_a_zone_only_the_node_can_be_preferred(preference: str, hints: JSON | None) -> None:
    endpoint = endpoint_of(
        service(trafficDistribution=preference), pod(spec={"nodeName": "node-3"}), lambda _: node("node-3"), "IPv4"
    )
    assert endpoint is not None
    assert endpoint.get("hints") == hints


class Slices:
    """The slices of one Service, with every reconcile's writes applied."""

    def __init__(self, max_endpoints: int = 100) -> None:
        self.slices: dict[str, JSON] = {}
        self.max_endpoints = max_endpoints

    def reconcile(self, obj: JSON, pods: list[JSON]) -> list[Change]:
        changes = reconcile(obj, pods, TOPOLOGY, list(self.slices.values()), self.max_endpoints)
        for change in changes:
            match change:
                case Create(_, created):
                    name = f"slice-{len(self.slices)}-{len(changes)}-{id(change)}"
                    metadata = {**created["metadata"], "name": name, "uid": name}
                    self.slices[name] = copy_object({**created, "metadata": metadata})
                case Update(_, updated):
                    self.slices[updated["metadata"]["name"]] = copy_object(updated)
                case Delete(_, key):
                    del self.slices[key.name]
        return changes

    def sizes(self) -> list[int]:
        return sorted(len(each["endpoints"]) for each in self.slices.values())

    def addresses(self) -> list[str]:
        return sorted(one["addresses"][0] for each in self.slices.values() for one in each["endpoints"])


def pods(count: int, start: int = 0) -> list[JSON]:
    return [
        pod(f"web-{number}", f"127.244.{number // 250}.{number % 250 + 1}") for number in range(start, start + count)
    ]


def test_a_service_without_endpoints_has_one_empty_slice() -> None:
    world = Slices()
    world.reconcile(service(), [])
    [placeholder] = world.slices.values()
    assert (placeholder["ports"], placeholder["endpoints"], placeholder["addressType"]) == ([], [], "IPv4")
    assert world.reconcile(service(), []) == []


def test_the_placeholder_takes_the_first_endpoints_and_the_last_slice_becomes_the_placeholder() -> None:
    world = Slices()
    world.reconcile(service(), [])
    [name] = world.slices
    world.reconcile(service(), pods(2))
    assert list(world.slices) == [name]
    assert world.slices[name]["ports"] == [{"name": "", "protocol": "TCP", "port": 8080}]
    world.reconcile(service(), [])
    assert list(world.slices) == [name]
    assert (world.slices[name]["ports"], world.slices[name]["endpoints"]) == ([], [])


def test_a_slice_has_the_labels_of_its_service_and_its_name() -> None:
    labelled = service(clusterIP="None")
    labelled["metadata"]["labels"] = {"team": "blue", "kubernetes.io/service-name": "forged"}
    world = Slices()
    world.reconcile(labelled, pods(1))
    [one] = world.slices.values()
    assert one["metadata"]["labels"] == {
        "team": "blue",
        "kubernetes.io/service-name": "web",
        "endpointslice.kubernetes.io/managed-by": "endpointslice-controller.k8s.io",
        "service.kubernetes.io/headless": "",
    }
    assert one["metadata"]["generateName"] == "web-"
    assert [(each["kind"], each["uid"], each["controller"]) for each in one["metadata"]["ownerReferences"]] == [
        ("Service", "svc", True)
    ]
    labelled["metadata"]["labels"] = {"team": "red"}
    [change] = world.reconcile(labelled, pods(1))
    assert isinstance(change, Update)
    assert change.obj["metadata"]["labels"]["team"] == "red"


def test_a_headless_service_without_ports_has_endpoints_too() -> None:
    world = Slices()
    world.reconcile(service(clusterIP="None", ports=[]), pods(2))
    [one] = world.slices.values()
    assert (one["ports"], len(one["endpoints"])) == ([], 2)


def test_pods_with_different_ports_get_different_slices() -> None:
    named = service(ports=[{"name": "a", "port": 80, "protocol": "TCP", "targetPort": "http"}])
    other = pod("other", "127.244.9.9", spec={"containers": [{"ports": [{"name": "http", "containerPort": 9090}]}]})
    without = pod("without", "127.244.9.10", spec={"containers": BARE})
    world = Slices()
    world.reconcile(named, [*pods(2), other, without])
    found = sorted(([each["port"] for each in one["ports"]], len(one["endpoints"])) for one in world.slices.values())
    assert found == [([], 1), ([8080], 2), ([9090], 1)]


def test_one_change_writes_one_slice() -> None:
    world = Slices()
    world.reconcile(service(), pods(250))
    assert world.sizes() == [50, 100, 100]
    changed = pods(250)
    changed[120] = pod("web-120", "127.244.0.121", ready=False)
    [change] = world.reconcile(service(), changed)
    assert isinstance(change, Update)
    assert world.reconcile(service(), changed) == []


def test_new_endpoints_fill_the_slice_that_ends_up_fullest() -> None:
    world = Slices(max_endpoints=10)
    world.reconcile(service(), pods(10))
    world.reconcile(service(), pods(5))
    world.reconcile(service(), [*pods(5), *pods(8, start=100)])
    assert world.sizes() == [5, 8], "eight do not fit beside five"
    world.reconcile(service(), [*pods(5), *pods(10, start=100)])
    assert world.sizes() == [5, 10]


def test_slices_that_change_anyway_are_filled_up_first() -> None:
    world = Slices(max_endpoints=10)
    world.reconcile(service(), pods(20))
    [change] = world.reconcile(service(), [*pods(19, start=1), pod("new", "127.244.99.1")])
    assert isinstance(change, Update)
    assert world.sizes() == [10, 10]


def test_the_trigger_time_is_that_of_the_change_and_a_deletion_has_none() -> None:
    name = "endpoints.kubernetes.io/last-change-trigger-time"
    world = Slices()
    world.reconcile(service(), [])
    [slice_name] = world.slices
    assert world.slices[slice_name]["metadata"]["annotations"][name] == BORN
    world.reconcile(service(), pods(2))
    assert world.slices[slice_name]["metadata"]["annotations"][name] == "2026-01-02T00:00:00Z"
    world.reconcile(service(), pods(1))
    assert name not in world.slices[slice_name]["metadata"].get("annotations", {})


def test_slices_of_others_are_left_alone() -> None:
    foreign = {
        "metadata": {
            "name": "mine",
            "namespace": "default",
            "uid": "x",
            "labels": {"kubernetes.io/service-name": "web"},
        },
        "addressType": "IPv4",
        "endpoints": [{"addresses": ["10.0.0.1"]}],
        "ports": [],
    }
    [change] = reconcile(service(), pods(1), TOPOLOGY, [foreign])
    assert isinstance(change, Create)
    assert change.resource is ENDPOINTSLICES


@settings(max_examples=150)
@given(st.lists(st.lists(st.integers(0, 40), unique=True), max_size=8))
def test_slices_always_say_exactly_where_the_pods_are(rounds: list[list[int]]) -> None:
    world = Slices(max_endpoints=7)
    for numbers in rounds:
        present = [pods(1, start=number)[0] for number in numbers]
        world.reconcile(service(), present)
        assert world.addresses() == sorted(each["status"]["podIP"] for each in present)
        assert len(world.slices) >= 1
        assert max(world.sizes()) <= 7
        assert world.reconcile(service(), present) == []


BOTH = {"podIP": "127.244.0.9", "podIPs": [{"ip": "127.244.0.9"}, {"ip": "fd00::9"}]}


def created(changes: Iterable[Change]) -> list[tuple[str, list[str]]]:
    """Return the family and the addresses of each slice that is made."""
    made = [each.obj for each in changes if isinstance(each, Create)]
    return [(each["addressType"], [one["addresses"][0] for one in each["endpoints"]]) for each in made]


@pytest.mark.parametrize(
    ("families", "pods", "expected"),
    [
        (["IPv4", "IPv6"], [pod(status=BOTH)], [("IPv4", ["127.244.0.9"]), ("IPv6", ["fd00::9"])]),
        (["IPv6", "IPv4"], [pod(status=BOTH)], [("IPv6", ["fd00::9"]), ("IPv4", ["127.244.0.9"])]),
        (["IPv6"], [pod(status=BOTH)], [("IPv6", ["fd00::9"])]),
        (["IPv4", "IPv6"], [pod()], [("IPv4", ["127.244.0.1"]), ("IPv6", [])]),
        (["IPv4", "IPv6"], [], [("IPv4", []), ("IPv6", [])]),
    ],
    ids=["both", "IPv6 first", "IPv6 alone", "pods of one family", "no pods"],
)
def test_every_family_of_a_service_has_slices_of_its_own(
    families: list[str], pods: list[Any], expected: list[tuple[str, list[str]]]
) -> None:
    assert created(reconcile(service(ipFamilies=families), pods, TOPOLOGY, [])) == expected


def test_slices_of_a_family_that_the_service_no_longer_has_are_deleted() -> None:
    pods = [pod(status=BOTH)]
    made = reconcile(service(ipFamilies=["IPv4", "IPv6"]), pods, TOPOLOGY, [])
    both = [each.obj for each in made if isinstance(each, Create)]
    slices = [each | {"metadata": each["metadata"] | {"name": f"web-{number}"}} for number, each in enumerate(both)]
    (gone,) = reconcile(service(ipFamilies=["IPv4"]), pods, TOPOLOGY, slices)
    assert isinstance(gone, Delete)
    assert gone.key.name == "web-1"
    assert reconcile(service(ipFamilies=["IPv4", "IPv6"]), pods, TOPOLOGY, slices) == []
