"""Routes that make addresses local, in the tests' own network: there while a proxy runs, recognised after a kill."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.helpers.kubeproxy.podnetwork import is_root

from kubehost.io.machine import connected_networks, gateways, local_routes_of, not_local, own_addresses
from kubehost.io.netlink import NetlinkSocket
from kubehost.io.rtnetlink import Route, VethEnd, delete_link, link_up, new_address, new_veth
from kubesvc.remote.errors import CommandError
from kubesvc.remote.proxy.localroutes import PROTOCOL, LocalRoutes, local_routes

RANGE, ADDRESS = "10.96.0.0/12", "198.51.100.7"
WANTED = (RANGE, ADDRESS, "fd00:10:96::/108")
INSIDE = ("10.96.0.10", "10.111.255.255", ADDRESS, "fd00:10:96::10")


def test_the_machine_knows_its_own_addresses() -> None:
    assert "127.0.0.1" in own_addresses()
    assert not_local(["127.0.0.1", "127.9.9.9", "203.0.113.1"]) == ["203.0.113.1"]


def test_the_machine_knows_its_networks_and_gateways() -> None:
    if not is_root():
        assert "127.0.0.0/8" not in connected_networks()
        return
    ends = VethEnd("lan0", 900, bytes((2, 0, 0, 0, 9, 1))), VethEnd("lan1", 901, bytes((2, 0, 0, 0, 9, 2)))
    route = Route("198.51.100.128/25", 900, gateway="192.0.2.1")
    with NetlinkSocket() as sock, Path("/proc/self/ns/net").open() as here:
        sock.request([new_veth(*ends, here.fileno()), link_up(900), link_up(901)])
        try:
            sock.request([new_address(900, "192.0.2.9/28"), route.added()])
            assert "192.0.2.0/28" in connected_networks()
            assert "127.0.0.0/8" not in connected_networks()
            assert "192.0.2.1" in gateways()
        finally:
            sock.request([delete_link(900)])


def test_addresses_are_local_while_the_context_lasts() -> None:
    if not is_root():
        with pytest.raises(CommandError, match="--setup needs root"), local_routes(()):
            pass
        return
    with local_routes(("127.0.0.5",)) as routes:
        routes.add(WANTED)
        assert not_local(INSIDE) == []
        routes.forget([ADDRESS])
        assert not_local(INSIDE) == [ADDRESS]
    assert set(not_local(INSIDE)) == set(INSIDE)


def test_what_a_killed_run_has_left_is_found_and_removed_at_the_end() -> None:
    if not is_root():
        return
    LocalRoutes(()).add(WANTED)
    with local_routes(()) as routes:
        assert set(routes.left_over) == {RANGE, f"{ADDRESS}/32", "fd00:10:96::/108"}
        routes.add([RANGE])
    assert list(local_routes_of(PROTOCOL)) == []


@pytest.mark.parametrize(
    ("before", "now"), [((), ("127.0.0.5",)), (("127.0.0.5",), ()), (("127.0.0.5",), ("127.0.0.6",))]
)
def test_it_is_removed_where_the_node_had_another_address_then(before: tuple[str, ...], now: tuple[str, ...]) -> None:
    if not is_root():
        return
    LocalRoutes(before).add([ADDRESS])
    with local_routes(now):
        assert not_local([ADDRESS]) == []
    assert list(local_routes_of(PROTOCOL)) == []


def test_one_network_is_set_up_by_one_proxy() -> None:
    if not is_root():
        return
    with local_routes(()), pytest.raises(CommandError, match="another `kubesvc proxy --setup`"), local_routes(()):
        pass
