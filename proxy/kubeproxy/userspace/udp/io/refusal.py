"""How a client learns that its endpoint refuses: ECONNREFUSED, as from an ICMP error that NAT has carried back.

A socket that listens answers nothing with ICMP, and an unprivileged process can send none itself. But the kernel sends
one for a datagram that nobody takes. So a datagram is sent in the client's name to the address that the client has
asked, while the listening socket takes none: it is connected to somebody else for the few microseconds that this lasts.
Two rules of Linux make it possible without privilege: IP_PKTINFO may name any address of the machine as the source
(ip(7)), and the client's port is free at other loopback addresses; also for connect(2), AF_UNSPEC dissolves what
was connected. Nothing that was received is lost; what other clients send in these microseconds is refused too, which
is why ``RefusalBudget`` bounds them.

Reaches whom ICMP reaches: clients with a connected socket. Others have their port at every address, nothing can be
sent in their name, and the kernel would not tell them either (udp(7)). IPv6 has one loopback address: no way there.
"""

from __future__ import annotations

import ctypes
import socket
import struct

STAND_IN_ADDRESS = "127.255.255.254"
"""The last address of the loopback network, which nobody is likely to use; it has the client's port for a moment."""

PROBE = b"\x93kubesvc refusal"
"""What the kernel is to refuse. A listener that gets it all the same throws it away."""

IP_PKTINFO = 8
"""linux/in.h."""

_DISSOLVE = bytes(16)
"""struct sockaddr_in with the family AF_UNSPEC, which Python's connect() cannot say."""

_libc = ctypes.CDLL(None, use_errno=True)


def pass_refusal_on(listener: socket.socket, client: tuple[str, int]) -> bool:
    """Let the kernel tell ``client`` that nobody is at the address of ``listener``; False where that cannot be done."""
    if listener.family != socket.AF_INET:
        return False
    try:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK) as stand_in:
            stand_in.bind((STAND_IN_ADDRESS, client[1]))
            source = struct.pack("=i4s4x", 0, socket.inet_aton(client[0]))
            asked = listener.getsockname()
            listener.connect(stand_in.getsockname())
            try:
                stand_in.sendmsg([PROBE], [(socket.IPPROTO_IP, IP_PKTINFO, source)], 0, asked)
            finally:
                _libc.connect(listener.fileno(), _DISSOLVE, len(_DISSOLVE))
    except OSError:
        return False
    return True
