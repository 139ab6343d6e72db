"""HAProxy's ``leastconn`` (``src/lb_fwlc.c``): idle servers first, then the least (connections + 1) / weight.

Among equals the one that has waited longest in its position is picked.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Collection, Sequence
from itertools import chain

from kubeproxy.balancers.balancer import Ask, Backend, Balancer, Card, Inputs, Options, available
from kubeproxy.balancers.elsewhere import ChangedElsewhere
from kubeproxy.balancers.levels import Levels

_Queue = OrderedDict[Backend, None]


class HaproxyLeastconn(Balancer):
    """Keeps the backends in queues, one for each position in HAProxy's tree."""

    name = "haproxy_leastconn"
    shares_counts = True
    follows = True
    has_weights = True
    card = Card(
        "idle ones first, then the fewest connections by weight, equals in turn",
        "connections now",
        "O(1), and what other workers have changed",
        "HAProxy leastconn",
    )

    def __init__(self, inputs: Inputs, options: Options) -> None:
        del options
        self._load = inputs.load
        self._elsewhere = ChangedElsewhere(inputs.changed)
        self._weights: dict[Backend, int] = {}
        self._keys: dict[Backend, int] = {}
        """The position of each backend."""
        self._queues = Levels[_Queue](OrderedDict)

    @staticmethod
    def describe(unit: str, count: int) -> str:
        """Return in a clause how each ``unit`` gets one of ``count`` endpoints."""
        return f"each {unit} gets an idle one of {count}, else the one with the fewest connections for its weight"

    def update(self, backends: Sequence[Backend]) -> None:
        """Choose among ``backends`` from now on."""
        weights = {each: each.weight for each in available(backends)}
        if weights == self._weights:
            return
        for each, weight in self._weights.items():
            if weight != weights.get(each):
                del self._queues.at(self._keys.pop(each))[each]
        self._weights = weights
        self._elsewhere.update(weights)
        for each in weights:
            if each not in self._keys:
                self._put(each, self._key(each))

    def pick(self, ask: Ask, avoid: Collection[str] = ()) -> Backend | None:
        """Return a backend, None if there is none."""
        found = self.upcoming(ask)
        if avoid and found is not None and found.address in avoid:
            others = chain.from_iterable(self._queues.ascending())
            found = next((each for each in others if each.address not in avoid), found)
        if found is not None:
            # Behind its equals, also while its connection is not counted yet.
            self._queues.at(self._keys[found]).move_to_end(found)
        return found

    def upcoming(self, ask: Ask) -> Backend | None:
        """Return the backend that is first now."""
        for each in self._elsewhere.take():
            self.opened(each)
        queue = self._queues.least()
        return next(iter(queue)) if queue else None

    def opened(self, backend: Backend) -> None:
        """Move a backend to where its load puts it."""
        before = self._keys.get(backend)
        if before is not None and before != (key := self._key(backend)):
            del self._queues.at(before)[backend]
            self._put(backend, key)

    closed = opened

    def _key(self, backend: Backend) -> int:
        load = self._load(backend)
        return (load + 1) * 256 // backend.weight if load else 0

    def _put(self, backend: Backend, key: int) -> None:
        self._keys[backend] = key
        self._queues.at(key)[backend] = None
