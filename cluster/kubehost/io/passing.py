"""Receiving a packet with the descriptors that came along (unix(7), SCM_RIGHTS)."""

from __future__ import annotations

import array
import socket

_DESCRIPTOR_BYTES = array.array("i").itemsize


def receive(channel: socket.socket, size: int, most: int) -> tuple[bytes, list[int]]:
    """Return a packet of up to ``size`` bytes, b"" at the end, and up to ``most`` descriptors, the caller's.

    OSError. Programs that this process executes do not inherit them: socket.recv_fds() ignores the flag for that
    (Python 3.11).
    """
    room = socket.CMSG_SPACE(most * _DESCRIPTOR_BYTES)
    packet, messages, _, _ = channel.recvmsg(size, room, socket.MSG_CMSG_CLOEXEC)
    descriptors = array.array("i")
    for level, kind, content in messages:
        if level == socket.SOL_SOCKET and kind == socket.SCM_RIGHTS:
            descriptors.frombytes(content[: len(content) - len(content) % _DESCRIPTOR_BYTES])
    return packet, descriptors.tolist()
