"""The network of a node of a real cluster: nothing is moved, and the kernel chooses the addresses of connections."""

from __future__ import annotations

import contextlib
import socket

import pytest

from kubehost.addresses import LOCALHOST
from kubehost.io.places import HostPlace
from kubeproxy.userspace.dialling import dialler_of
from kubesvc.network.node import NodeNetwork

PORT = 20080


def test_addresses_are_bound_and_dialled_where_they_are() -> None:
    network = NodeNetwork(has_kernel=False)
    (place,) = network.places
    assert network.bind("10.96.0.20", 80) == place.bind("10.96.0.20", 80) == ("10.96.0.20", 80)
    assert network.dial("10.244.1.2", 8080) == ("10.244.1.2", 8080)


@pytest.mark.parametrize("has_kernel", [True, False])
def test_the_only_place_is_the_machines_own_network(has_kernel: bool) -> None:
    (place,) = NodeNetwork(has_kernel=has_kernel).places
    assert (place.name, isinstance(place, HostPlace)) == ("host", not has_kernel)


def test_the_kernel_chooses_the_address_also_for_clients_that_are_not_there() -> None:
    dialler = dialler_of(NodeNetwork(has_kernel=False))
    with socket.create_server((LOCALHOST, PORT)) as server:
        for client in ("10.244.1.9", "127.0.0.9"):
            sock, _ = dialler.begin((LOCALHOST, PORT), client, "TCP")
            with contextlib.closing(sock):
                accepted, peer = server.accept()
                accepted.close()
            assert peer[0] == LOCALHOST
