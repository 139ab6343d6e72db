"""Rules and messages as the kernel reads them; that it does is seen in ``test_kernel``."""

from __future__ import annotations

import struct
from collections.abc import Iterator

import pytest

from kubehost.netlink import read_attributes as walk
from kubeproxy.nft import statements as st
from kubeproxy.nft.matches import ByChance
from kubeproxy.nft.netlink.encoding import FEW, encode_rule, written
from kubeproxy.nft.netlink.forms import V4, V6, Family, intervals, packed_key
from kubeproxy.nft.netlink.messages import add_elements, batch, new_table

EXPRESSIONS = [
    pytest.param((st.IsNew(), st.Jump("x")), ["ct", "bitwise", "cmp", "immediate"], "ct state new", id="ct"),
    pytest.param((st.Mark(),), ["meta", "bitwise", "meta"], "meta mark set meta mark | 0x4000", id="mark"),
    pytest.param((st.IsMarked(),), ["meta", "bitwise", "cmp"], "meta mark & 0x4000 != 0x0", id="marked"),
    pytest.param((st.ByKey(st.TO, "m"),), ["payload", "meta", "payload", "lookup"], "vmap @m", id="vmap"),
    pytest.param((st.FromOneOf(("10.0.0.0/8",)),), ["payload", "bitwise", "cmp"], "ip saddr 10.0.0.0/8", id="cidr"),
    pytest.param((st.FromOneOf(("10.0.0.1",)),), ["payload", "cmp"], "ip saddr 10.0.0.1", id="address"),
    pytest.param((st.FromOneOf(("10.0.0.1", "10.0.0.3"), not_=True),), ["payload", "lookup"], "!= { ", id="cidrs"),
    pytest.param((st.Dnat((("10.0.0.1", 80),)),), ["immediate", "immediate", "nat"], "dnat to 10.0.0.1:80", id="dnat"),
    pytest.param(
        (st.Dnat((("10.0.0.1", 80), ("10.0.0.2", 81))),),
        ["numgen", "lookup", "nat"],
        "numgen random mod 2 map { 0 : 10.0.0.1 . 80, 1 : 10.0.0.2 . 81 }",
        id="dnat-to-several",
    ),
    pytest.param(
        (ByChance(3), st.Dnat((("10.0.0.1", 80),))),
        ["numgen", "cmp", "immediate", "immediate", "nat"],
        "numgen random mod 3 0 dnat to 10.0.0.1:80",
        id="by-chance",
    ),
    pytest.param((st.ToRandomChain(("a", "b")),), ["numgen", "lookup"], "1 : goto b", id="chains"),
    pytest.param((st.Pin("a", 5),), ["payload", "dynset"], "update @a { ip saddr timeout 5s }", id="pin"),
    pytest.param((st.Snat("10.0.0.1"),), ["immediate", "nat"], "snat to 10.0.0.1", id="snat"),
    pytest.param((st.SnatBySource((("10.0.0.0/8", "10.0.0.1"),)),), ["payload", "lookup", "nat"], "10.0.0.1", id="by"),
    pytest.param((st.IsFromHere(), st.End.RETURN), ["fib", "cmp", "immediate"], "fib saddr type local", id="fib"),
    pytest.param((st.IsProtocol("UDP"), st.Reject()), ["meta", "cmp", "reject"], "meta l4proto udp", id="reject"),
]


def names(expressions: bytes) -> Iterator[str]:
    for _, content in walk(expressions):
        yield dict(walk(content))[1].rstrip(b"\0").decode()


@pytest.mark.parametrize(("rule", "expressions", "text"), EXPRESSIONS)
def test_a_rule_becomes_expressions_and_reads_as_nft_writes_it(
    rule: st.Rule, expressions: list[str], text: str
) -> None:
    assert list(names(encode_rule(rule, V4).expressions)) == expressions
    assert text in " ".join(map(str, rule))


