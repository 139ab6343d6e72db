"""What whoever writes a pod is told that it will not get."""

from __future__ import annotations

from typing import Any

import pytest
from tests.helpers.kubeapi.objects import container, deployment, new_registry, pod

from kubeapi.kinds import kind_of
from kubeapi.podspec.warnings.combined import pod_warnings, template_warnings
from kubeapi.registryconfig import RegistryConfig
from kubeapi.scheme import DEPLOYMENTS, PODS, SERVICES

C = "spec.containers[0]"
USER = "a container is a process of the user who started kubesvc"
BARE = RegistryConfig()
SANDBOXED = RegistryConfig(has_sandboxes=True, has_all_ids=True)
ONE_ID = RegistryConfig(has_sandboxes=True)


def warnings_of(config: RegistryConfig = BARE, **spec: Any) -> list[str]:
    stored = new_registry().create(PODS, pod("p", **spec))
    return [str(each) for each in pod_warnings(None, stored, config)]


@pytest.mark.parametrize(
    ("fields", "warning"),
    [
        pytest.param(
            {"resources": {"limits": {"cpu": "1"}}},
            f"{C}.resources: kubesvc does not act on limits: a pod may use as much of the machine as there is",
            id="limits",
        ),
        pytest.param(
            {"securityContext": {"runAsUser": 0, "readOnlyRootFilesystem": True}},
            f"{C}.securityContext: kubesvc does not act on runAsUser, readOnlyRootFilesystem: {USER}",
            id="security context",
        ),
        pytest.param(
            {"securityContext": {"capabilities": {"drop": ["ALL"]}, "allowPrivilegeEscalation": False}},
            f"{C}.securityContext: kubesvc does not act on allowPrivilegeEscalation, capabilities: {USER}",
            id="fewer privileges",
        ),
        pytest.param(
            {"ports": [{"containerPort": 80}, {"containerPort": 81, "hostPort": 81}]},
            f"{C}.ports[1].hostPort: kubesvc does not act on it: no port of the node leads to the container",
            id="host port",
        ),
        pytest.param(
            {"terminationMessagePath": "/dev/why"},
            f"{C}.terminationMessagePath: kubesvc does not act on it: no such file is read",
            id="termination message",
        ),
    ],
)
def test_a_container_s_field_that_nothing_acts_on_is_named(fields: dict[str, Any], warning: str) -> None:
    assert warnings_of(containers=[container(**fields)]) == [warning]


@pytest.mark.parametrize(
    ("fields", "path"),
    [
        ({"volumes": [{"name": "v", "emptyDir": {}}]}, "spec.volumes"),
        ({"automountServiceAccountToken": True}, "spec.automountServiceAccountToken"),
        ({"securityContext": {"fsGroup": 0}}, "spec.securityContext"),
        ({"hostUsers": False}, "spec.hostUsers"),
    ],
)
def test_a_pod_s_field_that_nothing_acts_on_is_named(fields: dict[str, Any], path: str) -> None:
    [warning] = warnings_of(**fields)
    assert warning.startswith(f"{path}: kubesvc does not act on ")


@pytest.mark.parametrize(
    "spec",
    [
        pytest.param({}, id="nothing"),
        pytest.param(
            {"containers": [container(securityContext={"privileged": False, "runAsNonRoot": False})]}, id="not wanted"
        ),
        pytest.param({"containers": [container(resources={"requests": {"cpu": "1"}})]}, id="requests"),
        pytest.param({"securityContext": {"seccompProfile": {"type": "Unconfined"}}}, id="unconfined"),
        pytest.param({"automountServiceAccountToken": False, "serviceAccountName": "default"}, id="no token"),
        pytest.param({"hostPID": True, "hostIPC": True}, id="the host's processes"),
        pytest.param({"shareProcessNamespace": True}, id="shared as it is"),
        pytest.param({"hostNetwork": True, "containers": [container(ports=[{"containerPort": 80}])]}, id="the host's"),
    ],
)
def test_what_makes_no_difference_is_not_spoken_of(spec: dict[str, Any]) -> None:
    assert warnings_of(**spec) == []


def test_a_field_of_several_containers_is_one_warning_at_the_first() -> None:
    limited = {"resources": {"limits": {"memory": "1Gi"}}}
    containers = [container("a"), container("b", **limited), container("c", **limited)]
    [warning] = warnings_of(containers=containers)
    assert warning.startswith(
        "spec.containers[1].resources: kubesvc does not act on limits, here and in 1 more place: "
    )


@pytest.mark.parametrize(
    ("limited", "named"),
    [
        ((), "limits"),
        (("cpu",), "limits.memory, limits.ephemeral-storage"),
        (("cpu", "memory"), "limits.ephemeral-storage"),
    ],
)
def test_limits_of_the_resources_that_are_limited_are_not_spoken_of(limited: tuple[str, ...], named: str) -> None:
    limits = {"cpu": "1", "memory": "1Gi", "ephemeral-storage": "1Gi"}
    config = RegistryConfig(limited_resources=frozenset(limited))
    [warning] = warnings_of(config, containers=[container(resources={"limits": limits})])
    assert warning.startswith(f"{C}.resources: kubesvc does not act on {named}: ")
    if limited:
        both = [container(resources={"limits": dict.fromkeys(limited, "1")})]
        assert warnings_of(config, containers=both) == []


def test_a_template_is_spoken_of_when_a_field_comes_and_not_again() -> None:
    plain, limited = ({"containers": [container(resources=each)]} for each in ({}, {"limits": {"cpu": "1"}}))
    registry = new_registry()
    before = registry.create(DEPLOYMENTS, deployment("d", template_spec=plain))
    after = registry.update(DEPLOYMENTS, {**before, "spec": deployment("d", template_spec=limited)["spec"]})
    [warning] = template_warnings(before, after, BARE)
    assert warning.field == "spec.template.spec.containers[0].resources"
    assert template_warnings(after, {**after, "metadata": {"name": "d", "labels": {"a": "b"}}}, BARE) == []
    assert list(kind_of(SERVICES).warnings(None, {"metadata": {}, "spec": {"volumes": [1]}}, BARE)) == []
