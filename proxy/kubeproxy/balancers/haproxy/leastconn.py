"""HAProxy's ``leastconn`` (``src/lb_fwlc.c``): idle servers first, then the least (connections + 1) / weight.

Among equals the one that has waited longest in its position is picked.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from heapq import heapify, heappop, heappush, heapreplace

from kubeproxy.balancers.balancer import Ask, Backend, Balancer, Card, Inputs, Options, available
from kubeproxy.balancers.elsewhere import ChangedElsewhere

_Entry = tuple[int, int, Backend]
"""The key, a number that grows with each insertion, and the backend."""


class HaproxyLeastconn(Balancer):
    """Keeps the backends in a heap; an entry that is no more its backend's is dropped when it comes to the top."""

    name = "haproxy_leastconn"
    shares_counts = True
    follows = True
    has_weights = True
    card = Card(
        "idle ones first, then the fewest connections by weight, equals in turn",
        "connections now",
        "O(log n), and what other workers have changed",
        "HAProxy leastconn",
    )

    def __init__(self, inputs: Inputs, options: Options) -> None:
        del options
        self._load = inputs.load
        self._elsewhere = ChangedElsewhere(inputs.changed)
        self._entries: dict[Backend, _Entry] = {}
        self._weights: dict[Backend, int] = {}
        self._heap: list[_Entry] = []
        self._inserted = 0

    @staticmethod
    def describe(unit: str, count: int) -> str:
        """Return in a clause how each ``unit`` gets one of ``count`` endpoints."""
        return f"each {unit} gets an idle one of {count}, else the one with the fewest connections for its weight"

    def update(self, backends: Sequence[Backend]) -> None:
        """Choose among ``backends`` from now on."""
        weights = {each: each.weight for each in available(backends)}
        if weights == self._weights:
            return
        kept = {each: entry for each, entry in self._entries.items() if self._weights[each] == weights.get(each)}
        self._weights = weights
        self._elsewhere.update(weights)
        self._entries = {each: kept.get(each) or self._new_entry(each) for each in weights}
        self._sweep()

    def pick(self, ask: Ask, avoid: Collection[str] = ()) -> Backend | None:
        """Return a backend, None if there is none."""
        passed: list[_Entry] = []
        found = self.upcoming(ask)
        while avoid and found is not None and found.address in avoid:
            passed.append(heappop(self._heap))
            found = self._top()
        for entry in passed:
            heappush(self._heap, entry)
        if found is None:
            return self.pick(ask) if passed else None
        # Behind its equals, also while its connection is not counted yet.
        self._inserted += 1
        self._entries[found] = entry = (self._entries[found][0], self._inserted, found)
        if passed:
            heappush(self._heap, entry)
        else:
            heapreplace(self._heap, entry)
        return found

    def upcoming(self, ask: Ask) -> Backend | None:
        """Return the backend that is at the top now."""
        for each in self._elsewhere.take():
            self.opened(each)
        return self._top()

    def opened(self, backend: Backend) -> None:
        """Move a backend to where its load puts it."""
        entry = self._entries.get(backend)
        if entry is not None and entry[0] != (key := self._key(backend)):
            self._move(backend, key)

    closed = opened

    def _top(self) -> Backend | None:
        while self._heap:
            entry = self._heap[0]
            if self._entries.get(entry[2]) is entry:
                return entry[2]
            heappop(self._heap)
        return None

    def _key(self, backend: Backend) -> int:
        load = self._load(backend)
        return (load + 1) * 256 // backend.weight if load else 0

    def _move(self, backend: Backend, key: int) -> None:
        self._inserted += 1
        entry = self._entries[backend] = (key, self._inserted, backend)
        heappush(self._heap, entry)
        if len(self._heap) > 2 * len(self._entries) + 64:
            self._sweep()

    def _new_entry(self, backend: Backend) -> _Entry:
        self._inserted += 1
        return self._key(backend), self._inserted, backend

    def _sweep(self) -> None:
        """Drop the entries that are nobody's any more."""
        self._heap = list(self._entries.values())
        heapify(self._heap)
