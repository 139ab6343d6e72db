"""Sockets of networks that the agent holds: taken from stocks, which it fills again.

A stock has the sockets of one network and one kind. The agent is asked for more before it is empty; a caller that finds
it empty waits, for a bounded time. A network's sockets are closed when it ends, as they would keep it alive, and when
there are many, those of the networks that were not used for the longest time.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import os
import select
import socket
import time
from collections.abc import Callable
from functools import partial
from socket import SocketType

from kubehost import openfiles
from kubehost.io.passing import receive
from kubehost.io.places import Channel
from kubehost.socketmessages import CLUSTER, MOST, PACKET_BYTES, Answer, Wish, read_reply

FIRST, LARGEST = 4, 64
"""Sockets of a new stock, and of one that is much used: it doubles each time. One at a time costs four times a
socket(2), 64 at a time cost less than it here and as much again in the agent."""
WAIT_SECONDS = 2.0
"""How long an empty stock is waited for; the agent does nothing that lasts as long."""
WARM = 256
"""Most networks with stocks, or what an eighth of the open files has room for."""
_USUAL = (int(socket.SOCK_STREAM), int(socket.SOCK_DGRAM))
_INTERNET = (int(socket.AF_INET), int(socket.AF_INET6))
_NONBLOCK = int(socket.SOCK_NONBLOCK)

Kind = tuple[int, int, int]
"""Family, kind and protocol, as socket(2) takes them."""


class _Stock:
    """Sockets of one ``kind``; ``wish`` is the number of the one that is not answered yet, 0 without.

    More are asked for when fewer than ``low`` are left: never of rare kinds, such as netlink's, which come one by one.
    """

    __slots__ = ("descriptors", "kind", "low", "network", "size", "wish")

    def __init__(self, network: str, kind: Kind) -> None:
        self.network = network
        self.kind = kind
        self.descriptors: list[int] = []
        self.wish = 0
        self.size, self.low = 1, 0

    def grow(self) -> int:
        """Return how many sockets to ask for now."""
        if self.kind[0] in _INTERNET and self.kind[1] in _USUAL:
            self.size = FIRST if self.size < FIRST else min(self.size * 2, LARGEST)
            self.low = self.size // 2
        return self.size - len(self.descriptors)

    def close(self) -> None:
        """Close all sockets."""
        while self.descriptors:
            os.close(self.descriptors.pop())


class SocketSource:
    """The stocks of one process, and its channel to the agent; without one every socket is OSError with ENETDOWN."""

    def __init__(self) -> None:
        self._channel: Channel | None = None
        self._networks: dict[str, dict[Kind, _Stock]] = {}
        """By network; those of pods in the order in which they were last filled."""
        self._wishes: dict[int, _Stock] = {}
        self._errors: dict[int, int] = {}
        """Why wishes failed that somebody waits for."""
        self._number = 0
        self._is_late = False
        """Whether the agent did not answer in time; until it answers nobody waits for it again."""
        self._most = WARM
        self._detach: Callable[[], object] = lambda: None
        self._observers: list[Callable[[str], None]] = []

    @property
    def networks(self) -> tuple[str, ...]:
        """The networks with stocks, those last that were filled last."""
        return tuple(self._networks)

    def attach(self, channel: Channel) -> None:
        """Own a channel to an agent, in place of that to an earlier one, whose sockets are closed."""
        self.close()
        channel.setblocking(False)
        loop = asyncio.get_running_loop()
        loop.add_reader(channel.fileno(), self._read_all)
        self._detach = partial(loop.remove_reader, channel.fileno())
        self._most = max(2, min(WARM, openfiles.limit() // (8 * LARGEST)))
        self._channel, self._is_late = channel, False

    def observe(self, ended: Callable[[str], None]) -> None:
        """Have a function called with each pod's network that ends, by its address."""
        self._observers.append(ended)

    def lend(self) -> Channel:
        """Return a channel of its own for another process; OSError without an agent."""
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            try:
                self._send(Wish(self._next(), CLUSTER), theirs)
            except OSError:
                ours.close()
                raise
        return ours

    def take(self, network: str, kind: Kind) -> SocketType:
        """Return a new non-blocking socket, which the caller owns; OSError, with ENXIO if there is no such network."""
        try:
            stock = self._networks[network][kind]
            descriptor = stock.descriptors.pop()
        except (KeyError, IndexError):
            stock = self._stock(network, kind)
            descriptor = self._wait_for(stock)
        if len(stock.descriptors) < stock.low and not stock.wish:
            with contextlib.suppress(OSError):  # said when it is empty
                self._ask(stock)
        return SocketType(kind[0], kind[1] | _NONBLOCK, kind[2], descriptor)

    def close(self) -> None:
        """Close the channel and every socket that was not taken."""
        if self._channel is not None:
            self._detach()
            self._channel.close()
            self._channel = None
        self._wishes.clear()
        for network in tuple(self._networks):
            self._drop(network)

    def _stock(self, network: str, kind: Kind) -> _Stock:
        return self._networks.setdefault(network, {}).setdefault(kind, _Stock(network, kind))

    def _wait_for(self, stock: _Stock) -> int:
        """Return a descriptor of an empty stock once there is one."""
        if self._is_late:
            raise OSError(errno.ETIMEDOUT, "the agent of the pods' networks does not answer")
        deadline = time.monotonic() + WAIT_SECONDS
        number = stock.wish or self._ask(stock)
        while self._channel is not None and number in self._wishes:
            if not self._is_readable(deadline - time.monotonic()):
                self._is_late = True
                raise OSError(errno.ETIMEDOUT, f"the agent made no socket within {WAIT_SECONDS:g} s")
            self._read()
        if not stock.descriptors:
            code = self._errors.pop(number, errno.ENETDOWN if self._channel is None else errno.ENXIO)
            raise OSError(code, os.strerror(code))
        return stock.descriptors.pop()

    def _is_readable(self, seconds: float) -> bool:
        assert self._channel is not None
        poll = select.poll()
        poll.register(self._channel, select.POLLIN)
        return bool(poll.poll(max(seconds, 0.0) * 1000))

    def _ask(self, stock: _Stock) -> int:
        """Ask the agent for what a stock lacks; return the wish's number."""
        number = self._next()
        self._send(Wish(number, stock.network, *stock.kind, stock.grow()))
        self._wishes[number] = stock
        stock.wish = number
        self._cool(stock.network)
        return number

    def _cool(self, network: str) -> None:
        """Note that a network is in use, and close the stocks of those that were not for the longest time."""
        stocks = self._networks.pop(network)
        self._networks[network] = stocks
        while len(self._networks) > self._most:
            self._drop(next(each for each in self._networks if each != CLUSTER))

    def _next(self) -> int:
        self._number = self._number % 0xFFFFFFFF + 1
        return self._number

    def _send(self, wish: Wish, along: Channel | None = None) -> None:
        if self._channel is None:
            raise OSError(errno.ENETDOWN, "the networks of the pods are gone")
        try:
            socket.send_fds(self._channel, [wish.packet()], [] if along is None else [along.fileno()])
        except BlockingIOError:
            raise OSError(errno.ETIMEDOUT, "the agent of the pods' networks does not answer") from None
        except OSError as error:
            self.close()
            raise OSError(errno.ENETDOWN, "the networks of the pods are gone") from error

    def _read_all(self) -> None:
        with contextlib.suppress(BlockingIOError):
            while self._channel is not None:
                self._read()

    def _read(self) -> None:
        """Read one packet; when the agent is gone, give up everything that it has made."""
        assert self._channel is not None
        try:
            packet, descriptors = receive(self._channel, PACKET_BYTES, MOST)
        except BlockingIOError:
            raise
        except OSError:
            packet, descriptors = b"", []
        if not packet:
            self.close()
            return
        self._is_late = False
        reply = read_reply(packet)
        if isinstance(reply, Answer):
            self._fill(reply, descriptors)
        else:
            self._drop(reply.network)
            for ended in self._observers:
                ended(reply.network)

    def _fill(self, answer: Answer, descriptors: list[int]) -> None:
        stock = self._wishes.pop(answer.number, None)
        if stock is None:  # a channel's, or its network was dropped meanwhile
            for each in descriptors:
                os.close(each)
            return
        stock.wish = 0
        stock.descriptors += descriptors
        if not descriptors:  # without an error: this process has no room for them
            self._errors = {answer.number: answer.error or errno.EMFILE}

    def _drop(self, network: str) -> None:
        for stock in self._networks.pop(network, {}).values():
            self._wishes.pop(stock.wish, None)
            stock.close()
