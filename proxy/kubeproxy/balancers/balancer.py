"""What every balancing algorithm answers."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from typing import Protocol

from kubeproxy.types import Endpoint

Load = Callable[[Endpoint], int]
"""The connections that an endpoint has now, through the Service port that balances."""


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
