"""The sockets of the data plane, of each family and protocol, and the filter that drops excluded sources.

SCTP is served where the kernel has it. Where it is a module that is not loaded, nothing here loads it: creating a
socket would, so the kernel's list of protocols is read first.
"""

from __future__ import annotations

import contextlib
import ctypes
import errno
import fcntl
import socket
import struct
import sys
from pathlib import Path
from socket import SocketType

from kubehost.io.places import MakeSocket, make_socket
from kubeproxy.rules import SourceFilter
from kubeproxy.userspace.bpf import ACCEPT, Instructions, compile_filter

_SO_ATTACH_FILTER = 26
_SO_DETACH_FILTER = 27
"""asm-generic/socket.h."""
_INSTRUCTION_BYTES = 8
_KINDS = {
    "TCP": (int(socket.SOCK_STREAM), int(socket.IPPROTO_TCP)),
    "UDP": (int(socket.SOCK_DGRAM), int(socket.IPPROTO_UDP)),
    "SCTP": (int(socket.SOCK_STREAM), int(socket.IPPROTO_SCTP)),
}
SOCKETS = {
    (protocol, is_ipv6): (int(socket.AF_INET6 if is_ipv6 else socket.AF_INET), *_KINDS[protocol])
    for protocol in _KINDS
    for is_ipv6 in (False, True)
}
"""What a socket of a protocol and family is made with; plain numbers, because enumerations take longer at each call."""

_SIOCATMARK = 0x8905
"""asm-generic/sockios.h."""

_LAST_DATA_RECV = 52
"""Offset of tcpi_last_data_recv, in milliseconds, in struct tcp_info (linux/tcp.h)."""

_SO_NETNS_COOKIE = 71
"""asm-generic/socket.h: a number that no other network namespace has while the machine runs; since Linux 5.14."""

RESET_ON_CLOSE = struct.pack("ii", 1, 0)
"""struct linger {on, 0 s}: close() sends RST."""


def open_socket(protocol: str, address: str, make: MakeSocket = make_socket) -> SocketType:
    """Return a non-blocking socket for ``address``, its own or its peer's; EPROTONOSUPPORT without the protocol.

    The sockets that a listening one accepts send at once too: they inherit that.
    """
    if protocol == "SCTP" and not has_sctp():
        raise OSError(errno.EPROTONOSUPPORT, "SCTP is not supported by this machine's kernel")
    return make(*SOCKETS[protocol, ":" in address])


def has_sctp(proc: Path = Path("/proc")) -> bool:
    """Tell whether the kernel has SCTP, built in or loaded."""
    try:
        return any(line.startswith("SCTP ") for line in (proc / "net/protocols").read_text().splitlines())
    except OSError:
        return False


def filter_packets(sock: SocketType, source_filter: SourceFilter | None) -> None:
    """Let the kernel drop the datagrams of sources that are not accepted."""
    if source_filter is not None and attach_program(sock, _SO_ATTACH_FILTER, source_filter):
        return
    with contextlib.suppress(FileNotFoundError):  # there is none
        sock.setsockopt(socket.SOL_SOCKET, _SO_DETACH_FILTER, 0)


def attach_program(sock: SocketType, option: int, source_filter: SourceFilter, accept: Instructions = ACCEPT) -> bool:
    """Give the kernel a source filter's program by a socket option; False if it would be too long."""
    program = compile_filter(source_filter, 6 if sock.family == socket.AF_INET6 else 4, accept)
    if not program:
        return False
    instructions = ctypes.create_string_buffer(program, len(program))
    header = struct.pack("HL", len(program) // _INSTRUCTION_BYTES, ctypes.addressof(instructions))
    sock.setsockopt(socket.SOL_SOCKET, option, header)
    return True


def is_at_mark(fd: int) -> bool:
    """Tell whether the next byte of a TCP socket is an urgent one (sockatmark(3))."""
    answer = fcntl.ioctl(fd, _SIOCATMARK, bytes(4))
    return any(answer)


def silent_seconds(sock: SocketType) -> float:
    """Return the seconds since bytes came, as the kernel has counted them."""
    try:
        described = sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 104)
    except OSError:  # SCTP, which has no half-closed connections to reap
        return 0.0
    (milliseconds,) = struct.unpack_from("I", described, _LAST_DATA_RECV)
    return float(milliseconds) / 1000


def network_of(sock: SocketType) -> int:
    """Return the number of the network namespace that a socket is in; -1 if the kernel does not tell."""
    try:
        return int.from_bytes(sock.getsockopt(socket.SOL_SOCKET, _SO_NETNS_COOKIE, 8), sys.byteorder)
    except OSError:
        return -1
