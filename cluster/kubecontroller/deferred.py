"""A controller that is imported with the first object of its kind: most clusters have none of most kinds. Pure.

Until then what changes elsewhere cannot concern it, as its keys are those of such objects; when the first one comes it
reads what else there is from the listers, as after a start.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from importlib import import_module

from kubeapi.scheme import Resource
from kubeapi.watching import Delta
from kubecontroller.change import Change
from kubecontroller.controller import Controller, Key


class Deferred:
    """Stands for the controller ``place`` (its module and class), which is made with ``arguments``.

    ``name`` and ``watches`` are the controller's own, whose first resource is that of its keys.
    """

    def __init__(self, place: str, name: str, watches: Sequence[Resource], *arguments: object) -> None:
        self.place = place
        self.name = name
        self.resource: Resource | None = watches[0]
        self.watches = watches
        self._arguments = arguments
        self._made: Controller | None = None

    def keys_for(self, resource: Resource, delta: Delta) -> Iterable[Key]:
        """Return the keys to reconcile after a change; none before the first object of the controller's kind."""
        if self._made is None and resource != self.resource:
            return ()
        return self.controller().keys_for(resource, delta)

    def reconcile(self, key: Key, now: float) -> list[Change]:
        """Return the writes that ``key`` needs."""
        return self.controller().reconcile(key, now)

    def controller(self) -> Controller:
        """Return the controller, imported now if it has not been before."""
        if self._made is None:
            module, _, name = self.place.partition(":")
            made: Controller = getattr(import_module(module), name)(*self._arguments)
            self._made = made
        return self._made
