"""Admission: what is asked before an object is written, on behalf of the user that writes it. Pure.

The Registry asks at the places where a real API server does (apiserver ``pkg/endpoints/handlers`` and
``registry/generic/registry/store.go``): about the object as it was sent, which may be changed, and about the object as
it would be stored, which may only be refused.
"""

from __future__ import annotations

import random
from typing import NamedTuple, Protocol

from kubeapi.meta import JSON, ObjectKey
from kubeapi.scheme import Resource


class Action(NamedTuple):
    """What a request does: ``operation`` is CREATE, UPDATE, DELETE or CONNECT."""

    operation: str
    resource: Resource
    key: ObjectKey
    subresource: str = ""
    is_dry_run: bool = False


class Admission(Protocol):
    """Admits what one user writes. Each method raises StatusError for a refusal, or CallNeeded.

    ``rng`` is the random source for the writes; None: the Registry's own.
    """

    rng: random.Random | None

    def mutated(self, action: Action, new: JSON, old: JSON | None) -> JSON:
        """Return the new state as it is to be: ``new`` itself or a changed copy; ``old`` None: there is none."""
        ...

    def prepared(self, new: JSON, old: JSON | None) -> JSON:
        """Return the state that ``validate`` was asked about in an earlier attempt, or else ``new``."""
        ...

    def validate(self, action: Action, new: JSON, old: JSON | None) -> None:
        """Return if the new state may be stored."""
        ...

    def admit_deletion(self, action: Action, old: JSON) -> None:
        """Return if an object may be deleted."""
        ...


class AdmitAll:
    """Admits everything: no webhook is configured, or the cluster itself writes."""

    rng: random.Random | None = None

    def mutated(self, action: Action, new: JSON, old: JSON | None) -> JSON:
        """Return the new state."""
        return new

    def prepared(self, new: JSON, old: JSON | None) -> JSON:
        """Return the new state."""
        return new

    def validate(self, action: Action, new: JSON, old: JSON | None) -> None:
        """Allow it."""

    def admit_deletion(self, action: Action, old: JSON) -> None:
        """Allow it."""


ADMIT_ALL = AdmitAll()


def new_action(resource: Resource, obj: JSON, old: JSON | None, subresource: str = "", *, dry_run: bool) -> Action:
    """Return the action of a write; a new object may have no name yet."""
    metadata = obj["metadata"]
    key = ObjectKey(metadata.get("namespace", ""), metadata.get("name", ""))
    return Action("CREATE" if old is None else "UPDATE", resource, key, subresource, dry_run)


def mutated_new(admission: Admission, action: Action, new: JSON, identity: JSON) -> JSON:
    """Return a new object as it is to be; ``identity``, the metadata that the server adds, is not shown to webhooks."""
    metadata = {name: value for name, value in new["metadata"].items() if name not in identity}
    changed = admission.mutated(action, {**new, "metadata": metadata}, None)
    return {**changed, "metadata": changed["metadata"] | identity}
