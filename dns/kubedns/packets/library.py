"""Packets that need a library: queries in a form that ``queries`` does not read, and replies of upstreams.

The only file that knows dnslib, which takes over 200 calls for a query (tests/kubedns/test_cost.py).
"""

from __future__ import annotations

from typing import NamedTuple

import dnslib

from kubedns.names import labels_of, to_wire
from kubedns.packets.format import DNSSEC_OK, HEADER, TC
from kubedns.types import Edns, Malformed, QType, Query, RCode, Record

_FAULTS = (dnslib.DNSError, ValueError, IndexError, KeyError, TypeError, RecursionError)
"""What dnslib raises on packets of garbage; its BufferError and DNSLabelError are ValueErrors or DNSErrors.

It follows compression pointers by recursion, and a packet has room for more of them than Python has stack.
"""


class Reply(NamedTuple):
    """An upstream's reply: the aliases and addresses in its answer section."""

    rcode: int
    records: tuple[Record, ...]
    is_truncated: bool


def read_any_query(packet: bytes) -> Query | Malformed:
    """Read a query of any form, for which ``is_query`` holds; never raises."""
    ident, flags = int.from_bytes(packet[:2], "big"), int.from_bytes(packet[2:4], "big")
    try:
        parsed = dnslib.DNSRecord.parse(packet)
        question = parsed.questions[0]
        name = _wire_of(question.qname)
        opts = [each for each in parsed.ar if each.rtype == QType.OPT]
    except _FAULTS:
        return Malformed(ident, flags, RCode.FORMERR)
    # Of two OPT records the last one counts, as for miekg/dns (RFC 6891 would have FORMERR).
    edns = Edns(opts[-1].rclass, opts[-1].ttl >> 16 & 0xFF, bool(opts[-1].ttl & DNSSEC_OK)) if opts else None
    return Query(ident, flags, name, labels_of(name), question.qtype, question.qclass, edns, False)


def read_serial(packet: bytes) -> int | None:
    """Return the serial that the client of an IXFR states to have (RFC 1995); None if it states none."""
    try:
        (start,) = dnslib.DNSRecord.parse(packet).auth
        return int(start.rdata.times[0])
    except (*_FAULTS, AttributeError):
        return None


def read_reply(packet: bytes) -> Reply | None:
    """Read an upstream's reply; None for garbage."""
    if len(packet) < HEADER:
        return None
    try:
        parsed = dnslib.DNSRecord.parse(packet)
        records = [_record(each) for each in parsed.rr]
    except _FAULTS:
        return None
    is_truncated = bool(int.from_bytes(packet[2:4], "big") & TC)
    return Reply(parsed.header.rcode, tuple(each for each in records if each), is_truncated)


def _record(rr: dnslib.RR) -> Record | None:
    name = _wire_of(rr.rname)
    if rr.rtype == QType.CNAME:
        return Record(name, QType.CNAME, rr.ttl, _wire_of(rr.rdata.label))
    if rr.rtype in (QType.A, QType.AAAA):
        return Record(name, rr.rtype, rr.ttl, bytes(rr.rdata.data))
    return None


def _wire_of(label: dnslib.DNSLabel) -> bytes:
    return to_wire(label.label)
