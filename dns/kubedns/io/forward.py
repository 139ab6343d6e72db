"""Asks the upstreams of a name, one after the other, until there is a reply or the time is over.

They are those of the longest stub domain that the name is in, else the general ones. Follows CoreDNS
``plugin/forward``: policy random; those that are down are passed over; if all are down, one is tried nevertheless.
Never asks this server itself.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Collection, Mapping, Sequence

from kubedns.io.upstream import Upstream
from kubedns.types import Labels, Query
from kubehost.addresses import Address

DEADLINE = 5.0
"""Seconds for all upstreams together."""

MAX_ROUNDS = 3
"""How often a question may come back to us before it is a loop."""


class Forwarder:
    """Asks the upstreams of each domain; the domain () is every other name.

    ``timeout`` is in seconds, for each upstream.
    """

    def __init__(
        self,
        domains: Mapping[Labels, Sequence[Address]],
        rng: random.Random,
        *,
        timeout: float,
    ) -> None:
        self._domains = {
            labels: tuple(Upstream(each, timeout=timeout) for each in addresses)
            for labels, addresses in domains.items()
        }
        self._rng = rng
        self._outstanding: dict[bytes, int] = {}

    def exclude(self, own: Collection[Address]) -> None:
        """Never ask at the addresses where this server itself listens."""
        self._domains = {
            labels: tuple(each for each in upstreams if each.address not in own)
            for labels, upstreams in self._domains.items()
        }

    def upstreams_of(self, labels: Labels) -> Sequence[Upstream]:
        """Return the upstreams for a name; empty if there are none."""
        for at in range(len(labels) + 1):
            found = self._domains.get(labels[at:])
            if found is not None:
                return found
        return ()

    def can_ask(self, labels: Labels) -> bool:
        """Tell whether a name has an upstream."""
        return bool(self.upstreams_of(labels))

    def is_loop(self, packet: bytes) -> bool:
        """Tell whether a packet that came in is a question of ours that has come back again and again.

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
                for upstream in self._order(self.upstreams_of(query.labels)):
                    reply = await upstream.ask(question, is_whole=is_whole)
                    if reply is not None:
                        return packet[:2] + reply[2:]
        except TimeoutError:
            return None
        finally:
            self._outstanding.pop(question, None)
        return None

    async def stop(self) -> None:
        """End the probing of upstreams."""
        for upstreams in self._domains.values():
            for each in upstreams:
                await each.stop()

    def _order(self, upstreams: Sequence[Upstream]) -> list[Upstream]:
        """Return the upstreams to try: the healthy ones in random order, a single one twice; if none, any one."""
        order = self._rng.sample(upstreams, len(upstreams))
        healthy = [each for each in order if not each.is_down]
        if not healthy:
            return order[:1]
        return healthy * 2 if len(healthy) == 1 else healthy
