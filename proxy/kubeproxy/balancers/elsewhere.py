"""Which backends other processes of the proxy have opened or closed connections to."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from kubeproxy.balancers.balancer import Backend
from kubeproxy.balancers.changes import Changed, nothing_changed


class ChangedElsewhere:
    """Turns the rows that others have changed into backends.

    ``take()`` returns the backends whose load others have changed since the last call, and perhaps more.
    """

    def __init__(self, changed: Changed) -> None:
        self._changed = changed
        # Read in each pick: where one process carries all traffic there is nothing to call.
        self.take: Callable[[], Iterable[Backend]] = tuple if changed is nothing_changed else self._take
        self._backends: tuple[Backend, ...] = ()
        self._by_row: dict[int, Backend] = {}

    def update(self, backends: Iterable[Backend]) -> None:
        """Tell of these backends from now on."""
        self._backends = tuple(backends)
        self._by_row = {each.counters.row: each for each in self._backends}

    def _take(self) -> Iterable[Backend]:
        rows = self._changed()
        if rows is None:
            # They may have other rows now.
            self.update(self._backends)
            return self._backends
        return [self._by_row[row] for row in rows if row in self._by_row] if rows else ()
