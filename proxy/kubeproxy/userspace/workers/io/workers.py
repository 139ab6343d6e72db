"""The data plane of a proxy that has several workers: each a process with connections of its own.

Says everything to all of them, asks all of them and adds up. Keeps the sockets, and what it said, so that a worker that
died is followed by another that goes on where it was: connections that waited in its queues are served, those that it
had are lost. Decides nothing; what is shared for balancing is ``sharing``'s.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import random
import socket
import sys
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from ipaddress import ip_address
from typing import Any
from zlib import crc32

from kubeapi.faults import RemoteError, Subject
from kubehost.openfiles import client_shortage
from kubeproxy.counters import Counted, ProxyCounters
from kubeproxy.recent import CAPACITY, ConnectionRecord, Follower
from kubeproxy.rules import Listener, Packet, Rules
from kubeproxy.tracing import Trace
from kubeproxy.types import Destination, ServicePortName
from kubeproxy.userspace.dataplane import Surroundings
from kubeproxy.userspace.descriptors import REMEMBERED_SECONDS
from kubeproxy.userspace.workers.io.channel import Channel, pickled
from kubeproxy.userspace.workers.messages import (
    Answer,
    Ask,
    Begin,
    Close,
    Closed,
    Drain,
    Failed,
    Follow,
    Happened,
    Listen,
    Question,
    Short,
    Update,
    obey,
)
from kubeproxy.userspace.workers.sharedcounters import RowAllocator, SharedCounters, open_shared_memory
from kubeproxy.userspace.workers.sharing import Blocks

ANSWER_SECONDS = 5.0
"""How long a worker may take to answer before it is done without."""

END_SECONDS = 3.0
"""How long a worker may take to end, before it is killed."""

RESTART_SECONDS = (0.0, 0.5, 1.0, 2.0, 5.0)
"""Pauses before a worker that died is started again; the last one repeats."""


class WorkerError(Exception):
    """A worker did not answer: it has died, or hangs."""


class _Hand:
    """The proxy's end of one worker; ``process`` and ``channel`` are None while there is none."""

    def __init__(self, place: int) -> None:
        self.place = place
        self.process: asyncio.subprocess.Process | None = None
        self.is_tried = asyncio.Event()
        self.channel: Channel | None = None
        self.asked: dict[int, tuple[Ask, asyncio.Future[Any]]] = {}
        self.counted: Counted | None = None
        self.deaths = 0
        self.short_at = float("-inf")
        self.cause = ""

    def send(self, message: object, along: socket.socket | None = None) -> None:
        """Say something, if somebody listens."""
        if self.channel is not None:
            self.channel.send(message, along)


