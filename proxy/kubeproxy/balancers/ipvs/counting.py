"""What the schedulers that count connections have in common: the kernel's list, active and inactive connections."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from math import inf

from kubeapi.balancing import Option
from kubeproxy.balancers.balancer import Backend, Balancer, Inputs, Options
from kubeproxy.balancers.ipvs.ended import Ended
from kubeproxy.balancers.ipvs.servers import Servers

OVERHEAD = Option(
    "overhead",
    257,
    "how many inactive connections an active one counts for: 257 in Linux from 6.1.190 and 6.12.117 on, 256 before",
    256,
    257,
)
INACTIVE = Option(
    "inactive_seconds", 120.0, "for how long a connection that has ended counts as inactive (TCP: TIME_WAIT)", 0, 86400
)


class Counting(Balancer):
    """Knows how loaded each server is; ``_cost`` makes one number of it.

    A flow of UDP is active until it is forgotten. A connection that was reset is inactive for 10 seconds in IPVS, here
    as long as a closed one: an algorithm is not told which it was. What has ended in another worker, or before the
    Service got this algorithm, is not known either.
    """

    shares_counts = True
    follows = True
    has_weights = True

    def __init__(self, inputs: Inputs, options: Options) -> None:
        self._load = inputs.load
        self._clock = inputs.clock
        self._overhead = int(options.get(OVERHEAD.name, 0))
        self._ended = Ended(float(options.get(INACTIVE.name, 0)))
        self._servers = Servers()

    def update(self, backends: Sequence[Backend]) -> None:
        """Choose among ``backends`` from now on."""
        if self._servers.update(backends) is not None:
            self._renewed()

    def closed(self, backend: Backend) -> None:
        """Learn that one has ended."""
        if backend.counters.port_name.protocol != "UDP":
            self._ended.add(backend.address, self._clock())

    def _renewed(self) -> None:
        """Take over a list that has changed."""

    @abstractmethod
    def _cost(self, active: int, inactive: int, weight: int) -> float:
        """Return how little a server of a weight above 0 should get something new, infinity for never."""

    def _cost_of(self, backend: Backend) -> float:
        if not backend.weight:
            return inf
        return self._cost(self._load(backend), self._ended.counts.get(backend.address, 0), backend.weight)
