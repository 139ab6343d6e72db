"""Replies of upstreams that are kept: which, for how long, and with which TTL they are given out."""

from __future__ import annotations

import dnslib
import pytest
from tests.helpers.kubedns.zone import query

from kubedns.config import Retention
from kubedns.packets.ageing import Kind, read_ttls
from kubedns.replies import ReplyCache
from kubedns.types import Edns, Query

NAME = "www.example"
ASKED = query(NAME)
SOA = "example {} SOA ns.example. host.example. 1 2 3 4 {}"


def reply(*answers: str, authority: str = "", rcode: int = 0, truncated: bool = False, asked: Query = ASKED) -> bytes:
    """A reply with lines of a zone file."""
    header = dnslib.DNSHeader(id=7, qr=1, rd=1, ra=1, rcode=rcode, tc=int(truncated))
    made = dnslib.DNSRecord(header, q=dnslib.DNSQuestion(NAME, asked.type))
    made.add_answer(*(each for line in answers for each in dnslib.RR.fromZone(line)))
    if authority:
        made.add_auth(*dnslib.RR.fromZone(authority))
    return bytes(made.pack())


A60, A90 = f"{NAME} 60 A 192.0.2.1", f"{NAME} 90 A 192.0.2.2"


def ttls(packet: bytes) -> set[int]:
    parsed = dnslib.DNSRecord.parse(packet)
    return {each.ttl for each in (*parsed.rr, *parsed.auth)}


@pytest.mark.parametrize(
    ("packet", "kind", "seconds"),
    [
        (reply(A60, A90), Kind.SUCCESS, 60),
        (reply(A60, authority=SOA.format(20, 10)), Kind.SUCCESS, 20),
        (reply(rcode=3, authority=SOA.format(600, 15)), Kind.DENIAL, 600),
        (reply(authority=SOA.format(10, 900)), Kind.DENIAL, 10),
        (reply(), Kind.SUCCESS, 5),
        (reply(authority="example 40 NS ns.example"), Kind.SUCCESS, 5),
        (reply(rcode=3), Kind.DENIAL, 5),
        (reply(rcode=2), Kind.FAILURE, 5),
        (reply(A60, rcode=5), Kind.OTHER, 5),
    ],
)
def test_a_reply_is_kept_for_its_lowest_ttl(packet: bytes, kind: Kind, seconds: int) -> None:
    found = read_ttls(packet)
    assert found is not None
    assert (found.kind, found.lowest) == (kind, seconds)


@pytest.mark.parametrize(
    ("packet", "seconds"), [(reply(A60, truncated=True), 60), (reply(A60, rcode=5), 5)], ids=["cut", "refused"]
)
def test_some_replies_are_not_kept(packet: bytes, seconds: int) -> None:
    kept = ReplyCache(Retention())
    assert ttls(kept.keep(ASKED, packet, 0.0, is_tcp=False)) == {seconds}
    assert len(kept) == 0


def test_what_is_not_kept_has_a_bounded_ttl_all_the_same() -> None:
    kept = ReplyCache(Retention(success_ttl=30, unkept_successes=(".",)))
    assert ttls(kept.keep(ASKED, reply(A60), 0.0, is_tcp=False)) == {30}
    assert len(kept) == 0


def test_a_kept_reply_has_one_ttl_that_is_counted_down_and_the_spelling_of_the_query() -> None:
    kept = ReplyCache(Retention())
    assert ttls(kept.keep(ASKED, reply(A60, A90), 100.0, is_tcp=False)) == {60}
    other = query("WWW.Example")
    found = kept.get(other, 112.5, is_tcp=False)
    assert found is not None
    assert (ttls(b"\0\7" + found), str(dnslib.DNSRecord.parse(b"\0\7" + found).q.qname)) == ({48}, "WWW.Example.")
    assert kept.get(ASKED, 160.0, is_tcp=False) is None
    assert (kept.hits, kept.misses, len(kept)) == (1, 1, 0)


@pytest.mark.parametrize(
    "other",
    [
        ASKED._replace(edns=Edns(1232, 0, False)),
        ASKED._replace(type=28),
        ASKED._replace(flags=0x0110),
        query("mail.example"),
    ],
    ids=["edns", "type", "flags", "name"],
)
def test_another_question_has_another_reply(other: Query) -> None:
    kept = ReplyCache(Retention())
    kept.keep(ASKED, reply(A60), 0.0, is_tcp=False)
    assert kept.get(other, 1.0, is_tcp=False) is None
    assert kept.get(ASKED, 1.0, is_tcp=True) is None


@pytest.mark.parametrize(
    ("retention", "packet", "seconds"),
    [
        (Retention(success_ttl=30), reply(A60), 30),
        (Retention(success_least=70), reply(A60), 70),
        (Retention(denial_ttl=8), reply(rcode=3, authority=SOA.format(60, 60)), 8),
        (Retention(failure_ttl=3), reply(rcode=2), 3),
        (Retention(failure_ttl=0), reply(rcode=2), 0),
        (Retention(success_capacity=0), reply(A60), 0),
        (Retention(unkept_successes=("example",)), reply(A60), 0),
        (Retention(unkept_denials=("example",)), reply(A60), 60),
        (Retention(unkept_denials=(".",)), reply(rcode=3), 0),
    ],
)
def test_the_settings_bound_how_long_and_what_is_kept(retention: Retention, packet: bytes, seconds: int) -> None:
    kept = ReplyCache(retention)
    kept.keep(ASKED, packet, 0.0, is_tcp=False)
    times = [each for each in range(100) if kept.get(ASKED, each, is_tcp=False) is not None]
    assert times == list(range(seconds))


def test_a_full_cache_forgets_the_oldest() -> None:
    kept = ReplyCache(Retention(success_capacity=2))
    asked = [query(f"{each}.example") for each in "abc"]
    for each in asked:
        kept.keep(each, reply(A60), 0.0, is_tcp=False)
    assert [kept.get(each, 1.0, is_tcp=False) is not None for each in asked] == [False, True, True]
