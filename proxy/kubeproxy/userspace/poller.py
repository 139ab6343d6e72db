"""One epoll for all sockets of the proxy, nested in the event loop as a single reader.

Why not the loop's own transports or readers? Measured beside haproxy with one thread, wrk's 50 connections before and
nginx behind; CPU of the proxy per keep-alive request and per new connection as multiples of haproxy's, and memory of
an idle connection (CPython 3.11, uvloop 0.23, 2 busy cores, so ranges of several runs):

    bare prototype on this epoll         1.1-1.4   1.3-1.7   0.4 KB
    bare prototype on loop.add_reader    1.1-2.0   1.8-2.5   1.8 KB
    this proxy, all its bookkeeping      1.2       1.5       1.2 KB     haproxy: 3.3 KB

The prototypes' figures are the best of three rounds in a run, the last row is of benchmarks/results. Pairs of uvloop
transports have no row: that prototype died under a connection per request in every run (once with glibc's "double
free"), and why was not looked into, so nothing here says that they are slower. Epoll also tells of a reset on a socket
that nobody reads just then; a removed reader does not. Works on any loop that has ``add_reader``.
"""

from __future__ import annotations

import asyncio
import select
from collections.abc import Callable
from socket import SocketType
from typing import Protocol

from kubeapi.faults import Faults
from kubeproxy import NAME

EVENTS_PER_ROUND = 64
ROUNDS_PER_TURN = 2
"""Looks at what has come, and events handled after each, before the loop's other work has its turn."""

READABLE = select.EPOLLIN
WRITABLE = select.EPOLLOUT
ENDED = select.EPOLLRDHUP
URGENT = select.EPOLLPRI
BROKEN = select.EPOLLERR | select.EPOLLHUP

UNREGISTERED = -1
"""In place of events: nothing is told of a socket, not even BROKEN, until it is asked about."""
HUNG_UP = -2
"""Nothing is told until something is asked for: both directions are over, and BROKEN would come without end.

There may be bytes to read all the same, for as long as the other side of the connection does not take them.
"""


class EventHandler(Protocol):
    """Owner of a registered socket."""

    def on_event(self, events: int) -> None:
        """Act on READABLE, WRITABLE, ENDED, URGENT and BROKEN; never block, never raise OSError."""
        ...

    def abandon(self) -> None:
        """Give up what a fault has broken: a connection. A socket that takes new clients goes on."""
        ...


class Poller:
    """Level-triggered: an event comes again as long as it is true. BROKEN comes unasked.

    A handler that raises is abandoned, and ``faults`` tells of it; the others get their events.
    """

    def __init__(self, faults: Faults | None = None) -> None:
        self.faults = faults or Faults()
        self._epoll = select.epoll()
        self._handlers: dict[int, EventHandler] = {}
        self._closing: list[SocketType] = []
        self._last: list[Callable[[], None]] = []
        self._is_in_turn = False

    def attach(self, loop: asyncio.AbstractEventLoop) -> None:
        """Have ``loop`` run this poller; undone by ``close``."""
        self._loop = loop
        loop.add_reader(self._epoll.fileno(), self._turn)

    def close(self) -> None:
        """Stop; the sockets are their owners'."""
        self._loop.remove_reader(self._epoll.fileno())
        self._bury()
        self._epoll.close()

    def register(self, fd: int, events: int, handler: EventHandler) -> None:
        """Tell ``handler`` of ``events`` at the socket ``fd``."""
        self._handlers[fd] = handler
        self._epoll.register(fd, events)

    def modify(self, fd: int, events: int) -> None:
        """Tell of other events from now on."""
        self._epoll.modify(fd, events)

    def ask(self, fd: int, before: int, wanted: int, handler: EventHandler) -> int:
        """Tell of ``wanted`` in place of what was asked for ``before``; return what is asked for from now on."""
        if wanted == before or (before == HUNG_UP and not wanted):
            return before
        if before < 0:
            self.register(fd, wanted, handler)
        else:
            self._epoll.modify(fd, wanted)
        return wanted

    def hang_up(self, fd: int) -> int:
        """Be silent about a socket that is BROKEN without an error; return HUNG_UP, which is asked for then."""
        self.unregister(fd)
        return HUNG_UP

    def unregister(self, fd: int) -> None:
        """Tell nothing any more; harmless if nothing was told."""
        if self._handlers.pop(fd, None) is not None:
            self._epoll.unregister(fd)

    def close_socket(self, sock: SocketType) -> None:
        """Close at the end of this round: else a new socket of that number got old events.

        The kernel takes a socket that is closed out of the epoll by itself (epoll(7)), which saves a call.
        """
        self._handlers.pop(sock.fileno(), None)
        if self._is_in_turn:
            self._closing.append(sock)
        else:
            sock.close()

    def at_turn_end(self, act: Callable[[], None]) -> None:
        """Call ``act`` once when the events of this round have been handled, before what was closed is gone."""
        self._last.append(act)

    def _turn(self) -> None:
        """Handle what has come, and what has come meanwhile: a turn of the loop costs more than a look here."""
        for _ in range(ROUNDS_PER_TURN):
            ready = self._epoll.poll(0, EVENTS_PER_ROUND)
            if not ready:
                return
            self._handle(ready)

    def _handle(self, ready: list[tuple[int, int]]) -> None:
        self._is_in_turn = True
        handlers = self._handlers
        try:
            for fd, events in ready:
                handler = handlers.get(fd)
                if handler is not None:
                    try:
                        handler.on_event(events)
                    except Exception as fault:
                        self._abandon(handler, fault)
        finally:
            while self._last:
                with self.faults.guard(NAME, "a batch of datagrams"):
                    self._last.pop()()
            self._is_in_turn = False
            self._bury()

    def _abandon(self, handler: EventHandler, fault: Exception) -> None:
        self.faults.note(NAME, f"an event of {type(handler).__name__.lstrip('_')}", fault)
        try:
            handler.abandon()
        except Exception as second:
            self.faults.note(NAME, f"the end of {type(handler).__name__.lstrip('_')}", second)
            for fd in [fd for fd, each in self._handlers.items() if each is handler]:
                self.unregister(fd)

    def _bury(self) -> None:
        for sock in self._closing:
            sock.close()
        self._closing.clear()
