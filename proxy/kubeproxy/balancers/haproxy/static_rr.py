"""HAProxy's ``static-rr``: through the map of servers (``servermap``), entry after entry."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence

from kubeproxy.balancers.balancer import Ask, Backend, Balancer, Card, Inputs, Options, available
from kubeproxy.balancers.haproxy.servermap import map_size, server_map


class HaproxyStaticRr(Balancer):
    """Goes through the map, which is made entry by entry as it is needed; another set of weights begins a new one.

    Each worker of a proxy has a rotation of its own. The map takes 8 bytes an entry, 2 KB for a backend of weight 256.
    """

    name = "haproxy_static_rr"
    has_weights = True
    card = Card("in turn by weight, along a map that is made once", "weights", "O(1), 8 bytes an entry", "HAProxy")

    def __init__(self, inputs: Inputs, options: Options) -> None:
        del inputs, options
        self._weights: dict[Backend, int] = {}
        self._map: list[Backend] = []
        self._rest: Iterator[Backend] = iter(())
        self._size = 0
        self._index = 0

    @staticmethod
    def describe(unit: str, count: int) -> str:
        """Return in a clause how each ``unit`` gets one of ``count`` endpoints."""
        return f"each {unit} gets the next of {count} in turn, by weight"

    def update(self, backends: Sequence[Backend]) -> None:
        """Choose among ``backends`` from now on."""
        usable = available(backends)
        weights = {each: each.weight for each in usable}
        if weights == self._weights:
            return
        self._weights = weights
        shares = [each.weight for each in usable]
        self._map, self._size = [], map_size(shares)
        self._rest = map(usable.__getitem__, server_map(shares))

    def pick(self, ask: Ask, avoid: Collection[str] = ()) -> Backend | None:
        """Return a backend, None if there is none."""
        for _ in range(self._size):
            backend = self._entry()
            self._index += 1
            if not avoid or backend.address not in avoid:
                return backend
        return self.pick(ask) if avoid else None

    def upcoming(self, ask: Ask) -> Backend | None:
        """Return the backend that has the next turn."""
        return self._entry() if self._size else None

    def _entry(self) -> Backend:
        """Return the entry of the map at the index, which begins anew behind the end."""
        if self._index >= self._size:
            self._index = 0
        while self._index >= len(self._map):
            self._map.append(next(self._rest))
        return self._map[self._index]
