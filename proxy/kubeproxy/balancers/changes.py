"""What other processes do to the loads of backends, for algorithms that keep the loads sorted."""

from __future__ import annotations

from collections.abc import Callable, Collection

Changed = Callable[[], Collection[int] | None]
"""Returns the rows (``EndpointCounters.row``) whose load others have changed since the last call; None: perhaps all."""


def nothing_changed() -> Collection[int]:
    """Return no row: one process carries all traffic."""
    return ()
