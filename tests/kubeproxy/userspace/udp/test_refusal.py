"""A refusal in the name of a socket that listens, by the kernel of this machine."""

from __future__ import annotations

import socket

import pytest
from tests.helpers.direct_network import DirectNetwork
from tests.helpers.kubeproxy.udp import PORT, udp_client

from kubeproxy.userspace.udp.io.refusal import STAND_IN_ADDRESS, refuser

VIP = "127.82.6.1"
REFUSE = refuser(DirectNetwork(), "host")


def listening() -> socket.socket:
    sock = socket.socket(type=socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
    sock.bind((VIP, PORT))
    return sock


def test_a_connected_client_is_refused_and_the_listener_goes_on_listening() -> None:
    with listening() as listener, udp_client((VIP, PORT)) as client, udp_client((VIP, PORT)) as neighbour:
        neighbour.send(b"waits")
        assert REFUSE(listener, client.getsockname())
        with pytest.raises(ConnectionRefusedError):
            client.recv(1)
        with pytest.raises(BlockingIOError):
            neighbour.recv(1)
        client.send(b"later")
        assert [listener.recv(10), listener.recv(10)] == [b"waits", b"later"]
        assert listener.getsockname() == (VIP, PORT)
        with pytest.raises(OSError, match="not connected"):
            listener.getpeername()


@pytest.mark.parametrize(
    "client",
    [
        pytest.param(("192.0.2.7", 25003), id="client-on-another-machine"),
        pytest.param(("0.0.0.0", 0), id="nobody"),
    ],
)
def test_where_the_kernel_lets_nothing_be_sent_in_the_clients_name_the_listener_goes_on(
    client: tuple[str, int],
) -> None:
    with listening() as listener, udp_client((VIP, PORT)) as neighbour:
        REFUSE(listener, client)
        neighbour.send(b"heard")
        assert listener.recv(10) == b"heard"


def test_a_client_that_has_its_port_everywhere_cannot_be_told_nor_would_it_be() -> None:
    with listening() as listener, socket.socket(type=socket.SOCK_DGRAM) as client:
        client.sendto(b"?", (VIP, PORT))
        _, sender = listener.recvfrom(10)
        assert not REFUSE(listener, sender)


def test_a_busy_stand_in_is_no_reason_to_fail() -> None:
    with listening() as listener, udp_client((VIP, PORT)) as client, socket.socket(type=socket.SOCK_DGRAM) as busy:
        busy.bind((STAND_IN_ADDRESS, client.getsockname()[1]))
        assert not REFUSE(listener, client.getsockname())