@pytest.mark.parametrize(("family", "words"), [(V4, 1), (V6, 4)], ids=str)
def test_the_port_of_an_endpoint_is_behind_its_address(family: Family, words: int) -> None:
    address = "10.0.0.1" if family is V4 else "fd00::1"
    encoded = encode_rule((st.Dnat(((address, 80), (address, 81))),), family)
    *_, nat = walk(encoded.expressions)
    registers = dict(walk(dict(walk(nat[1]))[2]))
    assert int.from_bytes(registers[5], "big") - int.from_bytes(registers[3], "big") == words
    assert encoded.sets[0].form.data_length == 4 * words + 4


def test_each_of_few_endpoints_has_the_same_chance() -> None:
    one, two, three = (f"10.0.0.{number}" for number in (1, 2, 3))
    rule: st.Rule = (st.IsProtocol("TCP"), st.Dnat(((one, 80), (two, 80), (three, 80))))
    assert [" ".join(map(str, each)) for each in written(rule)] == [
        f"meta l4proto tcp numgen random mod 3 0 dnat to {one}:80",
        f"meta l4proto tcp numgen random mod 2 0 dnat to {two}:80",
        f"meta l4proto tcp dnat to {three}:80",
    ]
    assert list(written((st.End.DROP,))) == [(st.End.DROP,)]


def test_a_packet_that_finds_nothing_in_the_map_of_a_rule_that_goes_is_served_all_the_same() -> None:
    endpoints = tuple((f"10.0.0.{number}", 80) for number in range(FEW + 1))
    by_map: st.Rule = (st.IsProtocol("TCP"), st.Dnat(endpoints))
    assert list(written(by_map)) == [by_map, (st.IsProtocol("TCP"), st.Dnat(endpoints[:1]))]
    to_chains: st.Rule = (st.ToRandomChain(("a", "b")),)
    assert list(written(to_chains)) == [to_chains, (st.Goto("a"),)]


def test_the_sets_of_rules_have_names_of_their_own() -> None:
    rule = (st.ToRandomChain(("a", "b")),)
    (one,), (other,) = encode_rule(rule, V4).sets, encode_rule(rule, V4).sets
    assert one.name != other.name


def test_a_key_has_each_field_in_words_of_its_own() -> None:
    assert packed_key(("10.96.0.20", "TCP", 80)) == bytes((10, 96, 0, 20, 6, 0, 0, 0, 0, 80, 0, 0))


@pytest.mark.parametrize(
    ("cidrs", "count"),
    [
        pytest.param(["10.0.0.0/8"], 3, id="begins-after-zero"),
        pytest.param(["0.0.0.0/0"], 1, id="everything"),
        pytest.param(["10.244.1.0/24", "10.244.2.0/24"], 5, id="side-by-side"),
        pytest.param(["255.0.0.0/8"], 2, id="up-to-the-last-address"),
    ],
)
def test_intervals_begin_and_end(cidrs: list[str], count: int) -> None:
    assert len(intervals((each, b"") for each in cidrs)) == count


def test_many_elements_go_into_messages_that_an_attribute_can_hold() -> None:
    messages = list(add_elements(V4, "service-ips", [bytes(100)] * 2000))
    assert len(messages) == 4
    assert all(len(each.body) < 1 << 16 for each in messages)


def test_a_transaction_is_framed_and_only_its_last_message_asks_for_an_answer() -> None:
    wire = batch([new_table(V4), new_table(V6)], 7)
    kinds, flags, sequences = [], [], []
    at = 0
    while at < len(wire):
        length, kind, flag, sequence = struct.unpack_from("=IHHI", wire, at)
        kinds.append(kind)
        flags.append(bool(flag & 4))
        sequences.append(sequence)
        at += length
    assert kinds == [0x10, 10 << 8, 10 << 8, 0x11]
    assert flags == [False, False, True, False]
    assert sequences == [7, 8, 9, 10]
