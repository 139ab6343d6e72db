"""How a relayed connection gets the end that leads to its endpoint: a socket, or a tunnel."""

from __future__ import annotations

import errno

from kubeproxy.types import Choice
from kubeproxy.userspace.dialling import ask_by_sending
from kubeproxy.userspace.tcp.io.end import End, Owner
from kubeproxy.userspace.tcp.io.timedend import TimedEnd
from kubeproxy.userspace.tcp.io.tunnelend import TunnelEnd
from kubeproxy.userspace.tcp.relay import Side

_UPSTREAM = Side.UPSTREAM


def dial(connection: Owner, choice: Choice, early: bytes) -> tuple[End | None, int, int]:
    """Begin to connect to an endpoint; OSError if there is no socket.

    Returns its end, connect()'s errno, and how many of the client's ``early`` bytes have left. The end is None if the
    endpoint has refused, or leads back to its own Service (ELOOP).
    """
    shared, record = connection.shared, connection.record
    port_name = record.route.port_name
    target = shared.targets.dial(port_name, choice.endpoint)
    if target is None:
        return None, errno.ELOOP, 0
    if shared.open_tunnel is not None:
        end = TunnelEnd(connection, _UPSTREAM)
        if end.open(shared.open_tunnel, choice.endpoint):
            return end, 0, end.sink.send(early, 0) if early else 0
    sock, code, sent = *shared.dialler.begin(target, record.client, port_name.protocol), 0
    if code == errno.EINPROGRESS:
        code, sent = ask_by_sending(sock, target, early)
    if code and code != errno.EINPROGRESS:
        sock.close()
        return None, code, 0
    return (TimedEnd if choice.is_followed else End)(connection, sock, _UPSTREAM), code, sent
