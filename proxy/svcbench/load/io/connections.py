"""One connection of the generator: opened when it is needed, kept where the protocol keeps it.

Sockets are without an event loop: a request on a kept connection costs one send, one receive and its share of an
epoll_wait. Events are edge-triggered, so that a socket is registered once and never again.
"""

from __future__ import annotations

import os
import select
import socket
from collections.abc import Callable
from errno import EADDRNOTAVAIL, ECONNREFUSED, EHOSTUNREACH, EINPROGRESS, EMFILE, ENETUNREACH, ENFILE
from typing import NamedTuple

from svcbench.load.exchanges import Answer, Exchange
from svcbench.outcomes import CUT_OFF, REFUSED

EVENTS = select.EPOLLIN | select.EPOLLOUT | select.EPOLLRDHUP | select.EPOLLET
_FAILED = select.EPOLLERR | select.EPOLLHUP
_IP_BIND_ADDRESS_NO_PORT = 24
"""ip(7): the port is chosen when it connects, so that two connections to different places may share one."""
_AT_ONCE = 64 * 1024
_OWN_FAULTS = {EMFILE: "no more open files allowed", ENFILE: "no more open files", EADDRNOTAVAIL: "no free port left"}
"""What the generator's machine lacks, which is not the Service's fault."""


class Target(NamedTuple):
    """Where connections go: a numeric address, and whether datagrams are sent there."""

    address: str
    port: int
    is_datagram: bool


class Hooks(NamedTuple):
    """What a connection tells the generator: when it is open to events, when a request has ended, when it is closed."""

    opened: Callable[[Connection], None]
    ended: Callable[[Connection, Answer], None]
    closed: Callable[[int], None]


class Connection:
    """Carries one request at a time. ``due`` and ``began`` are those of the request that is under way.

    ``source`` is the address that it comes from, "" leaves that to the kernel.
    """

    __slots__ = (
        "_exchange",
        "_hooks",
        "_is_datagram",
        "_unsent",
        "began",
        "due",
        "is_busy",
        "is_made",
        "number",
        "sock",
        "source",
    )

    def __init__(self, exchange: Exchange, hooks: Hooks, source: str = "") -> None:
        self._exchange = exchange
        self.source = source
        self._hooks = hooks
        self._is_datagram = False
        self._unsent = b""
        self.sock: socket.socket | None = None
        self.number = -1
        """Counts the opened sockets of the generator, from 0."""
        self.due = self.began = 0.0
        self.is_busy = False
        self.is_made = False
        """Whether the connection has carried something, so that it did open."""

    @property
    def is_opening(self) -> bool:
        """Whether it is neither open nor refused yet."""
        return self.sock is not None and not self.is_made

    def open(self, target: Target) -> None:
        """Begin to connect. OSError."""
        family = socket.AF_INET6 if ":" in target.address else socket.AF_INET
        kind = socket.SOCK_DGRAM if target.is_datagram else socket.SOCK_STREAM
        self._is_datagram = self.is_made = target.is_datagram
        sock = socket.socket(family, kind | socket.SOCK_NONBLOCK)
        if self.source:
            sock.setsockopt(socket.IPPROTO_IP, _IP_BIND_ADDRESS_NO_PORT, 1)
            sock.bind((self.source, 0))
        error = sock.connect_ex((target.address, target.port))
        if error not in (0, EINPROGRESS):
            sock.close()
            raise OSError(error, "")
        if not target.is_datagram:
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.sock = sock
        self._hooks.opened(self)

    def start(self, due: float, now: float, target: Target) -> None:
        """Begin a request; opens the connection first unless it is open."""
        self.due, self.began, self.is_busy = due, now, True
        if self.sock is None:
            try:
                self.open(target)
            except OSError as error:
                self._fail(error)
                return
        self._unsent = self._exchange.request()
        self._send()

    def take(self, events: int) -> None:
        """Do what a socket that is ready allows."""
        if not self.is_made and not events & _FAILED:
            self.is_made = True
        if self._unsent and events & select.EPOLLOUT:
            self._send()
        if self.sock is not None and events & ~select.EPOLLOUT:
            self._receive(may_have_more=self._is_datagram or bool(events & select.EPOLLRDHUP))

    def close(self) -> None:
        """Close the socket; nothing more comes of it."""
        if self.sock is not None:
            number = self.sock.fileno()
            self._hooks.closed(number)
            self.sock.close()
            self.sock = None
        self._unsent = b""

    def give_up(self, outcome: str) -> None:
        """End the request that is under way, and the connection with it, so that no late answer meets the next one."""
        self._end(Answer(outcome, "", False))

    def _send(self) -> None:
        assert self.sock is not None
        try:
            sent = self.sock.send(self._unsent)
        except BlockingIOError:
            return
        except OSError as error:
            self._fail(error)
            return
        self.is_made = True
        self._unsent = self._unsent[sent:]

    def _receive(self, *, may_have_more: bool) -> None:
        """Read what is there; a stream whose end was not told has no more behind a piece that fills no buffer."""
        while self.sock is not None:
            try:
                data = self.sock.recv(_AT_ONCE)
            except BlockingIOError:
                return
            except OSError as error:
                self._fail(error)
                return
            self._take(data)
            if len(data) < _AT_ONCE and not may_have_more:
                return

    def _take(self, data: bytes) -> None:
        if not self.is_busy:
            # Nothing was asked: the server has ended a kept connection, or it does not speak the protocol.
            if not self._is_datagram:
                self.close()
            return
        answer = self._exchange.feed(data)
        if answer is not None:
            self._end(answer)
        elif not data:
            self._end(Answer(CUT_OFF, "", False))

    def _fail(self, error: OSError) -> None:
        if error.errno in _OWN_FAULTS:
            outcome = _OWN_FAULTS[error.errno]
        elif self._is_datagram:
            outcome = "refused by ICMP" if error.errno == ECONNREFUSED else os.strerror(error.errno or 0)
        elif not self.is_made or error.errno in (EHOSTUNREACH, ENETUNREACH):
            outcome = REFUSED
        else:
            outcome = CUT_OFF
        if self.is_busy:
            self._end(Answer(outcome, "", False))
        else:
            self.close()

    def _end(self, answer: Answer) -> None:
        self.is_busy = False
        if not answer.can_stay:
            self.close()
        self._hooks.ended(self, answer)
