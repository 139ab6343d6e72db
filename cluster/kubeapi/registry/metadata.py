"""Metadata that the server alone decides: generation, deletion, and what a write of the status may change. Pure."""

from __future__ import annotations

import random
import uuid

from kubeapi.kind import Kind
from kubeapi.meta import JSON, copy_object, format_time, is_terminating, parse_time

_KEPT_FIELDS = ("uid", "creationTimestamp", "deletionTimestamp", "deletionGracePeriodSeconds", "generateName")
"""Fields that an update leaves as they are stored."""

_STATUS_FIELDS = frozenset(("labels", "annotations", "finalizers", "ownerReferences", "managedFields"))


def new_identity(rng: random.Random, now: float) -> JSON:
    """Return the uid and the time of creation (seconds since the epoch) of a new object."""
    return {"uid": str(uuid.UUID(int=rng.getrandbits(128), version=4)), "creationTimestamp": format_time(now)}


def kept_metadata(stored: JSON) -> JSON:
    """Return what an update leaves of the metadata as it is stored."""
    before = stored["metadata"]
    return {field: before[field] for field in _KEPT_FIELDS if field in before}


def merged_metadata(kind: Kind, given: JSON, stored: JSON) -> JSON:
    """Return the stored metadata with what a write of the status may change of it."""
    fields = _STATUS_FIELDS - kind.status_keeps
    merged = {field: value for field, value in stored.items() if field not in fields}
    return merged | {field: given[field] for field in fields if field in given}


def set_generation(kind: Kind, new: JSON, old: JSON | None) -> None:
    """Set metadata.generation: one more than the old object's if the desired state has changed.

    A kind that counts no generations keeps the number that an object was created with.
    """
    metadata, before = new["metadata"], old["metadata"] if old is not None else {}
    if kind.desired_state is None:
        if old is not None:
            metadata.pop("generation", None)
            metadata.update({"generation": before["generation"]} if "generation" in before else {})
    elif old is None:
        metadata["generation"] = 1
    else:
        has_changed = kind.desired_state(new) != kind.desired_state(old)
        metadata["generation"] = before.get("generation", 0) + has_changed


def mark_deleted(kind: Kind, stored: JSON, grace: int, now: float) -> JSON:
    """Return the object with its deletion begun; a second deletion counts from the first."""
    marked = copy_object(stored)
    metadata = marked["metadata"]
    if is_terminating(stored):
        now = parse_time(metadata["deletionTimestamp"]) - metadata.get("deletionGracePeriodSeconds", 0)
    elif metadata.get("generation"):
        metadata["generation"] += 1  # the deletion, too, changes the desired state (registry/rest BeforeDelete)
    metadata["deletionTimestamp"] = format_time(now + grace)
    metadata["deletionGracePeriodSeconds"] = grace
    kind.begin_deletion(marked)
    return marked


def is_due(kind: Kind, obj: JSON) -> bool:
    """Tell whether nothing keeps an object that is being deleted any more."""
    waits = obj["metadata"].get("deletionGracePeriodSeconds")
    return is_terminating(obj) and not waits and not kind.finalizers(obj)
