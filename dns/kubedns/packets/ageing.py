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
    """What a reply says: records, that there are none, or that the upstream has failed."""

    SUCCESS = auto()
    DENIAL = auto()
    FAILURE = auto()


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
    end: int


def read_ttls(reply: bytes) -> TimesToLive | None:
    """Return the TTLs of a reply; None for one that must not be kept: cut, of another rcode, or to no query."""
    _, flags, *counts = HEADER_FIELDS.unpack_from(reply)
    end = skip_name(reply, HEADER)
    qtype = int.from_bytes(reply[end : end + 2], "big")
    if flags & TC or flags & _OPCODE_NOTIFY or qtype in TRANSFERS:
        return None
    records = [each for each in _records(reply, end + 4, counts[1:]) if each.rtype != QType.OPT]
    kind, lowest = _judge(flags & 15, records, reply)
    return None if kind is None else TimesToLive(kind, tuple(each.offset - 2 for each in records), lowest)


def with_ttl(reply: bytes, offsets: Sequence[int], seconds: int) -> bytes:
    """Return a reply without its id, with one TTL for all records."""
    changed, ttl = bytearray(reply), seconds.to_bytes(4, "big")
    for each in offsets:
        changed[each : each + 4] = ttl
    return bytes(changed)


def _judge(rcode: int, records: Sequence[_Found], reply: bytes) -> tuple[Kind | None, int]:
    answers = [each for each in records if each.section == 0]
    starts = [each for each in records if each.section == 1 and each.rtype == QType.SOA]
    lowest = min((each.ttl for each in records), default=SHORTEST)
    if rcode == RCode.NOERROR and answers:
        return Kind.SUCCESS, lowest
    if rcode == RCode.NXDOMAIN or (rcode == RCode.NOERROR and starts):
        # The last number of an SOA record is the TTL of negative answers (RFC 2308).
        minima = [int.from_bytes(reply[each.end - 4 : each.end], "big") for each in starts]
        return Kind.DENIAL, min([lowest, *minima])
    if rcode == RCode.SERVFAIL:
        return Kind.FAILURE, 0
    return (Kind.SUCCESS, SHORTEST) if rcode == RCode.NOERROR else (None, 0)


def _records(reply: bytes, at: int, counts: Sequence[int]) -> Iterator[_Found]:
    for section, count in enumerate(counts):
        for _ in range(count):
            name_end = skip_name(reply, at)
            rtype, _, ttl, length = RECORD_FIELDS.unpack_from(reply, name_end)
            at = name_end + RECORD_FIELDS.size + length
            yield _Found(section, rtype, ttl, name_end + 4, at)
