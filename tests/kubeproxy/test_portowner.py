"""Who has a port: read from a made-up /proc and from the real one."""

from __future__ import annotations

import os
import socket
import struct
from pathlib import Path

import pytest

from kubeproxy.portowner import OpenSocket, PortOwner, find_port_owner, find_port_owners, parse_sockets
from kubeproxy.types import Destination

HEADER = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n"


def line(local: str, inode: int, state: str = "0A") -> str:
    return f"   0: {local} 00000000:0000 {state} 00000000:00000000 00:00000000 00000000     0        0 {inode} 1\n"


@pytest.fixture
def proc(tmp_path: Path) -> Path:
    """A machine where nginx has 127.0.0.1:80, sshd has port 22 of every address and vi has nothing."""
    (tmp_path / "net").mkdir()
    lines = [line("0100007F:0050", 1111), line("0100007F:0051", 3333, state="01")]
    (tmp_path / "net" / "tcp").write_text(HEADER + "".join(lines))
    any_address = "0" * 32
    (tmp_path / "net" / "tcp6").write_text(HEADER + line(f"{any_address}:0016", 2222))
    for pid, command, inode in ((7, b"nginx\0-g\0daemon off;\0", 1111), (8, b"sshd\0", 2222), (9, b"vi\0", 3333)):
        (tmp_path / str(pid) / "fd").mkdir(parents=True)
        (tmp_path / str(pid) / "cmdline").write_bytes(command)
        (tmp_path / str(pid) / "fd" / "3").symlink_to(f"socket:[{inode}]")
        (tmp_path / str(pid) / "fd" / "4").symlink_to("/dev/null")
    return tmp_path


@pytest.mark.parametrize(
    ("address", "port", "expected"),
    [
        pytest.param("127.0.0.1", 80, PortOwner(7, "nginx -g daemon off;"), id="that-address"),
        pytest.param("127.0.0.1", 22, PortOwner(8, "sshd"), id="every-address"),
        pytest.param("127.0.0.2", 80, None, id="another-address"),
        pytest.param("127.0.0.1", 81, None, id="a-connection-is-no-listener"),
    ],
)
def test_the_owner_is_the_process_that_listens(proc: Path, address: str, port: int, expected: PortOwner | None) -> None:
    assert find_port_owner(address, port, proc) == expected


def test_a_process_that_cannot_be_read_is_nobody(proc: Path) -> None:
    (proc / "7" / "fd" / "3").unlink()
    assert find_port_owner("127.0.0.1", 80, proc) is None


def test_a_machine_without_proc_has_no_answers(tmp_path: Path) -> None:
    assert find_port_owner("127.0.0.1", 80, tmp_path) is None


def test_the_real_owner_of_a_real_port_is_found() -> None:
    with socket.create_server(("127.97.6.1", 0)) as sock:
        owner = find_port_owner(*sock.getsockname())
    assert owner is not None
    assert owner.pid == os.getpid()
    assert str(owner).endswith(f"(pid {os.getpid()})")


LOCALHOST = f"{struct.unpack('=I', socket.inet_aton('127.0.0.1'))[0]:08X}"
"""127.0.0.1 as the kernel of this machine's byte order writes it."""

PROC_TCP = f"""\
  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: {LOCALHOST}:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 111 1 0 100 0 0 10 0
   1: {LOCALHOST}:1F91 {LOCALHOST}:9999 01 00000000:00000000 00:00000000 00000000     0        0 222 1 0 100 0 0 10 0
"""


def test_only_sockets_that_listen_are_read_of_the_kernels_table() -> None:
    assert list(parse_sockets(PROC_TCP, "TCP")) == [OpenSocket("TCP", "127.0.0.1", 8080, "111")]


def test_every_udp_socket_takes_datagrams() -> None:
    assert [(each.protocol, each.port) for each in parse_sockets(PROC_TCP, "UDP")] == [("UDP", 8080), ("UDP", 8081)]


def test_a_port_has_an_owner_by_protocol() -> None:
    with socket.socket(type=socket.SOCK_DGRAM) as sock:
        sock.bind(("127.82.5.1", 0))
        place = Destination("127.82.5.1", sock.getsockname()[1], "UDP")
        owners = find_port_owners({place, place._replace(protocol="TCP")})
        assert {each: owner.pid for each, owner in owners.items()} == {place: os.getpid()}
