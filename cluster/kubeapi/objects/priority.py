"""Priority classes: those that every cluster has, and which one counts for a pod (plugin/pkg/admission/priority)."""

from __future__ import annotations

from typing import NamedTuple

from kubeapi.kind import Objects
from kubeapi.meta import JSON
from kubeapi.scheme import PRIORITYCLASSES


class SystemClass(NamedTuple):
    """A class that only the cluster makes."""

    value: int
    description: str


LOWEST_SYSTEM_PRIORITY = 2_000_000_000
"""Pods with this priority or a higher one are critical (SystemCriticalPriority)."""
SYSTEM_CLASSES = {
    "system-node-critical": SystemClass(
        2_000_001_000,
        "Used for system critical pods that must not be moved from their current node.",
    ),
    "system-cluster-critical": SystemClass(
        LOWEST_SYSTEM_PRIORITY,
        "Used for system critical pods that must run in the cluster, but can be moved to another node if necessary.",
    ),
}


def default_class(objects: Objects) -> JSON | None:
    """Return the class of pods that name none, None if there is none; of several the one with the lowest value."""
    found = [each for each in objects.list(PRIORITYCLASSES) if each.get("globalDefault")]
    return min(found, key=lambda each: int(each.get("value", 0)), default=None)


def priority_of(pod: JSON) -> int:
    """Return the priority of a pod, 0 as long as admission has set none (PodPriority)."""
    return int(pod["spec"].get("priority") or 0)
