"""Ownership: a workload adopts the orphans that it selects, and releases what it no longer selects.

Pure. Follows k8s.io/kubernetes ``pkg/controller/controller_ref_manager.go``.
"""

from __future__ import annotations

from collections.abc import Iterable

from kubeapi.meta import JSON, controller_of, is_terminating, labels_of, matches_selector, owner_reference
from kubeapi.objects.parts import list_at
from kubeapi.scheme import Resource
from kubecontroller.change import Change, Update


def claim(owner: JSON, resource: Resource, candidates: Iterable[JSON]) -> tuple[list[JSON], list[Change]]:
    """Return the candidates that belong to ``owner``, with the writes that adopt and release."""
    uid = owner["metadata"]["uid"]
    claimed: list[JSON] = []
    changes: list[Change] = []
    for each in candidates:
        controller = controller_of(each)
        is_selected = matches_selector(owner["spec"]["selector"], labels_of(each))
        if controller is not None:
            if controller.get("uid") != uid:
                continue
            if is_selected:
                claimed.append(each)
            elif not is_terminating(owner):
                changes.append(Update(resource, without_owner(each, uid)))
        elif is_selected and not is_terminating(owner) and not is_terminating(each):
            adopted = _with_owner(each, owner)
            claimed.append(adopted)
            changes.append(Update(resource, adopted))
    return claimed, changes


def without_owner(obj: JSON, uid: str) -> JSON:
    """Return ``obj`` without its reference to the owner ``uid``."""
    kept = [each for each in list_at(obj, "metadata", "ownerReferences") if each.get("uid") != uid]
    metadata = {name: value for name, value in obj["metadata"].items() if name != "ownerReferences"}
    return {**obj, "metadata": {**metadata, "ownerReferences": kept} if kept else metadata}


def _with_owner(obj: JSON, owner: JSON) -> JSON:
    references = [*list_at(obj, "metadata", "ownerReferences"), owner_reference(owner)]
    return {**obj, "metadata": {**obj["metadata"], "ownerReferences": references}}
