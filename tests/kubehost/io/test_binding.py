"""Which sockets may be bound side by side, and to which addresses."""

from __future__ import annotations

import socket

import pytest
from tests.helpers.network_namespace import own_network

from kubehost.io.binding import bind_socket, is_routed_here, socket_family

VIP = "127.82.3.1"
STREAM, DATAGRAMS = int(socket.SOCK_STREAM), int(socket.SOCK_DGRAM)


def open_socket(kind: int, address: str) -> socket.socket:
    return socket.socket(socket_family(address), kind)


def test_tcp_and_udp_may_have_the_same_port_of_an_address() -> None:
    with open_socket(STREAM, VIP) as stream, open_socket(DATAGRAMS, VIP) as datagrams:
        bind_socket(stream, (VIP, 20053))
        bind_socket(datagrams, (VIP, 20053))
        assert stream.getsockname() == datagrams.getsockname()


def test_two_sockets_never_share_a_udp_port() -> None:
    with open_socket(DATAGRAMS, VIP) as one, open_socket(DATAGRAMS, VIP) as two:
        bind_socket(one, (VIP, 20053))
        with pytest.raises(OSError, match="in use"):
            bind_socket(two, (VIP, 20053))


@pytest.mark.parametrize("kind", [STREAM, DATAGRAMS], ids=["TCP", "UDP"])
def test_an_ipv6_address_is_bound_where_the_machine_has_a_route_for_it(kind: int) -> None:
    with own_network(["fd00:82::/64"]) as has_routes:
        assert is_routed_here("::1")
        assert is_routed_here("fd00:82::7") is has_routes
        with open_socket(kind, "fd00:82::7") as sock, open_socket(kind, "fd00:83::7") as elsewhere:
            with pytest.raises(OSError, match="Cannot assign requested address"):
                bind_socket(elsewhere, ("fd00:83::7", 0))
            if not has_routes:
                with pytest.raises(OSError, match="Cannot assign requested address"):
                    bind_socket(sock, ("fd00:82::7", 0))
                return
            bind_socket(sock, ("fd00:82::7", 0))
            assert sock.getsockname()[0] == "fd00:82::7"


def test_a_stream_may_follow_one_whose_connections_the_kernel_remembers() -> None:
    with open_socket(STREAM, VIP) as stream:
        bind_socket(stream, (VIP, 0))
        assert stream.getsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR)
