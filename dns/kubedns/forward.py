"""Asking an upstream: over UDP, again over TCP when truncated and the whole reply is wanted, then the next upstream.

Follows CoreDNS ``plugin/forward``: policy random, 2 s for each, 5 s in all; one that has failed twice in a row is
asked last for a while. Never asks this server itself. Opens one socket for each question, so the source port is as
random as the id.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Collection, Sequence

from kubedns.config import Address
from kubedns.types import Query
from kubedns.wire import HEADER, TC

DEADLINE = 5.0
"""Seconds for all upstreams together."""

MAX_ROUNDS = 3
"""How often a question may come back to us before it is a loop."""

MAX_FAILS = 2
REST_SECONDS = 10.0
"""How long an upstream that failed MAX_FAILS times in a row is asked only after the others."""


class Forwarder:
    """Asks ``upstreams``, except those that are ``own`` addresses. ``timeout`` is in seconds, for each attempt."""

    def __init__(
        self, upstreams: Sequence[Address], own: Collection[Address], rng: random.Random, *, timeout: float
    ) -> None:
        self.upstreams = tuple(each for each in upstreams if each not in own)
        self._rng = rng
        self._timeout = timeout
        self._fails = dict.fromkeys(self.upstreams, 0)
        self._rests_until = dict.fromkeys(self.upstreams, 0.0)
        self._outstanding: dict[bytes, int] = {}

    def is_loop(self, packet: bytes) -> bool:
        """Tell whether a packet that came in is a question of ours that has found its way back again and again.

        Once may be chance: two clients that ask the same with the same id.
        """
        return self._outstanding.get(packet, 0) >= MAX_ROUNDS

    async def ask(self, packet: bytes, query: Query, *, is_whole: bool) -> bytes | None:
        """Return the reply to a packet, with its id; None if no upstream gave one in time.

        With ``is_whole`` a truncated reply is asked for again over TCP.
        """
        question = self._rng.randbytes(2) + packet[2:]
        self._outstanding[question] = self._outstanding.get(packet, 0) + 1
        try:
            async with asyncio.timeout(DEADLINE):
                for upstream in self._order():
                    reply = await self._attempt(upstream, question, query, is_whole)
                    if reply is not None:
                        return packet[:2] + reply[2:]
        except TimeoutError:
            return None
        finally:
            self._outstanding.pop(question, None)
        return None

    def _order(self) -> list[Address]:
        """Return whom to ask: all in random order, resting ones last; a lone upstream twice, for UDP loses packets."""
        now = asyncio.get_running_loop().time()
        order = self._rng.sample(self.upstreams, len(self.upstreams))
        order.sort(key=lambda each: self._rests_until[each] > now)
        return order * 2 if len(order) == 1 else order

    async def _attempt(self, upstream: Address, question: bytes, query: Query, is_whole: bool) -> bytes | None:
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(self._timeout):
                reply = await _ask_udp(upstream, question, query)
                if is_whole and reply[2] << 8 & TC:
                    reply = await _ask_tcp(upstream, question, query)
        except (OSError, EOFError):  # TimeoutError is an OSError
            self._fails[upstream] += 1
            if self._fails[upstream] >= MAX_FAILS:
                self._rests_until[upstream] = loop.time() + REST_SECONDS
            return None
        self._fails[upstream], self._rests_until[upstream] = 0, 0.0
        return reply


def is_reply(packet: bytes, question: bytes, query: Query) -> bool:
    """Tell whether a packet answers the question: same id, and the same name and type unless it repeats none."""
    if len(packet) < HEADER or packet[:2] != question[:2] or packet[2] < 0x80:
        return False
    if packet[4:6] == b"\0\0":
        return True
    end = HEADER + len(query.name)
    return packet[HEADER:end].lower() == query.name.lower() and packet[end : end + 2] == query.type.to_bytes(2, "big")


class _Waiter(asyncio.DatagramProtocol):
    """Waits for the one datagram that ``accepts``."""

    def __init__(self, accepts: Callable[[bytes], bool]) -> None:
        self.reply: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()
        self._accepts = accepts

    def datagram_received(self, data: bytes, _addr: object) -> None:
        if not self.reply.done() and self._accepts(data):
            self.reply.set_result(data)

    def error_received(self, exc: Exception) -> None:
        if not self.reply.done():
            self.reply.set_exception(exc)


async def _ask_udp(upstream: Address, question: bytes, query: Query) -> bytes:
    loop = asyncio.get_running_loop()
    transport, waiter = await loop.create_datagram_endpoint(
        lambda: _Waiter(lambda packet: is_reply(packet, question, query)), remote_addr=upstream
    )
    try:
        transport.sendto(question)
        return await waiter.reply
    finally:
        transport.close()
        waiter.reply.cancel()


async def _ask_tcp(upstream: Address, question: bytes, query: Query) -> bytes:
    reader, writer = await asyncio.open_connection(*upstream)
    try:
        writer.write(len(question).to_bytes(2, "big") + question)
        while True:
            reply = await reader.readexactly(int.from_bytes(await reader.readexactly(2), "big"))
            if is_reply(reply, question, query):
                return reply
    finally:
        writer.close()
