"""What may change of a Pod, in the words of a real server."""

from __future__ import annotations

import pytest
from tests.helpers.kubeapi.objects import container, new_registry, pod, update_faults_of

from kubeapi.meta import JSON
from kubeapi.scheme import PODS

FROZEN = (
    "spec: Forbidden: pod updates may not change fields other than `spec.containers[*].image`,"
    "`spec.initContainers[*].image`,`spec.activeDeadlineSeconds`,`spec.tolerations` (only additions to existing "
    "tolerations),`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)"
)
NO_TOKEN: JSON = {"automountServiceAccountToken": False}
GATED = {"schedulingGates": [{"name": "a"}]}


def tolerating(key: str, **fields: object) -> JSON:
    return {"tolerations": [{"key": key, "operator": "Exists", "effect": "NoExecute", **fields}]}


@pytest.mark.parametrize(
    ("before", "after", "faults"),
    [
        pytest.param({}, {"containers": [container(image="other:1")]}, [], id="image"),
        pytest.param({}, {"containers": [container(command=["x"])]}, [FROZEN], id="command"),
        pytest.param(
            {},
            {"containers": [container(), container("b")]},
            ["spec.containers: Forbidden: pod updates may not add or remove containers"],
            id="one container more",
        ),
        pytest.param(
            {"initContainers": [container("i")]},
            {},
            ["spec.initContainers: Forbidden: pod updates may not add or remove containers"],
            id="one init container less",
        ),
        pytest.param({}, {"activeDeadlineSeconds": 5}, [], id="a deadline"),
        pytest.param({"activeDeadlineSeconds": 5}, {"activeDeadlineSeconds": 3}, [], id="a nearer deadline"),
        pytest.param(
            {"activeDeadlineSeconds": 5},
            {"activeDeadlineSeconds": 9},
            ["spec.activeDeadlineSeconds: Invalid value: 9: must be less than or equal to previous value"],
            id="a farther deadline",
        ),
        pytest.param(
            {"activeDeadlineSeconds": 5},
            {},
            ["spec.activeDeadlineSeconds: Invalid value: null: must not update from a positive integer to nil value"],
            id="no deadline",
        ),
        pytest.param(tolerating("a"), tolerating("a", tolerationSeconds=5), [], id="tolerated for some time"),
        pytest.param(
            tolerating("a"),
            tolerating("b"),
            ["spec.tolerations: Forbidden: existing toleration can not be modified except its tolerationSeconds"],
            id="another toleration",
        ),
        pytest.param({"terminationGracePeriodSeconds": -1}, {"terminationGracePeriodSeconds": 1}, [], id="-1 to 1"),
        pytest.param({"terminationGracePeriodSeconds": 9}, {"terminationGracePeriodSeconds": 1}, [FROZEN], id="9 to 1"),
        pytest.param(GATED, {}, [], id="no gate"),
        pytest.param(
            {},
            GATED,
            ["spec.schedulingGates[0].name: Forbidden: only deletion is allowed, but found new scheduling gate 'a'"],
            id="a new gate",
        ),
        pytest.param(GATED, {**GATED, "nodeSelector": {"a": "b"}}, [], id="a choice of nodes while it is gated"),
        pytest.param(
            {**GATED, "nodeSelector": {"a": "b"}},
            {**GATED, "nodeSelector": {"a": "c"}},
            [
                'spec.nodeSelector: Invalid value: {"a":"c"}: only additions to spec.nodeSelector are '
                "allowed (no mutations or deletions)"
            ],
            id="another choice of nodes",
        ),
    ],
)
def test_an_update_of_a_pod(before: JSON, after: JSON, faults: list[str]) -> None:
    registry = new_registry()
    registry.create(PODS, pod(**NO_TOKEN, **before))
    assert update_faults_of(PODS, pod(**NO_TOKEN, **{"serviceAccountName": "default", **after}), registry) == faults
