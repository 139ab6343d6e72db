"""What a controller is: it names the keys that a change concerns, and returns the writes that a key needs. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Protocol

from kubeapi.scheme import Resource
from kubeapi.watching import Delta
from kubecontroller.change import Change

Key = Any
"""The unit of a controller's work: the ObjectKey of an object of its ``resource``, an ObjectId where it has none."""


class Controller(Protocol):
    """One controller."""

    @property
    def name(self) -> str:
        """The component that its events name."""
        ...

    @property
    def resource(self) -> Resource | None:
        """The resource of the objects that its keys name; None if its keys are ObjectIds, of any resource."""
        ...

    @property
    def watches(self) -> Sequence[Resource]:
        """The resources of which it is told every change.

        A controller that watches CustomResourceDefinitions is told of all custom resources, too.
        """
        ...

    def keys_for(self, resource: Resource, delta: Delta) -> Iterable[Key]:
        """Return the keys to reconcile after a change."""
        ...

    def reconcile(self, key: Key, now: float) -> list[Change]:
        """Return the writes that ``key`` needs at ``now`` (seconds since the epoch)."""
        ...
