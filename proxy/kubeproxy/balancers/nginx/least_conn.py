"""nginx' ``least_conn``: the fewest connections for the weight; those that are equal take turns by weight."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from kubeproxy.balancers.balancer import Ask, Backend, Balancer, Card, Inputs, Options, available
from kubeproxy.balancers.elsewhere import ChangedElsewhere
from kubeproxy.balancers.levels import Levels
from kubeproxy.balancers.nginx.turns import Seat, SmoothTurns


class NginxLeastConn(Balancer):
    """Keeps backends with the same load for their weight together: only they gain and pay in a turn, as in nginx.

    Workers of a proxy see all connections, but each has its own turns.
    """

    name = "nginx_least_conn"
    shares_counts = True
    follows = True
    has_weights = True
    card = Card(
        "the fewest connections by weight, equals in turn by weight",
        "connections now",
        "O(log n), and what other workers have changed",
        "nginx least_conn",
    )

    def __init__(self, inputs: Inputs, options: Options) -> None:
        del options
        self._load = inputs.load
        self._elsewhere = ChangedElsewhere(inputs.changed)
        self._seats: dict[Backend, Seat] = {}
        self._by_load = Levels[SmoothTurns](SmoothTurns)
        self._loads: dict[Backend, float] = {}
        """The load for the weight by which each backend is found now."""

    @staticmethod
    def describe(unit: str, count: int) -> str:
        """Return in a clause how each ``unit`` gets one of ``count`` endpoints."""
        return f"each {unit} gets the one of {count} with the fewest connections for its weight"

    def update(self, backends: Sequence[Backend]) -> None:
        """Choose among ``backends`` from now on."""
        seats = {each: Seat(each.weight, place) for place, each in enumerate(available(backends))}
        if seats == self._seats:
            return
        values = {each: self._take_out(each) for each in self._seats}
        self._seats = seats
        self._elsewhere.update(seats)
        for each in seats:
            self._put(each, values.get(each, 0))

    def pick(self, ask: Ask, avoid: Collection[str] = ()) -> Backend | None:
        """Return a backend, None if there is none."""
        if avoid:
            return self._pick_other(ask, avoid)
        equal = self._least()
        if equal is None:
            return None
        return equal.take() if len(equal) > 1 else equal.peek()

    def upcoming(self, ask: Ask) -> Backend | None:
        """Return the backend that has the next turn among those with the least load now."""
        equal = self._least()
        return equal.peek() if equal is not None else None

    def opened(self, backend: Backend) -> None:
        """Move a backend to those that have the same load."""
        if backend in self._loads:
            self._put(backend, self._take_out(backend))

    closed = opened

    def _least(self) -> SmoothTurns | None:
        """Return the turns of those with the least load now, None if there is none."""
        for each in self._elsewhere.take():
            self.opened(each)
        return self._by_load.least()

    def _pick_other(self, ask: Ask, avoid: Collection[str]) -> Backend | None:
        """Pick as if those in ``avoid`` were not there, or among them if there are no others."""
        values = {each: self._take_out(each) for each in self._seats if each.address in avoid}
        found = self.pick(ask)
        for each, value in values.items():
            self._put(each, value)
        return self.pick(ask) if found is None and values else found

    def _now(self, backend: Backend) -> float:
        # Equal ratios of whole numbers are equal floats.
        return self._load(backend) / self._seats[backend].weight

    def _put(self, backend: Backend, value: int) -> None:
        load = self._loads[backend] = self._now(backend)
        self._by_load.at(load).add(backend, self._seats[backend], value)

    def _take_out(self, backend: Backend) -> int:
        """Return the value of a backend that is with no others any more."""
        return self._by_load.at(self._loads.pop(backend)).remove(backend, self._seats[backend])
