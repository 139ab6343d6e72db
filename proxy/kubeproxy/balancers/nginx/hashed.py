"""What nginx' ``hash`` and ``ip_hash`` have in common: a number modulo the weights' sum, then further ones."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Collection, Iterator, Sequence
from itertools import islice

from kubeproxy.balancers.balancer import Ask, Backend, Balancer, available
from kubeproxy.balancers.nginx.rotation import TRIES, SmoothRotation
from kubeproxy.balancers.ranges import WeightRanges


class NginxHashed(Balancer):
    """Gives the same always the same backend; what differs is the numbers.

    When a backend comes or leaves, nearly all change theirs.
    """

    has_weights = True

    def __init__(self) -> None:
        self._usable: Sequence[Backend] = ()
        self._ranges = WeightRanges()
        self._rotation = SmoothRotation()

    def update(self, backends: Sequence[Backend]) -> None:
        """Choose among ``backends`` from now on."""
        self._usable = available(backends)
        self._ranges = WeightRanges(self._usable)

    def pick(self, ask: Ask, avoid: Collection[str] = ()) -> Backend | None:
        """Return a backend, None if there is none."""
        first = self.upcoming(ask)
        if first is None or not avoid or first.address not in avoid:
            return first
        others = (self._ranges.at(each % self._ranges.total) for each in islice(self._next_numbers(ask), TRIES))
        found = next((each for each in others if each.address not in avoid), None)
        return found or self._rotation.take_among(self._usable, avoid) or first

    def upcoming(self, ask: Ask) -> Backend | None:
        """Return the backend of a client or key."""
        ranges = self._ranges
        return ranges.at(self._number(ask) % ranges.total) if ranges.total else None

    @abstractmethod
    def _number(self, ask: Ask) -> int:
        """Return the number of a client or key."""

    @abstractmethod
    def _next_numbers(self, ask: Ask) -> Iterator[int]:
        """Yield the numbers that are tried where the first one leads to a backend that has failed, without end."""
