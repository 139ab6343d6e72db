"""agnhost's ``tcp-reset``: every connection is closed with what its client has sent still unread, which resets it."""

from __future__ import annotations

import socket
from collections.abc import Mapping
from typing import Any

from kubelet.servers.agnhost.golog import log
from kubelet.servers.http.listening import peer_text
from kubelet.servers.http.messages import Service, plain


def tcp_reset(options: Mapping[str, Any], _name: str) -> Service:
    """Return the service on ``options["port"]``."""
    return Service(lambda _: plain(400), (), raw={options["port"]: _reset})


def _reset(sock: socket.socket) -> None:
    peer = peer_text(sock.getpeername())
    sock.recv(1)
    sock.close()
    log(f"TCP request from {peer}")
