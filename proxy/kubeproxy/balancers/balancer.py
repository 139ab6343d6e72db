"""What every balancing algorithm provides, and what it may use."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Collection, MutableSequence, Sequence
from typing import Any, ClassVar, NamedTuple, Protocol

from kubeproxy.types import Endpoint

Load = Callable[[Endpoint], int]
"""Returns how many connections an endpoint has now through the Service port that balances."""


class Rng(Protocol):
    """The random source: what is used of ``random.Random``."""

    def random(self) -> float:
        """Return a number in [0, 1)."""
        ...

    def shuffle(self, x: MutableSequence[Any]) -> None:
        """Put the items in another order."""
        ...


class Turns(Protocol):
    """The position of a rotation: how many turns all processes of the proxy have taken on it."""

    def taken(self) -> int:
        """Return how many turns were taken, from 0 on."""
        ...

    def take(self, count: int) -> None:
        """Move on by ``count``."""
        ...


class OwnTurns:
    """The position of a rotation that only one process uses."""

    def __init__(self) -> None:
        self._taken = 0

    def taken(self) -> int:
        """Return how many turns were taken."""
        return self._taken

    def take(self, count: int) -> None:
        """Move on by ``count``."""
        self._taken += count


class Inputs(NamedTuple):
    """What an algorithm may use: the random source, the load of an endpoint, and the position of its rotation.

    Processes that balance as one see the same ``load`` and ``turns``, and their ``rng`` shuffles alike.
    """

    rng: Rng
    load: Load
    turns: Turns


class Balancer(Protocol):
    """Chooses an endpoint for each new connection on one route of a Service port.

    ``name`` is the value of the annotation ``kubesvc.dev/balancer`` and of ``proxy.balancer`` in the configuration.
    ``shares_counts`` tells whether a choice depends on ``load`` or ``turns``; the workers of a proxy then share both.
    """

    name: ClassVar[str]
    shares_counts: ClassVar[bool]

    @abstractmethod
    def __init__(self, inputs: Inputs) -> None: ...

    @staticmethod
    @abstractmethod
    def describe(unit: str, count: int) -> str:
        """Return in a clause how each ``unit`` (connection, flow or request) gets one of ``count`` endpoints."""
        ...

    @abstractmethod
    def update(self, endpoints: Sequence[Endpoint]) -> None:
        """Choose among ``endpoints`` from now on; the same set again changes nothing."""
        ...

    @abstractmethod
    def pick(self, avoid: Collection[str] = ()) -> Endpoint | None:
        """Return an endpoint, None if there is none.

        Addresses in ``avoid`` (``ip:port``, where this connection has failed already) are chosen only when there is no
        other endpoint.
        """
        ...

    @abstractmethod
    def upcoming(self) -> Endpoint | None:
        """Return what ``pick`` would return now, without taking the turn; None if there is none, or chance decides."""
        ...