class Workers:
    """Implements ``Plane`` by ``width`` processes, two or more; ``environment`` is what marks each as the cluster's."""

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        around: Surroundings,
        width: int,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        self.width = width
        self._environment = {**os.environ, **(environment or {})}
        self._loop = loop
        self._around = around
        self._hands = tuple(_Hand(place) for place in range(width))
        self._memory = open_shared_memory(width)
        self._seed = random.getrandbits(64)
        self._rows = RowAllocator()
        self._blocks = Blocks(around.default_balancer, self._rows.take, self._rows.give_back)
        self._rules = Rules()
        self._bound: dict[Destination, tuple[Listener, Sequence[socket.socket]]] = {}
        self._closing: dict[Destination, tuple[set[int], Callable[[], None]]] = {}
        self._followers: tuple[Follower, ...] = ()
        self._lost = ProxyCounters()
        self._questions = 0
        self._tell_shortage: Callable[[], None] = lambda: None
        self._ending = asyncio.Event()

    @contextlib.asynccontextmanager
    async def serving(self) -> AsyncIterator[None]:
        """Run the workers while the context lasts."""
        keepers = [
            self._loop.create_task(self._keep(hand), name=f"kube-proxy worker {hand.place}") for hand in self._hands
        ]
        try:
            # Before the Services' sockets take all descriptors that there are.
            await asyncio.gather(*(hand.is_tried.wait() for hand in self._hands))
            yield
        finally:
            self._ending.set()
            for hand in self._hands:
                if hand.channel is not None:
                    hand.channel.close()
            await self._end(keepers)
            for destination in tuple(self._bound):
                self._forget(destination)
            os.close(self._memory)

    async def _end(self, keepers: list[asyncio.Task[None]]) -> None:
        _, late = await asyncio.wait(keepers, timeout=END_SECONDS)
        for hand in self._hands:
            if hand.process is not None and hand.process.returncode is None:
                hand.process.kill()
        if late:
            await asyncio.wait(late)

    def obey(self, rules: Rules, ports: Sequence[ServicePortName]) -> None:
        """Have all treat new clients by ``rules``."""
        self._rules = rules
        message = pickled(obey(rules, {port_name: self._blocks.renew(rules, port_name) for port_name in ports}))
        for hand in self._hands:
            if hand.channel is not None:
                hand.channel.send_pickle(message)

    def listen(self, listener: Listener, sockets: Sequence[socket.socket]) -> None:
        """Give each worker its socket; a protocol that has one socket is one worker's."""
        self._bound[listener.destination] = listener, sockets
        for hand, sock in self._shared_out(listener, sockets):
            hand.send(Listen(listener), sock)

    def update(self, listener: Listener) -> None:
        """Have the clients of a destination taken otherwise."""
        _, sockets = self._bound[listener.destination]
        self._bound[listener.destination] = listener, sockets
        for hand, _ in self._shared_out(listener, sockets):
            hand.send(Update(listener))

    def close(self, destination: Destination, closed: Callable[[], None]) -> None:
        """Have what waits taken, and no more; ``closed`` is called when no worker has a socket of it."""
        listener, sockets = self._bound[destination]
        hands = [hand for hand, _ in self._shared_out(listener, sockets) if hand.channel is not None]
        self._forget(destination)
        if not hands:
            closed()
            return
        self._closing[destination] = {hand.place for hand in hands}, closed
        for hand in hands:
            hand.send(Close(destination))

    async def drain(self, seconds: float) -> None:
        """Give the connections ``seconds`` to end, and reset the rest; the workers end with that."""
        self._ending.set()
        running = [hand.process for hand in self._hands if hand.process is not None]
        for hand in self._hands:
            hand.send(Drain(seconds))
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds + END_SECONDS):
                await asyncio.gather(*(process.wait() for process in running))

    async def wait_until_obeyed(self) -> None:
        """Return once every worker has obeyed all that was said so far."""
        await asyncio.gather(*(self._ask(hand, Question.OBEYED, None, None) for hand in self._hands))

    def tell_shortage(self, to: Callable[[], None]) -> None:
        """Have ``to`` called while clients of a worker wait for file descriptors, once a second for each."""
        self._tell_shortage = to

    def problems(self) -> list[str]:
        """Return which workers have died so far, and whether clients wait."""
        died = [
            f"worker {hand.place} of the proxy has died {'once' if hand.deaths == 1 else f'{hand.deaths} times'}, "
            f"last {hand.cause}, and was started again"
            for hand in self._hands
            if hand.deaths
        ]
        now = self._loop.time()
        is_short = any(now - hand.short_at < REMEMBERED_SECONDS for hand in self._hands)
        # All workers have this process' limit.
        return [*died, client_shortage()] if is_short else died

    async def count(self) -> ProxyCounters:
        """Return what all workers have counted, those that have died included, as far as they told."""
        counted = await self._ask_all(Question.COUNTED)
        sum_ = ProxyCounters()
        sum_.include(self._lost.counted())
        for hand, each in zip(self._hands, counted, strict=True):
            if each is not None:
                hand.counted = each
            if hand.counted is not None:
                sum_.include(hand.counted)
        return sum_

    async def records(self) -> list[ConnectionRecord]:
        """Return the recent connections of all workers, the oldest first."""
        told = await self._ask_all(Question.RECORDS)
        records = [record for each in told if each is not None for record in each]
        return sorted(records, key=lambda record: record.began_at)[-CAPACITY:]

    def follow(self, follower: Follower) -> Callable[[], None]:
        """Have ``follower`` told of connections that begin and end; returns the way to end that."""
        self._set_followers((*self._followers, follower))

        def stop() -> None:
            self._set_followers(tuple(each for each in self._followers if each is not follower))

        return stop

    async def trace(self, packet: Packet) -> Trace:
        """Return what the worker that would get the packet says; WorkerError."""
        number = int.from_bytes(ip_address(packet.source).packed[-4:], "big")
        trace: Trace = await self._ask(self._hands[number % self.width], Question.TRACE, packet)
        return trace

    def _shared_out(
        self, listener: Listener, sockets: Sequence[socket.socket]
    ) -> Iterable[tuple[_Hand, socket.socket]]:
        if len(sockets) == self.width:
            return zip(self._hands, sockets, strict=True)
        return [(self._hands[crc32(repr(listener.port_name).encode()) % self.width], sockets[0])]

    def _forget(self, destination: Destination) -> None:
        _, sockets = self._bound.pop(destination)
        for sock in sockets:
            sock.close()

    def _set_followers(self, followers: tuple[Follower, ...]) -> None:
        if bool(followers) != bool(self._followers):
            for hand in self._hands:
                hand.send(Follow(bool(followers)))
        self._followers = followers

    async def _ask_all(self, question: Question) -> list[Any]:
        """Return everybody's answer, None from who does not answer."""
        answers = await asyncio.gather(*(self._ask(hand, question) for hand in self._hands), return_exceptions=True)
        for each in answers:
            if isinstance(each, BaseException) and not isinstance(each, WorkerError):
                raise each
        return [None if isinstance(each, BaseException) else each for each in answers]

    async def _ask(
        self, hand: _Hand, question: Question, subject: Any = None, seconds: float | None = ANSWER_SECONDS
    ) -> Any:
        self._questions += 1
        ask = Ask(self._questions, question, subject)
        answer = self._loop.create_future()
        hand.asked[ask.number] = ask, answer
        hand.send(ask)
        try:
            async with asyncio.timeout(seconds):
                return await answer
        except TimeoutError:
            raise WorkerError(f"worker {hand.place} of the proxy does not answer") from None
        finally:
            del hand.asked[ask.number]

    async def _keep(self, hand: _Hand) -> None:
        """Have a process for ``hand``, another one when it has died."""
        while not self._ending.is_set():
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(RESTART_SECONDS[min(hand.deaths, len(RESTART_SECONDS) - 1)]):
                    await self._ending.wait()
                    return
            try:
                await self._live(hand)
            except OSError as error:
                hand.cause = f"because it could not be started: {error.strerror or error}"
                hand.is_tried.set()
            if not self._ending.is_set():
                hand.deaths += 1

    async def _live(self, hand: _Hand) -> None:
        """Have one process from its beginning to its end."""
        ours, theirs = socket.socketpair()
        with contextlib.ExitStack() as undo, theirs:
            undo.callback(ours.close)
            descriptors = theirs.fileno(), self._memory
            command = (sys.executable, "-P", "-m", "kubeproxy.userspace.workers", *map(str, descriptors))
            hand.process = process = await asyncio.create_subprocess_exec(
                *command,
                stdin=asyncio.subprocess.DEVNULL,
                pass_fds=descriptors,
                env=self._environment,
                start_new_session=True,
            )
            undo.pop_all()
        self._begin(hand, ours)
        hand.is_tried.set()
        status = await process.wait()
        hand.cause = f"by signal {-status}" if status < 0 else f"with status {status}"
        self._bury(hand)

    def _bury(self, hand: _Hand) -> None:
        """Take a worker's numbers out of what is shared; what is asked of it waits for its successor."""
        if hand.channel is not None:
            hand.channel.close()
        hand.channel = hand.process = None
        if hand.counted is not None:
            self._lost.include(hand.counted.without_connections())
            hand.counted = None
        shared = SharedCounters(self._memory, self.width, hand.place)
        shared.forget(range(self._rows.end))
        shared.close()
        for destination in tuple(self._closing):
            self._note_closed(destination, hand)

    def _begin(self, hand: _Hand, sock: socket.socket) -> None:
        """Tell a new worker all that its predecessor knew."""
        hand.channel = Channel(self._loop, sock, lambda message, _: self._receive(hand, message), lambda: None)
        if self._ending.is_set():
            hand.channel.close()
            return
        around = self._around
        hand.send(Begin(hand.place, self.width, self._seed, around.network, around.default_balancer))
        hand.send(obey(self._rules, {port_name: self._blocks.block(port_name) for port_name in self._rules.ports}))
        for listener, sockets in self._bound.values():
            for other, own in self._shared_out(listener, sockets):
                if other is hand:
                    hand.send(Listen(listener), own)
        if self._followers:
            hand.send(Follow(is_wanted=True))
        for ask, _ in hand.asked.values():
            hand.send(ask)

    def _receive(self, hand: _Hand, message: Any) -> None:
        match message:
            case Answer(number, value):
                _, asked = hand.asked.get(number, (None, None))
                if asked is not None and not asked.done():
                    asked.set_result(value)
            case Failed(component, about, error, details):
                self._note_fault(component, about, error, details)
            case Closed(destination):
                self._note_closed(destination, hand)
            case Short():
                hand.short_at = self._loop.time()
                self._tell_shortage()
            case Happened(records, missed):
                for follower in self._followers:
                    follower.miss(missed)
                    for record in records:
                        follower.note(record)

    def _note_fault(self, component: str, about: Subject | str, error: str, details: str) -> None:
        if not error:
            self._around.faults.forget(component, about)
            return
        remote = RemoteError(error)
        remote.add_note(details)
        self._around.faults.note(component, about, remote)

    def _note_closed(self, destination: Destination, hand: _Hand) -> None:
        places, closed = self._closing.get(destination, (set[int](), None))
        places.discard(hand.place)
        if not places and closed is not None:
            del self._closing[destination]
            closed()
