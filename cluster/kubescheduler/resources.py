"""What pods request and nodes have, in whole numbers: thousandths of CPUs, bytes, pieces of anything else. Pure.

Follows k8s.io/kubernetes ``pkg/scheduler/framework`` (Resource) and ``pkg/scheduler/util/pod_resources.go``.
"""

from __future__ import annotations

from collections.abc import Mapping
from math import ceil
from typing import NamedTuple

from kubeapi.meta import JSON
from kubeapi.objects.parts import list_at, map_at
from kubeapi.objects.podresources import pod_resources
from kubeapi.serialization.quantity import QUANTITY, amount_of

Amounts = Mapping[str, int]
"""Whole numbers by the names of resources."""

DEFAULT_REQUESTS: Mapping[str, str] = {"cpu": "100m", "memory": "200Mi"}
"""What a container counts that requests nothing, when nodes are compared."""
_NOTHING: Amounts = {}


class Usage(NamedTuple):
    """Thousandths of CPUs and bytes of memory, by which nodes are compared."""

    cpu: int
    memory: int


_ONE = Usage(100, 200 << 20)


def amounts_of(quantities: Mapping[str, str]) -> dict[str, int]:
    """Return quantities as whole numbers, rounded up; what is none is left out."""
    texts = {name: str(value) for name, value in quantities.items()}
    return {name: _whole(name, text) for name, text in texts.items() if QUANTITY.fullmatch(text)}


def _whole(name: str, quantity: str) -> int:
    amount = amount_of(quantity)
    return ceil(amount * 1000 if name == "cpu" else amount)


def request_of(pod: JSON) -> Amounts:
    """Return what a pod requests."""
    spec = pod["spec"]
    return amounts_of(pod_resources(spec, "requests")) if _requests_any(spec) else _NOTHING


def usage_of(pod: JSON) -> Usage:
    """Return what a pod counts when nodes are compared."""
    spec = pod["spec"]
    if not _requests_any(spec) and not spec.get("initContainers"):
        count = len(list_at(spec, "containers"))
        return _ONE if count == 1 else Usage(_ONE.cpu * count, _ONE.memory * count)
    filled = {**spec, **{name: [_filled(each) for each in list_at(spec, name)] for name in _CONTAINERS}}
    amounts = amounts_of(pod_resources(filled, "requests"))
    return Usage(amounts["cpu"], amounts["memory"])


_CONTAINERS = ("containers", "initContainers")


def _filled(container: JSON) -> JSON:
    requests = {**DEFAULT_REQUESTS, **map_at(container, "resources", "requests")}
    return {**container, "resources": {"requests": requests}}


def _requests_any(spec: JSON) -> bool:
    if spec.get("overhead") or spec.get("resources"):
        return True
    return any(
        "requests" in (each.get("resources") or _NOTHING) for name in _CONTAINERS for each in spec.get(name) or ()
    )
