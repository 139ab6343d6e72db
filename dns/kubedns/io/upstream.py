"""One upstream: questions over UDP and TCP, and its health.

Follows CoreDNS ``plugin/pkg/proxy``: an upstream that has failed to answer is probed until it answers, and is down
after more than ``max_fails`` failed probes in a row. One socket for each question, so that the source port is
as random as the id.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from kubedns.config import Forward
from kubedns.packets.format import HEADER, TC
from kubedns.packets.queries import write_query
from kubedns.types import QType
from kubehost.addresses import Address

PROBE_TIMEOUT = 1.0
"""Seconds that a probe waits."""

_PROBE = write_query(0x6B73, b"\0", QType.NS, 512)


class Upstream:
    """A name server at ``address``, which is asked as ``forward`` says."""

    def __init__(self, address: Address, forward: Forward) -> None:
        self.address = address
        self._forward = forward
        self._fails = 0
        self._probing: asyncio.Task[None] | None = None

    @property
    def is_down(self) -> bool:
        """Whether its probes have failed, so that others should be asked."""
        return 0 < self._forward.max_fails < self._fails

    async def ask(self, question: bytes, *, is_whole: bool) -> bytes | None:
        """Return the reply to a packet; None if there was none, and then it is probed.

        With ``is_whole`` a truncated reply is asked for again over TCP.
        """
        try:
            async with asyncio.timeout(self._forward.timeout):
                reply = await (_ask_tcp if self._forward.is_tcp_only else _ask_udp)(self.address, question)
                if is_whole and reply[2] << 8 & TC:
                    reply = await _ask_tcp(self.address, question)
        except (OSError, EOFError):  # TimeoutError is an OSError
            if self._probing is None and self._forward.probe_interval:
                self._probing = asyncio.get_running_loop().create_task(self._probe(), name="dns-probe")
            return None
        return reply

    async def stop(self) -> None:
        """End the probing."""
        if self._probing is not None:
            self._probing.cancel()
            await asyncio.gather(self._probing, return_exceptions=True)

    async def _probe(self) -> None:
        """Ask for the root's name servers until there is any reply."""
        while True:
            try:
                async with asyncio.timeout(PROBE_TIMEOUT):
                    await (_ask_tcp if self._forward.is_tcp_only else _ask_udp)(self.address, _PROBE)
            except (OSError, EOFError):
                self._fails += 1
                await asyncio.sleep(self._forward.probe_interval)
            else:
                self._fails, self._probing = 0, None
                return


def is_reply(packet: bytes, question: bytes) -> bool:
    """Tell whether a packet replies to the question, by its id; ``packets.relaying`` checks the rest."""
    return len(packet) >= HEADER and packet[:2] == question[:2]


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


async def _ask_udp(upstream: Address, question: bytes) -> bytes:
    loop = asyncio.get_running_loop()
    transport, waiter = await loop.create_datagram_endpoint(
        lambda: _Waiter(lambda packet: is_reply(packet, question)), remote_addr=upstream
    )
    try:
        transport.sendto(question)
        return await waiter.reply
    finally:
        transport.close()
        waiter.reply.cancel()


async def _ask_tcp(upstream: Address, question: bytes) -> bytes:
    reader, writer = await asyncio.open_connection(*upstream)
    try:
        writer.write(len(question).to_bytes(2, "big") + question)
        while True:
            reply = await reader.readexactly(int.from_bytes(await reader.readexactly(2), "big"))
            if is_reply(reply, question):
                return reply
    finally:
        writer.close()
