"""LimitRanges: what they give to pods, and what they do not allow."""

from __future__ import annotations

import pytest
from tests.helpers.kubeapi.objects import container, new_registry, pod

from kubeapi.meta import JSON
from kubeapi.registry import Registry
from kubeapi.scheme import LIMITRANGES, PERSISTENTVOLUMECLAIMS, PODS
from kubeapi.status import Forbidden, Invalid


def with_limits(*limits: JSON) -> Registry:
    registry = new_registry()
    registry.create(LIMITRANGES, {"metadata": {"name": "l"}, "spec": {"limits": list(limits)}})
    return registry


CONTAINER = {"type": "Container", "max": {"cpu": "2"}, "min": {"cpu": "100m"}, "defaultRequest": {"cpu": "200m"}}


def test_a_maximum_is_the_default_limit_and_a_limit_the_default_request() -> None:
    registry = with_limits({"type": "Container", "max": {"cpu": "2"}, "min": {"memory": "1Mi"}})
    [stored] = registry.store.list(LIMITRANGES)
    [item] = stored["spec"]["limits"]
    assert (item["default"], item["defaultRequest"]) == ({"cpu": "2"}, {"memory": "1Mi", "cpu": "2"})


def test_a_container_gets_what_it_does_not_say_and_an_annotation_tells_it() -> None:
    created = with_limits(CONTAINER).create(PODS, pod(containers=[container(resources={"limits": {"cpu": "1"}})]))
    # Kubernetes' own defaults come first: the request of a container with a limit is that limit.
    assert created["spec"]["containers"][0]["resources"] == {"limits": {"cpu": "1"}, "requests": {"cpu": "1"}}
    created = with_limits(CONTAINER).create(PODS, pod())
    assert created["spec"]["containers"][0]["resources"] == {"limits": {"cpu": "2"}, "requests": {"cpu": "200m"}}
    told = "LimitRanger plugin set: cpu request for container app; cpu limit for container app"
    assert created["metadata"]["annotations"] == {"kubernetes.io/limit-ranger": told}


@pytest.mark.parametrize(
    ("limit", "resources", "text"),
    [
        (CONTAINER, {"limits": {"cpu": "3"}}, "maximum cpu usage per Container is 2, but limit is 3"),
        (CONTAINER, {"requests": {"cpu": "50m"}}, "minimum cpu usage per Container is 100m, but request is 50m"),
        (
            {"type": "Pod", "max": {"memory": "1Gi"}},
            {},
            r"maximum memory usage per Pod is 1Gi.  No limit is specified",
        ),
        (
            {"type": "Container", "maxLimitRequestRatio": {"cpu": "2"}},
            {"requests": {"cpu": "1"}, "limits": {"cpu": "3"}},
            "cpu max limit to request ratio per Container is 2, but provided ratio is 3.000000",
        ),
    ],
)
def test_a_pod_outside_the_limits_is_forbidden(limit: JSON, resources: JSON, text: str) -> None:
    with pytest.raises(Forbidden, match=text):
        with_limits(limit).create(PODS, pod(containers=[container(resources=resources)]))


def test_a_claim_larger_than_the_maximum_is_forbidden() -> None:
    registry = with_limits({"type": "PersistentVolumeClaim", "max": {"storage": "1Gi"}})
    spec = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "2Gi"}}}
    with pytest.raises(Forbidden, match="maximum storage usage per PersistentVolumeClaim is 1Gi, but request is 2Gi"):
        registry.create(PERSISTENTVOLUMECLAIMS, {"metadata": {"name": "c"}, "spec": spec})


@pytest.mark.parametrize(
    ("limit", "fault"),
    [
        ({"type": "Foo"}, "must be a standard limit type or fully qualified"),
        ({"type": "Pod", "default": {"cpu": "1"}}, "may not be specified when `type` is 'Pod'"),
        ({"type": "Container", "min": {"cpu": "2"}, "max": {"cpu": "1"}}, "min value 2 is greater than max value 1"),
        ({"type": "PersistentVolumeClaim"}, "either minimum or maximum storage value is required"),
        ({"type": "Container", "maxLimitRequestRatio": {"cpu": "500m"}}, "ratio 500m is less than 1"),
        ({"type": "Container", "max": {"pods": "1"}}, "must be a standard resource for containers"),
    ],
)
def test_limits_that_contradict_each_other_are_invalid(limit: JSON, fault: str) -> None:
    with pytest.raises(Invalid) as caught:
        with_limits(limit)
    assert fault in str(caught.value)
