"""What is left of an object is all that DNS reads of it."""

from __future__ import annotations

import copy
from collections.abc import Callable

import pytest
from tests.helpers.kubedns.objects import cluster, endpoint, endpoint_slice, resource_of

from kubeapi.meta import JSON, key_of
from kubeapi.scheme import ENDPOINTSLICES
from kubedns.records import pod_record, service_record, slice_record
from kubedns.slim import slim_by_resource

READERS: dict[str, Callable[[JSON], object]] = {
    "Namespace": key_of,
    "Service": service_record,
    "EndpointSlice": slice_record,
    "Pod": lambda obj: pod_record(obj, is_known=True),
}
MORE = {"managedFields": [{"manager": "kubectl"}], "annotations": {"a": "b"}, "uid": "u", "resourceVersion": "7"}
SLIM, WITH_PODS = (slim_by_resource(has_pod_names=each)[ENDPOINTSLICES] for each in (False, True))
MIXED = endpoint_slice(
    "mixed",
    "mixed",
    endpoint("10.0.0.1"),
    endpoint("10.0.0.2"),
    endpoint("10.0.0.3", ready=False),
    endpoint("10.0.0.4"),
    endpoint("10.0.0.5", hostname="a"),
    endpoint("10.0.0.6") | {"targetRef": {"kind": "Pod", "name": "pod-6", "uid": "u"}},
    endpoint("10.0.0.7"),
)


@pytest.mark.parametrize("obj", [*cluster(), MIXED], ids=lambda each: f"{each['kind']}/{each['metadata']['name']}")
def test_nothing_that_is_read_is_lost(obj: JSON) -> None:
    whole = copy.deepcopy(obj)
    whole["metadata"] |= MORE
    slim = slim_by_resource(has_pod_names=False)[resource_of(obj)](copy.deepcopy(whole))
    read = READERS[obj["kind"]]
    assert (read(slim), key_of(slim)) == (read(whole), key_of(whole))
    assert slim["metadata"]["resourceVersion"] == "7"
    assert not set(MORE) - {"resourceVersion"} & set(slim["metadata"])


def test_endpoints_without_names_are_kept_together() -> None:
    assert [each["addresses"] for each in SLIM(MIXED)["endpoints"]] == [
        ["10.0.0.1", "10.0.0.2", "10.0.0.4"],
        ["10.0.0.5"],
        ["10.0.0.6", "10.0.0.7"],
    ]


def test_where_they_are_named_by_their_pods_these_are_kept() -> None:
    assert slice_record(WITH_PODS(MIXED), has_pod_names=True) == slice_record(MIXED, has_pod_names=True)


@pytest.mark.parametrize("endpoints", [["a"], [{"addresses": None}], [{"conditions": 1}]])
def test_an_object_with_parts_that_are_none_is_left_as_it_is(endpoints: list[object]) -> None:
    bad = {**MIXED, "endpoints": endpoints}
    assert SLIM(bad) is bad
