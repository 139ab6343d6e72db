"""What ring hash and Maglev have in common: tables that are built in steps, the next choice, bounded loads.

The table of a large Service takes longer to build than clients may wait. Until a new one is there, keys go by the one
before if their endpoint is still there, else to the endpoint at hash modulo n. Routes with the same endpoints share one
table, be they of several nodes or of simulated clients.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Collection, Generator, Hashable, Sequence
from operator import attrgetter

from kubeapi.balancing import Option, hash_on
from kubeproxy.balancers.balancer import Ask, Backend, Balancer, Inputs, Options, available
from kubeproxy.balancers.envoy.bounds import Bounds
from kubeproxy.balancers.envoy.hashing import hash_text
from kubeproxy.balancers.envoy.tables import Build, Hosts, Table, shared_build
from kubeproxy.balancers.hashing import hashed_text

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
        self._work = inputs.work
        self._text = hashed_text(options)
        factor = int(options[_BALANCE_FACTOR.name])
        self._bounds = Bounds(factor, inputs.load) if factor else None
        self.follows = self._bounds is not None
        self._known: list[tuple[Backend, int]] = []
        self._usable: Sequence[Backend] = ()
        self._owners: Sequence[Backend] = ()
        self._table: Table | None = None
        self._build: Build | None = None
        self._is_building = False

    @property
    @abstractmethod
    def shape(self) -> Hashable:
        """What a table depends on beside its hosts."""

    @abstractmethod
    def build(self, hosts: Hosts) -> Generator[None, None, Table]:
        """Build the table of ``hosts`` (at least one) in steps of a few milliseconds."""

    def update(self, backends: Sequence[Backend]) -> None:
        """Choose among ``backends`` from now on."""
        known = [(each, each.weight) for each in backends]
        if self._bounds is not None:
            self._bounds.update(backends)
        if known == self._known:
            return
        self._known, self._usable = known, sorted(available(backends), key=attrgetter("address"))
        before, self._build = self._build, self._new_build()
        self._is_building = self._build is not None
        if before is not None:
            before.users -= 1

    def _new_build(self) -> Build | None:
        if not self._usable:
            return None
        hosts = tuple((each.address, each.weight) for each in self._usable)
        return shared_build((self.shape, hosts), self.build(hosts), self._work)

    def pick(self, ask: Ask, avoid: Collection[str] = ()) -> Backend | None:
        """Return a backend, None if there is none."""
        if not self._usable:
            return None
        key = hash_text(self._text(ask))
        backend = self._owner(key)
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

    def _owner(self, key: int) -> Backend:
        if self._is_building and self._build is not None and self._build.table is not None:
            self._owners, self._table, self._is_building = self._usable, self._build.table, False
        if self._table is not None:
            owner = self._owners[self._table.place(key)]
            if not self._is_building or owner in self._usable:
                return owner
        return self._usable[key % len(self._usable)]

    def _next(self, key: int, avoid: Collection[str]) -> Backend:
        """Return the backend of another hash of the key, as Envoy's retries do; any other one in the end."""
        for attempt in range(1, _RETRIES + 1):
            backend = self._owner(key ^ (_M - attempt + 1))
            if backend.address not in avoid:
                return backend
        left = available(self._usable, avoid)
        return left[key % len(left)]
