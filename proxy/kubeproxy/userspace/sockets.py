"""The sockets of the data plane, of each family and protocol: connected, or with a filter that drops excluded sources.

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
from functools import cache
from pathlib import Path
from socket import SocketType

from kubehost.addresses import LOCALHOST, source_for
from kubehost.io.binding import socket_family
from kubeproxy.rules import SourceFilter
from kubeproxy.userspace.bpf import ACCEPT, Instructions, compile_filter

_SO_ATTACH_FILTER = 26
_SO_DETACH_FILTER = 27
"""asm-generic/socket.h."""
_INSTRUCTION_BYTES = 8
_TYPES = {
    "TCP": (socket.SOCK_STREAM, socket.IPPROTO_TCP),
    "UDP": (socket.SOCK_DGRAM, socket.IPPROTO_UDP),
    "SCTP": (socket.SOCK_STREAM, socket.IPPROTO_SCTP),
}
_SCTP_NODELAY = 3
"""linux/sctp.h."""
_AT_ONCE = {
    "TCP": (socket.IPPROTO_TCP, socket.TCP_NODELAY),
    "SCTP": (socket.IPPROTO_SCTP, _SCTP_NODELAY),
}
"""The options that make a socket send at once, without waiting for more."""
_DIALLED = {
    (protocol, is_ipv6): (
        int(socket.AF_INET6 if is_ipv6 else socket.AF_INET),
        int(_TYPES[protocol][0] | socket.SOCK_NONBLOCK),
        _TYPES[protocol][1],
        *_AT_ONCE[protocol],
    )
    for protocol in _AT_ONCE
    for is_ipv6 in (False, True)
}
"""Arguments and option of a dialled socket; plain numbers, because enumerations take longer at each call."""
IP_BIND_ADDRESS_NO_PORT = 24
"""linux/in.h: bind to an address and leave the port to connect(), which may then share ports between peers."""

_SIOCATMARK = 0x8905
"""asm-generic/sockios.h."""

_LAST_DATA_RECV = 52
"""Offset of tcpi_last_data_recv, in milliseconds, in struct tcp_info (linux/tcp.h)."""

RESET_ON_CLOSE = struct.pack("ii", 1, 0)
"""struct linger {on, 0 s}: close() sends RST."""


def open_socket(protocol: str, address: str) -> socket.socket:
    """Return a non-blocking socket for ``address``, its own or its peer's; EPROTONOSUPPORT without the protocol."""
    if protocol == "SCTP" and not has_sctp():
        raise OSError(errno.EPROTONOSUPPORT, "SCTP is not supported by this machine's kernel")
    kind, number = _TYPES[protocol]
    sock = socket.socket(socket_family(address), kind | socket.SOCK_NONBLOCK, number)
    try:
        if protocol in _AT_ONCE:
            sock.setsockopt(*_AT_ONCE[protocol], 1)  # accepted sockets inherit it
    except OSError:
        sock.close()
        raise
    return sock


def has_sctp(proc: Path = Path("/proc")) -> bool:
    """Tell whether the kernel has SCTP, built in or loaded."""
    try:
        return any(line.startswith("SCTP ") for line in (proc / "net/protocols").read_text().splitlines())
    except OSError:
        return False


def filter_packets(sock: socket.socket, source_filter: SourceFilter | None) -> None:
    """Let the kernel drop the datagrams of sources that are not accepted."""
    if source_filter is not None and attach_program(sock, _SO_ATTACH_FILTER, source_filter):
        return
    with contextlib.suppress(FileNotFoundError):  # there is none
        sock.setsockopt(socket.SOL_SOCKET, _SO_DETACH_FILTER, 0)


