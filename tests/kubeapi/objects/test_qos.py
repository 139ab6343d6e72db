from __future__ import annotations

import pytest

from kubeapi.meta import JSON
from kubeapi.objects.qos import qos_class


def limited(**requests: str) -> JSON:
    limits = {"cpu": "1", "memory": "1Gi"}
    return {"limits": limits, "requests": requests or limits}


FULL = limited()


@pytest.mark.parametrize(
    ("containers", "expected"),
    [
        pytest.param([{}], "BestEffort", id="says nothing"),
        pytest.param([{"limits": {"ephemeral-storage": "1Gi"}}], "BestEffort", id="other resources do not count"),
        pytest.param([{"requests": {"cpu": "0"}}], "BestEffort", id="nothing is requested"),
        pytest.param([{"requests": {"cpu": "1"}}], "Burstable", id="requests only"),
        pytest.param([{"limits": {"cpu": "1"}, "requests": {"cpu": "1"}}], "Burstable", id="no limit of memory"),
        pytest.param([FULL], "Guaranteed", id="limits are requests"),
        pytest.param([FULL, {}], "Burstable", id="one container without limits"),
        pytest.param([FULL, FULL], "Guaranteed", id="both containers have limits"),
        pytest.param([limited(cpu="1000m", memory="1024Mi")], "Guaranteed", id="the same amounts"),
        pytest.param([limited(cpu="1", memory="1Mi")], "Burstable", id="less is requested"),
        pytest.param([limited(cpu="1")], "Burstable", id="no memory is requested"),
        pytest.param(
            [{**FULL, "requests": {**FULL["requests"], "ephemeral-storage": "1Gi"}}],
            "Guaranteed",
            id="ephemeral storage does not count",
        ),
    ],
)
def test_quality_of_service(containers: list[JSON], expected: str) -> None:
    assert qos_class({"containers": [{"name": "c", "resources": each} for each in containers]}) == expected


def test_init_containers_count_and_ephemeral_ones_do_not() -> None:
    full, empty = {"name": "c", "resources": FULL}, {"name": "c"}
    assert qos_class({"containers": [full], "initContainers": [empty]}) == "Burstable"
    assert qos_class({"containers": [full], "ephemeralContainers": [empty]}) == "Guaranteed"
