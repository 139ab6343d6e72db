"""IPVS ``lblc`` and ``lblcr``: one server, or a set of servers, for each destination address (``ip_vs_lblc.c``).

Made for caches: what is asked of one address goes to one cache as long as that is not overloaded. Most Services have
one address.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Collection, Sequence
from typing import NamedTuple

from kubeapi.balancing import Option
from kubeproxy.balancers.balancer import Ask, Backend, Card, Inputs, Options
from kubeproxy.balancers.ipvs.counting import INACTIVE, OVERHEAD
from kubeproxy.balancers.ipvs.least import Wlc
from kubeproxy.balancers.ipvs.remembered import Remembered

EXPIRATION = Option(
    "expiration",
    86_400.0,
    "after how many seconds an unused destination address is forgotten, and an unchanged set of lblcr shrinks",
    1,
)


class _ByDestination(Wlc):
    """Takes a server that a destination address has already, unless that is overloaded."""

    options = (OVERHEAD, INACTIVE, EXPIRATION)

    def __init__(self, inputs: Inputs, options: Options) -> None:
        super().__init__(inputs, options)
        self._expiration = float(options[EXPIRATION.name])
        self._present: dict[str, Backend] = {}

    @abstractmethod
    def _kept(self, ask: Ask, avoid: Collection[str]) -> Backend | None:
        """Return the server that the destination address has already and can keep."""

    def upcoming(self, ask: Ask) -> Backend | None:
        """Return the backend that the destination address has, or would get now."""
        return self._kept(ask, ()) or self._least(())

    def _renewed(self) -> None:
        super()._renewed()
        self._present = {each.address: each for each in self._servers.order}

    def _is_overloaded(self, server: Backend) -> bool:
        """Tell whether a server has more connections than its weight while another has less than half of its own."""
        load = self._load
        return load(server) > server.weight and any(2 * load(each) < each.weight for each in self._servers.order)


class Lblc(_ByDestination):
    """Keeps the server of a destination address while it has a weight and is not overloaded, else takes ``wlc``'s."""

    name = "lblc"
    aliases = ("ipvs_lblc",)
    card = Card(
        "as wlc, and then the same for an address connected to until it is overloaded",
        "connections now and ended, destination address",
        "O(1), O(n) when overloaded",
        "IPVS lblc",
    )

    def __init__(self, inputs: Inputs, options: Options) -> None:
        super().__init__(inputs, options)
        self._remembered = Remembered[str](self._expiration, inputs.clock)

    @staticmethod
    def describe(unit: str, count: int) -> str:
        """Return in a clause how each ``unit`` gets one of ``count`` endpoints."""
        return f"each {unit} gets the one of {count} that its destination address has, unless that is overloaded"

    def pick(self, ask: Ask, avoid: Collection[str] = ()) -> Backend | None:
        """Return a backend, None if there is none."""
        found = self._kept(ask, avoid) or self._least(avoid)
        if found is not None and not avoid:
            self._remembered.use(ask.destination.address, found.address)
        return found

    def _kept(self, ask: Ask, avoid: Collection[str]) -> Backend | None:
        server = self._present.get(self._remembered.get(ask.destination.address) or "")
        if server is None or not server.weight or server.address in avoid or self._is_overloaded(server):
            return None
        return server


class _Set(NamedTuple):
    """The servers of a destination address (``ip:port``), the one added last first; ``since`` is the last change."""

    servers: tuple[str, ...] = ()
    since: float = 0.0


class Lblcr(_ByDestination):
    """Keeps a set of servers for each destination address and takes the least loaded of them.

    If that is overloaded, ``wlc``'s server joins the set. A server that leaves the Service leaves the sets.
    """

    name = "lblcr"
    aliases = ("ipvs_lblcr",)
    card = Card(
        "as lblc, with a set that grows when overloaded, of which the least loaded",
        "connections now and ended, destination address",
        "O(set), O(n) when overloaded",
        "IPVS lblcr",
    )

    def __init__(self, inputs: Inputs, options: Options) -> None:
        super().__init__(inputs, options)
        self._remembered = Remembered[_Set](self._expiration, inputs.clock)

    @staticmethod
    def describe(unit: str, count: int) -> str:
        """Return in a clause how each ``unit`` gets one of ``count`` endpoints."""
        return f"each {unit} gets the least loaded of {count} that its destination address has, unless overloaded"

    def pick(self, ask: Ask, avoid: Collection[str] = ()) -> Backend | None:
        """Return a backend, None if there is none."""
        kept = self._kept(ask, avoid)
        found = kept or self._least(avoid)
        if found is not None and not avoid:
            self._use(ask.destination.address, found.address, kept is not None)
        return found

    def _kept(self, ask: Ask, avoid: Collection[str]) -> Backend | None:
        servers = self._servers_of(ask.destination.address)
        usable = [each for each in servers if each.weight and each.address not in avoid]
        least = min(usable, key=self._cost_of, default=None)
        return None if least is None or self._is_overloaded(least) else least

    def _servers_of(self, destination: str) -> Sequence[Backend]:
        addresses = (self._remembered.get(destination) or _Set()).servers
        return [self._present[each] for each in addresses if each in self._present]

    def _use(self, destination: str, address: str, is_kept: bool) -> None:
        """Let the set shrink that has not changed for long, then let a new server join it."""
        now = self._clock()
        held = self._remembered.get(destination) or _Set((), now)
        if len(held.servers) > 1 and now > held.since + self._expiration:
            servers = self._servers_of(destination)
            most = max((each for each in servers if each.weight), key=self._cost_of, default=None)
            held = _Set(tuple(each.address for each in servers if each is not most), now)
        if not is_kept and address not in held.servers:
            staying = (each for each in held.servers if each in self._present)
            held = _Set((address, *staying), now)
        self._remembered.use(destination, held)
