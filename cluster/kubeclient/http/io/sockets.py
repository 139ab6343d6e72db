"""How a connection finds out that its other end is gone."""

from __future__ import annotations

import socket

DEAD_SECONDS = 30
"""How long a connection lives whose other end is gone: unacknowledged bytes, or unanswered keep-alive probes."""


def keep_alive(sock: socket.socket) -> None:
    """Have the kernel ask the other end of a silent connection whether it is there."""
    options = (
        (socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1),
        (socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, DEAD_SECONDS // 2),
        (socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, DEAD_SECONDS // 6),
        (socket.IPPROTO_TCP, socket.TCP_KEEPCNT, 3),
    )
    for each in options:
        sock.setsockopt(*each)
