"""Names: read from the right, reversed, dashed, on the wire."""

from __future__ import annotations

from ipaddress import ip_address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kubedns.names import (
    dashed,
    labels_of,
    packed_address,
    parse_name,
    pod_address,
    reverse_address,
    text_of,
    to_wire,
    wire_of,
)
from kubedns.types import ZoneName


@pytest.mark.parametrize(
    ("text", "parsed"),
    [
        ("svc", ZoneName(b"svc")),
        ("pod", ZoneName(b"pod")),
        ("shop.svc", ZoneName(b"svc", b"shop")),
        ("cart.shop.svc", ZoneName(b"svc", b"shop", b"cart")),
        ("svc.svc.svc", ZoneName(b"svc", b"svc", b"svc")),
        ("a.cart.shop.svc", ZoneName(b"svc", b"shop", b"cart", b"a")),
        ("_h._tcp.cart.shop.svc", ZoneName(b"svc", b"shop", b"cart", b"", b"h", b"tcp")),
        ("h.tcp.cart.shop.svc", ZoneName(b"svc", b"shop", b"cart", b"", b"h", b"tcp")),
        ("_.tcp.cart.shop.svc", None),
        ("x._h._tcp.cart.shop.svc", None),
        ("cart.shop", None),
        ("", None),
    ],
)
def test_a_name_is_read_from_the_right(text: str, parsed: ZoneName | None) -> None:
    assert parse_name(tuple(text.encode().split(b".")) if text else ()) == parsed


@pytest.mark.parametrize(
    ("label", "address"),
    [
        (b"1-2-3-4", "1.2.3.4"),
        (b"fd00-244--2", "fd00:244::2"),
        (b"1-2-3-4-5-6-7-8", "1:2:3:4:5:6:7:8"),
        (b"--", "::"),
        (b"1--2-3-4", "1::2:3:4"),
        (b"1-2-3-256", None),
        (b"1-2-3-04", None),
        (b"1-2-3", None),
        (b"--ffff-1.2.3.4", None),
        (b"fe80--1%1", None),
        (b"", None),
        (b"\xff", None),
    ],
)
def test_the_label_of_a_pod_reads_as_its_address(label: bytes, address: str | None) -> None:
    assert pod_address(label) == (ip_address(address).packed if address else None)


@given(st.ip_addresses())
def test_every_address_reads_back_from_its_dashed_label(address: object) -> None:
    label = dashed(address)  # type: ignore[arg-type]  # hypothesis leaves both families in one strategy
    assert pod_address(label) == packed_address(str(address))
    assert not label.endswith(b"-")


@given(st.ip_addresses())
def test_every_address_reads_back_from_its_reverse_name(address: object) -> None:
    pointer = address.reverse_pointer  # type: ignore[attr-defined]  # both families have it
    assert reverse_address(labels_of(wire_of(pointer.upper()))) == packed_address(str(address))


@given(st.lists(st.binary(min_size=1, max_size=20), max_size=8))
def test_labels_survive_the_wire(labels: list[bytes]) -> None:
    assert labels_of(to_wire(labels)) == tuple(each.lower() for each in labels)


@pytest.mark.parametrize("text", ["a..b", "." * 2, "x" * 64, "a." * 127 + "aa", "ü.example"])
def test_what_is_no_name_is_refused(text: str) -> None:
    with pytest.raises(ValueError):
        wire_of(text)


def test_a_name_prints_with_its_odd_bytes_escaped() -> None:
    assert text_of(b"\x02a\xff\x01b\0") == "a\\xff.b."
