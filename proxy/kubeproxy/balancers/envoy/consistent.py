"""What ring hash and Maglev have in common: tables that are built in steps, the next choice, bounded loads."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Collection, Generator, Hashable, Sequence
from operator import attrgetter

from kubeapi.balancing import Option, hash_on
from kubeproxy.balancers.balancer import Ask, Backend, Balancer, Inputs, Options, available
from kubeproxy.balancers.envoy.bounds import Bounds
from kubeproxy.balancers.envoy.hashing import hash_text
from kubeproxy.balancers.hashing import hashed_text
from kubeproxy.balancers.orders import BuiltOrder, Hosts, Layout

_BALANCE_FACTOR = Option(
    "hash_balance_factor", 0, "an endpoint gets no more than this percentage of the average load; 0: no bound", 100
)
HASH_OPTIONS = (hash_on(), _BALANCE_FACTOR)
"""The options of both."""
_RETRIES = 8
_M = (1 << 64) - 1


class ConsistentHash(Balancer):
    """Gives the same key the same backend; what differs is the table."""

    has_weights = True
    shares_tables = True

    def __init__(self, inputs: Inputs, options: Options) -> None:
        self._text = hashed_text(options)
        factor = int(options[_BALANCE_FACTOR.name])
        self._bounds = Bounds(factor, inputs.load) if factor else None
        self.follows = self._bounds is not None
        self._known: list[tuple[Backend, int]] = []
        self._usable: Sequence[Backend] = ()
        self._order = BuiltOrder(inputs.work)

    @property
    @abstractmethod
    def shape(self) -> Hashable:
        """What a table depends on beside its hosts."""

    @abstractmethod
    def build(self, hosts: Hosts) -> Generator[None, None, Layout]:
        """Build the table of ``hosts`` (at least one, in the order of the addresses as texts) in steps of a few ms."""

    def update(self, backends: Sequence[Backend]) -> None:
        """Choose among ``backends`` from now on."""
        known = [(each, each.weight) for each in backends]
        if self._bounds is not None:
            self._bounds.update(backends)
        if known == self._known:
            return
        self._known, self._usable = known, sorted(available(backends), key=attrgetter("address"))
        hosts = tuple((each.address, each.weight) for each in self._usable)
        self._order.build(self._usable, (self.shape, hosts), self.build(hosts))

    def pick(self, ask: Ask, avoid: Collection[str] = ()) -> Backend | None:
        """Return a backend, None if there is none."""
        if not self._usable:
            return None
        key = hash_text(self._text(ask))
        backend = self._order.first(key)
        if avoid and backend.address in avoid:
            backend = self._next(key, avoid)
        return backend if self._bounds is None else self._bounds.within(self._usable, backend, key, avoid)

    def upcoming(self, ask: Ask) -> Backend | None:
        """Return the backend of this key now."""
        return self.pick(ask)

    def opened(self, backend: Backend) -> None:
        """Learn that a connection or request to a backend has begun."""
        assert self._bounds is not None
        self._bounds.total += 1

    def closed(self, backend: Backend) -> None:
        """Learn that one has ended."""
        assert self._bounds is not None
        self._bounds.total -= 1

    def _next(self, key: int, avoid: Collection[str]) -> Backend:
        """Return the backend of another hash of the key, as Envoy's retries do; any other one in the end."""
        for attempt in range(1, _RETRIES + 1):
            backend = self._order.first(key ^ (_M - attempt + 1))
            if backend.address not in avoid:
                return backend
        left = available(self._usable, avoid)
        return left[key % len(left)]
