"""The quality of service of a pod (k8s.io/kubernetes ``pkg/apis/core/v1/helper/qos``, ComputePodQOS)."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal

from kubeapi.meta import JSON
from kubeapi.objects.parts import list_at, map_at
from kubeapi.serialization.quantity import amount_of

_COUNTED = ("cpu", "memory")
"""The resources that decide; ephemeral-storage and huge pages do not."""


def qos_class(spec: JSON) -> str:
    """Return Guaranteed, Burstable or BestEffort for a pod's spec, in which requests have their defaults.

    Where a pod has resources of its own, they alone decide.
    """
    has_own = map_at(spec, "resources", "requests") or map_at(spec, "resources", "limits")
    containers = [spec] if has_own else [*list_at(spec, "containers"), *list_at(spec, "initContainers")]
    limits = [_amounts(map_at(each, "resources", "limits")) for each in containers]
    requested = _sums(_amounts(map_at(each, "resources", "requests")) for each in containers)
    limited = _sums(limits)
    if not requested and not limited:
        return "BestEffort"
    has_all_limits = all(len(each) == len(_COUNTED) for each in limits)
    return "Guaranteed" if has_all_limits and requested == limited else "Burstable"


def _amounts(quantities: JSON) -> dict[str, Decimal]:
    amounts = {name: amount_of(str(quantities[name])) for name in _COUNTED if name in quantities}
    return {name: amount for name, amount in amounts.items() if amount > 0}


def _sums(resources: Iterable[dict[str, Decimal]]) -> dict[str, Decimal]:
    sums: dict[str, Decimal] = {}
    for amounts in resources:
        for name, amount in amounts.items():
            sums[name] = sums.get(name, Decimal()) + amount
    return sums
