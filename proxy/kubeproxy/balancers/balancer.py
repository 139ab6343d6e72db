"""What every balancing algorithm answers."""

from __future__ import annotations

from collections.abc import Callable, Collection, MutableSequence, Sequence
from typing import Any, NamedTuple, Protocol

from kubeproxy.types import Endpoint

Load = Callable[[Endpoint], int]
"""The connections that an endpoint has now, through the Service port that balances."""


class Rng(Protocol):
    """The random source that is passed in: what is used of ``random.Random``."""

    def random(self) -> float:
        """Return a number in [0, 1)."""
        ...

    def shuffle(self, x: MutableSequence[Any]) -> None:
        """Put the items in another order."""
        ...


class Turns(Protocol):
    """Where a rotation stands: as far as it has come with everybody's picks, from 0 on."""

    def taken(self) -> int:
        """Return how many turns were taken."""
        ...

    def take(self, count: int) -> None:
        """Go on by ``count``."""
        ...


class OwnTurns:
    """The turns of a rotation that nobody else has."""

    def __init__(self) -> None:
        self._taken = 0

    def taken(self) -> int:
        """Return how many turns were taken."""
        return self._taken

    def take(self, count: int) -> None:
        """Go on by ``count``."""
        self._taken += count


class Chance(NamedTuple):
    """What an algorithm may ask: the random source, what an endpoint carries now, and where its rotation stands.

    Processes that balance as one have the same ``load`` and ``turns``, and a ``rng`` that shuffles alike.
    """

    rng: Rng
    load: Load
    turns: Turns


class Balancer(Protocol):
    """Chooses an endpoint for each new connection of one Service port."""

    def update(self, endpoints: Sequence[Endpoint]) -> None:
        """Choose among ``endpoints`` from now on; the same set again changes nothing."""
        ...

    def pick(self, avoid: Collection[str] = ()) -> Endpoint | None:
        """Return an endpoint, None if there is none.

        Addresses in ``avoid`` (where this connection has failed already) come only when there is no other.
        """
        ...

    def upcoming(self) -> Endpoint | None:
        """Return whom ``pick`` would return now, without taking the turn; None if there is none, or chance decides."""
        ...
