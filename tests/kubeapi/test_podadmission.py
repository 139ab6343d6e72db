"""What a pod gets from the API server beyond its kind's defaults, and a template does not."""

from __future__ import annotations

from typing import Any

import pytest
from tests.helpers.kubeapi.objects import deployment, new_registry, pod

from kubeapi.meta import JSON
from kubeapi.registry import DeleteOptions, Registry, bootstrap
from kubeapi.scheme import DEPLOYMENTS, NODES, PODS, PRIORITYCLASSES, SERVICEACCOUNTS
from kubeapi.status import Forbidden

NOT_READY, UNREACHABLE = (
    {"key": f"node.kubernetes.io/{each}", "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 300}
    for each in ("not-ready", "unreachable")
)
ZONE, REGION = "topology.kubernetes.io/zone", "topology.kubernetes.io/region"


def spec_of(**spec: Any) -> JSON:
    created: JSON = new_registry().create(PODS, pod(**spec))["spec"]
    return created


def with_node(labels: dict[str, str]) -> Registry:
    registry = new_registry()
    registry.create(NODES, {"metadata": {"name": "n", "labels": labels}})
    return registry


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        pytest.param([], [NOT_READY, UNREACHABLE], id="none"),
        pytest.param(
            [{"key": "a", "operator": "Exists"}],
            [{"key": "a", "operator": "Exists"}, NOT_READY, UNREACHABLE],
            id="another",
        ),
        pytest.param(
            [{**UNREACHABLE, "tolerationSeconds": 5}], [{**UNREACHABLE, "tolerationSeconds": 5}, NOT_READY], id="one"
        ),
        pytest.param([{"operator": "Exists"}], [{"operator": "Exists"}], id="everything"),
    ],
)
def test_a_pod_tolerates_a_lost_node_for_five_minutes_unless_it_says_otherwise(
    given: list[JSON], expected: list[JSON]
) -> None:
    assert spec_of(tolerations=given)["tolerations"] == expected


@pytest.mark.parametrize(
    ("spec", "priority"),
    [
        ({}, 0),
        ({"priority": 0}, 0),
        ({"priorityClassName": "system-node-critical"}, 2_000_001_000),
        ({"priorityClassName": "ours", "priority": 7}, 7),
        ({"priorityClassName": "ours"}, 7),
    ],
)
def test_a_pod_has_the_priority_of_its_class_and_preempts(spec: JSON, priority: int) -> None:
    registry = new_registry()
    bootstrap(registry)
    registry.create(PRIORITYCLASSES, {"metadata": {"name": "ours"}, "value": 7})
    created = registry.create(PODS, pod(**spec))["spec"]
    assert (created["priority"], created["preemptionPolicy"]) == (priority, "PreemptLowerPriority")


@pytest.mark.parametrize(
    ("field", "value", "text"),
    [
        ("priority", 5, r"the integer value of priority \(5\) must not .*; .* computed 0 from "),
        (
            "preemptionPolicy",
            "Never",
            r"the string value of PreemptionPolicy \(Never\) must not .* PreemptLowerPriority",
        ),
    ],
)
def test_a_priority_that_its_class_does_not_have_is_forbidden(field: str, value: object, text: str) -> None:
    with pytest.raises(Forbidden, match=text):
        spec_of(**{field: value})


@pytest.mark.parametrize("field", ["serviceAccountName", "serviceAccount"])
def test_the_service_account_has_both_its_names(field: str) -> None:
    registry = new_registry()
    registry.create(SERVICEACCOUNTS, {"metadata": {"name": "robot"}})
    named: JSON = {field: "robot"}
    created = registry.create(PODS, pod(**named))["spec"]
    assert (created["serviceAccountName"], created["serviceAccount"]) == ("robot", "robot")
    template = {"containers": pod()["spec"]["containers"], field: "robot"}
    written = new_registry().create(DEPLOYMENTS, deployment(template_spec=template))["spec"]["template"]["spec"]
    assert (written["serviceAccountName"], written["serviceAccount"]) == ("robot", "robot")


def test_a_pod_without_a_service_account_has_the_default_one() -> None:
    created = spec_of()
    assert (created["serviceAccountName"], created["serviceAccount"]) == ("default", "default")


def test_a_template_is_not_admitted() -> None:
    spec = new_registry().create(DEPLOYMENTS, deployment())["spec"]["template"]["spec"]
    assert not spec.keys() & {"tolerations", "priority", "preemptionPolicy", "serviceAccountName", "serviceAccount"}


@pytest.mark.parametrize("is_bound_later", [False, True])
def test_a_pod_gets_the_zone_and_the_region_of_its_node(is_bound_later: bool) -> None:
    registry = with_node({ZONE: "a", REGION: "r", "disk": "fast"})
    bound = {"nodeName": "n"}
    created = registry.create(PODS, pod(metadata={"labels": {"app": "web"}}, **({} if is_bound_later else bound)))
    if is_bound_later:
        assert created["metadata"]["labels"] == {"app": "web"}
        created = registry.update(PODS, {**created, "spec": {**created["spec"], **bound}})
    assert created["metadata"]["labels"] == {"app": "web", ZONE: "a", REGION: "r"}
    relabelled = {**created, "metadata": {**created["metadata"], "labels": {"app": "web"}}}
    assert registry.update(PODS, relabelled)["metadata"]["labels"] == {"app": "web"}


def test_a_pod_s_own_zone_stays_when_it_comes_with_a_node_and_goes_when_it_is_bound_to_one() -> None:
    registry, own = with_node({ZONE: "a"}), {"labels": {ZONE: "mine"}}
    assert registry.create(PODS, pod(metadata=own, nodeName="n"))["metadata"]["labels"] == {ZONE: "mine"}
    waiting = registry.create(PODS, pod("waiting", metadata=own))
    bound = registry.update(PODS, {**waiting, "spec": {**waiting["spec"], "nodeName": "n"}})
    assert bound["metadata"]["labels"] == {ZONE: "a"}


def test_replacing_a_pod_by_its_manifest_keeps_what_it_was_given() -> None:
    registry = new_registry()
    manifest = pod(serviceAccountName="default", automountServiceAccountToken=False)
    created = registry.create(PODS, manifest)
    assert registry.update(PODS, manifest)["spec"] == created["spec"]


def test_a_pod_s_generation_counts_wishes_and_its_end_and_not_its_node() -> None:
    registry = with_node({})
    created = registry.create(PODS, pod())
    bound = registry.update(PODS, {**created, "spec": {**created["spec"], "nodeName": "n"}})
    assert (created["metadata"]["generation"], bound["metadata"]["generation"]) == (1, 1)
    changed = registry.update(PODS, {**bound, "spec": {**bound["spec"], "activeDeadlineSeconds": 60}})
    assert changed["metadata"]["generation"] == 2
    assert registry.delete(PODS, "default", "web", DeleteOptions(30))["metadata"]["generation"] == 3
    assert registry.delete(PODS, "default", "web", DeleteOptions(5))["metadata"]["generation"] == 3
