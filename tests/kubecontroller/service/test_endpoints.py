"""Endpoints made from pods, and Endpoints made by hand that become slices."""

from __future__ import annotations

from typing import Any

import pytest
from tests.helpers.objects import build_pod, build_service

from kubeapi.meta import JSON
from kubecontroller.change import Create, Delete, RecordEvent, Update
from kubecontroller.service import endpoints, endpointslicemirroring, kubernetesservice


def service(**spec: Any) -> JSON:
    ports = [{"port": 80, "protocol": "TCP", "targetPort": "http"}]
    metadata = {"uid": "svc", "creationTimestamp": "2026-01-01T00:00:00Z"}
    full = {"clusterIP": "127.96.0.20", "selector": {"app": "web"}, "ports": ports, **spec}
    return build_service("web", "default", metadata=metadata, **full)


def pod(number: int, *, ready: bool = True, port: int = 8080, leaving: bool = False, phase: str = "Running") -> JSON:
    conditions = [{"type": "Ready", "status": "True" if ready else "False"}]
    metadata = {"uid": f"uid-{number}"} | ({"deletionTimestamp": "2026-01-03T00:00:00Z"} if leaving else {})
    container = {"name": "main", "ports": [{"name": "http", "containerPort": port, "protocol": "TCP"}]}
    address = f"127.244.{number // 250}.{number % 250 + 1}"
    status = {"phase": phase, "podIP": address, "conditions": conditions}
    made = build_pod(f"web-{number}", container, namespace="default", metadata=metadata, nodeName="node-1")
    return {**made, "status": status}


def subsets_of(obj: JSON, pods: list[JSON]) -> list[tuple[list[str], list[str], list[int]]]:
    [change] = endpoints.reconcile(obj, pods, None)
    assert isinstance(change, Create)
    return [
        (
            [one["ip"] for one in each.get("addresses", ())],
            [one["ip"] for one in each.get("notReadyAddresses", ())],
            [one["port"] for one in each.get("ports", ())],
        )
        for each in change.obj.get("subsets", ())
    ]


FIRST, SECOND = "127.244.0.2", "127.244.0.3"


@pytest.mark.parametrize(
    ("spec", "pods", "expected"),
    [
        pytest.param({}, [], [], id="no pods"),
        pytest.param({}, [pod(2), pod(1)], [([FIRST, SECOND], [], [8080])], id="sorted by address"),
        pytest.param({}, [pod(1), pod(2, ready=False)], [([FIRST], [SECOND], [8080])], id="pod not ready"),
        pytest.param({}, [pod(1, leaving=True)], [], id="terminating"),
        pytest.param({}, [pod(1, phase="Failed")], [], id="failed"),
        pytest.param(
            {"publishNotReadyAddresses": True},
            [pod(1, leaving=True), pod(2, ready=False)],
            [([FIRST, SECOND], [], [8080])],
            id="all published",
        ),
        pytest.param(
            {},
            [pod(1), pod(2, port=9090)],
            [([FIRST], [], [8080]), ([SECOND], [], [9090])],
            id="named targetPort with two numbers",
        ),
        pytest.param(
            {"ports": [{"name": "a", "port": 80, "targetPort": 1}, {"name": "b", "port": 81, "targetPort": 2}]},
            [pod(1), pod(2)],
            [([FIRST, SECOND], [], [1, 2])],
            id="ports with the same addresses share a subset",
        ),
        pytest.param(
            {"ports": [{"name": "a", "port": 80, "targetPort": 1}, {"name": "b", "port": 81, "targetPort": "http"}]},
            [pod(1), pod(2, port=9090)],
            [([FIRST, SECOND], [], [1]), ([FIRST], [], [8080]), ([SECOND], [], [9090])],
            id="each port with the addresses that have it",
        ),
        pytest.param(
            {"ports": [{"name": "a", "port": 80, "targetPort": 1}, {"name": "b", "port": 81, "targetPort": "admin"}]},
            [pod(1), pod(2)],
            [([FIRST, SECOND], [], [1])],
            id="a port that no pod has",
        ),
        pytest.param({}, [pod(8), pod(9)], [(["127.244.0.10", "127.244.0.9"], [], [8080])], id="sorted as texts"),
        pytest.param({"clusterIP": "None", "ports": []}, [pod(1)], [([FIRST], [], [])], id="headless without ports"),
    ],
)
def test_pods_become_subsets(
    spec: JSON, pods: list[JSON], expected: list[tuple[list[str], list[str], list[int]]]
) -> None:
    assert subsets_of(service(**spec), pods) == expected


