"""One epoll for all sockets of the proxy, nested in the event loop as a single reader.

Why not the loop's own transports or readers? Measured beside haproxy with one thread, wrk's 50 connections before and
nginx behind; CPU of the proxy per keep-alive request and per new connection as multiples of haproxy's, and memory of
an idle connection (CPython 3.11, uvloop 0.23, 2 busy cores, so ranges of several runs):

    bare prototype on this epoll         1.1-1.4   1.3-1.7   0.4 KB
    bare prototype on loop.add_reader    1.1-2.0   1.8-2.5   1.8 KB
    this proxy, all its bookkeeping      1.2       1.5       1.2 KB     haproxy: 3.3 KB

The prototypes' figures are the best of three rounds in a run, the last row is of benchmarks/results. Pairs of uvloop
transports have no row: that prototype died under a connection per request in every run (once with glibc's "double
free"), so nothing here says that they are slower. Epoll also reports a reset on a socket that is not read just then; a
removed reader does not. Works on any loop that has ``add_reader``.
"""

from __future__ import annotations

import asyncio
import select
from collections.abc import Callable
from socket import SocketType
from typing import Protocol

from kubeapi.failures import Failures
from kubeproxy import NAME

EVENTS_PER_ROUND = 64
ROUNDS_PER_TURN = 2
"""Events of one epoll_wait(2), and calls of it, before the event loop's other work has its turn."""

READABLE = select.EPOLLIN
WRITABLE = select.EPOLLOUT
ENDED = select.EPOLLRDHUP
URGENT = select.EPOLLPRI
BROKEN = select.EPOLLERR | select.EPOLLHUP

UNREGISTERED = -1
"""In place of events: the socket is not registered, so not even BROKEN is reported."""
HUNG_UP = -2
"""In place of events: both directions are over, and BROKEN would be reported without end, so nothing is.

There may still be bytes to read, for as long as the other side of the connection does not take them.
"""


class EventHandler(Protocol):
    """Owner of a registered socket."""

    def on_event(self, events: int) -> None:
        """Handle READABLE, WRITABLE, ENDED, URGENT and BROKEN; never block, never raise OSError."""
        ...

    def abandon(self) -> None:
        """End a connection that a failure has broken; a socket that accepts new clients goes on."""
        ...


class Poller:
    """Level-triggered: an event comes again as long as it is true. BROKEN comes without being asked for.

    A handler that raises is abandoned and its failure recorded; the others get their events.
    """

    def __init__(self, failures: Failures | None = None) -> None:
        self.failures = failures or Failures()
        self._epoll = select.epoll()
        self._handlers: dict[int, EventHandler] = {}
        self._closing: list[SocketType] = []
        self._at_turn_end: list[Callable[[], None]] = []
        self._is_in_turn = False

    def attach(self, loop: asyncio.AbstractEventLoop) -> None:
        """Let ``loop`` run this poller, until ``close``."""
        self._loop = loop
        loop.add_reader(self._epoll.fileno(), self._turn)

    def close(self) -> None:
        """Stop; the sockets stay open, as their owners close them."""
        self._loop.remove_reader(self._epoll.fileno())
        self._close_sockets()
        self._epoll.close()

    def register(self, fd: int, events: int, handler: EventHandler) -> None:
        """Call ``handler`` for ``events`` of the socket ``fd``."""
        self._handlers[fd] = handler
        self._epoll.register(fd, events)

    def modify(self, fd: int, events: int) -> None:
        """Report other events from now on."""
        self._epoll.modify(fd, events)

    def ask(self, fd: int, before: int, wanted: int, handler: EventHandler) -> int:
        """Report ``wanted`` in place of ``before``, of a socket that may not be registered; return what is reported."""
        if wanted == before or (before == HUNG_UP and not wanted):
            return before
        if before < 0:
            self.register(fd, wanted, handler)
        else:
            self._epoll.modify(fd, wanted)
        return wanted

    def hang_up(self, fd: int) -> int:
        """Report nothing of a socket that is BROKEN without an error; return HUNG_UP."""
        self.unregister(fd)
        return HUNG_UP

    def unregister(self, fd: int) -> None:
        """Report nothing any more; harmless if the socket is not registered."""
        if self._handlers.pop(fd, None) is not None:
            self._epoll.unregister(fd)

    def close_socket(self, sock: SocketType) -> None:
        """Close at the end of this round: otherwise a reused descriptor would receive stale events.

        Closing takes the socket out of the epoll (epoll(7)), which saves a call.
        """
        self._handlers.pop(sock.fileno(), None)
        if self._is_in_turn:
            self._closing.append(sock)
        else:
            sock.close()

    def at_turn_end(self, act: Callable[[], None]) -> None:
        """Call ``act`` once when the events of this round have been handled, before sockets are closed."""
        self._at_turn_end.append(act)

    def _turn(self) -> None:
        """Handle events, and those that came meanwhile: a turn of the event loop costs more than another look here."""
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
                    except Exception as failure:
                        self.abandon(handler, failure)
        finally:
            while self._at_turn_end:
                with self.failures.guard(NAME, "a batch of datagrams"):
                    self._at_turn_end.pop()()
            self._is_in_turn = False
            self._close_sockets()

    def abandon(self, handler: EventHandler, failure: Exception) -> None:
        """Have a handler end what a failure has broken, and note the failure."""
        self.failures.note(NAME, f"an event of {type(handler).__name__.lstrip('_')}", failure)
        try:
            handler.abandon()
        except Exception as second:
            self.failures.note(NAME, f"the end of {type(handler).__name__.lstrip('_')}", second)
            for fd in [fd for fd, each in self._handlers.items() if each is handler]:
                self.unregister(fd)

    def _close_sockets(self) -> None:
        for sock in self._closing:
            sock.close()
        self._closing.clear()
