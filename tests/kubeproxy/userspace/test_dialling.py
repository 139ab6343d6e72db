"""In which place, and from which address, an endpoint is dialled; ``test_places`` has it with real networks.

IP plan: pod 10.244.9.7, which the host has at 127.244.9.7; a server of the host at 127.0.0.1, port 20080.
"""

from __future__ import annotations

import contextlib
import socket

import pytest
from tests.helpers.direct_network import DirectNetwork

from kubehost.addresses import LOCALHOST, Address
from kubehost.io.places import HostPlace
from kubeproxy.userspace.dialling import dialler_of

PORT = 20080


class ExactNetwork(DirectNetwork):
    """Two places; every target is on the host, where 10.x.y.z is 127.x.y.z."""

    def __init__(self) -> None:
        super().__init__()
        self.places = (HostPlace(self._twin), HostPlace(self.bind))

    @staticmethod
    def _twin(address: str, port: int) -> Address:
        return address.replace("10.", "127.", 1) if address.startswith("10.") else address, port


@pytest.mark.parametrize(
    ("client", "seen"),
    [
        pytest.param("10.244.9.7", "127.244.9.7", id="a-pod"),
        pytest.param(LOCALHOST, LOCALHOST, id="the-host"),
        pytest.param("", LOCALHOST, id="the-proxy-itself"),
    ],
)
def test_a_server_on_the_host_sees_where_the_host_has_its_client(client: str, seen: str) -> None:
    dialler = dialler_of(ExactNetwork())
    with socket.create_server((LOCALHOST, PORT)) as server:
        sock, _ = dialler.begin((LOCALHOST, PORT), client, "TCP")
        with contextlib.closing(sock):
            accepted, peer = server.accept()
            accepted.close()
    assert peer[0] == seen
    with socket.socket(type=socket.SOCK_DGRAM) as server:
        server.bind((LOCALHOST, PORT))
        with contextlib.closing(dialler.open_datagrams((LOCALHOST, PORT), client)) as sock:
            sock.send(b"?")
            assert server.recvfrom(1)[1][0] == seen
