"""PriorityClass and RuntimeClass: what they must be, and what pods get of them."""

from __future__ import annotations

import pytest
from tests.helpers.kubeapi.objects import container, new_registry, pod

from kubeapi.meta import JSON
from kubeapi.registry import bootstrap
from kubeapi.scheme import PODS, PRIORITYCLASSES, RUNTIMECLASSES
from kubeapi.status import Forbidden, StatusError


def priority(name: str, value: int, **fields: object) -> JSON:
    return {"metadata": {"name": name}, "value": value, **fields}


@pytest.mark.parametrize(
    ("obj", "fault"),
    [
        (priority("system-x", 1), "are reserved for system use only. error: system-x is not a known system priority"),
        (priority("x", 1_000_000_001), "maximum allowed value of a user defined priority is 1000000000"),
        (priority("x", 1, preemptionPolicy="Foo"), "preemptionPolicy: Unsupported value"),
    ],
)
def test_a_priority_class_that_a_user_may_not_make(obj: JSON, fault: str) -> None:
    with pytest.raises(StatusError) as caught:
        new_registry().create(PRIORITYCLASSES, obj)
    assert fault in str(caught.value)


def test_the_value_of_a_priority_class_stays() -> None:
    registry = new_registry()
    stored = registry.create(PRIORITYCLASSES, priority("x", 1))
    with pytest.raises(StatusError, match=r"value: Forbidden: may not be changed in an update\."):
        registry.update(PRIORITYCLASSES, {**stored, "value": 2})


def test_there_is_one_default_class_and_pods_without_a_class_have_it() -> None:
    registry = new_registry()
    registry.create(PRIORITYCLASSES, priority("x", 7, globalDefault=True, preemptionPolicy="Never"))
    with pytest.raises(Forbidden, match=r"PriorityClass x is already marked as default\. Only one default can exist"):
        registry.create(PRIORITYCLASSES, priority("y", 1, globalDefault=True))
    spec = registry.create(PODS, pod())["spec"]
    assert (spec["priorityClassName"], spec["priority"], spec["preemptionPolicy"]) == ("x", 7, "Never")


def test_a_pod_of_an_unknown_class_is_forbidden() -> None:
    with pytest.raises(Forbidden, match="no PriorityClass with name y was found"):
        new_registry().create(PODS, pod(priorityClassName="y"))
    with pytest.raises(Forbidden, match='pod rejected: RuntimeClass "y" not found'):
        new_registry().create(PODS, pod(runtimeClassName="y"))


def test_every_cluster_has_the_two_system_classes() -> None:
    registry = new_registry()
    bootstrap(registry)
    found = {each["metadata"]["name"]: each["value"] for each in registry.store.list(PRIORITYCLASSES)}
    assert found == {"system-node-critical": 2_000_001_000, "system-cluster-critical": 2_000_000_000}


RUNTIME = {
    "metadata": {"name": "r"},
    "handler": "runc",
    "overhead": {"podFixed": {"cpu": "10m"}},
    "scheduling": {"nodeSelector": {"disk": "fast"}, "tolerations": [{"key": "a", "operator": "Exists"}]},
}


def test_a_pod_gets_the_overhead_and_the_nodes_of_its_runtime() -> None:
    registry = new_registry()
    registry.create(RUNTIMECLASSES, RUNTIME)
    spec = registry.create(PODS, pod(runtimeClassName="r"))["spec"]
    assert (spec["overhead"], spec["nodeSelector"]) == ({"cpu": "10m"}, {"disk": "fast"})
    assert {"key": "a", "operator": "Exists"} in spec["tolerations"]


@pytest.mark.parametrize(
    ("spec", "text"),
    [
        ({"overhead": {"cpu": "1"}}, "Pod's Overhead doesn't match RuntimeClass's defined Overhead"),
        ({"nodeSelector": {"disk": "slow"}}, r"conflict: runtimeClass.scheduling.nodeSelector\[disk\] = fast; pod"),
    ],
)
def test_a_pod_that_contradicts_its_runtime_is_forbidden(spec: JSON, text: str) -> None:
    registry = new_registry()
    registry.create(RUNTIMECLASSES, RUNTIME)
    with pytest.raises(Forbidden, match=text):
        registry.create(PODS, pod(runtimeClassName="r", containers=[container()], **spec))


def test_the_handler_of_a_runtime_is_a_label_and_stays() -> None:
    registry = new_registry()
    with pytest.raises(StatusError, match="handler: Required value"):
        registry.create(RUNTIMECLASSES, {"metadata": {"name": "r"}})
    stored = registry.create(RUNTIMECLASSES, RUNTIME)
    with pytest.raises(StatusError, match="field is immutable"):
        registry.update(RUNTIMECLASSES, {**stored, "handler": "other"})
