"""Addresses as text, and the one that a peer is dialled from."""

from __future__ import annotations

import pytest

from kubehost.addresses import in_brackets, is_loopback, join_host_port, source_for


@pytest.mark.parametrize(
    ("address", "host", "joined"),
    [
        ("127.0.0.1", "127.0.0.1", "127.0.0.1:80"),
        ("::1", "[::1]", "[::1]:80"),
        ("web.shop", "web.shop", "web.shop:80"),
    ],
)
def test_an_ipv6_address_has_brackets_before_a_port(address: str, host: str, joined: str) -> None:
    assert (in_brackets(address), join_host_port(address, 80)) == (host, joined)


@pytest.mark.parametrize(
    ("address", "expected"), [("127.0.0.1", True), ("127.255.255.255", True), ("12.7.0.1", False), ("::1", False)]
)
def test_loopback_is_all_of_127(address: str, expected: bool) -> None:
    assert is_loopback(address) is expected


@pytest.mark.parametrize(
    ("client", "target", "source"),
    [
        pytest.param("127.3.4.5", "127.244.1.5", "127.3.4.5", id="loopback"),
        pytest.param("127.0.0.1", "127.244.1.5", "", id="localhost-as-the-kernel-chooses-anyway"),
        pytest.param("192.0.2.7", "192.0.2.9", "192.0.2.7", id="network"),
        pytest.param("192.0.2.7", "127.244.1.5", "", id="network-to-loopback"),
        pytest.param("127.0.0.1", "192.0.2.9", "", id="loopback-to-network"),
        pytest.param("::1", "127.244.1.5", "", id="ipv6-to-ipv4"),
        pytest.param("fd00::1", "192.0.2.9", "", id="ipv6-to-ipv4-outside-loopback"),
        pytest.param("::1", "fd00::1", "::1", id="ipv6"),
    ],
)
def test_an_endpoint_is_reached_from_the_clients_own_address_where_that_can_be(
    client: str, target: str, source: str
) -> None:
    assert source_for(client, target) == source
