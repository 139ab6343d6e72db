"""Groups of sockets that share one address."""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Iterator
from socket import SocketType

from kubeproxy.rules import Listener, SourceFilter
from kubeproxy.types import Destination, ListenerKind, ServicePortName
from kubeproxy.userspace.portgroup import PortGroup

PORT = 21060


@contextlib.contextmanager
def port_group(
    address: str, source_filter: SourceFilter | None = None, width: int = 1, *, is_sticky: bool = False
) -> Iterator[PortGroup]:
    """Bind a group at ``address`` while the context lasts."""
    group = PortGroup(tcp_listener(address, source_filter, is_sticky=is_sticky), (address, PORT), width)
    try:
        yield group
    finally:
        for sock in group.sockets:
            sock.close()
        group.close()


def accept(sock: SocketType) -> tuple[socket.socket, tuple[str, int]]:
    """Accept at a socket of a group; BlockingIOError if nobody waits."""
    descriptor, peer = sock._accept()  # type: ignore[attr-defined]  # not in the stubs
    return socket.socket(fileno=descriptor), peer


def tcp_listener(address: str, source_filter: SourceFilter | None = None, *, is_sticky: bool = False) -> Listener:
    """The listener of a cluster IP."""
    name = ServicePortName("default", "web", "", "TCP")
    destination = Destination(address, PORT, "TCP")
    return Listener(destination, ListenerKind.CLUSTER_IP, name, True, False, source_filter, is_sticky)