def attach_program(
    sock: socket.socket, option: int, source_filter: SourceFilter, accept: Instructions = ACCEPT
) -> bool:
    """Give the kernel a source filter's program by a socket option; False if it would be too long."""
    program = compile_filter(source_filter, 6 if sock.family == socket.AF_INET6 else 4, accept)
    if not program:
        return False
    instructions = ctypes.create_string_buffer(program, len(program))
    header = struct.pack("HL", len(program) // _INSTRUCTION_BYTES, ctypes.addressof(instructions))
    sock.setsockopt(socket.SOL_SOCKET, option, header)
    return True


def connect(target: tuple[str, int], client: str, protocol: str = "TCP") -> tuple[socket.socket, int]:
    """Begin to connect as ``begin_connect`` does, and ask at once how it went: on loopback it is over by then.

    Returns 0, EINPROGRESS or why it failed.
    """
    sock, code = begin_connect(target, client, protocol)
    if code == errno.EINPROGRESS:
        code = ask_outcome(sock, target)
    return whole_socket(sock), code


def begin_connect(target: tuple[str, int], client: str, protocol: str) -> tuple[SocketType, int]:
    """Begin to connect from the client's own address, so that the pod sees it; raise OSError if there is no socket.

    Returns connect()'s errno. Where ``target`` cannot be reached from that address, the kernel chooses one.
    """
    source = "" if client == LOCALHOST else source_for(client, target[0])
    sock, code = _begin(target, source, protocol)
    if source and code in (errno.EADDRNOTAVAIL, errno.EINVAL):
        sock.close()
        return _begin(target, "", protocol)
    return sock, code


def ask_outcome(sock: SocketType, target: tuple[str, int]) -> int:
    """Return how a connect() that was begun has gone: 0, EINPROGRESS while that is not known, or why it failed."""
    code = sock.connect_ex(target)
    return errno.EINPROGRESS if code == errno.EALREADY else code


def ask_by_sending(sock: SocketType, target: tuple[str, int], first: bytes) -> tuple[int, int]:
    """Return how a dial has gone, and how many of the first bytes were sent by asking.

    TCP takes them once it is connected: EAGAIN while it is still connecting, else why it failed.
    """
    if not first or sock.proto != socket.IPPROTO_TCP:
        return ask_outcome(sock, target), 0
    try:
        return 0, sock.send(first, socket.MSG_DONTWAIT)
    except BlockingIOError:
        return errno.EINPROGRESS, 0
    except OSError as error:
        return error.errno or errno.EINVAL, 0


def whole_socket(sock: SocketType) -> socket.socket:
    """Return the same socket, non-blocking, as an instance of socket.socket."""
    whole = socket.socket(sock.family, sock.type, sock.proto, sock.detach())
    whole.setblocking(False)
    return whole


def _begin(target: tuple[str, int], source: str, protocol: str) -> tuple[SocketType, int]:
    family, kind, number, level, option = _DIALLED[protocol, ":" in target[0]]
    sock = SocketType(family, kind, number)
    try:
        sock.setsockopt(level, option, 1)
        if source:
            sock.setsockopt(socket.IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, 1)
            sock.bind((source, 0))
        code = sock.connect_ex(target)
        if target[0] == (source or LOCALHOST) and is_connected_to_itself(sock, target):
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET_ON_CLOSE)
            code = errno.ECONNREFUSED
        return sock, code
    except OSError as error:
        return sock, error.errno or errno.EINVAL


def is_connected_to_itself(sock: SocketType, target: tuple[str, int]) -> bool:
    """Tell whether the kernel has given a socket its own ``target`` as source address, because nothing listens there.

    TCP makes a connection of that (RFC 9293 3.5, simultaneous open), in which a client would read its own bytes.
    """
    return target[1] in _outgoing_ports() and sock.getsockname()[:2] == target


@cache
def _outgoing_ports() -> range:
    """Return the kernel's range of ephemeral ports, its default if that cannot be read."""
    try:
        first, last = map(int, Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split())
    except (OSError, ValueError):
        first, last = 32768, 60999
    return range(first, last + 1)


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
