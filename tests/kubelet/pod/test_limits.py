"""What the resources of pods and containers are in the files of cgroup v2."""

from __future__ import annotations

from typing import Any

import pytest

from kubeapi.meta import JSON
from kubelet.pod.limits import container_settings, pod_settings
from kubelet.pod.spec import PodSpec, read_pod_spec

ALWAYS = {"memory.swap.max": "0", "memory.oom.group": "1"}
NOTHING = {"cpu.weight": "1", "cpu.max": "max 100000", "memory.max": "max"}
SIDECAR = {"restartPolicy": "Always"}


def pod(*containers: JSON, init: tuple[JSON, ...] = (), **spec: Any) -> PodSpec:
    named = [{"name": f"c{number}", "image": "x", "resources": each} for number, each in enumerate(containers)]
    inits = [{"name": f"i{number}", "image": "x", **each} for number, each in enumerate(init)]
    metadata = {"namespace": "ns", "name": "p", "uid": "u"}
    return read_pod_spec({"metadata": metadata, "spec": {"containers": named, "initContainers": inits, **spec}})


def asks(cpu: str = "", memory: str = "") -> JSON:
    quantities = {"cpu": cpu, "memory": memory}
    return {"requests": {name: value for name, value in quantities.items() if value}}


def bounds(cpu: str = "", memory: str = "") -> JSON:
    return {"limits": asks(cpu, memory)["requests"]}


@pytest.mark.parametrize(
    ("resources", "settings"),
    [
        ({}, {}),
        (bounds("50m"), {"cpu.max": "5000 100000", "cpu.weight": "11"}),
        (bounds("2"), {"cpu.max": "200000 100000", "cpu.weight": "174"}),
        (bounds("1m"), {"cpu.max": "1000 100000"}),
        (bounds(memory="64Mi"), {"memory.max": "67108864"}),
        ({"limits": {"ephemeral-storage": "1Gi"}}, {}),
        (asks(memory="1Gi"), {}),
        # Docker's shares 2, 1024 and 262144 are 1, 100 and 10000 here; a whole processor is 1024 shares.
        (asks("0"), {"cpu.weight": "1"}),
        (asks("100m"), {"cpu.weight": "17"}),
        (asks("1"), {"cpu.weight": "100"}),
        (asks("1000"), {"cpu.weight": "10000"}),
        (asks("250m") | bounds("1"), {"cpu.weight": "35", "cpu.max": "100000 100000"}),
    ],
)
def test_the_resources_of_a_container_become_settings(resources: JSON, settings: dict[str, str]) -> None:
    [container] = pod(resources).containers
    assert container_settings(container, {}) == {**NOTHING, **ALWAYS, **settings}


def test_what_a_container_does_not_limit_its_pod_does() -> None:
    [container] = pod(bounds("1")).containers
    settings = container_settings(container, bounds("2", "1Gi"))
    assert (settings["cpu.max"], settings["memory.max"]) == ("100000 100000", str(1 << 30))


@pytest.mark.parametrize(
    ("asked", "settings"),
    [
        pytest.param(pod({}), {}, id="nothing"),
        pytest.param(pod(asks("250m"), asks("750m")), {"cpu.weight": "100"}, id="requests add up"),
        pytest.param(pod(bounds("1"), {}), {}, id="one container has no limit"),
        pytest.param(
            pod(bounds("1", "1Gi"), bounds("500m", "1Gi")),
            {"cpu.max": "150000 100000", "memory.max": str(2 << 30)},
            id="limits add up",
        ),
        pytest.param(
            pod(asks("100m"), init=({"resources": asks("1")},)), {"cpu.weight": "100"}, id="an init container asks more"
        ),
        pytest.param(
            pod(asks("500m"), init=({"resources": asks("500m"), **SIDECAR}, {"resources": asks("100m")})),
            {"cpu.weight": "100"},
            id="a sidecar runs beside",
        ),
        pytest.param(
            pod(asks("100m"), {}, resources={"requests": {"cpu": "1"}, "limits": {"memory": "1Gi"}}),
            {"cpu.weight": "100", "memory.max": str(1 << 30)},
            id="its own count",
        ),
    ],
)
def test_the_group_of_a_pod_has_the_sums_of_its_containers(asked: PodSpec, settings: dict[str, str]) -> None:
    assert pod_settings(asked) == {**NOTHING, **settings}
