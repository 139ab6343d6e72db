"""Endpoints made by hand, which become slices."""

from __future__ import annotations

from typing import Any

import pytest
from tests.helpers.objects import build_service

from kubeapi.meta import JSON
from kubecontroller.change import Create, Delete, RecordEvent
from kubecontroller.service import endpointslicemirroring

WITH_SELECTOR = build_service("web", "default", selector={"app": "web"})
WITHOUT_SELECTOR = build_service("web", "default", selector=None)


def hand_made(*subsets: JSON, **metadata: Any) -> JSON:
    full = {"name": "web", "namespace": "default", "uid": "ep", **metadata}
    return {"apiVersion": "v1", "kind": "Endpoints", "metadata": full, "subsets": list(subsets)}


def subset(*addresses: str, port: int = 80, name: str = "") -> JSON:
    return {"addresses": [{"ip": each} for each in addresses], "ports": [{"port": port, "name": name}]}


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


def test_addresses_that_are_not_ready_are_mirrored_as_not_ready() -> None:
    both = subset("10.0.0.1") | {"notReadyAddresses": [{"ip": "10.0.0.2"}]}
    [change] = endpointslicemirroring.reconcile(WITHOUT_SELECTOR, hand_made(both), [])
    assert isinstance(change, Create)
    assert [each["conditions"] for each in change.obj["endpoints"]] == [{"ready": True}, {"ready": False}]


def test_a_mirror_has_no_trigger_time() -> None:
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
        pytest.param(WITH_SELECTOR, {}, id="the Service has a selector"),
        pytest.param(
            WITHOUT_SELECTOR, {"labels": {"endpointslice.kubernetes.io/skip-mirror": "true"}}, id="told to skip"
        ),
        pytest.param(
            WITHOUT_SELECTOR, {"annotations": {"control-plane.alpha.kubernetes.io/leader": "{}"}}, id="a leader's lock"
        ),
    ],
)
def test_the_mirror_of_endpoints_that_may_not_be_mirrored_is_deleted(owner: JSON | None, metadata: JSON) -> None:
    [created] = endpointslicemirroring.reconcile(WITHOUT_SELECTOR, hand_made(subset("10.0.0.1")), [])
    assert isinstance(created, Create)
    slice_metadata = {**created.obj["metadata"], "name": "web-abc", "uid": "u"}
    existing = {**created.obj, "metadata": slice_metadata}
    [change] = endpointslicemirroring.reconcile(owner, hand_made(subset("10.0.0.1"), **metadata), [existing])
    assert isinstance(change, Delete)
    assert change.key.name == "web-abc"


def test_a_thousand_addresses_of_a_subset_are_mirrored_and_an_event_counts_the_rest() -> None:
    many = subset(*(f"10.0.{number // 250}.{number % 250}" for number in range(1003)))
    created, event = endpointslicemirroring.reconcile(WITHOUT_SELECTOR, hand_made(many), [])
    assert isinstance(created, Create)
    assert len(created.obj["endpoints"]) == 1000
    assert isinstance(event, RecordEvent)
    assert (event.reason, event.message) == (
        "TooManyAddressesToMirror",
        "A max of 1000 addresses can be mirrored to EndpointSlices per Endpoints subset. 3 addresses were skipped",
    )


def test_labels_and_annotations_are_cloned_except_those_of_tools() -> None:
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
