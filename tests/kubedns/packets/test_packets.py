"""Packets: what is read, what is written, how much of it, and in which order."""

from __future__ import annotations

import random
from collections import Counter
from itertools import pairwise

import dnslib
import pytest
from tests.helpers.kubedns.objects import endpoint, endpoint_slice, namespace, service
from tests.helpers.kubedns.zone import handler, query

from kubedns.config import DNSConfig
from kubedns.names import wire_of
from kubedns.packets.format import MAX_TCP
from kubedns.packets.library import read_reply
from kubedns.packets.queries import read, udp_limit, write_query
from kubedns.packets.responses import write_malformed, write_response
from kubedns.types import Answer, Edns, Malformed, QType, Query, RCode, Record

NAME = "many.shop.svc.cluster.local."


def respond(asked: Query, answer: Answer, limit: int = MAX_TCP, seed: int = 1) -> dnslib.DNSRecord:
    """The response, read by somebody else's hand."""
    packet = b"\0\1" + write_response(asked, answer, limit).render(random.Random(seed).random)
    assert len(packet) <= limit
    return dnslib.DNSRecord.parse(packet)


def addresses(count: int) -> Answer:
    return Answer(
        RCode.NOERROR,
        tuple(Record(wire_of(NAME), QType.A, 5, bytes((10, 0, each // 256, each % 256))) for each in range(count)),
    )


def headless(count: int) -> list[dict[str, object]]:
    endpoints = [endpoint(f"10.1.{each // 250}.{each % 250}") for each in range(count)]
    return [namespace("shop"), service("many", "None"), endpoint_slice("many-1", "many", *endpoints)]


def test_a_plain_query_is_read() -> None:
    packet = write_query(7, wire_of("Web.Example."), QType.AAAA, 1232)
    assert read(packet) == Query(
        7, 0x0100, b"\x03Web\x07Example\0", (b"web", b"example"), 28, 1, Edns(1232, 0, False), True
    )


@pytest.mark.parametrize(
    ("packet", "plain"),
    [
        (dnslib.DNSRecord.question("a.example").pack(), True),
        (write_query(7, b"\0", 1, 512), True),
        (write_query(7, b"\0", 1, 512) + b"trailing", False),
    ],
    ids=["without EDNS", "the root", "trailing bytes"],
)
def test_equal_bytes_are_an_equal_question_only_in_a_plain_packet(packet: bytes, plain: bool) -> None:
    asked = read(packet)
    assert isinstance(asked, Query)
    assert asked.is_plain is plain


def test_a_cookie_does_not_disturb_and_is_not_plain() -> None:
    asked = dnslib.DNSRecord.question("a.example")
    asked.add_ar(dnslib.EDNS0(udp_len=4096, flags="do", opts=[dnslib.EDNSOption(10, b"12345678")]))
    got = read(asked.pack())
    assert isinstance(got, Query)
    assert (got.edns, got.is_plain) == (Edns(4096, 0, True), False)


def test_a_query_of_an_odd_form_is_read_with_care() -> None:
    asked = dnslib.DNSRecord.question("a.example")
    asked.add_ar(dnslib.RR("x.example", dnslib.QTYPE.A, rdata=dnslib.A("192.0.2.1")))
    asked.add_ar(dnslib.EDNS0(udp_len=1400))
    got = read(asked.pack())
    assert isinstance(got, Query)
    assert (got.labels, got.edns) == ((b"a", b"example"), Edns(1400, 0, False))


HEADER = bytes.fromhex("1234 0100 0001 0000 0000 0000")


@pytest.mark.parametrize(
    ("packet", "rcode"),
    [
        (HEADER, RCode.FORMERR),
        (bytes.fromhex("1234 0100 0000 0000 0000 0000"), RCode.FORMERR),
        (bytes.fromhex("1234 0100 0002 0000 0000 0000") + b"\0\0\1\0\1" * 2, RCode.FORMERR),
        (bytes.fromhex("1234 0100 0001 0002 0000 0000") + b"\0\0\1\0\1", RCode.FORMERR),
        (HEADER + b"\x03ab", RCode.FORMERR),
        (HEADER + b"\xc0\x0c\0\1\0\1", RCode.FORMERR),
        (HEADER + b"\x3f" + b"a" * 63 + b"\x00\0\1", RCode.FORMERR),
        (HEADER + (b"\x3f" + b"a" * 63) * 4 + b"\0\0\1\0\1", RCode.FORMERR),
        (bytes.fromhex("1234 2900 0001 0000 0000 0000") + b"\0\0\6\0\1", RCode.NOTIMP),
        (bytes.fromhex("1234 1100 0001 0000 0000 0000"), RCode.NOTIMP),
    ],
    ids=[
        "nothing but a header",
        "no question",
        "two questions",
        "answers in a query",
        "a cut name",
        "a name that points to itself",
        "a cut question",
        "a name of 256 bytes",
        "UPDATE",
        "STATUS",
    ],
)
def test_a_query_that_cannot_be_answered_gets_a_header_with_the_reason(packet: bytes, rcode: RCode) -> None:
    refused = read(packet)
    assert isinstance(refused, Malformed)
    assert refused.rcode == rcode
    reply = dnslib.DNSHeader.parse(dnslib.buffer.Buffer(packet[:2] + write_malformed(refused)))
    assert (reply.id, reply.qr, reply.rd, reply.rcode) == (0x1234, 1, 1, rcode)


def test_the_header_echoes_what_a_client_looks_for() -> None:
    asked = query("a.example")._replace(flags=0x0130)  # RD, AD, CD
    header = respond(asked, Answer(RCode.NXDOMAIN)).header
    assert (header.qr, header.aa, header.tc, header.rd, header.ra) == (1, 1, 0, 1, 0)
    assert (header.ad, header.cd, header.opcode, header.rcode) == (0, 1, 0, 3)


@pytest.mark.parametrize("size", [0, 512, 1232, 65535])
def test_edns_is_echoed_if_it_was_used(size: int) -> None:
    asked = query("a.example")
    assert not respond(asked, Answer(RCode.NOERROR)).ar
    (opt,) = respond(asked._replace(edns=Edns(size, 0, True)), Answer(RCode.NOERROR)).ar
    assert (opt.rtype, opt.rclass, opt.ttl) == (QType.OPT, size, 0x8000)


def test_an_extended_rcode_is_split_between_header_and_edns() -> None:
    reply = respond(query("a.example")._replace(edns=Edns(1232, 1, False)), Answer(RCode.BADVERS))
    assert (reply.header.rcode, reply.ar[0].ttl >> 24, reply.ar[0].ttl >> 16 & 255) == (0, 1, 0)


def test_who_speaks_another_version_of_edns_is_told_no_size_and_no_flags() -> None:
    reply = respond(query("a.example")._replace(edns=Edns(4096, 1, True)), Answer(RCode.BADVERS))
    assert (reply.ar[0].rclass, reply.ar[0].ttl) == (0, 1 << 24)


@pytest.mark.parametrize(("flags", "echoed"), [(0x0100, 0x0100), (0x0110, 0x0110), (0x2110, 0x2000), (0x2000, 0x2000)])
def test_rd_and_cd_are_echoed_to_a_query_and_not_to_a_notify(flags: int, echoed: int) -> None:
    reply = respond(query("a.example")._replace(flags=flags), Answer(RCode.NOERROR, is_authoritative=False))
    assert reply.header.bitmap == 0x8000 | echoed


@pytest.mark.parametrize(
    ("edns", "limit"),
    [(None, 512), (Edns(0, 0, False), 512), (Edns(1232, 0, False), 1232), (Edns(65535, 0, False), 65507)],
)
def test_the_client_says_how_much_udp_it_takes(edns: Edns | None, limit: int) -> None:
    assert udp_limit(query("a.example")._replace(edns=edns)) == limit


@pytest.mark.parametrize(("count", "shown", "is_truncated"), [(29, 29, 0), (30, 29, 1), (300, 29, 1)])
def test_addresses_that_do_not_fit_are_left_out(count: int, shown: int, is_truncated: int) -> None:
    reply = respond(query(NAME), addresses(count), 512)
    assert (len(reply.rr), reply.header.tc) == (shown, is_truncated)


def test_every_address_has_its_turn_in_a_truncated_response() -> None:
    seen = {str(rr.rdata) for seed in range(80) for rr in respond(query(NAME), addresses(60), 512, seed).rr}
    assert len(seen) == 60


def test_a_truncated_response_keeps_edns() -> None:
    reply = respond(query(NAME)._replace(edns=Edns(600, 0, False)), addresses(300), 600)
    assert reply.header.tc == 1
    assert [each.rtype for each in reply.ar] == [QType.OPT]


@pytest.mark.parametrize("limit", [512, 600, 700, 1232, 4096])
def test_service_records_are_cut_before_their_glue(limit: int) -> None:
    asked = query(f"_http._tcp.{NAME}", "SRV")
    answer = handler(headless(60)).answer(asked)
    reply = respond(asked, answer, limit)
    assert reply.header.tc == 1
    assert len(reply.rr) == 60 or not reply.ar


def test_large_responses_are_whole_over_tcp() -> None:
    """Names beyond 16 KiB are out of a pointer's reach and are written out."""
    asked = query(f"_http._tcp.{NAME}", "SRV")
    answer = handler(headless(450)).answer(asked)
    reply = respond(asked, answer)
    assert (len(reply.rr), len(reply.ar), reply.header.tc) == (450, 450, 0)
    targets = {str(rr.rdata.target) for rr in reply.rr}
    assert {str(rr.rname) for rr in reply.ar} == targets


def test_the_targets_of_service_records_are_not_compressed() -> None:
    asked = query(f"_http._tcp.{NAME}", "SRV")
    packet = write_response(asked, handler(headless(1)).answer(asked), MAX_TCP).head
    assert packet.endswith(wire_of(f"10-1-0-0.{NAME}"))


def test_service_records_are_not_shuffled_but_their_glue_is() -> None:
    asked = query(f"_http._tcp.{NAME}", "SRV")
    answer = handler(headless(3)).answer(asked)
    replies = [respond(asked, answer, seed=seed) for seed in range(40)]
    assert len({tuple(str(each.rdata) for each in reply.rr) for reply in replies}) == 1
    assert len({tuple(str(each.rname) for each in reply.ar) for reply in replies}) == 6


def test_glue_that_does_not_fit_makes_the_response_a_truncated_one() -> None:
    asked = query(f"_http._tcp.{NAME}", "SRV")
    answer = handler(headless(8)).answer(asked)
    size = 2 + len(write_response(asked, answer, MAX_TCP).render(float))
    assert respond(asked, answer, size).header.tc == 0
    reply = respond(asked, answer, size - 1)
    assert (len(reply.rr), len(reply.ar), reply.header.tc) == (8, 7, 1)


def test_notify_is_answered_like_a_query() -> None:
    """miekg/dns lets it pass; the name decides, as for any question."""
    got = read(bytes.fromhex("1234 2000 0001 0000 0000 0000") + b"\0\0\6\0\1")
    assert isinstance(got, Query)
    assert respond(got, Answer(RCode.NOERROR)).header.opcode == 4


def test_aliases_keep_their_order_before_the_addresses() -> None:
    chain = [wire_of(f"{each}.example") for each in "abc"]
    answer = Answer(
        RCode.NOERROR,
        (
            Record(chain[2], QType.A, 5, b"\1\1\1\1"),
            *(Record(name, QType.CNAME, 5, target) for name, target in pairwise(chain)),
            Record(chain[2], QType.A, 5, b"\2\2\2\2"),
        ),
    )
    for seed in range(10):
        reply = respond(query("a.example"), answer, seed=seed)
        assert [each.rtype for each in reply.rr] == [5, 5, 1, 1]
        assert [str(each.rname) for each in reply.rr] == ["a.example.", "b.example.", "c.example.", "c.example."]


@pytest.mark.parametrize("count", [2, 3, 4])
def test_every_order_of_addresses_is_equally_likely(count: int) -> None:
    rng = random.Random(1)
    response = write_response(query(NAME), addresses(count), MAX_TCP)
    variants = response.variants()
    rounds = 2400
    seen = Counter(rng.choice(variants) if variants else response.render(rng.random) for _ in range(rounds))
    orders = {2: 2, 3: 6, 4: 24}[count]
    assert len(seen) == orders
    assert min(seen.values()) > rounds / orders * 0.6


def test_few_orders_are_kept_ready_and_many_are_not() -> None:
    assert [len(write_response(query(NAME), addresses(each), MAX_TCP).variants()) for each in (0, 1, 2, 3, 4)] == [
        1, 1, 2, 6, 0,
    ]  # fmt: skip


def test_the_answer_of_an_upstream_is_read_with_its_aliases() -> None:
    reply = dnslib.DNSRecord.question("a.example").reply()
    reply.add_answer(*dnslib.RR.fromZone("a.example 60 CNAME b.example\nb.example 61 A 192.0.2.1\nb.example TXT x"))
    got = read_reply(reply.pack())
    assert got is not None
    assert [(each.type, each.ttl) for each in got.records] == [(5, 60), (1, 61)]
    assert got.records[0].rdata == wire_of("b.example")


def test_a_configured_ttl_is_on_the_wire() -> None:
    asked = query("cart.shop.svc.cluster.local")
    answer = handler(config=DNSConfig(ttl=0)).answer(asked)
    assert respond(asked, answer).rr[0].ttl == 0
