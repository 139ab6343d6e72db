"""Ownership: a workload adopts the orphans that it selects, and releases what it no longer selects.

Pure. Follows k8s.io/kubernetes ``pkg/controller/controller_ref_manager.go``.
"""

from __future__ import annotations

from collections.abc import Iterable

from kubeapi.meta import JSON, controller_of, is_terminating, labels_of, matches_selector, owner_reference
from kubeapi.objects.parts import list_at
from kubeapi.objects.workload import read_workload
from kubeapi.scheme import Resource
from kubecontroller.change import Change, Update


def claim(
    owner: JSON, resource: Resource, candidates: Iterable[JSON], finalizer: str = ""
) -> tuple[list[JSON], list[Change]]:
    """Return the candidates that belong to ``owner``, with the writes that adopt and release.

    What is adopted gets the ``finalizer``, if there is one, and what is released loses it.
    """
    uid, selector = owner["metadata"]["uid"], read_workload(owner).selector
    claimed: list[JSON] = []
    changes: list[Change] = []
    for each in candidates:
        controller = controller_of(each)
        is_selected = matches_selector(selector, labels_of(each))
        if controller is not None:
            if controller.get("uid") != uid:
                continue
            if is_selected:
                claimed.append(each)
            elif not is_terminating(owner):
                changes.append(Update(resource, without_finalizer(without_owner(each, uid), finalizer)))
        elif is_selected and not is_terminating(owner) and not is_terminating(each):
            adopted = _with_owner(each, owner, finalizer)
            claimed.append(adopted)
            changes.append(Update(resource, adopted))
    return claimed, changes


def without_owner(obj: JSON, uid: str) -> JSON:
    """Return ``obj`` without its reference to the owner ``uid``."""
    kept = [each for each in list_at(obj, "metadata", "ownerReferences") if each.get("uid") != uid]
    metadata = {name: value for name, value in obj["metadata"].items() if name != "ownerReferences"}
    return {**obj, "metadata": {**metadata, "ownerReferences": kept} if kept else metadata}


def without_finalizer(obj: JSON, finalizer: str) -> JSON:
    """Return ``obj`` without a finalizer; the same object if it does not have it."""
    finalizers = list_at(obj, "metadata", "finalizers")
    if finalizer not in finalizers:
        return obj
    return {**obj, "metadata": {**obj["metadata"], "finalizers": [each for each in finalizers if each != finalizer]}}


def _with_owner(obj: JSON, owner: JSON, finalizer: str) -> JSON:
    references = [*list_at(obj, "metadata", "ownerReferences"), owner_reference(owner)]
    metadata = {**obj["metadata"], "ownerReferences": references}
    if finalizer:
        metadata["finalizers"] = [*list_at(obj, "metadata", "finalizers"), finalizer]
    return {**obj, "metadata": metadata}
