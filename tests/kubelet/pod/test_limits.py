"""What a container's resources are in the files of cgroup v2."""

from __future__ import annotations

import pytest

from kubeapi.meta import JSON
from kubelet.pod.limits import cgroup_settings

MEMORY = {"memory.swap.max": "0", "memory.oom.group": "1"}


@pytest.mark.parametrize(
    ("resources", "settings"),
    [
        ({}, {}),
        ({"limits": {"cpu": "50m"}}, {"cpu.max": "5000 100000"}),
        ({"limits": {"cpu": "2"}}, {"cpu.max": "200000 100000"}),
        ({"limits": {"cpu": "1m"}}, {"cpu.max": "1000 100000"}),
        ({"limits": {"memory": "64Mi"}}, {"memory.max": "67108864", **MEMORY}),
        ({"limits": {"ephemeral-storage": "1Gi"}}, {}),
        ({"requests": {"memory": "1Gi"}}, {}),
        # Docker's shares 2 to 262144 are 1 to 10000 here; a whole processor is 1024 shares.
        ({"requests": {"cpu": "0"}}, {"cpu.weight": "1"}),
        ({"requests": {"cpu": "1"}}, {"cpu.weight": "39"}),
        ({"requests": {"cpu": "1000"}}, {"cpu.weight": "10000"}),
    ],
)
def test_resources_become_settings(resources: JSON, settings: dict[str, str]) -> None:
    assert cgroup_settings(resources) == settings
