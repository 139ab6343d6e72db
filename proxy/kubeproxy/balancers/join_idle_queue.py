"""Join-Idle-Queue (Lu et al. 2011): backends that become idle queue up, and the longest idle one is next.

While none is idle, chance decides. Nothing is looked at when a connection comes, so a pick costs the same for any
number of backends. Each worker of a proxy is a dispatcher with a queue of its own, as in the paper: a backend joins the
queue of the worker that has seen it become idle, and has left it when another one was faster.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Collection, Sequence

from kubeproxy.balancers.balancer import Ask, Backend, Balancer, Card, Inputs, Options, available


class JoinIdleQueue(Balancer):
    """Keeps the queue of backends without connections; one that is picked goes to its end until it is connected."""

    name = "join_idle_queue"
    aliases = ("jiq",)
    shares_counts = True
    follows = True
    card = Card(
        "the one that has been idle the longest, a random one if all are busy", "connections now", "O(1)", "research"
    )

    def __init__(self, inputs: Inputs, options: Options) -> None:
        del options
        self._random, self._shuffle = inputs.rng.random, inputs.rng.shuffle
        self._load = inputs.load
        self._idle: OrderedDict[Backend, None] = OrderedDict()
        self._usable: Sequence[Backend] = ()
        self._members: frozenset[Backend] = frozenset()

    @staticmethod
    def describe(unit: str, count: int) -> str:
        """Return in a clause how each ``unit`` gets one of ``count`` endpoints."""
        return f"each {unit} gets the one of {count} that has been idle the longest, any if none is idle"

    def update(self, backends: Sequence[Backend]) -> None:
        """Choose among ``backends`` from now on; those that are new and idle join the queue in a random order."""
        usable = self._usable = available(backends)
        self._members = frozenset(usable)
        idle, before = {each for each in usable if not self._load(each)}, self._idle
        joining = [each for each in usable if each in idle and each not in before]
        self._shuffle(joining)
        self._idle = OrderedDict.fromkeys([*(each for each in before if each in idle), *joining])

    def pick(self, ask: Ask, avoid: Collection[str] = ()) -> Backend | None:
        """Return a backend, None if there is none."""
        if avoid:
            return self._pick_other(avoid)
        idle = self._idle
        while idle:
            first = next(iter(idle))
            if not self._load(first):
                return self._take(first)
            idle.popitem(last=False)  # another worker has found it first
        usable = self._usable
        return usable[int(self._random() * len(usable))] if usable else None

    def upcoming(self, ask: Ask) -> Backend | None:
        """Return the first in the queue; where none is idle, chance decides."""
        return next((each for each in self._idle if not self._load(each)), None)

    def opened(self, backend: Backend) -> None:
        """Have a backend leave the queue."""
        self._idle.pop(backend, None)

    def closed(self, backend: Backend) -> None:
        """Have a backend that is idle now join the queue."""
        # One that gets nothing new, drained or ejected, is told of as long as it has connections.
        if backend in self._members and not self._load(backend):
            self._idle[backend] = None

    def _take(self, backend: Backend) -> Backend:
        # It leaves when it is connected: a dial may fail, and others may ask meanwhile.
        self._idle.move_to_end(backend)
        return backend

    def _pick_other(self, avoid: Collection[str]) -> Backend | None:
        for each in self._idle:
            if each.address not in avoid and not self._load(each):
                return self._take(each)
        usable = available(self._usable, avoid)
        return usable[int(self._random() * len(usable))] if usable else None
