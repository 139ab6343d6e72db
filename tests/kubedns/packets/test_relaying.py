"""What is made of an upstream's reply before it is passed on: rows as CoreDNS 1.15 answers them."""

from __future__ import annotations

import struct

import dnslib
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.helpers.kubedns.packets import HOSTILE
from tests.helpers.kubedns.zone import query

from kubedns.packets.format import MAX_TCP
from kubedns.packets.queries import write_query
from kubedns.packets.relaying import fit
from kubedns.types import Edns, Query, RCode

NAME = "www.example"
ASKED = query(NAME)
EDNS = ASKED._replace(edns=Edns(1232, 0, True))
OPT = b"\0" + struct.pack(">HHIH", 41, 4096, 0, 0)


def reply(*addresses: str, flags: int = 0x8180, qtype: int = 1, qclass: int = 1, name: str = NAME) -> bytes:
    """An upstream's reply with so many addresses."""
    made = dnslib.DNSRecord(dnslib.DNSHeader(id=7, bitmap=flags), q=dnslib.DNSQuestion(name, qtype, qclass))
    made.add_answer(*(dnslib.RR(NAME, 1, ttl=60, rdata=dnslib.A(each)) for each in addresses))
    return bytes(made.pack())


ONE = reply("192.0.2.1")
QUESTION_END = 12 + len(ASKED.name) + 4


def counts(packet: bytes) -> tuple[int, ...]:
    return struct.unpack(">4H", packet[4:12])


def passed(packet: bytes, asked: Query = ASKED, limit: int = 512) -> bytes:
    fitted = fit(packet, asked, limit)
    assert isinstance(fitted, bytes), fitted
    return fitted


@pytest.mark.parametrize("packet", [ONE, reply(), reply(flags=0x8183), reply("192.0.2.1", name="WWW.eXample")])
def test_a_good_reply_is_passed_on_as_it_is(packet: bytes) -> None:
    assert passed(packet) == packet


@pytest.mark.parametrize(
    ("packet", "rcode"),
    [
        pytest.param(ONE[:4] + b"\0\0" + ONE[6:12] + ONE[QUESTION_END:], RCode.FORMERR, id="no question"),
        pytest.param(reply("192.0.2.1", qclass=3), RCode.FORMERR, id="another class"),
        pytest.param(reply("192.0.2.1", qtype=28), RCode.FORMERR, id="another type"),
        pytest.param(reply("192.0.2.1", name="x.example"), RCode.FORMERR, id="another name"),
        pytest.param(ONE[:4] + b"\0\2" + ONE[6:QUESTION_END] + ONE[12:], RCode.FORMERR, id="the question twice"),
        pytest.param(reply("192.0.2.1", flags=0x0100), RCode.FORMERR, id="a query"),
        pytest.param(ONE[:12] + b"\xff" * 40, RCode.SERVFAIL, id="a question that is none"),
        pytest.param(ONE[:12], RCode.SERVFAIL, id="a header alone"),
        pytest.param(ONE.replace(b"\0\4\xc0", b"\0\3\xc0")[:-1], RCode.SERVFAIL, id="an address of three bytes"),
        pytest.param(ONE.replace(b"\xc0\x0c", b"\xc0\xff"), RCode.SERVFAIL, id="a pointer that leads ahead"),
    ],
)
def test_what_answers_another_question_or_cannot_be_read_is_refused(packet: bytes, rcode: RCode) -> None:
    assert fit(packet, ASKED, 512) is rcode


@pytest.mark.parametrize("cut", [1, 5, 15])
def test_a_reply_that_is_cut_comes_empty_and_truncated(cut: int) -> None:
    fitted = passed(ONE[:-cut])
    assert (counts(fitted), fitted[2] & 2, fitted[12:]) == ((1, 0, 0, 0), 2, ONE[12:QUESTION_END])


def test_a_reply_that_is_too_large_comes_empty_and_truncated() -> None:
    large = reply(*(f"192.0.2.{each}" for each in range(60)))
    assert counts(passed(large)) == (1, 0, 0, 0)
    assert passed(large, limit=MAX_TCP) == large
    fitted = passed(large, EDNS)
    assert (counts(fitted), fitted[2] & 2) == ((1, 0, 0, 1), 2)


def test_what_lies_behind_the_last_record_is_left_out_and_a_count_that_lies_is_put_right() -> None:
    assert passed(ONE + b"junk") == ONE
    assert passed(ONE[:6] + b"\0\5" + ONE[8:]) == ONE


def test_the_asker_gets_an_option_of_its_own_if_it_sent_one() -> None:
    own = b"\0" + struct.pack(">HHIH", 41, 1232, 0x8000, 0)
    with_opt = ONE[:10] + b"\0\1" + ONE[12:]
    assert passed(ONE, EDNS) == with_opt + own
    assert passed(with_opt + OPT, EDNS) == with_opt + own
    assert passed(with_opt + OPT) == with_opt + OPT


@given(st.one_of(st.binary(min_size=12, max_size=200), st.sampled_from(sorted(HOSTILE.values()))))
def test_whatever_comes_is_passed_on_within_the_limit_or_refused(packet: bytes) -> None:
    fitted = fit(packet if len(packet) >= 12 else packet.ljust(12, b"\0"), EDNS, 512)
    assert isinstance(fitted, RCode) or len(fitted) <= 512


@given(st.data())
def test_a_reply_with_flipped_bytes_is_passed_on_only_if_dnslib_can_read_its_frame(data: st.DataObject) -> None:
    packet = bytearray(reply("192.0.2.1", "192.0.2.2"))
    for _ in range(data.draw(st.integers(1, 3))):
        packet[data.draw(st.integers(12, len(packet) - 1))] = data.draw(st.integers(0, 255))
    fitted = fit(bytes(packet), ASKED, 512)
    if isinstance(fitted, bytes):
        assert fitted[12:QUESTION_END].lower() == write_query(7, ASKED.name, 1, 512)[12:QUESTION_END]
