"""The data plane of a proxy that has several workers: each a process with connections of its own.

Tells everything to all of them, asks all of them and adds up. Keeps the sockets, and what it said, so that a worker
that died is followed by another that continues where it was: connections that waited in its queues are served, those
that it had are lost. Decides nothing; what is shared for balancing is ``sharing``'s.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import random
from collections.abc import AsyncIterator, Callable, Sequence
from ipaddress import ip_address
from socket import SocketType
from typing import Any

from kubeapi.failures import RemoteError
from kubehost.openfiles import client_shortage
from kubeproxy import NAME
from kubeproxy.config import ProxyConfig
from kubeproxy.dependencies import ProxyDependencies
from kubeproxy.rules import Listener, Packet, Rules
from kubeproxy.telemetry.counters import ProxyCounters
from kubeproxy.telemetry.recent import CAPACITY, ConnectionRecord, Follower
from kubeproxy.tracing.trace import Trace
from kubeproxy.types import ServicePortName
from kubeproxy.userspace.carrier import Spot
from kubeproxy.userspace.descriptors import REMEMBERED_SECONDS
from kubeproxy.userspace.workers.io.channel import pickled
from kubeproxy.userspace.workers.io.handle import END_SECONDS, Launch, WorkerHandle, ask_all, end_all
from kubeproxy.userspace.workers.io.sockets import WorkerSockets
from kubeproxy.userspace.workers.messages import (
    Attach,
    Begin,
    Close,
    Closed,
    Drain,
    EndElsewhere,
    Failed,
    Follow,
    Happened,
    Listen,
    Question,
    Short,
    Update,
    apply_changes,
)
from kubeproxy.userspace.workers.sharedcounters import RowAllocator, SharedCounters, open_shared_memory
from kubeproxy.userspace.workers.sharing import Blocks


class Workers:
    """Implements ``Carrier`` by ``config.workers`` processes, two or more."""

    counters = None

    def __init__(self, loop: asyncio.AbstractEventLoop, config: ProxyConfig, dependencies: ProxyDependencies) -> None:
        self.width = config.workers
        self._loop, self._dependencies = loop, dependencies
        self._default_balancer = config.default_balancer
        self._memory = open_shared_memory(self.width)
        launch = Launch(self._memory, {**os.environ, **config.worker_environment})
        self._workers = tuple(WorkerHandle(loop, place, launch, self) for place in range(self.width))
        self._seed = random.getrandbits(64)
        self._rows = RowAllocator()
        self._blocks = Blocks(config.default_balancer, self._rows.take, self._rows.give_back)
        self._rules = Rules()
        self._sockets = WorkerSockets(self._workers)
        self._closing: dict[Spot, tuple[set[int], Callable[[], None]]] = {}
        """By spot: the numbers of the workers that still have its socket, and what to call when none has."""
        self._followers: tuple[Follower, ...] = ()
        self._lost = ProxyCounters()
        self._tell_shortage: Callable[[], None] = lambda: None
        self._ending = asyncio.Event()

    @contextlib.asynccontextmanager
    async def serving(self) -> AsyncIterator[None]:
        """Run the workers while the context lasts."""
        keepers = [
            self._loop.create_task(each.keep(self._ending), name=f"{NAME} worker {each.place}")
            for each in self._workers
        ]
        try:
            # Before the Services' sockets take all descriptors that there are.
            await asyncio.gather(*(each.is_tried.wait() for each in self._workers))
            yield
        finally:
            self._ending.set()
            await end_all(self._workers, keepers)
            self._sockets.close_all()
            os.close(self._memory)

    def apply(self, rules: Rules, ports: Sequence[ServicePortName]) -> None:
        """Send all workers the rules that changed, and assign shared rows."""
        policies = rules.policies if rules.policies is not self._rules.policies else None
        self._rules = rules
        blocks = {port_name: self._blocks.renew(rules, port_name) for port_name in ports}
        changes = apply_changes(rules, blocks, policies)
        message = pickled(changes)
        for each in self._workers:
            if each.channel is not None:
                each.channel.send_pickle(message)

    def listen(self, listener: Listener, place: str, sockets: Sequence[SocketType]) -> None:
        """Give each worker its socket; a protocol that has one socket is one worker's."""
        for worker, sock in self._sockets.add(Spot(listener.destination, place), listener, sockets):
            worker.send(Listen(listener, place), sock)

    def update(self, listener: Listener, place: str) -> None:
        """Send a listener's changed settings to its workers."""
        for worker, _ in self._sockets.update(Spot(listener.destination, place), listener):
            worker.send(Update(listener, place))

    def close(self, spot: Spot, closed: Callable[[], None]) -> None:
        """Accept what is queued, then nothing more; ``closed`` is called when no worker has a socket of it."""
        workers = [worker for worker, _ in self._sockets.close(spot) if worker.channel is not None]
        if not workers:
            closed()
            return
        self._closing[spot] = {each.place for each in workers}, closed
        for each in workers:
            each.send(Close(spot))

    def end_elsewhere(self) -> None:
        """Have all workers end what is not in the host's network alone, and take sockets of the new networks."""
        for each in self._workers:
            each.send(EndElsewhere())
            self._lend(each)

    async def drain(self, seconds: float) -> None:
        """Give the connections ``seconds`` to end, and reset the rest; the workers end with that."""
        self._ending.set()
        running = [each.process for each in self._workers if each.process is not None]
        for each in self._workers:
            each.send(Drain(seconds))
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds + END_SECONDS):
                await asyncio.gather(*(process.wait() for process in running))

    async def wait_until_applied(self) -> None:
        """Return once every worker has obeyed all messages so far."""
        await asyncio.gather(*(each.ask(Question.APPLIED, seconds=None) for each in self._workers))

    def tell_shortage(self, to: Callable[[], None]) -> None:
        """Call ``to`` while clients of a worker wait for file descriptors, once a second for each."""
        self._tell_shortage = to

    def problems(self) -> list[str]:
        """Return which workers have died so far, and whether clients wait."""
        died = [each.describe_deaths() for each in self._workers if each.deaths]
        now = self._loop.time()
        is_short = any(now - each.short_at < REMEMBERED_SECONDS for each in self._workers)
        # All workers have this process' limit.
        return [*died, client_shortage()] if is_short else died

    async def count(self) -> ProxyCounters:
        """Return what all workers have counted; of one that has died or does not answer, what it reported last."""
        counted = await ask_all(self._workers, Question.COUNTED)
        total = ProxyCounters()
        total.include(self._lost.counted())
        for worker, each in zip(self._workers, counted, strict=True):
            worker.counted = each or worker.counted
            if worker.counted is not None:
                total.include(worker.counted)
        return total

    async def records(self) -> list[ConnectionRecord]:
        """Return the recent connections of all workers, the oldest first."""
        records = [record for each in await ask_all(self._workers, Question.RECORDS) for record in each or ()]
        return sorted(records, key=lambda record: record.began_at)[-CAPACITY:]

    def follow(self, follower: Follower) -> Callable[[], None]:
        """Note connections that begin and end in ``follower``, until the function that is returned is called."""

        def set_followers(followers: tuple[Follower, ...]) -> None:
            if bool(followers) != bool(self._followers):
                for each in self._workers:
                    each.send(Follow(bool(followers)))
            self._followers = followers

        set_followers((*self._followers, follower))
        return lambda: set_followers(tuple(each for each in self._followers if each is not follower))

    async def trace(self, packet: Packet) -> Trace:
        """Return the trace of the worker that would get the packet; raise PlaneError."""
        number = int.from_bytes(ip_address(packet.source).packed[-4:], "big")
        trace: Trace = await self._workers[number % self.width].ask(Question.TRACE, packet)
        return trace

    def begun(self, worker: WorkerHandle) -> None:
        """Send a new process everything that the one before had."""
        worker.send(Begin(worker.place, self.width, self._seed, self._dependencies.network, self._default_balancer))
        self._lend(worker)
        blocks = {name: self._blocks.block(name) for name in self._rules.ports}
        worker.send(apply_changes(self._rules, blocks, self._rules.policies))
        for listener, place, sock in self._sockets.of(worker):
            worker.send(Listen(listener, place), sock)
        if self._followers:
            worker.send(Follow(is_wanted=True))

    def received(self, worker: WorkerHandle, message: Any) -> None:
        """Handle a message that answers no question."""
        match message:
            case Failed():
                self._note_failure(message)
            case Closed(spot):
                self._note_closed(spot, worker)
            case Short():
                worker.short_at = self._loop.time()
                self._tell_shortage()
            case Happened(records, missed):
                for follower in self._followers:
                    follower.miss(missed)
                    for record in records:
                        follower.note(record)

    def died(self, worker: WorkerHandle) -> None:
        """Remove a worker's numbers from the shared counters; open questions are asked of its next process."""
        if worker.counted is not None:
            self._lost.include(worker.counted.without_connections())
            worker.counted = None
        shared = SharedCounters(self._memory, self.width, worker.place)
        shared.forget(range(self._rows.end))
        shared.close()
        for spot in tuple(self._closing):
            self._note_closed(spot, worker)

    def _lend(self, worker: WorkerHandle) -> None:
        """Give a worker a channel to the agent of the pods' networks, once there is an agent."""
        with contextlib.suppress(OSError):
            channel = self._dependencies.network.lend()
            if channel is not None:
                worker.send_for_good(Attach(), channel)

    def _note_failure(self, failure: Failed) -> None:
        if not failure.error:
            self._dependencies.failures.forget(failure.component, failure.about)
            return
        remote = RemoteError(failure.error)
        remote.add_note(failure.traceback)
        self._dependencies.failures.note(failure.component, failure.about, remote)

    def _note_closed(self, spot: Spot, worker: WorkerHandle) -> None:
        left, closed = self._closing.get(spot, (set[int](), None))
        left.discard(worker.place)
        if not left and closed is not None:
            del self._closing[spot]
            closed()
