"""What a controller wants done, as values: the answer of every reconcile.

A reconcile returns its changes in the order in which they are to happen; the first that fails ends the list, and the
key is reconciled again later. Nothing here writes: that is ``controller``'s part.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from kubeapi.meta import JSON, ObjectKey, key_of
from kubeapi.scheme import Resource

NORMAL: Literal["Normal"] = "Normal"
WARNING: Literal["Warning"] = "Warning"


@dataclass(frozen=True, slots=True)
class Outcome:
    """The events that tell of a write: one when it is done ("" for none), one when it is refused.

    ``done_message`` may hold ``{name}`` (of the object written), ``failed_message`` may hold ``{error}``.
    """

    about: JSON
    failed: str
    failed_message: str
    done: str = ""
    done_message: str = ""


@dataclass(frozen=True, slots=True)
class Create:
    """Create ``obj``; with a ``generateName`` the Registry names it."""

    resource: Resource
    obj: JSON
    outcome: Outcome | None = None


@dataclass(frozen=True, slots=True)
class Update:
    """Replace everything but the status. ``obj`` states the resourceVersion it was made from."""

    resource: Resource
    obj: JSON
    outcome: Outcome | None = None


@dataclass(frozen=True, slots=True)
class UpdateStatus:
    """Replace nothing but the status, with ``has_metadata`` also what a status' writer may change of the metadata.

    ``obj`` states the resourceVersion it was made from.
    """

    resource: Resource
    obj: JSON
    has_metadata: bool = False


@dataclass(frozen=True, slots=True)
class Delete:
    """Delete the object that has this ``uid``; one that is gone, or another of the same name, is left alone.

    A pod has ``grace_seconds`` to end, None for its own grace period.
    """

    resource: Resource
    key: ObjectKey
    uid: str
    outcome: Outcome | None = None
    grace_seconds: int | None = None


@dataclass(frozen=True, slots=True)
class RecordEvent:
    """Record that ``reason`` happened to ``about``."""

    about: JSON
    type: Literal["Normal", "Warning"]
    reason: str
    message: str


@dataclass(frozen=True, slots=True)
class Requeue:
    """Reconcile the same key again ``after`` so many seconds, though nothing may have changed but the time."""

    after: float


Change = Create | Update | UpdateStatus | Delete | RecordEvent | Requeue


def delete(resource: Resource, obj: JSON, outcome: Outcome | None = None) -> Delete:
    """Return the deletion of exactly this object."""
    return Delete(resource, key_of(obj), obj["metadata"].get("uid", ""), outcome)
