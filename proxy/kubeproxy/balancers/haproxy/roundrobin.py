"""HAProxy's ``roundrobin`` (``src/lb_fwrr.c``): weights as places in time.

A cycle has as many places as the sum of the weights. A server that was picked gets its next place that sum divided by
its weight later. ``_init`` has the servers that are not placed in this cycle, heaviest first, ``_current`` those with a
place in it, ``_next`` those whose place is in the next cycle. A place at which nobody is due goes to ``_init``.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

from kubeproxy.balancers.balancer import Ask, Backend, Balancer, Card, Inputs, Options
from kubeproxy.balancers.lines import Line

_SCALE = 16
"""HAProxy counts weights in sixteenths, so that they can change in small steps."""
_HEAVIEST = 256 * _SCALE


class _Server:
    """A backend with its place: ``next_place`` 0 before its first one, ``rest`` the fraction of a place left over.

    ``weight`` is in sixteenths, ``queue`` None while it is 0.
    """

    __slots__ = ("backend", "entry", "last_place", "next_place", "queue", "rest", "weight")

    def __init__(self, backend: Backend) -> None:
        self.backend = backend
        self.weight = 0
        self.next_place = self.last_place = self.rest = 0
        self.queue: _Queue | None = None
        self.entry: _Entry | None = None
        """What ``queue`` has of it."""


_Entry = tuple[int, int, _Server]
"""A key, a number that grows with each insertion, and the server."""


class _Queue(Line[_Entry]):
    """Servers by key; of equals the one that came first."""

    __slots__ = ()

    def first(self) -> _Server | None:
        """Return the server with the smallest key."""
        return self.head()[2] if self.queue or self.rest else None

    def sweep(self) -> None:
        """Drop the entries of servers that are not here any more, or elsewhere in it."""
        self.keep(lambda each: each[2].entry is each)


class HaproxyRoundrobin(Balancer):
    """Gives each backend as many turns as its weight says; weights may change while it runs.

    Each worker of a proxy has a rotation of its own.
    """

    name = "haproxy_roundrobin"
    has_weights = True
    card = Card(
        "in turn by weight, by places in time",
        "weights",
        "O(log n), O(1) where weights are equal",
        "HAProxy roundrobin",
    )

    def __init__(self, inputs: Inputs, options: Options) -> None:
        del inputs, options
        self._servers: dict[Backend, _Server] = {}
        self._init, self._current, self._next = _Queue(), _Queue(), _Queue()
        self._place = self._cycle = self._next_cycle = 0
        self._inserted = 0

    @staticmethod
    def describe(unit: str, count: int) -> str:
        """Return in a clause how each ``unit`` gets one of ``count`` endpoints."""
        return f"each {unit} gets the next of {count} in turn, by weight"

    def update(self, backends: Sequence[Backend]) -> None:
        """Choose among ``backends`` from now on."""
        begins = not self._cycle
        for backend in self._servers.keys() - set(backends):
            self._reweigh(self._servers.pop(backend), 0, begins)
        for backend in backends:
            server = self._servers.get(backend)
            if server is None:
                server = self._servers[backend] = _Server(backend)
            if server.weight != backend.weight * _SCALE:
                self._reweigh(server, backend.weight * _SCALE, begins)
        for queue in (self._init, self._current, self._next):
            queue.sweep()
        if begins:
            self._place = self._cycle = self._next_cycle

    def pick(self, ask: Ask, avoid: Collection[str] = ()) -> Backend | None:
        """Return a backend, None if there is none."""
        passed: list[_Server] = []
        has_switched = False
        while True:
            server = self._first()
            if server is None:
                if has_switched or not self._next:
                    break
                has_switched = True
                self._switch()
                continue
            self._advance(server)
            if not avoid or server.backend.address not in avoid:
                break
            passed.append(server)
        found = server or (passed.pop(0) if passed else None)
        if found is not None:
            self._queue(found)
        self._requeue(passed, has_switched)
        return found.backend if found else None

    def upcoming(self, ask: Ask) -> Backend | None:
        """Return the backend that has the next turn."""
        server = self._first() or self._next.first()
        return server.backend if server else None

    def _first(self) -> _Server | None:
        """Return the server that is due, else one without a place, else the one with the earliest place."""
        due = self._current.first()
        if due is not None and due.next_place <= self._place:
            return due
        return self._init.first() or due

    def _switch(self) -> None:
        """Begin the next cycle."""
        self._init, self._next = self._next, self._init
        self._place = self._cycle = self._next_cycle

    def _advance(self, server: _Server) -> None:
        """Take the first server out of its queue and give it its next place."""
        queue = server.queue
        assert queue is not None
        queue.pop()
        if queue is self._init:
            server.next_place = server.rest = 0
        server.last_place = server.next_place or self._place
        step, rest = divmod(self._next_cycle, server.weight)
        server.next_place = server.last_place + step
        server.rest += rest
        if server.rest >= server.weight:
            server.rest -= server.weight
            server.next_place += 1
        self._place += 1

    def _queue(self, server: _Server) -> None:
        if server.next_place >= 2 * self._cycle or server.next_place >= self._cycle + self._next_cycle:
            server.next_place -= self._cycle
            self._queue_by_weight(self._next, server)
        else:
            self._insert(
                self._current, 256 * server.next_place + (_HEAVIEST + server.rest - server.weight) // 16, server
            )

    def _queue_by_weight(self, queue: _Queue, server: _Server) -> None:
        self._insert(queue, _HEAVIEST - server.weight, server)

    def _insert(self, queue: _Queue, key: int, server: _Server) -> None:
        self._inserted += 1
        server.queue, server.entry = queue, (key, self._inserted, server)
        queue.insert(server.entry)

    def _requeue(self, passed: Sequence[_Server], has_switched: bool) -> None:
        """Put back the servers that were due but may not be chosen; after a switch their places are lost."""
        for server in reversed(passed):
            if has_switched:
                self._queue_by_weight(self._init, server)
            else:
                self._queue(server)

    def _reweigh(self, server: _Server, weight: int, begins: bool) -> None:
        """Give a server another weight; with 0 it has no place, but keeps its fraction of one."""
        before, server.weight = server.weight, weight
        self._next_cycle += weight - before
        queue = server.queue
        server.queue = server.entry = None
        if not weight:
            return
        if begins or queue is self._init:
            self._queue_by_weight(self._init, server)
            return
        if queue is None:
            ahead = self._next_cycle + self._cycle - self._place
            server.next_place = self._place + ahead // weight
        else:
            self._bring_forward(server, queue)
        self._queue(server)

    def _bring_forward(self, server: _Server, queue: _Queue) -> None:
        """Let the next place of a server come after a step by its weight now, but no later than it would have come."""
        if queue is self._next:
            server.next_place += self._cycle
        step = self._next_cycle // server.weight
        server.rest = 0
        server.next_place = min(server.last_place + step, server.next_place)
        if server.next_place < self._place + 2:
            server.next_place = self._place + step
