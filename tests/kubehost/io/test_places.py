from __future__ import annotations

import errno
import os
import pickle
import socket

import pytest

from kubehost.io.places import HostPlace, Place
from kubesvc.network.loopback import LoopbackNetwork, LowPorts

LOW = LowPorts(1024, has_capability=False)


def place() -> Place:
    return LoopbackNetwork("127.244.0.0/16", (), LOW).places[0]


def test_a_socket_of_the_host_is_non_blocking_and_of_tcp_sends_at_once() -> None:
    sock = place().socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    assert not os.get_blocking(sock.fileno())
    assert sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY) == 1
    sock.close()


@pytest.mark.parametrize("family", [socket.AF_INET, socket.AF_INET6])
def test_a_socket_of_the_host_is_of_the_family_and_the_kind_that_were_asked_for(family: int) -> None:
    sock = place().socket(family, socket.SOCK_DGRAM)
    assert (sock.family, sock.type, sock.gettimeout()) == (family, socket.SOCK_DGRAM, 0.0)
    sock.close()


def test_a_protocol_that_the_kernel_does_not_have_is_an_error() -> None:
    with pytest.raises(OSError) as refused:
        place().socket(socket.AF_INET, socket.SOCK_STREAM, 250)
    assert refused.value.errno == errno.EPROTONOSUPPORT


def test_without_sandboxes_the_host_is_the_only_place() -> None:
    network = LoopbackNetwork("127.244.0.0/16", (), LOW)
    assert [each.name for each in network.places] == ["host"]
    assert network.place("127.244.1.2", "127.244.1.3") is network.places[0]
    assert network.places[0].bind("127.96.0.10", 53) == network.bind("127.96.0.10", 53) == ("127.96.0.10", 10053)


def test_a_network_with_its_place_can_be_sent_to_a_worker() -> None:
    sent = pickle.loads(pickle.dumps(LoopbackNetwork("127.244.0.0/16", (), LOW)))
    assert isinstance(sent.places[0], HostPlace)
    assert sent.places[0].bind("127.96.0.1", 443) == ("127.96.0.1", 10443)
