"""Which rows of the shared counters belong to what, so that the workers of one proxy balance as one.

A Service port whose algorithm shares counts has a block of rows: the turns of each route first, then the
connections of each endpoint. ``Blocks`` assigns them in the proxy's own process, ``SharedRows`` reads and writes them
in a worker. Pure: the shared memory is passed in.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Collection, MutableSequence
from typing import Any, NamedTuple, Protocol

from kubeproxy.balancers import BALANCERS, Backend, Inputs, Rng
from kubeproxy.balancers.changes import Changed
from kubeproxy.loadbalancing.algorithms import algorithm_of
from kubeproxy.rules import PortRule, Rules
from kubeproxy.telemetry.counters import ProxyCounters
from kubeproxy.types import Route, ServicePortName


class Numbers(Protocol):
    """Shared rows of numbers; each worker writes its own cell of a row."""

    def total(self, row: int) -> int:
        """Return the sum of a row."""
        ...

    def write(self, row: int, number: int) -> None:
        """Set this worker's cell."""
        ...

    def add(self, row: int, count: int) -> None:
        """Add to this worker's cell."""
        ...

    def follow(self) -> Changed:
        """Return what tells which rows others have written since it was called last."""
        ...


class Block(NamedTuple):
    """The rows of one Service port from ``first`` on, for routes of ``nodes`` and endpoints at ``addresses``."""

    first: int
    nodes: tuple[str, ...]
    addresses: tuple[str, ...]

    @property
    def size(self) -> int:
        """How many rows there are."""
        return self.turns + len(self.addresses)

    @property
    def turns(self) -> int:
        """How many rows count turns: for each node and for no node, one with the policy Local and one without."""
        return 2 * (len(self.nodes) + 1)

    def turn(self, route: Route) -> int:
        """Return the row of a route's turns."""
        node = self.nodes.index(route.node) + 1 if route.node in self.nodes else 0
        return self.first + 2 * node + route.is_local


class Blocks:
    """The block of each Service port, in the proxy's own process; ``take`` and ``give_back`` allocate and free rows."""

    def __init__(self, default: str, take: Callable[[int], int], give_back: Callable[[int, int], None]) -> None:
        self._default = default
        self._take = take
        self._give_back = give_back
        self._blocks: dict[ServicePortName, Block] = {}

    def renew(self, rules: Rules, port_name: ServicePortName) -> Block | None:
        """Return a Service port's block, reallocated when routes or endpoints change; None if it needs no rows."""
        rule, before = rules.ports.get(port_name), self._blocks.get(port_name)
        wanted = self._wanted(rule, rules) if rule is not None else None
        if before is not None and wanted is not None and before[1:] == wanted[1:]:
            return before
        if before is not None:
            self._give_back(before.first, before.size)
            del self._blocks[port_name]
        if wanted is None or (first := self._take(wanted.size)) < 0:
            return None
        block = self._blocks[port_name] = wanted._replace(first=first)
        return block

    def block(self, port_name: ServicePortName) -> Block | None:
        """Return the block of a Service port."""
        return self._blocks.get(port_name)

    def _wanted(self, rule: PortRule, rules: Rules) -> Block | None:
        if not BALANCERS[algorithm_of(rule.service_port, self._default).name].shares_counts:
            return None
        return Block(-1, tuple(rules.nodes.by_name), tuple(sorted(rule.reachable())))


class SharedRows:
    """The inputs of a worker's algorithms; implements ``load_balancer``'s ``Shared``."""

    def __init__(
        self, numbers: Numbers, counters: ProxyCounters, rng: Rng, seed: int, clock: Callable[[], float]
    ) -> None:
        self._numbers = numbers
        self._counters = counters
        self._clock = clock
        self._rng = _SameShuffle(rng, seed)
        self._blocks: dict[ServicePortName, Block] = {}

    def assign(self, port_name: ServicePortName, block: Block | None) -> None:
        """Use these rows for a Service port from now on; the counters must have its endpoints already."""
        if block is None:
            self._blocks.pop(port_name, None)
        if block is None or self._blocks.get(port_name) == block:
            return
        self._blocks[port_name] = block
        for row in range(block.first, block.first + block.turns):
            self._numbers.write(row, 0)
        rows = {address: block.first + block.turns + place for place, address in enumerate(block.addresses)}
        for address, counters in self._counters.ports.get(port_name, {}).items():
            counters.row = rows.get(address, -1)
        for address, row in rows.items():
            self._numbers.write(row, self._counters.endpoint(port_name, address).active)

    def inputs(self, route: Route) -> Inputs:
        """Return what an algorithm on ``route`` may use."""
        turns = _RowTurns(self._numbers, self._blocks, route)
        changes = _RowChanges(self._numbers.follow(), self._blocks, route.port_name)
        return Inputs(self._rng, self._load, turns, self._clock, changed=changes.take)

    def _load(self, backend: Backend) -> int:
        counters = backend.counters
        return self._numbers.total(counters.row) if counters.row >= 0 else counters.active


class _RowTurns:
    """The turns of all workers on one route; only this worker's own when the shared memory had no row left."""

    def __init__(self, numbers: Numbers, blocks: dict[ServicePortName, Block], route: Route) -> None:
        self._numbers = numbers
        self._blocks = blocks
        self._route = route
        self._own = 0

    def taken(self) -> int:
        block = self._blocks.get(self._route.port_name)
        return self._own if block is None else self._numbers.total(block.turn(self._route))

    def take(self, count: int) -> None:
        block = self._blocks.get(self._route.port_name)
        if block is None:
            self._own += count
        else:
            self._numbers.add(block.turn(self._route), count)


class _RowChanges:
    """The rows that others have written, until a Service port has other rows: then all may have changed."""

    def __init__(self, written: Changed, blocks: dict[ServicePortName, Block], port_name: ServicePortName) -> None:
        self._written = written
        self._blocks = blocks
        self._port_name = port_name
        self._block: Block | None = None

    def take(self) -> Collection[int] | None:
        rows, block = self._written(), self._blocks.get(self._port_name)
        if block is self._block:
            return rows
        self._block = block
        return None


class _SameShuffle:
    """Random numbers that differ between workers, and shuffles that do not."""

    def __init__(self, rng: Rng, seed: int) -> None:
        self._seed = seed
        self.random = rng.random

    def shuffle(self, x: MutableSequence[Any]) -> None:
        # All workers list the same endpoints in the same order, so the text of the list gives them the same seed:
        # that of a backend has no counts, which each worker has its own of.
        random.Random(f"{self._seed} {x}").shuffle(x)
