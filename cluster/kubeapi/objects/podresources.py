"""What a pod asks for as a whole (k8s.io/component-helpers ``resource``: PodRequests, PodLimits). Pure.

Init containers run one after the other, but for those that go on (restartPolicy Always), so of them the largest counts;
what a pod has of its own (``spec.resources``) stands for the sum, and its overhead is added.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from math import ceil
from typing import Literal

from kubeapi.meta import JSON
from kubeapi.objects.parts import list_at, map_at
from kubeapi.serialization.quantity import QUANTITY, amount_of, sum_of

Quantities = Mapping[str, str]
"""Quantities by the names of resources."""

Amounts = Mapping[str, int]
"""Whole numbers by the names of resources: thousandths of CPUs, bytes, pieces of anything else."""

Kind = Literal["requests", "limits"]

CONTAINERS = ("containers", "initContainers")
_OWN = ("cpu", "memory")
_NOTHING: Amounts = {}


def pod_resources(spec: JSON, kind: Kind) -> dict[str, str]:
    """Return the requests or the limits of a pod's spec."""
    total = added(map_at(each, "resources", kind) for each in list_at(spec, "containers"))
    going_on: dict[str, str] = {}
    initial: list[Quantities] = []
    for container in list_at(spec, "initContainers"):
        own = map_at(container, "resources", kind)
        if container.get("restartPolicy") == "Always":
            going_on = added((going_on, own))
            total = added((total, own))
            own = going_on
        else:
            own = added((own, going_on))
        initial.append(own)
    total = largest_of((total, *initial))
    whole = map_at(spec, "resources", kind)
    total |= {name: str(value) for name, value in whole.items() if name in _OWN or name.startswith("hugepages-")}
    overhead = map_at(spec, "overhead")
    if kind == "limits":  # nothing is added to what has no limit
        overhead = {name: value for name, value in overhead.items() if name in total}
    return added((total, overhead))


def request_of(pod: JSON) -> Amounts:
    """Return what a pod requests."""
    spec = pod["spec"]
    return amounts_of(pod_resources(spec, "requests")) if requests_any(spec) else _NOTHING


def requests_any(spec: JSON) -> bool:
    """Tell whether a pod's spec requests anything; most do not, of which nothing else has to be read then."""
    if spec.get("overhead") or spec.get("resources"):
        return True
    return any("requests" in map_at(each, "resources") for name in CONTAINERS for each in spec.get(name) or ())


def amounts_of(quantities: Quantities) -> dict[str, int]:
    """Return quantities as whole numbers, rounded up; what is none is left out."""
    texts = {name: str(value) for name, value in quantities.items()}
    return {name: _whole(name, text) for name, text in texts.items() if QUANTITY.fullmatch(text)}


def _whole(name: str, quantity: str) -> int:
    amount = amount_of(quantity)
    return ceil(amount * 1000 if name == "cpu" else amount)


def added(quantities: Iterable[Quantities]) -> dict[str, str]:
    """Return the sum of quantities for each resource."""
    total: dict[str, str] = {}
    for each in quantities:
        for name, value in each.items():
            total[name] = sum_of(total[name], str(value)) if name in total else str(value)
    return total


def largest_of(quantities: Iterable[Quantities]) -> dict[str, str]:
    """Return the largest of the quantities of each resource."""
    largest: dict[str, str] = {}
    for each in quantities:
        for name, value in each.items():
            if name not in largest or amount_of(value) > amount_of(largest[name]):
                largest[name] = value
    return largest
