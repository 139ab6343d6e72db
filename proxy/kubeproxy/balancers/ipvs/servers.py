"""The servers of a virtual service in the kernel's order (``ip_vs_ctl.c``): each new one goes to the front.

Every scheduler of IPVS walks this list from its front, so the server that was added last has the first turn and wins
ties.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from kubeproxy.balancers.balancer import Backend


class Change(NamedTuple):
    """What one update has changed, in the order in which kube-proxy does it: it adds first and deletes last.

    ``added`` is from the oldest on; ``grown`` is the list with the new servers, those that leave still in it.
    """

    added: Sequence[Backend]
    grown: Sequence[Backend]
    is_reweighted: bool
    has_left: bool


class Servers:
    """Keeps the list from one update to the next; one update adds its new servers in the order that it has them."""

    def __init__(self) -> None:
        self.order: list[Backend] = []
        self._weights: dict[Backend, int] = {}

    def update(self, backends: Sequence[Backend]) -> Change | None:
        """Take over ``backends``; None if they are the same ones with the same weights."""
        before = self._weights
        after = {each: each.weight for each in backends}
        if after == before:
            return None
        added = [each for each in backends if each not in before]
        grown = [*reversed(added), *self.order]
        stayed = after.keys() & before.keys()
        is_reweighted = any(after[each] != before[each] for each in stayed)
        self.order = [each for each in grown if each in after]
        self._weights = after
        return Change(added, grown, is_reweighted, len(stayed) < len(before))


def predecessor(server: Backend | None, grown: Sequence[Backend], order: Sequence[Backend]) -> Backend | None:
    """Return ``server`` if it is still in ``order``, else the nearest one before it that is; None for the front."""
    if server is None:
        return None
    staying = set(order)
    return next((each for each in reversed(grown[: grown.index(server) + 1]) if each in staying), None)
