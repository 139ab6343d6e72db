"""The differential set of `make test-cluster`: it is large, and notices what clients would."""

from __future__ import annotations

import dnslib
import pytest
from tests.helpers.dnsset.comparing import read
from tests.helpers.dnsset.declared import COUNTED_DOWN, NAME_SERVER, declared, declared_with_cache
from tests.helpers.dnsset.questions import Question, ask, questions

ASKED = ask("a.example", "A")
LINES = "a.example 30 CNAME b.example", "b.example 30 A 192.0.2.1", "b.example 30 A 192.0.2.2"


def packet(*lines: str, question: str = "a.example", tc: int = 0) -> bytes:
    made = dnslib.DNSRecord(dnslib.DNSHeader(qr=1, aa=1, tc=tc), q=dnslib.DNSQuestion(question, 1))
    made.add_answer(*(each for line in lines for each in dnslib.RR.fromZone(line)))
    return bytes(made.pack())


def test_it_asks_more_than_fifteen_hundred_different_questions() -> None:
    asked = list(questions())
    assert len(set(asked)) > 1500
    assert {each.is_tcp for each in asked} == {True, False}


@pytest.mark.parametrize(
    ("other", "is_alike"),
    [
        (packet(*LINES), True),
        (packet(LINES[0], LINES[2], LINES[1]), True),
        (packet(*LINES[:2]), False),
        (packet(LINES[0], LINES[1].replace("30", "29"), LINES[2]), False),
        (packet(*LINES, question="A.example"), False),
        (packet(*LINES, tc=1), False),
        (packet("c.example 30 CNAME d.example", *LINES), False),
        (b"", False),
        (b"\0" * 5, False),
    ],
    ids=["equal", "other-order", "fewer", "ttl", "question", "cut", "longer-chain", "nothing", "five-bytes"],
)
def test_answers_that_mean_the_same_are_alike(other: bytes, is_alike: bool) -> None:
    assert (read(packet(*LINES)) == read(other)) is is_alike


def test_of_two_that_are_cut_the_records_are_chance() -> None:
    assert read(packet(*LINES, tc=1)) == read(packet(LINES[0], tc=1))


def test_aliases_have_an_order() -> None:
    chain = "a.example 30 CNAME b.example", "b.example 30 CNAME c.example"
    assert read(packet(*chain)) != read(packet(*reversed(chain)))


@pytest.mark.parametrize(
    ("question", "ours", "theirs", "reason"),
    [
        (ASKED, packet(LINES[1]), packet(LINES[1].replace("30", "29")), COUNTED_DOWN),
        (ASKED, packet(LINES[1]), packet(LINES[2]), ""),
        (ask("cluster.local", "NS"), packet("cluster.local 5 NS ns.dns.cluster.local"), packet(), NAME_SERVER),
        (ask("cluster.local", "NS"), packet(), packet("cluster.local 5 NS x.example"), ""),
        (ASKED, packet(LINES[1]), b"", ""),
    ],
    ids=["ttl", "address", "no-name-server", "record", "nothing"],
)
def test_only_what_is_declared_may_differ(question: Question, ours: bytes, theirs: bytes, reason: str) -> None:
    assert declared_with_cache(question, read(ours), read(theirs)) == reason
    assert declared(question, read(ours), read(theirs)) == reason.replace(COUNTED_DOWN, "")
