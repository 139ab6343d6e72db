"""Replies of upstreams that are kept for their TTL, each by its question and the client's EDNS. Pure.

Follows CoreDNS ``plugin/cache``: which replies are kept, for how long, and that every TTL in one is then its lowest,
counted down; but one that is kept answers only clients with the same EDNS and flags, as it is fitted to them already.
"""

from __future__ import annotations

from math import ceil
from typing import NamedTuple

from kubedns.config import Retention
from kubedns.names import is_below, labels_of, wire_of
from kubedns.packets.ageing import Kind, TimesToLive, read_ttls, with_ttl
from kubedns.packets.format import HEADER
from kubedns.types import Edns, Labels, Query

Key = tuple[Labels, int, int, int, Edns | None, bool]


class KeptReply(NamedTuple):
    """A reply without its id, where its TTLs are, and until when it may be given out, in seconds."""

    reply: bytes
    offsets: tuple[int, ...]
    until: float


class ReplyCache:
    """Keeps replies as a Retention says. Full, it forgets those that have been there for longest."""

    def __init__(self, retention: Retention) -> None:
        self._retention = retention
        self._successes: dict[Key, KeptReply] = {}
        self._denials: dict[Key, KeptReply] = {}
        denials = [labels_of(wire_of(each)) for each in retention.unkept_denials]
        successes = [labels_of(wire_of(each)) for each in retention.unkept_successes]
        self._unkept: dict[Kind, list[Labels]] = {
            Kind.SUCCESS: successes,
            Kind.DENIAL: denials,
            Kind.FAILURE: denials,
            Kind.OTHER: [()],
        }
        self.hits = 0
        self.misses = 0

    def __len__(self) -> int:
        return len(self._successes) + len(self._denials)

    def get(self, query: Query, now: float, *, is_tcp: bool) -> bytes | None:
        """Return the reply without its id, in the query's spelling and with what is left of its TTL; None for none."""
        key = _key(query, is_tcp=is_tcp)
        for kept in (self._successes, self._denials):
            found = kept.get(key)
            if found is None:
                continue
            left = found.until - now
            if left <= 0:
                del kept[key]
                continue
            self.hits += 1
            reply = with_ttl(found.reply, found.offsets, ceil(left))
            begin, end = HEADER - 2, HEADER - 2 + len(query.name)
            return reply[:begin] + query.name + reply[end:]
        self.misses += 1
        return None

    def keep(self, query: Query, reply: bytes, now: float, *, is_tcp: bool) -> bytes:
        """Keep a reply if it may be kept, and return it with the TTL that it has from now on, kept or not."""
        ttls = read_ttls(reply)
        if ttls is None:
            return reply
        seconds = self._seconds(ttls)
        aged = reply[:2] + with_ttl(reply[2:], ttls.offsets, int(seconds))
        kept, capacity = self._place(ttls.kind)
        is_unkept = any(is_below(query.labels, each) for each in self._unkept[ttls.kind])
        if capacity and seconds > 0 and not is_unkept:
            key = _key(query, is_tcp=is_tcp)
            kept.pop(key, None)
            if len(kept) >= capacity:
                del kept[next(iter(kept))]
            kept[key] = KeptReply(aged[2:], ttls.offsets, now + seconds)
        return aged

    def _place(self, kind: Kind) -> tuple[dict[Key, KeptReply], int]:
        if kind is Kind.SUCCESS:
            return self._successes, self._retention.success_capacity
        return self._denials, self._retention.denial_capacity

    def _seconds(self, ttls: TimesToLive) -> float:
        retention = self._retention
        if ttls.kind is Kind.FAILURE:
            return retention.failure_ttl
        if ttls.kind is not Kind.DENIAL:
            return min(max(ttls.lowest, retention.success_least), retention.success_ttl)
        return min(max(ttls.lowest, retention.denial_least), retention.denial_ttl)


def _key(query: Query, *, is_tcp: bool) -> Key:
    return query.labels, query.type, query.qclass, query.flags, query.edns, is_tcp
