"""Sockets that share one address: who gets a connection, and that nobody else gets the address."""

from __future__ import annotations

import socket
from collections import Counter
from socket import SocketType

import pytest
from tests.helpers.kubeproxy.portgroup import PORT, accept, port_group, tcp_listener

from kubeproxy.rules import SourceFilter
from kubeproxy.userspace.portgroup import PortGroup

A = "127.97.170.3"
WIDTH = 3
NOT_13 = SourceFilter((), (("127.0.0.13", False),), is_outside_accepted=True)


def places(group: PortGroup, source: str, count: int) -> Counter[int]:
    """By its place in the group: how many of ``count`` connections from ``source`` each socket was given."""
    for _ in range(count):
        with socket.socket(group.sockets[0].family) as client:
            client.bind((source, 0))
            client.connect(group.sockets[0].getsockname())
    return Counter({place: accepted for place, sock in enumerate(group.sockets) if (accepted := _accept_all(sock))})


def _accept_all(sock: SocketType) -> int:
    count = 0
    while True:
        try:
            accept(sock)[0].close()
        except BlockingIOError:
            return count
        count += 1


@pytest.mark.parametrize("source_filter", [None, NOT_13], ids=["all-heard", "some-dropped"])
@pytest.mark.parametrize("address", [A, "::1"])
def test_connections_are_spread_over_all_sockets(address: str, source_filter: SourceFilter | None) -> None:
    with port_group(address, source_filter, WIDTH) as group:
        found = places(group, "::1" if address == "::1" else "127.0.0.1", 120)
    assert sum(found.values()) == 120
    assert min(found[each] for each in range(WIDTH)) > 12


@pytest.mark.parametrize("source_filter", [None, NOT_13], ids=["all-heard", "some-dropped"])
def test_all_connections_of_a_client_come_to_one_socket_where_they_belong_together(
    source_filter: SourceFilter | None,
) -> None:
    with port_group(A, source_filter, WIDTH, is_sticky=True) as group:
        found = [places(group, f"127.0.0.{each}", 8) for each in (1, 2, 3, 4)]
    assert [len(each) for each in found] == [1, 1, 1, 1]
    assert set().union(*found) == {0, 1, 2}
    assert found[0].keys() == found[3].keys()


def test_a_group_changes_its_ways_without_a_new_socket() -> None:
    with port_group(A, None, WIDTH) as group:
        sticky = tcp_listener(A, is_sticky=True)
        assert group.can_update(sticky)
        group.update(sticky)
        assert len(places(group, "127.0.0.1", 20)) == 1
        group.update(tcp_listener(A))
        assert len(places(group, "127.0.0.1", 60)) == WIDTH


def test_a_group_without_a_black_hole_cannot_begin_to_drop() -> None:
    with port_group(A, None, WIDTH) as group:
        assert not group.can_update(tcp_listener(A, NOT_13))
    with port_group(A, NOT_13) as group:
        assert group.can_update(tcp_listener(A))


@pytest.mark.parametrize(("source_filter", "width"), [(NOT_13, 1), (None, 2)], ids=["with-a-twin", "many"])
def test_a_group_takes_no_address_that_another_one_has(source_filter: SourceFilter | None, width: int) -> None:
    with (
        port_group(A, source_filter, width),
        pytest.raises(OSError, match="in use"),
        port_group(A, source_filter, width),
    ):
        pass


@pytest.mark.parametrize(("source_filter", "width"), [(NOT_13, 1), (None, 2)], ids=["with-a-twin", "many"])
def test_a_group_that_is_closed_leaves_the_address_to_others(source_filter: SourceFilter | None, width: int) -> None:
    with port_group(A, source_filter, width):
        pass
    with socket.create_server((A, PORT)) as other:
        assert other.getsockname()[1] == PORT
