"""What workers share, without processes: two data planes' balancers in one process, over real shared memory."""

from __future__ import annotations

import contextlib
import os
import random
from collections.abc import Iterator

import pytest

from kubeproxy.balancers import Asking
from kubeproxy.loadbalancing.loadbalancer import LoadBalancer
from kubeproxy.rules import PortRule, Rules, port_rule
from kubeproxy.rules.nodes import Nodes
from kubeproxy.telemetry.counters import EndpointCounters, ProxyCounters
from kubeproxy.types import Destination, Endpoint, Route, ServicePort, ServicePortName
from kubeproxy.userspace.workers.sharedcounters import JOURNAL, RowAllocator, SharedCounters, open_shared_memory
from kubeproxy.userspace.workers.sharing import Blocks, SharedRows

WEB = ServicePortName("default", "web", "", "TCP")
ROUTE = Route(WEB, "", is_local=False)
ASK = Asking("127.0.0.1", Destination("127.96.0.20", 80, "TCP"))


class Worker:
    def __init__(self, shared: SharedCounters, seed: int, balancer: str) -> None:
        self.counters = ProxyCounters(shared.write)
        self.rows = SharedRows(shared, self.counters, random.Random(seed), 7, float)
        self.balancer = LoadBalancer(balancer, self.counters, clock=float, rng=random.Random(seed), shared=self.rows)
        self.held: list[EndpointCounters] = []

    def open(self) -> str:
        choice = self.balancer.next_endpoint(ROUTE, ASK)
        assert choice is not None
        counters = self.counters.endpoint(WEB, choice.address)
        self.counters.opened(counters)
        self.held.append(counters)
        return choice.address

    def close(self, number: int = -1) -> None:
        self.counters.closed(self.held.pop(number))


class Ground:
    """Two workers, and the Service port that they balance."""

    def __init__(self, memory: int, balancer: str) -> None:
        self.shared = [SharedCounters(memory, 2, place) for place in range(2)]
        self.workers = [Worker(each, seed, balancer) for seed, each in enumerate(self.shared)]
        allocator = RowAllocator()
        self._blocks = Blocks(balancer, allocator.take, allocator.give_back)
        self.addresses: list[str] = []

    def update(self, *numbers: int) -> None:
        endpoints = tuple(Endpoint(f"10.0.0.{number}", 80) for number in numbers)
        self.addresses = sorted(each.address for each in endpoints)
        rule: PortRule = port_rule(ServicePort(WEB, ("", 1), ("127.96.0.20",), 80), endpoints, Nodes())
        block = self._blocks.renew(Rules({WEB: rule}), WEB)
        for each in self.workers:
            each.balancer.update(WEB, rule)
            each.rows.assign(WEB, block)

    def least(self) -> set[str]:
        loads = {
            each: sum(worker.counters.endpoint(WEB, each).active for worker in self.workers) for each in self.addresses
        }
        return {address for address, load in loads.items() if load == min(loads.values())}


@contextlib.contextmanager
def ground(balancer: str) -> Iterator[Ground]:
    memory = open_shared_memory(2)
    try:
        made = Ground(memory, balancer)
        yield made
        for each in made.shared:
            each.close()
    finally:
        os.close(memory)


def test_the_least_connections_of_all_workers_are_found_by_what_each_has_written() -> None:
    rng = random.Random(1)
    with ground("least_connections") as g:
        g.update(*range(1, 12))
        for turn in range(1500):
            worker = rng.choice(g.workers)
            if worker.held and rng.random() < 0.47:
                worker.close(rng.randrange(len(worker.held)))
                continue
            least = g.least()
            assert worker.open() in least
            if turn % 200 == 0:
                g.update(*range(1 + turn // 200, 12 + turn // 300))


@pytest.mark.parametrize("changes", [1, JOURNAL // 2 - 1, JOURNAL])
def test_a_worker_that_has_missed_much_looks_at_everything(changes: int) -> None:
    with ground("least_connections") as g:
        g.update(1, 2, 3)
        one, other = g.workers
        for each in (one, other, one):
            each.open()
        for _ in range(changes):
            one.open()
            one.close()
        for _ in range(3):
            least = g.least()
            assert other.open() in least


def test_ties_take_turns_over_all_workers() -> None:
    with ground("least_connections") as g:
        g.update(1, 2, 3, 4)
        opened = []
        for turn in range(8):
            worker = g.workers[turn % 2]
            opened.append(worker.open())
            worker.close()
        assert opened == g.addresses * 2


def test_workers_shuffle_alike_whatever_connections_each_has() -> None:
    with ground("round_robin") as g:
        g.update(1, 2)
        for _ in range(3):
            g.workers[0].open()
        g.update(*range(1, 9))
        opened = [g.workers[turn % 2].open() for turn in range(16)]
        assert opened[:8] == opened[8:]
        assert len(set(opened)) == 8
