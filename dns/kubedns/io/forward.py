"""Asks the upstreams of a name, one after the other, until there is a reply or the time is over.

They are those of the longest domain that the name is in. Follows CoreDNS ``plugin/forward``: those that are down are
passed over; if all are down, one is tried nevertheless. Never asks this server itself.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Collection, Mapping, Sequence

from kubedns.config import Forward
from kubedns.io.upstream import Upstream
from kubedns.names import labels_of, wire_of
from kubedns.replies import ReplyCache
from kubedns.types import Labels, Query
from kubehost.addresses import Address

DEADLINE = 5.0
"""Seconds for all upstreams together."""

MAX_ROUNDS = 3
"""How often a question may come back to us before it is a loop."""


class Domain:
    """The upstreams of a domain. ``waiting`` is how many clients' queries wait for them, ``replies`` are kept ones."""

    def __init__(self, forward: Forward, rng: random.Random) -> None:
        self.waiting = 0
        self.replies = ReplyCache(forward.retention) if forward.retention is not None else None
        self._forward = forward
        self._rng = rng
        self._turn = 0
        self._upstreams = [Upstream(each, forward) for each in forward.servers]

    @property
    def upstreams(self) -> Sequence[Upstream]:
        """The upstreams, as they are configured."""
        return self._upstreams

    @property
    def has_room(self) -> bool:
        """Whether one more query may wait."""
        return not self._forward.max_concurrent or self.waiting < self._forward.max_concurrent

    def exclude(self, own: Collection[Address]) -> None:
        """Never ask at the addresses where this server itself listens."""
        self._upstreams = [each for each in self._upstreams if each.address not in own]

    def order(self) -> list[Upstream]:
        """Return the upstreams to try: the healthy ones by the policy, a single one twice; if none, any one."""
        order = list(self._upstreams)
        healthy = [each for each in order if not each.is_down]
        if self._forward.policy == "random" or not healthy:
            self._rng.shuffle(order)
        elif self._forward.policy == "round_robin":
            self._turn = (self._turn + 1) % len(order)
            order = order[self._turn :] + order[: self._turn]
        if not healthy:
            return order[:1]
        return healthy * 2 if len(healthy) == 1 else [each for each in order if not each.is_down]


class Forwarder:
    """Asks the upstreams of each domain, by its name; "." is every other name."""

    def __init__(self, forwards: Mapping[str, Forward], rng: random.Random) -> None:
        self._rng = rng
        # A Forward of several domains is one: its limit and its replies are for all of them.
        same = {each: Domain(each, rng) for each in forwards.values()}
        self._domains = {labels_of(wire_of(name)): same[each] for name, each in forwards.items()}
        self._outstanding: dict[bytes, int] = {}
        self._nobody = Domain(Forward(), rng)

    def exclude(self, own: Collection[Address]) -> None:
        """Never ask at the addresses where this server itself listens."""
        for each in self._domains.values():
            each.exclude(own)

    def domain_of(self, labels: Labels) -> Domain:
        """Return the longest domain that a name is in; one without upstreams if there is none."""
        for at in range(len(labels) + 1):
            found = self._domains.get(labels[at:])
            if found is not None:
                return found
        return self._nobody

    def replies(self) -> list[ReplyCache]:
        """Return the kept replies of all domains."""
        return [each.replies for each in set(self._domains.values()) if each.replies is not None]

    def can_ask(self, labels: Labels) -> bool:
        """Tell whether a name has an upstream."""
        return bool(self.domain_of(labels).upstreams)

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
                for upstream in self.domain_of(query.labels).order():
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
        for domain in self._domains.values():
            for each in domain.upstreams:
                await each.stop()
