"""The sockets that listen: one per destination, of its family and protocol, deaf to those who are to be dropped."""

from __future__ import annotations

import ctypes
import socket
import struct

from kubeproxy.admission import Admission, compile_filter

_SO_ATTACH_FILTER = 26
_SO_DETACH_FILTER = 27
"""asm-generic/socket.h."""
_INSTRUCTION_BYTES = 8
_TYPES = {
    "TCP": (socket.SOCK_STREAM, socket.IPPROTO_TCP),
    "UDP": (socket.SOCK_DGRAM, socket.IPPROTO_UDP),
    "SCTP": (socket.SOCK_STREAM, socket.IPPROTO_SCTP),
}


def open_socket(protocol: str, address: str) -> socket.socket:
    """Return a non-blocking socket to be bound to ``address``; OSError where the kernel has no such protocol."""
    kind, number = _TYPES[protocol]
    is_ipv6 = ":" in address
    sock = socket.socket(socket.AF_INET6 if is_ipv6 else socket.AF_INET, kind | socket.SOCK_NONBLOCK, number)
    try:
        if is_ipv6:
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        if protocol != "UDP":
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if protocol == "TCP":
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # accepted sockets inherit it
    except OSError:
        sock.close()
        raise
    return sock


def filter_packets(sock: socket.socket, admission: Admission | None) -> None:
    """Have the kernel drop the packets of sources that are not to be heard; accepted sockets inherit that."""
    version = 6 if sock.family == socket.AF_INET6 else 4
    program = compile_filter(admission, version) if admission is not None else b""
    if not program:
        try:
            sock.setsockopt(socket.SOL_SOCKET, _SO_DETACH_FILTER, 0)
        except FileNotFoundError:  # there is none
            return
        return
    instructions = ctypes.create_string_buffer(program, len(program))
    header = struct.pack("HL", len(program) // _INSTRUCTION_BYTES, ctypes.addressof(instructions))
    sock.setsockopt(socket.SOL_SOCKET, _SO_ATTACH_FILTER, header)
