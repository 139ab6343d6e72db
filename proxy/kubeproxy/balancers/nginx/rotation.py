"""The rotation of a set of backends by nginx' smooth weighted round robin."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from kubeproxy.balancers.balancer import Backend
from kubeproxy.balancers.nginx.turns import Seat, SmoothTurns

TRIES = 20
"""After how many backends that may not be chosen nginx gives up the method and takes the next in turn."""


class SmoothRotation:
    """Takes each backend as often as its weight says, evenly spread. Those that stay keep their values."""

    def __init__(self) -> None:
        self._turns = SmoothTurns()
        self._seats: dict[Backend, Seat] = {}

    def update(self, usable: Sequence[Backend]) -> None:
        """Choose among ``usable`` from now on, none of which has the weight 0."""
        seats = {each: Seat(each.weight, place) for place, each in enumerate(usable)}
        if seats == self._seats:
            return
        values = {each: self._turns.remove(each, seat) for each, seat in self._seats.items()}
        kept = [values[each] for each in usable if each in values]
        # The values of all add up to about 0, also when one has left that was far from it: a newcomer begins there.
        mean = sum(kept) // len(kept) if kept else 0
        self._turns, self._seats = SmoothTurns(), seats
        for each, seat in seats.items():
            self._turns.add(each, seat, values.get(each, mean) - mean)

    def peek(self) -> Backend | None:
        """Return what ``take`` would return, None if there is nothing."""
        return self._turns.peek()

    def take_among(self, usable: Sequence[Backend], avoid: Collection[str]) -> Backend | None:
        """Return the next of ``usable``, for methods that take turns only where theirs has failed."""
        self.update(usable)
        return self.take(avoid)

    def take(self, avoid: Collection[str] = ()) -> Backend | None:
        """Return the next backend, None if there is none without those in ``avoid``.

        Those in ``avoid`` neither gain nor pay in this turn, as in nginx.
        """
        if not avoid:
            return self._turns.take()
        values = {each: self._turns.remove(each, seat) for each, seat in self._seats.items() if each.address in avoid}
        found = self._turns.take()
        for each, value in values.items():
            self._turns.add(each, self._seats[each], value)
        return found
