"""What pods count when nodes are compared. Pure. Follows k8s.io/kubernetes ``pkg/scheduler/util/pod_resources.go``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from kubeapi.meta import JSON
from kubeapi.objects.parts import list_at, map_at
from kubeapi.objects.podresizing import counted_specs
from kubeapi.objects.podresources import CONTAINERS, amounts_of, largest_of, pod_resources, requests_any

DEFAULT_REQUESTS: Mapping[str, str] = {"cpu": "100m", "memory": "200Mi"}
"""What a container counts that requests nothing."""


class Usage(NamedTuple):
    """Thousandths of CPUs and bytes of memory."""

    cpu: int
    memory: int


_ONE = Usage(100, 200 << 20)


def usage_of(pod: JSON) -> Usage:
    """Return what a pod counts when nodes are compared."""
    spec = pod["spec"]
    if not requests_any(spec) and not spec.get("initContainers"):
        count = len(list_at(spec, "containers"))
        return _ONE if count == 1 else Usage(_ONE.cpu * count, _ONE.memory * count)
    filled = (_filled(each) for each in counted_specs(pod, has_own=True))
    amounts = amounts_of(largest_of(pod_resources(each, "requests") for each in filled))
    return Usage(amounts["cpu"], amounts["memory"])


def _filled(spec: JSON) -> JSON:
    return {**spec, **{name: [_filled_container(each) for each in list_at(spec, name)] for name in CONTAINERS}}


def _filled_container(container: JSON) -> JSON:
    requests = {**DEFAULT_REQUESTS, **map_at(container, "resources", "requests")}
    return {**container, "resources": {"requests": requests}}
