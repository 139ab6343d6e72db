"""What a pod asks for as a whole (k8s.io/component-helpers ``resource``: PodRequests, PodLimits). Pure.

Init containers run one after the other, but for those that go on (restartPolicy Always), so of them the largest counts;
what a pod has of its own (``spec.resources``) stands for the sum, and its overhead is added.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Literal

from kubeapi.meta import JSON
from kubeapi.objects.parts import list_at, map_at
from kubeapi.serialization.quantity import amount_of, sum_of

Quantities = Mapping[str, str]
"""Quantities by the names of resources."""

_OWN = ("cpu", "memory")


def pod_resources(spec: JSON, kind: Literal["requests", "limits"]) -> dict[str, str]:
    """Return the requests or the limits of a pod's spec."""
    total = added(map_at(each, "resources", kind) for each in list_at(spec, "containers"))
    going_on: dict[str, str] = {}
    largest: dict[str, str] = {}
    for container in list_at(spec, "initContainers"):
        own = map_at(container, "resources", kind)
        if container.get("restartPolicy") == "Always":
            going_on = added((going_on, own))
            total = added((total, own))
            own = going_on
        else:
            own = added((own, going_on))
        largest = _larger(largest, own)
    total = _larger(total, largest)
    whole = map_at(spec, "resources", kind)
    total |= {name: str(value) for name, value in whole.items() if name in _OWN or name.startswith("hugepages-")}
    overhead = map_at(spec, "overhead")
    if kind == "limits":  # nothing is added to what has no limit
        overhead = {name: value for name, value in overhead.items() if name in total}
    return added((total, overhead))


def added(quantities: Iterable[Quantities]) -> dict[str, str]:
    """Return the sum of quantities for each resource."""
    total: dict[str, str] = {}
    for each in quantities:
        for name, value in each.items():
            total[name] = sum_of(total[name], str(value)) if name in total else str(value)
    return total


def _larger(one: Quantities, other: Quantities) -> dict[str, str]:
    larger = dict(one)
    for name, value in other.items():
        if name not in larger or amount_of(value) > amount_of(larger[name]):
            larger[name] = value
    return larger
