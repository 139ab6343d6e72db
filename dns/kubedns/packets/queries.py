"""Queries: read, most of them by hand, and written for upstreams. Pure.

``read_query`` reads one question without compression and at most a lone OPT record, as resolvers send it; it returns
None for anything else, which ``library`` then reads. Headers are refused as by miekg/dns ``acceptfunc.go``.
"""

from __future__ import annotations

from kubedns.names import MAX_LABEL, MAX_NAME
from kubedns.packets.format import (
    DNSSEC_OK,
    HEADER,
    HEADER_FIELDS,
    MAX_TCP,
    MAX_UDP,
    MIN_UDP,
    OPCODE,
    OPT_FIELDS,
    WORDS,
)
from kubedns.packets.library import read_any_query
from kubedns.types import Edns, Malformed, QType, Query, RCode

_OPCODES = (0x0000, 0x2000)
"""QUERY and NOTIFY."""

_OPT_BEGIN = b"\0\0\x29"
"""The root's name and the type OPT."""


def is_query(packet: bytes) -> bool:
    """Tell whether the packet deserves a reply: it has a header, and it is not a response itself."""
    return len(packet) >= HEADER and packet[2] < 0x80


def read(packet: bytes) -> Query | Malformed:
    """Read a packet for which ``is_query`` holds, by hand if it has the common form; never raises."""
    return read_query(packet) or refuse_header(packet) or read_any_query(packet)


def read_query(packet: bytes) -> Query | None:
    """Read a query of the common form, for which ``is_query`` holds; None for any other form."""
    ident, flags, questions, answers, authorities, additionals = HEADER_FIELDS.unpack_from(packet)
    if questions != 1 or answers or authorities or additionals > 1 or flags & OPCODE not in _OPCODES:
        return None
    lowered, at, labels = packet.lower(), HEADER, []
    try:
        while length := lowered[at]:
            if length > MAX_LABEL:  # a compression pointer, or no label
                return None
            start = at + 1
            at = start + length
            labels.append(lowered[start:at])
    except IndexError:
        return None
    last, end, edns = at + 1, at + 5, None
    if last > HEADER + MAX_NAME or end > len(packet):
        return None
    if additionals:
        edns, end = _read_opt(packet, end), end + OPT_FIELDS.size
        if edns is None:
            return None
    qtype, qclass = WORDS.unpack_from(packet, last)
    return Query(ident, flags, packet[HEADER:last], tuple(labels), qtype, qclass, edns, end == len(packet))


def _read_opt(packet: bytes, at: int) -> Edns | None:
    """Return the OPT record at an offset, which is the root's; its options are skipped."""
    options = at + OPT_FIELDS.size
    if options > len(packet) or packet[at : at + 3] != _OPT_BEGIN:
        return None
    _, size, _, version, flags, length = OPT_FIELDS.unpack_from(packet, at)
    return None if options + length > len(packet) else Edns(size, version, bool(flags & DNSSEC_OK))


def refuse_header(packet: bytes) -> Malformed | None:
    """Return the refusal that the header alone deserves; None if the rest may be read."""
    ident, flags, questions, answers, authorities, additionals = HEADER_FIELDS.unpack_from(packet)
    if flags & OPCODE not in _OPCODES:
        return Malformed(ident, flags, RCode.NOTIMP)
    if questions != 1 or answers > 1 or authorities > 1 or additionals > 2:
        return Malformed(ident, flags, RCode.FORMERR)
    return None


def write_query(ident: int, name: bytes, qtype: int, size: int) -> bytes:
    """Return a query of our own, recursion desired, for up to ``size`` bytes over UDP."""
    return (
        HEADER_FIELDS.pack(ident, 0x0100, 1, 0, 0, 1)
        + name
        + WORDS.pack(qtype, 1)
        + OPT_FIELDS.pack(QType.OPT, size, 0, 0, 0, 0)
    )


def udp_limit(query: Query) -> int:
    """Return how many bytes a response may have over UDP."""
    return MIN_UDP if query.edns is None else min(max(query.edns.size, MIN_UDP), MAX_UDP)


def response_limit(query: Query, *, is_tcp: bool) -> int:
    """Return how many bytes a response may have."""
    return MAX_TCP if is_tcp else udp_limit(query)
