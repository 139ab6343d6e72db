"""What the kernel can, and sockets that hear what they should."""

from __future__ import annotations

import errno
import socket
from pathlib import Path
from socket import SocketType
from typing import Any

import pytest
from tests.helpers.direct_network import DirectNetwork
from tests.helpers.kubeproxy.cluster import ask, cluster, naming_endpoints, service, slice_of

from kubehost.addresses import LOCALHOST
from kubeproxy.portowner import NO_SCTP
from kubeproxy.userspace import dialling, sockets
from kubeproxy.userspace.sockets import has_sctp, open_socket

VIP, A = "127.82.3.1", "127.82.4.1"

WITHOUT = "protocol size sockets memory press\nTCP 2432 12 5 no\n"
WITH = f"{WITHOUT}SCTPv6 1984 0 -1 NI\nSCTP 1832 0 -1 NI\n"


@pytest.mark.parametrize(
    ("protocols", "expected"),
    [
        pytest.param(WITHOUT, False, id="not-loaded"),
        pytest.param(WITH, True, id="loaded"),
        pytest.param("", False, id="empty"),
    ],
)
def test_sctp_is_there_when_the_kernel_lists_it(tmp_path: Path, protocols: str, expected: bool) -> None:
    (tmp_path / "net").mkdir()
    (tmp_path / "net/protocols").write_text(protocols)
    assert has_sctp(tmp_path) is expected


def test_sctp_is_not_there_without_a_list(tmp_path: Path) -> None:
    assert not has_sctp(tmp_path)


def test_asking_for_sctp_makes_the_kernel_load_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    def load(*_: object) -> socket.socket:
        raise AssertionError("a socket was asked for")

    monkeypatch.setattr(sockets, "has_sctp", lambda: False)
    monkeypatch.setattr("kubehost.io.places.SocketType", load)
    with pytest.raises(OSError, match="SCTP is not supported by this machine's kernel"):
        open_socket("SCTP", VIP)


async def test_a_service_with_sctp_has_an_event_that_says_what_mends_it_and_serves_its_other_ports(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(sockets, "has_sctp", lambda: False)
    ports = [{"name": "web", "port": 20080}, {"name": "diameter", "port": 20380, "protocol": "SCTP"}]
    web = slice_of("web", [A], port_name="web")
    diameter = slice_of("web", [A], name="web-sctp") | {
        "ports": [{"name": "diameter", "protocol": "SCTP", "port": 20380}]
    }
    async with (
        naming_endpoints(A),
        cluster(service(cluster_ip=VIP, ports=ports), web, diameter) as c,
    ):
        assert [(each.type, each.reason, each.message) for each in c.events] == [
            ("Warning", "PortBindFailed", f"{VIP}:20380 cannot be bound: {NO_SCTP}")
        ]
        assert await ask(VIP) == A


class SelfCaller(SocketType):
    """A socket to which the kernel gives the port that it calls, as it may do with a port of its range."""

    def connect_ex(self, target: Any) -> int:
        self.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.bind(target)
        return super().connect_ex(target)


@pytest.mark.parametrize("client", [LOCALHOST, "127.245.14.1"])
def test_a_port_where_nobody_listens_refuses_although_the_kernel_would_call_from_it(
    client: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    port = dialling._outgoing_ports()[-1]
    target = (client, port)
    monkeypatch.setattr("kubehost.io.places.SocketType", SelfCaller)
    monkeypatch.setattr(SelfCaller, "bind", lambda self, to: SocketType.bind(self, to) if to[1] else None)
    sock, code = dialling.dialler_of(DirectNetwork()).begin(target, client, "TCP")
    sock.close()
    assert code == errno.ECONNREFUSED
    with socket.create_server(target) as server:  # nothing of it is left to keep a server from the port
        assert server.getsockname() == target
