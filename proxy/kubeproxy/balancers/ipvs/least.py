"""IPVS ``lc``, ``wlc``, ``sed``, ``nq``, ``fo``, ``ovf``: the server of least cost (``ip_vs_lc.c`` and so on).

The costs are fractions of small numbers, so two of them are equal as floats only where they are equal.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Collection
from math import inf
from typing import ClassVar

from kubeapi.balancing import Option
from kubeproxy.balancers.balancer import Ask, Backend, Card, Inputs, Options, available
from kubeproxy.balancers.elsewhere import ChangedElsewhere
from kubeproxy.balancers.ipvs.counting import INACTIVE, OVERHEAD, Counting
from kubeproxy.balancers.ipvs.ranking import Ranking


class Least(Counting):
    """Ranks the servers as connections come and go, in this process and in others."""

    def __init__(self, inputs: Inputs, options: Options) -> None:
        super().__init__(inputs, options)
        self._elsewhere = ChangedElsewhere(inputs.changed)
        self._ranking = Ranking(self._cost_of)

    def pick(self, ask: Ask, avoid: Collection[str] = ()) -> Backend | None:
        """Return a backend, None if there is none."""
        return self._least(avoid)

    def upcoming(self, ask: Ask) -> Backend | None:
        """Return the backend of least cost now."""
        return self.pick(ask)

    def opened(self, backend: Backend) -> None:
        """Learn that a connection or request has begun."""
        self._ranking.moved(backend.address)

    def closed(self, backend: Backend) -> None:
        """Learn that one has ended."""
        super().closed(backend)
        self._ranking.moved(backend.address)

    def _renewed(self) -> None:
        self._ranking.renew(self._servers.order)
        self._elsewhere.update(self._servers.order)

    def _least(self, avoid: Collection[str]) -> Backend | None:
        if self._ended.due != inf:
            for address in self._ended.expire(self._clock()):
                self._ranking.moved(address)
        for each in self._elsewhere.take():
            self._ranking.moved(each.address)
        return self._scan(avoid) if avoid else self._ranking.least()

    def _scan(self, avoid: Collection[str]) -> Backend | None:
        found, least = None, inf
        for each in available(self._servers.order, avoid):
            cost = self._cost_of(each)
            if cost < least:
                found, least = each, cost
        return self._scan(()) if found is None and avoid else found

    @staticmethod
    @abstractmethod
    def describe(unit: str, count: int) -> str:
        """Return in a clause how each ``unit`` gets one of ``count`` endpoints."""


class Lc(Least):
    """Overhead: active connections, 257 times each, and inactive ones. Weights count only where they are 0."""

    name = "lc"
    aliases = ("ipvs_lc",)
    options = (OVERHEAD, INACTIVE)
    has_weights = False
    card = Card(
        "the fewest connections x 257 + ended ones, the one added last of equals",
        "connections now and ended",
        "O(1), and what other workers have changed",
        "IPVS lc",
    )

    @staticmethod
    def describe(unit: str, count: int) -> str:
        """Return in a clause how each ``unit`` gets one of ``count`` endpoints."""
        return f"each {unit} gets the one of {count} with the fewest connections, active and just ended"

    def _cost(self, active: int, inactive: int, weight: int) -> float:
        return active * self._overhead + inactive


class Wlc(Least):
    """Overhead by weight."""

    name = "wlc"
    aliases = ("ipvs_wlc",)
    options: ClassVar[tuple[Option, ...]] = (OVERHEAD, INACTIVE)
    card = Card(
        "as lc, by weight", "connections now and ended", "O(1), and what other workers have changed", "IPVS wlc"
    )

    @staticmethod
    def describe(unit: str, count: int) -> str:
        """Return in a clause how each ``unit`` gets one of ``count`` endpoints."""
        return f"each {unit} gets the one of {count} with the fewest connections by weight, active and just ended"

    def _cost(self, active: int, inactive: int, weight: int) -> float:
        return (active * self._overhead + inactive) / weight


class Sed(Least):
    """Shortest expected delay; inactive connections do not count, so a quiet Service has one server for ever."""

    name = "sed"
    aliases = ("ipvs_sed",)
    card = Card(
        "the least (connections + 1) / weight",
        "connections now",
        "O(1), and what other workers have changed",
        "IPVS sed",
    )

    @staticmethod
    def describe(unit: str, count: int) -> str:
        """Return in a clause how each ``unit`` gets one of ``count`` endpoints."""
        return f"each {unit} gets the one of {count} with the least (connections + 1) / weight"

    def _cost(self, active: int, inactive: int, weight: int) -> float:
        return (active + 1) / weight


class Nq(Least):
    """Never queue: the first idle server of the list, whatever its weight; if none is idle, as ``sed``."""

    name = "nq"
    aliases = ("ipvs_nq",)
    card = Card("an idle one, else as sed", "connections now", "O(1), and what other workers have changed", "IPVS nq")

    @staticmethod
    def describe(unit: str, count: int) -> str:
        """Return in a clause how each ``unit`` gets one of ``count`` endpoints."""
        return f"each {unit} gets an idle one of {count}, else the one with the least (connections + 1) / weight"

    def _cost(self, active: int, inactive: int, weight: int) -> float:
        return (active + 1) / weight if active else 0.0


class Fo(Least):
    """Failover: always the server of the greatest weight, however loaded."""

    name = "fo"
    aliases = ("ipvs_fo",)
    shares_counts = False
    follows = False
    card = Card("the one of the greatest weight", "none", "O(1)", "IPVS fo")

    @staticmethod
    def describe(unit: str, count: int) -> str:
        """Return in a clause how each ``unit`` gets one of ``count`` endpoints."""
        return f"each {unit} gets the one of {count} with the greatest weight"

    def _cost(self, active: int, inactive: int, weight: int) -> float:
        return -weight


class Ovf(Least):
    """Overflow: the server of the greatest weight that has at most as many connections as its weight.

    So each holds one more than its weight; where all do, the connection is refused.
    """

    name = "ovf"
    aliases = ("ipvs_ovf",)
    card = Card(
        "the heaviest with room, else none", "connections now", "O(1), and what other workers have changed", "IPVS ovf"
    )

    @staticmethod
    def describe(unit: str, count: int) -> str:
        """Return in a clause how each ``unit`` gets one of ``count`` endpoints."""
        return f"each {unit} gets the heaviest of {count} with no more connections than its weight"

    def refuses(self, ask: Ask) -> bool:
        """Tell whether all are full."""
        return self.pick(ask) is None

    def _cost(self, active: int, inactive: int, weight: int) -> float:
        return inf if active > weight else -weight