def test_a_port_has_a_name_only_where_the_service_has_one() -> None:
    ports = [{"port": 80, "protocol": "TCP", "targetPort": 8080}]
    [change] = endpoints.reconcile(service(ports=ports), [pod(1)], None)
    assert isinstance(change, Create)
    assert change.obj["subsets"][0]["ports"] == [{"protocol": "TCP", "port": 8080}]
    [change] = endpoints.reconcile(service(ports=[{**ports[0], "name": "http"}]), [pod(1)], None)
    assert isinstance(change, Create)
    assert change.obj["subsets"][0]["ports"] == [{"name": "http", "protocol": "TCP", "port": 8080}]


def test_more_than_a_thousand_addresses_are_cut_off_ready_ones_last() -> None:
    pods = [pod(number, ready=number % 2 == 0) for number in range(1200)]
    [change] = endpoints.reconcile(service(), pods, None)
    assert isinstance(change, Create)
    [subset] = change.obj["subsets"]
    assert (len(subset["addresses"]), len(subset["notReadyAddresses"])) == (600, 400)
    assert change.obj["metadata"]["annotations"]["endpoints.kubernetes.io/over-capacity"] == "truncated"


def test_nothing_is_written_when_nothing_has_changed() -> None:
    [created] = endpoints.reconcile(service(), [pod(1)], None)
    assert isinstance(created, Create)
    assert endpoints.reconcile(service(), [pod(1)], created.obj) == []
    [changed] = endpoints.reconcile(service(), [pod(2)], created.obj)
    assert isinstance(changed, Update)


def hand_made(*subsets: JSON, **metadata: Any) -> JSON:
    full = {"name": "web", "namespace": "default", "uid": "ep", **metadata}
    return {"apiVersion": "v1", "kind": "Endpoints", "metadata": full, "subsets": list(subsets)}


def subset(*addresses: str, port: int = 80, name: str = "") -> JSON:
    return {"addresses": [{"ip": each} for each in addresses], "ports": [{"port": port, "name": name}]}


WITHOUT_SELECTOR = service(selector=None)


def mirrored(*subsets: JSON, **metadata: Any) -> list[tuple[str, list[int], list[str]]]:
    changes = endpointslicemirroring.reconcile(WITHOUT_SELECTOR, hand_made(*subsets, **metadata), [])
    slices = [change.obj for change in changes if isinstance(change, Create)]
    return [
        (
            each["addressType"],
            [port["port"] for port in each["ports"]],
            [one["addresses"][0] for one in each["endpoints"]],
        )
        for each in slices
    ]


@pytest.mark.parametrize(
    ("subsets", "expected"),
    [
        pytest.param([subset("10.0.0.1")], [("IPv4", [80], ["10.0.0.1"])], id="one"),
        pytest.param(
            [subset("10.0.0.1"), subset("10.0.0.1", port=81)],
            [("IPv4", [80], ["10.0.0.1"]), ("IPv4", [81], ["10.0.0.1"])],
            id="the same address in two subsets",
        ),
        pytest.param(
            [subset("10.0.0.1", "2001:db8::1")],
            [("IPv4", [80], ["10.0.0.1"]), ("IPv6", [80], ["2001:db8::1"])],
            id="both families",
        ),
        pytest.param([subset("10.0.0.1"), subset("10.0.0.1")], [("IPv4", [80], ["10.0.0.1"])], id="said twice"),
        pytest.param([subset("nonsense")], [], id="no address"),
        pytest.param([], [], id="nothing"),
    ],
)
def test_hand_made_endpoints_are_mirrored(
    subsets: list[JSON], expected: list[tuple[str, list[int], list[str]]]
) -> None:
    assert mirrored(*subsets) == expected


def test_addresses_that_are_not_ready_are_mirrored_as_such() -> None:
    both = subset("10.0.0.1") | {"notReadyAddresses": [{"ip": "10.0.0.2"}]}
    [change] = endpointslicemirroring.reconcile(WITHOUT_SELECTOR, hand_made(both), [])
    assert isinstance(change, Create)
    assert [each["conditions"] for each in change.obj["endpoints"]] == [{"ready": True}, {"ready": False}]


