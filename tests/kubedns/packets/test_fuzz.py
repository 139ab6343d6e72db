"""Garbage in, never an exception out; and the two readers of queries agree."""

from __future__ import annotations

import random
import struct

import dnslib
from hypothesis import example, given, settings
from hypothesis import strategies as st
from tests.helpers.kubedns.zone import handler

from kubedns.config import DNSConfig
from kubedns.handler import Handler
from kubedns.names import labels_of, to_wire
from kubedns.packets.library import read_any_query, read_reply
from kubedns.packets.queries import read_query, refuse_header, write_query
from kubedns.packets.responses import write_response
from kubedns.responder import Responder
from kubedns.types import Answer, Malformed, QType, Query, RCode, Record

LABELS = st.sampled_from(
    [b"cart", b"shop", b"svc", b"pod", b"db", b"_http", b"_tcp", b"ext", b"1-2-3-4", b"*", b"\xff."]
)
TAILS = st.sampled_from([(b"cluster", b"local"), (b"CLUSTER", b"Local"), (b"in-addr", b"arpa"), (b"ip6", b"arpa"), ()])


@st.composite
def queries(draw: st.DrawFn) -> bytes:
    """Queries of good form, for all kinds of names."""
    name = to_wire((*draw(st.lists(LABELS, max_size=7)), *draw(TAILS)))
    return write_query(draw(st.integers(0, 65535)), name, draw(st.integers(0, 300)), draw(st.integers(0, 65535)))


@st.composite
def mutilated(draw: st.DrawFn) -> bytes:
    """Queries that something happened to."""
    packet = bytearray(draw(queries()))
    for _ in range(draw(st.integers(1, 4))):
        packet[draw(st.integers(0, len(packet) - 1))] = draw(st.integers(0, 255))
    return bytes(packet[: draw(st.integers(0, len(packet)))]) if draw(st.booleans()) else bytes(packet)


PACKETS = st.one_of(st.binary(max_size=600), queries(), mutilated())
RESPONDERS = [
    Responder(handler(config=DNSConfig(pods=pods)), random.Random(1).random) for pods in ("insecure", "verified")
]


@settings(max_examples=400)
@given(PACKETS, st.booleans())
@example(b"\0" * 12, False)
def test_every_packet_gets_silence_or_a_response_that_can_be_read(packet: bytes, is_tcp: bool) -> None:
    for responder in RESPONDERS:
        replies = [responder.respond(packet, is_tcp=is_tcp) for _ in range(3)]  # anew, anew and kept, from the cache
        if len(packet) < 12 or packet[2] & 0x80:
            assert replies == [None] * 3
            continue
        for reply in replies:
            assert isinstance(reply, bytes)
            assert reply[:2] == packet[:2]
            assert reply[2] & 0x80
            assert len(reply) == len(replies[0] or b"")
        try:
            dnslib.DNSRecord.parse(replies[0])
        except dnslib.DNSError as error:
            assert "Invalid label" in str(error)  # labels that are not UTF-8 are none to dnslib, but are to DNS


@settings(max_examples=400)
@given(st.one_of(queries(), mutilated()))
def test_the_fast_reader_reads_as_the_careful_one_does(packet: bytes) -> None:
    if len(packet) < 12 or packet[2] & 0x80 or refuse_header(packet) is not None:
        return
    fast, careful = read_query(packet), read_any_query(packet)
    if fast is None or isinstance(careful, Malformed):
        return
    assert fast._replace(is_plain=False) == careful


REAL = st.sampled_from(
    [
        b"cart.shop.svc",
        b"_http._tcp.cart.shop.svc",
        b"dual.shop.svc",
        b"db.shop.svc",
        b"_pg._tcp.db.shop.svc",
        b"twins.shop.svc",
        b"twice.shop.svc",
        b"ext.shop.svc",
        b"missing.shop.svc",
        b"shop.svc",
        b"1-2-3-4.shop.pod",
        b"dns-version",
        b"",
    ]
)


@st.composite
def spelled_queries(draw: st.DrawFn) -> dnslib.DNSRecord:
    """Queries as resolvers make them: any type, any spelling (0x20), any EDNS size, flag and option."""
    name = b".".join(each for each in (draw(REAL), b"cluster.local") if each).decode()
    upper = draw(st.integers(0, 2 ** len(name) - 1))
    spelled = "".join(each.upper() if upper >> at & 1 else each for at, each in enumerate(name))
    asked = dnslib.DNSRecord(
        dnslib.DNSHeader(id=draw(st.integers(0, 65535)), bitmap=draw(st.sampled_from([0x0100, 0, 0x0110, 0x0120])))
    )
    qtype = draw(st.one_of(st.sampled_from([*map(int, QType)]), st.integers(0, 65535)))
    asked.add_question(dnslib.DNSQuestion(spelled, qtype, draw(st.sampled_from([1, 1, 1, 1, 3, 255]))))
    if draw(st.booleans()):
        options = draw(
            st.lists(st.builds(dnslib.EDNSOption, st.sampled_from([3, 8, 10, 12, 999]), st.binary()), max_size=3)
        )
        flags, version = draw(st.sampled_from(["", "do"])), draw(st.sampled_from([0, 0, 0, 1]))
        asked.add_ar(dnslib.EDNS0(flags=flags, version=version, udp_len=draw(st.integers(0, 65535)), opts=options))
    return asked


