"""What a pod counts while it is resized."""

from __future__ import annotations

from typing import Any

import pytest

from kubeapi.meta import JSON
from kubeapi.objects.podresizing import counted_request, counted_resources


def resized(asked: str, allocated: str | None = None, has: str | None = None, *, reason: str = "") -> JSON:
    """Return a pod that asks for so many CPUs, with what its status says of them."""
    said: JSON = {"name": "c"}
    if allocated is not None:
        said["allocatedResources"] = {"cpu": allocated}
    if has is not None:
        said["resources"] = {"requests": {"cpu": has}, "limits": {"cpu": has}}
    asking = {"requests": {"cpu": asked}, "limits": {"cpu": asked}}
    status: JSON = {"containerStatuses": [said]}
    if reason:
        status["conditions"] = [{"type": "PodResizePending", "status": "True", "reason": reason}]
    return {"spec": {"containers": [{"name": "c", "resources": asking}]}, "status": status}


@pytest.mark.parametrize(
    ("pod", "requests", "limit"),
    [
        pytest.param(resized("2"), 2000, "2", id="before its status says anything"),
        pytest.param(resized("2", "2", "2"), 2000, "2", id="after the resize"),
        pytest.param(resized("3", "1", "1", reason="Deferred"), 3000, "3", id="grows, and waits for room"),
        pytest.param(resized("3", "3", "1"), 3000, "3", id="grows"),
        pytest.param(resized("1", "3", "3", reason="Deferred"), 3000, "3", id="shrinks, which is not allocated yet"),
        pytest.param(resized("1", "1", "3"), 3000, "3", id="shrinks, which is not done yet"),
        pytest.param(resized("1", "3"), 3000, "1", id="has what is allocated, as far as its status tells"),
        pytest.param(resized("9", "1", "1", reason="Infeasible"), 1000, "1", id="asks for what no node gives it"),
        pytest.param(resized("9", reason="Infeasible"), 0, "0", id="asks for that, and has nothing"),
    ],
)
def test_the_largest_of_what_is_asked_for_allocated_and_there_counts(pod: JSON, requests: int, limit: str) -> None:
    assert (counted_request(pod).get("cpu", 0), counted_resources(pod, "limits").get("cpu", "0")) == (requests, limit)


def test_the_largest_is_of_the_whole_pod_not_of_each_container() -> None:
    def container(name: str, cpu: str) -> JSON:
        return {"name": name, "resources": {"requests": {"cpu": cpu}}}

    # One gives to the other what it asked for.
    statuses = [{"name": "a", "allocatedResources": {"cpu": "3"}}, {"name": "b", "allocatedResources": {"cpu": "1"}}]
    spec = {"containers": [container("a", "1"), container("b", "3")]}
    assert counted_request({"spec": spec, "status": {"containerStatuses": statuses}}) == {"cpu": 4000}


OWN: Any = {"resources": {"requests": {"cpu": "4"}}, "allocatedResources": {"cpu": "4"}}


def test_the_own_resources_of_a_pod_count_for_its_node_as_they_are_and_for_a_quota_as_they_are_asked_for() -> None:
    spec = {"containers": [{"name": "c"}], "resources": {"requests": {"cpu": "1"}}}
    pod = {"spec": spec, "status": OWN}
    assert (counted_request(pod), counted_resources(pod, "requests")) == ({"cpu": 4000}, {"cpu": "1"})
