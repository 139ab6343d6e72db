"""The TTLs of a reply: where they are, the lowest, and what kind of reply it is. Pure.

Follows CoreDNS ``plugin/pkg/response`` (Typify) and ``plugin/pkg/dnsutil`` (MinimalTTL). Takes replies that
``relaying`` has fitted, which can be read.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from enum import Enum, auto
from typing import NamedTuple

from kubedns.packets.format import HEADER, HEADER_FIELDS, RECORD_FIELDS, TC
from kubedns.packets.relaying import skip_name
from kubedns.types import TRANSFERS, QType, RCode

SHORTEST = 5
"""Seconds for a reply without records, or that delegates (dnsutil.MinimalDefaultTTL)."""

_OPCODE_NOTIFY = 0x2000


class Kind(Enum):
    """What a reply says: records, that there are none, that the upstream has failed, or something else (REFUSED)."""

    SUCCESS = auto()
    DENIAL = auto()
    FAILURE = auto()
    OTHER = auto()


class TimesToLive(NamedTuple):
    """The TTLs of a reply. ``offsets`` are where they are, without the id's two bytes; ``lowest`` is in seconds."""

    kind: Kind
    offsets: tuple[int, ...]
    lowest: int


class _Found(NamedTuple):
    section: int
    rtype: int
    ttl: int
    offset: int


def read_ttls(reply: bytes) -> TimesToLive | None:
    """Return the TTLs of a reply; None for one that is cut, or replies to no query."""
    _, flags, *counts = HEADER_FIELDS.unpack_from(reply)
    end = skip_name(reply, HEADER)
    qtype = int.from_bytes(reply[end : end + 2], "big")
    if flags & TC or flags & _OPCODE_NOTIFY or qtype in TRANSFERS:
        return None
    records = [each for each in _records(reply, end + 4, counts[1:]) if each.rtype != QType.OPT]
    kind, lowest = _judge(flags & 15, records)
    return TimesToLive(kind, tuple(each.offset - 2 for each in records), lowest)


def with_ttl(reply: bytes, offsets: Sequence[int], seconds: int) -> bytes:
    """Return a reply without its id, with one TTL for all records."""
    changed, ttl = bytearray(reply), seconds.to_bytes(4, "big")
    for each in offsets:
        changed[each : each + 4] = ttl
    return bytes(changed)


def _judge(rcode: int, records: Sequence[_Found]) -> tuple[Kind, int]:
    """Return the kind and the lowest TTL; CoreDNS does not look at the last number of an SOA record (RFC 2308)."""
    lowest = min((each.ttl for each in records), default=SHORTEST)
    has_start = any(each.section == 1 and each.rtype == QType.SOA for each in records)
    if rcode == RCode.NOERROR and any(each.section == 0 for each in records):
        return Kind.SUCCESS, lowest
    if rcode == RCode.NXDOMAIN or (rcode == RCode.NOERROR and has_start):
        return Kind.DENIAL, lowest
    if rcode == RCode.NOERROR:
        is_delegation = any(each.section == 1 and each.rtype == QType.NS for each in records)
        return Kind.SUCCESS, SHORTEST if is_delegation else lowest
    return (Kind.FAILURE if rcode == RCode.SERVFAIL else Kind.OTHER), SHORTEST


def _records(reply: bytes, at: int, counts: Sequence[int]) -> Iterator[_Found]:
    for section, count in enumerate(counts):
        for _ in range(count):
            name_end = skip_name(reply, at)
            rtype, _, ttl, length = RECORD_FIELDS.unpack_from(reply, name_end)
            at = name_end + RECORD_FIELDS.size + length
            yield _Found(section, rtype, ttl, name_end + 4)
