"""When a pod is evicted for what it has written, and what is said then."""

from __future__ import annotations

from typing import Any

import pytest
from tests.helpers.objects import build_pod

from kubeapi.meta import JSON
from kubelet.pod.files.localstorage import LocalUsage, eviction_message, is_limited

MIB = 1 << 20


def container(name: str, limit: str = "") -> JSON:
    return {"name": name, "resources": {"limits": {"ephemeral-storage": limit} if limit else {}}}


def volume(**source: Any) -> JSON:
    return {"volumes": [{"name": "cache", "emptyDir": source}]}


LIMITED = build_pod("web", container("a", "5Mi"), container("b", "1Mi"))
WITH_VOLUME = build_pod("web", container("a"), **volume(sizeLimit="2Mi"))


@pytest.mark.parametrize(
    ("pod", "usage", "message"),
    [
        pytest.param(LIMITED, LocalUsage({"a": 5 * MIB, "b": MIB}, {}), "", id="at its limits"),
        pytest.param(
            LIMITED,
            LocalUsage({"a": 5 * MIB, "b": MIB}, {"cache": 1}),
            "Pod ephemeral local storage usage exceeds the total limit of containers 6Mi. ",
            id="all together",
        ),
        pytest.param(
            LIMITED,
            LocalUsage({"a": 0, "b": 2 * MIB}, {}),
            'Container b exceeded its local ephemeral storage limit "1Mi". ',
            id="one container",
        ),
        pytest.param(WITH_VOLUME, LocalUsage({"a": 9 * MIB}, {"cache": 2 * MIB}), "", id="a full volume"),
        pytest.param(
            WITH_VOLUME,
            LocalUsage({}, {"cache": 2 * MIB + 1}),
            'Usage of EmptyDir volume "cache" exceeds the limit "2Mi". ',
            id="a volume",
        ),
    ],
)
def test_a_pod_that_writes_more_than_it_may_is_evicted(pod: JSON, usage: LocalUsage, message: str) -> None:
    assert eviction_message(pod, usage) == message


@pytest.mark.parametrize(
    ("pod", "expected"),
    [
        pytest.param(LIMITED, True, id="containers with limits"),
        pytest.param(WITH_VOLUME, True, id="a volume with a limit"),
        pytest.param(build_pod("web", container("a"), **volume()), False, id="no limit"),
        pytest.param(build_pod("web", container("a"), **volume(sizeLimit="1Mi", medium="Memory")), False, id="memory"),
        pytest.param(build_pod("web", container("a", "5Mi"), priority=2_000_000_000), False, id="a critical pod"),
    ],
)
def test_only_pods_with_limits_are_measured(pod: JSON, expected: bool) -> None:
    assert is_limited(pod) is expected