def slow_response(handler: Handler, packet: bytes) -> dnslib.DNSRecord:
    """The response by dnslib alone, from the packet to the packet: no order, no size, no cache, no bytes of ours."""
    asked = dnslib.DNSRecord.parse(packet)
    query = read_any_query(packet)
    assert isinstance(query, Query)
    opts = [each for each in asked.ar if each.rtype == QType.OPT]
    is_strange = query.edns is not None and query.edns.version > 0
    answer = Answer(RCode.BADVERS, is_authoritative=False) if is_strange else handler.answer(query)
    header = dnslib.DNSHeader(
        id=asked.header.id,
        bitmap=0x8000 | asked.header.bitmap & 0x7910 | answer.rcode & 15 | 0x0400 * answer.is_authoritative,
    )
    reply = dnslib.DNSRecord(header, q=dnslib.DNSQuestion(asked.q.qname, asked.q.qtype, asked.q.qclass))
    reply.add_answer(*parsed_alone(list(answer.answers)))
    reply.add_auth(*parsed_alone(list(answer.authority)))
    reply.add_ar(*parsed_alone(list(answer.additional)))
    for each in opts:
        size, dnssec_ok = (0, 0) if is_strange else (each.rclass, each.ttl & 0x8000)
        ttl = (answer.rcode >> 4) << 24 | dnssec_ok
        reply.add_ar(dnslib.RR(rtype=QType.OPT, rclass=size, ttl=ttl, rdata=[]))
    return dnslib.DNSRecord.parse(reply.pack())


def sections(reply: dnslib.DNSRecord) -> list[object]:
    """All that a response says, each section in one order."""
    header, q = reply.header, reply.q
    lists = [sorted(f"{each.rname} {each.rtype} {each.rclass} {each.ttl} {each.rdata}" for each in section)
             for section in (reply.rr, reply.auth, reply.ar)]  # fmt: skip
    return [header.id, header.bitmap, str(q.qname), q.qtype, q.qclass, *lists]


HANDLER = handler()
FAST = Responder(HANDLER, random.Random(1).random)


@settings(max_examples=500)
@given(spelled_queries())
def test_the_fast_path_says_what_the_slow_one_says(asked: dnslib.DNSRecord) -> None:
    packet = bytes(asked.pack())
    meant = sections(slow_response(HANDLER, packet))
    for _ in range(3):  # anew, anew and kept, from the cache
        reply = FAST.respond(packet, is_tcp=True)
        assert isinstance(reply, bytes)
        assert sections(dnslib.DNSRecord.parse(reply)) == meant


@given(queries())
def test_the_fast_reader_reads_every_common_query(packet: bytes) -> None:
    assert isinstance(read_query(packet), Query)


@settings(max_examples=300)
@given(PACKETS)
def test_the_reply_of_an_upstream_may_be_garbage(packet: bytes) -> None:
    read_reply(packet)


NAMES = st.lists(st.sampled_from([b"a", b"b", b"A", b"svc", b"cluster", b"x" * 63]), max_size=3).map(to_wire)


@st.composite
def records(draw: st.DrawFn) -> Record:
    name, target = draw(NAMES), draw(NAMES)
    qtype = draw(st.sampled_from([QType.A, QType.CNAME, QType.SRV, QType.SOA, QType.PTR]))
    rdata = {QType.A: b"\1\2\3\4", QType.SRV: b"\0\0\0\1\0\2" + target, QType.SOA: target + name + b"\0" * 20}
    return Record(name, qtype, 5, rdata.get(qtype, target))


@settings(max_examples=300)
@given(NAMES, st.lists(records(), max_size=12), st.lists(records(), max_size=3), st.integers(512, 2000))
def test_every_response_reads_as_it_was_meant(
    name: bytes, answers: list[Record], authority: list[Record], limit: int
) -> None:
    asked = Query(1, 0, name, labels_of(name), 1, 1, None, False)
    glue = tuple(each for each in answers if each.type == QType.A)
    ordered = sorted(answers, key=lambda each: each.type == QType.A)
    meant = [*ordered, *authority, *glue]
    answer = Answer(RCode.NOERROR, tuple(answers), tuple(authority), glue)
    packet = b"\0\1" + write_response(asked, answer, limit).render(float)
    parsed = dnslib.DNSRecord.parse(packet)
    read = [*parsed.rr, *parsed.auth, *parsed.ar]
    assert len(packet) <= limit
    assert bool(parsed.header.tc) is (len(read) < len(meant))
    if not parsed.header.tc:
        assert sorted(map(spelled, read)) == sorted(map(spelled, parsed_alone(meant)))


def spelled(rr: dnslib.RR) -> str:
    return f"{rr.rname} {rr.rtype} {rr.rdata}"


def parsed_alone(meant: list[Record]) -> list[dnslib.RR]:
    """The records as dnslib reads each by itself, without compression."""
    alone = [each.name + struct.pack(">HHIH", each.type, 1, each.ttl, len(each.rdata)) + each.rdata for each in meant]
    return [dnslib.DNSRecord.parse(bytes(7) + b"\1" + bytes(4) + each).rr[0] for each in alone]
