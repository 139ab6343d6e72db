"""The packet filters themselves, on real sockets of both families: who is heard, and who is not."""

from __future__ import annotations

import contextlib
import socket

import pytest
from tests.helpers.kubeproxy.portgroup import PORT, accept, port_group
from tests.helpers.patience import SILENCE

from kubehost.io.binding import bind_socket
from kubeproxy.rules import SourceFilter
from kubeproxy.userspace.bpf import MAX_INSTRUCTIONS, compile_filter
from kubeproxy.userspace.sockets import filter_packets, open_socket

OPEN = SourceFilter((), (), is_outside_accepted=True)


def hears(
    source_filter: SourceFilter | None, source: str, protocol: str = "UDP", address: str = "127.97.170.1"
) -> bool:
    """Whether a filtered socket hears a datagram, or the beginning of a connection, from ``source``."""
    if protocol == "TCP":
        return hears_connections(source_filter, source, address)
    with contextlib.closing(open_socket(protocol, address)) as listener:
        filter_packets(listener, source_filter)
        bind_socket(listener, (address, 0))
        with socket.socket(listener.family, socket.SOCK_DGRAM) as client:
            client.bind((source, 0))
            client.connect(listener.getsockname()[:2])
            client.send(b"?")
            try:
                return bool(listener.recv(1))
            except BlockingIOError:  # on loopback a datagram is there, or dropped, once send() is back
                return False


def hears_connections(source_filter: SourceFilter | None, source: str, address: str) -> bool:
    """Whether a connection from ``source`` is made, while a twin takes those that are to be dropped."""
    with port_group(address, source_filter) as group, socket.socket(group.sockets[0].family) as client:
        client.bind((source, 0))
        client.settimeout(SILENCE)
        if client.connect_ex((address, PORT)):
            return False
        accepted, peer = accept(group.sockets[0])
        accepted.close()
        return bool(peer[0] == source)


@pytest.mark.parametrize("protocol", ["TCP", "UDP"])
@pytest.mark.parametrize(
    ("source_filter", "source", "expected"),
    [
        pytest.param(None, "127.1.2.3", True, id="no-filter"),
        pytest.param(OPEN, "127.1.2.3", True, id="open"),
        pytest.param(SourceFilter((), (), is_outside_accepted=False), "127.1.2.3", False, id="closed"),
        pytest.param(
            SourceFilter((), (("127.1.2.3", False),), True), "127.1.2.3", False, id="one-address-is-not-heard"
        ),
        pytest.param(SourceFilter((), (("127.1.2.3", False),), True), "127.1.2.4", True, id="its-neighbour-is"),
        pytest.param(SourceFilter((), (("127.1.2.0/23", True),), False), "127.1.3.9", True, id="one-network-is-heard"),
        pytest.param(SourceFilter((), (("127.1.2.0/23", True),), False), "127.1.4.0", False, id="the-next-is-not"),
        pytest.param(
            SourceFilter((), (("127.1.2.3", True), ("127.1.0.0/16", False)), True),
            "127.1.2.3",
            True,
            id="first-match-wins",
        ),
        pytest.param(SourceFilter(("127.5.0.0/16", "127.6.0.0/16"), (), True), "127.6.1.1", True, id="second-range"),
        pytest.param(SourceFilter(("127.5.0.0/16", "127.6.0.0/16"), (), True), "127.7.1.1", False, id="no-range"),
        pytest.param(
            SourceFilter(("127.5.0.0/16",), (("127.5.1.0/24", False),), True),
            "127.5.1.1",
            False,
            id="range-and-then-home",
        ),
        pytest.param(SourceFilter(("0.0.0.0/0",), (), True), "127.7.1.1", True, id="everybody-is-in-range"),
        pytest.param(SourceFilter(("fd00::/8",), (), True), "127.7.1.1", False, id="a-range-of-the-other-family"),
    ],
)
def test_a_source_is_heard_as_the_admission_says(
    source_filter: SourceFilter | None, source: str, expected: bool, protocol: str
) -> None:
    assert hears(source_filter, source, protocol) is expected


@pytest.mark.parametrize("protocol", ["TCP", "UDP"])
@pytest.mark.parametrize(
    ("source_filter", "expected"),
    [
        pytest.param(OPEN, True, id="open"),
        pytest.param(SourceFilter((), (("::1", False),), True), False, id="one-address"),
        pytest.param(SourceFilter((), (("fd00::/8", False),), True), True, id="another-network"),
        pytest.param(SourceFilter(("::/64",), (), True), True, id="in-range"),
        pytest.param(SourceFilter(("fd00::/7", "::2/127"), (), True), False, id="in-no-range"),
        pytest.param(SourceFilter((), (("127.0.0.0/8", False),), True), True, id="the-other-family-is-not-read"),
    ],
)
def test_ipv6_sources_are_told_apart_too(source_filter: SourceFilter, expected: bool, protocol: str) -> None:
    assert hears(source_filter, "::1", protocol, address="::1") is expected


def test_a_filter_is_replaced_and_taken_away_on_the_living_socket() -> None:
    with contextlib.closing(open_socket("UDP", "127.97.170.2")) as listener, socket.socket(type=socket.SOCK_DGRAM) as c:
        bind_socket(listener, ("127.97.170.2", 0))
        c.connect(listener.getsockname())
        heard = []
        for source_filter in (None, SourceFilter((), (), is_outside_accepted=False), OPEN, None, None):
            filter_packets(listener, source_filter)
            c.send(b"?")
            try:
                heard.append(bool(listener.recv(1)))
            except BlockingIOError:
                heard.append(False)
        assert heard == [True, False, True, True, True]


def test_a_program_that_the_kernel_would_refuse_is_none() -> None:
    many = tuple(f"127.{high}.{low}.0/24" for high in range(9) for low in range(256))
    assert compile_filter(SourceFilter(many, (), is_outside_accepted=True), 4) == b""
    assert 0 < len(compile_filter(SourceFilter(many[:900], (), is_outside_accepted=True), 4)) <= 8 * MAX_INSTRUCTIONS
    assert hears(SourceFilter(many[:900], (), is_outside_accepted=True), "127.3.3.3")


def test_who_cannot_be_dropped_for_so_many_ranges_is_heard_and_not_lost() -> None:
    many = tuple(f"127.{high}.{low}.0/24" for high in range(9) for low in range(256))
    assert [hears(SourceFilter(many, (), is_outside_accepted=True), "127.1.2.3", "TCP") for _ in range(8)] == [True] * 8
