"""The writes that a controller wants, as values: the result of every reconcile.

A reconcile returns its changes in the order in which they are to be made; the first that fails ends the list, and the
key is reconciled again later. ``io.writer`` makes them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from kubeapi.meta import JSON, ObjectKey, key_of
from kubeapi.scheme import Resource

NORMAL: Literal["Normal"] = "Normal"
WARNING: Literal["Warning"] = "Warning"


@dataclass(frozen=True, slots=True)
class Outcome:
    """The events about ``about`` that report a write: ``done`` and ``failed`` are their reasons, "" for no event.

    ``done_message`` may contain ``{name}`` (of the object written), ``failed_message`` ``{error}``.
    """

    about: JSON
    failed: str
    failed_message: str
    done: str = ""
    done_message: str = ""


@dataclass(frozen=True, slots=True)
class Create:
    """Create ``obj``; the Registry names it if it has a ``generateName``."""

    resource: Resource
    obj: JSON
    outcome: Outcome | None = None


@dataclass(frozen=True, slots=True)
class Update:
    """Replace all but the status. ``obj`` has the resourceVersion that it was made from."""

    resource: Resource
    obj: JSON
    outcome: Outcome | None = None


@dataclass(frozen=True, slots=True)
class Scale:
    """Set the replicas of ``obj`` by its subresource scale, unless it has changed since it had its resourceVersion."""

    resource: Resource
    obj: JSON
    replicas: int
    outcome: Outcome


@dataclass(frozen=True, slots=True)
class UpdateStatus:
    """Replace the status; with ``has_metadata`` also the metadata that a write of the status may change.

    ``obj`` has the resourceVersion that it was made from. ``refused`` gives the object to write in its place, once one
    of the creations or deletions before it was refused with some message.
    """

    resource: Resource
    obj: JSON
    has_metadata: bool = False
    refused: Callable[[str], JSON] | None = None


@dataclass(frozen=True, slots=True)
class Delete:
    """Delete the object with this ``uid``; another object of the same name is left alone.

    A pod has ``grace_seconds`` to end, its own grace period if that is None. If a deletion that ``holds_up`` is
    refused, no other object is created or deleted after it.
    """

    resource: Resource
    key: ObjectKey
    uid: str
    outcome: Outcome | None = None
    grace_seconds: int | None = None
    holds_up: bool = True


@dataclass(frozen=True, slots=True)
class RecordEvent:
    """Record an event about an object."""

    about: JSON
    type: Literal["Normal", "Warning"]
    reason: str
    message: str


@dataclass(frozen=True, slots=True)
class RemoveFolder:
    """Remove a folder of the machine and all that is in it; what comes after is done only if it is gone."""

    path: str
    outcome: Outcome


@dataclass(frozen=True, slots=True)
class Requeue:
    """Reconcile the same key again ``after`` so many seconds, even if nothing changes."""

    after: float


Change = Create | Update | Scale | UpdateStatus | Delete | RemoveFolder | RecordEvent | Requeue


def delete(resource: Resource, obj: JSON, outcome: Outcome | None = None) -> Delete:
    """Return the deletion of exactly this object."""
    return Delete(resource, key_of(obj), obj["metadata"].get("uid", ""), outcome)
