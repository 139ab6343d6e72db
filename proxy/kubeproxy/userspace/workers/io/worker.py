"""One worker of a proxy that has several: a process with a data plane of its own, told everything by a channel.

``python -m kubeproxy.userspace.workers CHANNEL MEMORY`` gets the descriptors of its end of the channel and of the
shared counters. It ends when the other end of the channel is closed, however the proxy has ended.
"""

from __future__ import annotations

import asyncio
import gc
import os
import random
import socket
import sys
import time
import traceback
from collections.abc import Callable, Coroutine
from typing import Any

import uvloop

from kubeapi.failures import Failures, Subject, describe
from kubehost import openfiles
from kubeproxy.dependencies import ProxyDependencies
from kubeproxy.rules import compile_rules
from kubeproxy.rules.nodes import Nodes
from kubeproxy.telemetry.counters import ProxyCounters
from kubeproxy.telemetry.recent import Follower
from kubeproxy.userspace.dataplane import DataPlane
from kubeproxy.userspace.workers.io.channel import Channel, receive
from kubeproxy.userspace.workers.messages import (
    Answer,
    Apply,
    Ask,
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
)
from kubeproxy.userspace.workers.sharedcounters import SharedCounters
from kubeproxy.userspace.workers.sharing import SharedRows

TELL_SECONDS = 0.05
"""How long records are collected before they are sent to the proxy."""


class Worker:
    """Obeys the messages in their order; ``ended`` is set when the worker is to end."""

    def __init__(
        self, loop: asyncio.AbstractEventLoop, sock: socket.socket, begin: Begin, plane: DataPlane, rows: SharedRows
    ) -> None:
        self.ended = asyncio.Event()
        self._loop = loop
        self._network = begin.network
        self._plane = plane
        self._rows = rows
        self._follower = Follower(self._schedule_telling)
        self._unfollow: Callable[[], None] | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._channel = Channel(loop, sock, self._receive, self.ended.set)
        plane.tell_shortage(lambda: self._channel.send(Short()))
        plane.failures.forward = self._tell_failure

    async def run(self) -> None:
        """Serve until the proxy has had the worker drain, or its end of the channel is closed."""
        try:
            async with self._plane.serving():
                await self.ended.wait()
        finally:
            self._channel.close()

    def _receive(self, message: Any, descriptor: int) -> None:
        try:
            self._do(message, descriptor)
        except Exception:
            # A worker that missed one message has the wrong rules from then on: the proxy starts another one.
            self.ended.set()
            raise

    def _do(self, message: Any, descriptor: int) -> None:
        match message:
            case Apply():
                self._apply(message)
            case Listen(listener, place):
                self._plane.listen(listener, place, (socket.socket(fileno=descriptor),))
            case Update(listener, place):
                self._plane.update(listener, place)
            case Close(spot):
                self._plane.close(spot, lambda: self._channel.send(Closed(spot)))
            case Attach():
                self._network.attach(socket.socket(fileno=descriptor))
            case EndElsewhere():
                self._plane.end_elsewhere()
            case Ask():
                self._start(self._answer(message))
            case Follow(is_wanted):
                self._follow(is_wanted=is_wanted)
            case Drain(seconds):
                self._start(self._drain(seconds))

    def _apply(self, message: Apply) -> None:
        nodes = Nodes(message.nodes)
        old = self._plane.rules
        compiled = compile_rules(old, message.changed, old.nodes if old.nodes == nodes else nodes)
        rules = compiled.rules
        if message.policies is not None:
            rules = rules._replace(policies=message.policies)
        self._plane.apply(rules, compiled.ports)
        for port_name, block in message.blocks.items():
            self._rows.assign(port_name, block)
        if old.ports == {} and compiled.ports:
            gc.freeze()  # rules from the start stay: the garbage collector needs not look at them again

    async def _answer(self, asked: Ask) -> None:
        value: Any = None
        match asked.question:
            case Question.COUNTED:
                value = (await self._plane.count()).counted()
            case Question.RECORDS:
                value = await self._plane.records()
            case Question.TRACE:
                value = await self._plane.trace(asked.subject)
        self._channel.send(Answer(asked.number, value))

    def _follow(self, *, is_wanted: bool) -> None:
        if self._unfollow is not None:
            self._unfollow()
        self._unfollow = self._plane.follow(self._follower) if is_wanted else None

    def _schedule_telling(self) -> None:
        self._loop.call_later(TELL_SECONDS, self._tell)

    def _tell(self) -> None:
        records, missed = self._follower.take()
        if self._unfollow is not None:
            self._channel.send(Happened(records, missed))

    async def _drain(self, seconds: float) -> None:
        await self._plane.drain(seconds)
        self.ended.set()

    def _tell_failure(self, component: str, about: Subject | str, error: BaseException | None) -> None:
        text = "" if error is None else describe(error)
        details = "" if error is None else "".join(traceback.format_exception(error))
        self._channel.send(Failed(component, about, text, details))

    def _start(self, coroutine: Coroutine[Any, Any, None]) -> None:
        task = self._loop.create_task(coroutine, name="kube-proxy worker")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


async def serve(sock: socket.socket, memory: int) -> None:
    """Serve as a worker of the proxy at the other end of ``sock``; ``memory`` is the descriptor of the shared rows."""
    loop = asyncio.get_running_loop()
    begin: Begin = receive(sock)
    shared = SharedCounters(memory, begin.width, begin.place)
    os.close(memory)
    counters, rng = ProxyCounters(shared.write), random.Random()
    rows = SharedRows(shared, counters, rng, begin.seed, time.monotonic)
    dependencies = ProxyDependencies(begin.network, time.monotonic, rng, Failures(time.monotonic))
    plane = DataPlane(loop, dependencies, begin.default_balancer, counters, rows)
    await Worker(loop, sock, begin, plane, rows).run()


def main() -> None:
    """Run the worker; the command line has the descriptors."""
    openfiles.grow_table()
    channel, memory = map(int, sys.argv[1:])
    with socket.socket(fileno=channel) as sock:
        uvloop.run(serve(sock, memory))
