"""Which backends other processes of the proxy have opened or closed connections to."""

from __future__ import annotations

from collections.abc import Iterable

from kubeproxy.balancers.balancer import Backend
from kubeproxy.balancers.changes import Changed


class ChangedElsewhere:
    """Turns the rows that others have changed into backends."""

    def __init__(self, changed: Changed) -> None:
        self._changed = changed
        self._backends: tuple[Backend, ...] = ()
        self._by_row: dict[int, Backend] = {}

    def update(self, backends: Iterable[Backend]) -> None:
        """Tell of these backends from now on."""
        self._backends = tuple(backends)
        self._by_row = {each.counters.row: each for each in self._backends}

    def take(self) -> Iterable[Backend]:
        """Return the backends whose load others have changed since the last call, and perhaps more."""
        rows = self._changed()
        if rows is None:
            # They may have other rows now.
            self.update(self._backends)
            return self._backends
        return [self._by_row[row] for row in rows if row in self._by_row] if rows else ()
