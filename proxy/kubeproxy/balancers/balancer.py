"""What every balancing algorithm answers."""

from __future__ import annotations

from collections.abc import Callable, Collection, MutableSequence, Sequence
from typing import Any, Protocol

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
