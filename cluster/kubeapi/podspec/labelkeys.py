"""matchLabelKeys and mismatchLabelKeys: a new pod's own values of these labels become part of its selectors. Pure.

Follows k8s.io/kubernetes ``pkg/registry/core/pod/strategy.go`` (mutatePodAffinity, mutateTopologySpreadConstraints).
"""

from __future__ import annotations

from collections.abc import Iterator

from kubeapi.meta import JSON, labels_of
from kubeapi.objects.parts import list_at, map_at
from kubeapi.objects.placement import PREFERRED, REQUIRED

_OPERATORS = (("matchLabelKeys", "In"), ("mismatchLabelKeys", "NotIn"))


def merge_label_keys(pod: JSON) -> None:
    """Add to each selector of a new Pod what its label keys say; the object is changed in place."""
    labels = labels_of(pod)
    for owner in _with_selectors(pod["spec"]):
        selector = owner.get("labelSelector")
        if selector is None:
            continue
        found = [
            {"key": key, "operator": operator, "values": [labels[key]]}
            for field, operator in _OPERATORS
            for key in list_at(owner, field)
            if key in labels
        ]
        if found:
            owner["labelSelector"] = {
                **selector,
                "matchExpressions": [*list_at(selector, "matchExpressions"), *found],
            }


def _with_selectors(spec: JSON) -> Iterator[JSON]:
    yield from list_at(spec, "topologySpreadConstraints")
    for kind in ("podAffinity", "podAntiAffinity"):
        affinity = map_at(spec, "affinity", kind)
        yield from list_at(affinity, REQUIRED)
        yield from (each["podAffinityTerm"] for each in list_at(affinity, PREFERRED) if "podAffinityTerm" in each)
