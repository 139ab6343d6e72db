"""What counts of a pod that is resized: the largest of what it asks for, what is allocated to it and what it has.

Follows k8s.io/component-helpers ``resource`` (PodRequests, PodLimits with UseStatusResources), for the scheduler and
for quotas. Pure.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import chain

from kubeapi.meta import JSON
from kubeapi.objects.conditions import find_condition
from kubeapi.objects.parts import list_at, map_at, spec_of, status_of
from kubeapi.objects.podresources import (
    CONTAINERS,
    Amounts,
    Kind,
    Quantities,
    amounts_of,
    largest_of,
    pod_resources,
    requests_any,
)

RESIZE_PENDING = "PodResizePending"
"""The condition of a pod whose resize waits for room on its node, or is Infeasible there."""
_STATUSES = ("initContainerStatuses", "containerStatuses")
_Read = Callable[[JSON, Kind], Quantities | None]
"""Reads a status: of a container, or of a pod whose own resources are resized."""


def counted_resources(pod: JSON, kind: Kind) -> dict[str, str]:
    """Return what a pod takes of a quota; its own resources are those of its spec."""
    return largest_of(pod_resources(each, kind) for each in counted_specs(pod, kind))


def counted_request(pod: JSON) -> Amounts:
    """Return what a pod requests of its node."""
    if not requests_any(pod["spec"]):
        return {}
    return amounts_of(largest_of(pod_resources(each, "requests") for each in counted_specs(pod, has_own=True)))


def counted_specs(pod: JSON, kind: Kind = "requests", *, has_own: bool = False) -> list[JSON]:
    """Return the specs of which the largest amount of each resource counts; only the pod's while it is not resized.

    ``has_own`` tells whether the pod's own resources are read from its status too.
    """
    spec, status = spec_of(pod), status_of(pod)
    is_infeasible = _is_infeasible(pod)
    told = {each["name"]: each for each in chain.from_iterable(list_at(status, name) for name in _STATUSES)}

    def given(holder: JSON, said: JSON, read: _Read) -> JSON:
        asked = map_at(holder, "resources", kind)
        found = read(said, kind)
        if found is None:
            found = {} if is_infeasible else asked
        return holder if found == asked else {**holder, "resources": {kind: found}}

    def resized(read: _Read) -> JSON:
        found = given(spec, status, read) if has_own and status.get("resources") else spec
        for name in CONTAINERS:
            if name in spec:
                found = {**found, name: [given(each, told.get(each["name"], {}), read) for each in list_at(spec, name)]}
        return found

    others = [each for each in map(resized, (_allocated, _actual)) if is_infeasible or each != spec]
    return others if is_infeasible else [spec, *others]


def _is_infeasible(pod: JSON) -> bool:
    pending = find_condition(pod, RESIZE_PENDING)
    return pending is not None and pending.get("reason") == "Infeasible"


def _allocated(said: JSON, kind: Kind) -> Quantities | None:
    return said.get("allocatedResources") if kind == "requests" else None


def _actual(said: JSON, kind: Kind) -> Quantities | None:
    found: Quantities | None = map_at(said, "resources").get(kind)
    return _allocated(said, kind) if found is None else found
