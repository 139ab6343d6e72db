"""The conditions of a Namespace that is being deleted. Pure.

Follows k8s.io/kubernetes ``pkg/controller/namespace/deletion`` (status_condition_utils.go).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from kubeapi.extensions.answers import NOTHING, ExtensionContents
from kubeapi.kinds import kind_of
from kubeapi.meta import JSON, format_time
from kubeapi.objects.conditions import find_condition
from kubeapi.objects.parts import status_of
from kubecontroller.cleanup.garbagecollector import Dependent

_FINE = {
    "NamespaceDeletionDiscoveryFailure": ("ResourcesDiscovered", "All resources successfully discovered"),
    "NamespaceDeletionGroupVersionParsingFailure": (
        "ParsedGroupVersions",
        "All legacy kube types successfully parsed",
    ),
    "NamespaceDeletionContentFailure": (
        "ContentDeleted",
        "All content successfully deleted, may be waiting on finalization",
    ),
    "NamespaceContentRemaining": ("ContentRemoved", "All content successfully removed"),
    "NamespaceFinalizersRemaining": ("ContentHasNoFinalizers", "All content-preserving finalizers finished"),
}
"""Reason and message of each condition while it is False, in the order in which they are listed."""

Problems = dict[str, tuple[str, str]]
"""Reason and message of each condition that is True."""


def remaining(contents: Iterable[Dependent], extensions: ExtensionContents = NOTHING) -> Problems:
    """Return what is said of objects that stay until their finalizers are gone, and of extension API servers."""
    counts, finalizers = Counter[str](extensions.counts), Counter[str](extensions.finalizers)
    for each in contents:
        counts[f"{each.resource.plural}.{each.resource.group}"] += 1
        finalizers.update(kind_of(each.resource).finalizers(each.obj))
    found: Problems = {}
    if counts:
        listed = ", ".join(sorted(f"{name} has {count} resource instances" for name, count in counts.items()))
        found["NamespaceContentRemaining"] = "SomeResourcesRemain", f"Some resources are remaining: {listed}"
    if finalizers:
        listed = ", ".join(sorted(f"{name} in {count} resource instances" for name, count in finalizers.items()))
        text = f"Some content in the namespace has finalizers remaining: {listed}"
        found["NamespaceFinalizersRemaining"] = "SomeFinalizersRemain", text
    return found | _undiscovered(extensions) | (failed(extensions.faults[0]) if extensions.faults else {})


def _undiscovered(extensions: ExtensionContents) -> Problems:
    """Return what is said of versions whose server does not say what it has (client-go's ErrGroupDiscoveryFailed)."""
    if not extensions.undiscovered:
        return {}
    listed = ", ".join(f"{each}: stale GroupVersion discovery: {each}" for each in sorted(extensions.undiscovered))
    count = len(extensions.undiscovered)
    text = f"unable to retrieve the complete list of server APIs: {listed}"
    message = f"Discovery failed for some groups, {count} failing: {text}"
    return {"NamespaceDeletionDiscoveryFailure": ("DiscoveryFailed", message)}


def failed(message: str) -> Problems:
    """Return what is said of an object that cannot be deleted."""
    text = f"Failed to delete all resource types, 1 remaining: {message}"
    return {"NamespaceDeletionContentFailure": ("ContentDeletionFailed", text)}


def with_conditions(namespace: JSON, problems: Problems, now: float) -> JSON:
    """Return a Namespace with all conditions; itself if they say so already."""
    status = status_of(namespace)
    before = {each["type"]: each for each in status.get("conditions") or ()}
    conditions = {**before, **{kind: _condition(namespace, kind, problems, now) for kind in _FINE}}
    return (
        namespace if conditions == before else {**namespace, "status": {**status, "conditions": [*conditions.values()]}}
    )


def _condition(namespace: JSON, kind: str, problems: Problems, now: float) -> JSON:
    value = "True" if kind in problems else "False"
    reason, message = problems.get(kind, _FINE[kind])
    before = find_condition(namespace, kind)
    since = before["lastTransitionTime"] if before and before["status"] == value else format_time(now)
    return {"type": kind, "status": value, "lastTransitionTime": since, "reason": reason, "message": message}