def test_a_mirror_does_not_say_when_its_change_was_triggered() -> None:
    annotations = {"endpoints.kubernetes.io/last-change-trigger-time": "2026-01-01T00:00:00Z", "a": "b"}
    [created] = endpointslicemirroring.reconcile(
        WITHOUT_SELECTOR, hand_made(subset("10.0.0.1"), annotations=annotations), []
    )
    assert isinstance(created, Create)
    assert created.obj["metadata"]["annotations"] == {"a": "b"}


@pytest.mark.parametrize(
    ("owner", "metadata"),
    [
        pytest.param(None, {}, id="no Service"),
        pytest.param(service(), {}, id="the Service has a selector"),
        pytest.param(
            WITHOUT_SELECTOR, {"labels": {"endpointslice.kubernetes.io/skip-mirror": "true"}}, id="told to skip"
        ),
        pytest.param(
            WITHOUT_SELECTOR, {"annotations": {"control-plane.alpha.kubernetes.io/leader": "{}"}}, id="a leader's lock"
        ),
    ],
)
def test_what_is_not_to_be_mirrored_loses_its_mirror(owner: JSON | None, metadata: JSON) -> None:
    [created] = endpointslicemirroring.reconcile(WITHOUT_SELECTOR, hand_made(subset("10.0.0.1")), [])
    assert isinstance(created, Create)
    slice_metadata = {**created.obj["metadata"], "name": "web-abc", "uid": "u"}
    existing = {**created.obj, "metadata": slice_metadata}
    [change] = endpointslicemirroring.reconcile(owner, hand_made(subset("10.0.0.1"), **metadata), [existing])
    assert isinstance(change, Delete)
    assert change.key.name == "web-abc"


def test_a_thousand_addresses_of_a_subset_are_mirrored_and_an_event_tells_of_the_rest() -> None:
    many = subset(*(f"10.0.{number // 250}.{number % 250}" for number in range(1003)))
    created, event = endpointslicemirroring.reconcile(WITHOUT_SELECTOR, hand_made(many), [])
    assert isinstance(created, Create)
    assert len(created.obj["endpoints"]) == 1000
    assert isinstance(event, RecordEvent)
    assert (event.reason, event.message) == (
        "TooManyAddressesToMirror",
        "A max of 1000 addresses can be mirrored to EndpointSlices per Endpoints subset. 3 addresses were skipped",
    )


def test_labels_and_annotations_are_cloned_but_for_those_of_tools() -> None:
    annotations = {"note": "x", "kubectl.kubernetes.io/last-applied-configuration": "{}"}
    made = hand_made(subset("10.0.0.1"), labels={"team": "blue"}, annotations=annotations)
    [created] = endpointslicemirroring.reconcile(WITHOUT_SELECTOR, made, [])
    assert isinstance(created, Create)
    metadata = created.obj["metadata"]
    assert metadata["annotations"] == {"note": "x"}
    assert metadata["labels"] == {
        "team": "blue",
        "kubernetes.io/service-name": "web",
        "endpointslice.kubernetes.io/managed-by": "endpointslicemirroring-controller.k8s.io",
    }
    assert [(each["kind"], each["uid"]) for each in metadata["ownerReferences"]] == [("Endpoints", "ep")]


def test_the_api_server_has_endpoints_and_one_slice_that_say_the_same() -> None:
    first, second = kubernetesservice.reconcile(["127.96.0.1"], 6443, None, None)
    assert isinstance(first, Create)
    assert isinstance(second, Create)
    assert first.obj["subsets"][0]["addresses"] == [{"ip": "127.96.0.1"}]
    assert second.obj["endpoints"][0]["addresses"] == ["127.96.0.1"]
    assert first.obj["subsets"][0]["ports"] == second.obj["ports"]
    assert kubernetesservice.reconcile(["127.96.0.1"], 6443, first.obj, second.obj) == []
    moved = kubernetesservice.reconcile(["127.96.0.1"], 7443, first.obj, second.obj)
    assert [type(each) for each in moved] == [Update, Update]
