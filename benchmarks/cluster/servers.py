"""The pods' program: says at each address which address that is, and which client it sees."""

from __future__ import annotations

import json
import selectors
import threading
from socket import AF_INET6, IPPROTO_IPV6, IPV6_V6ONLY, SO_REUSEADDR, SOCK_DGRAM, SOCK_STREAM, SOL_SOCKET
from socket import socket as Socket  # noqa: N812  # as in networks

from benchmarks.cluster.networks import NodeNetwork, family_of

PORTS = (9376, 9377)
"""Where every pod listens."""
SILENT_PORT = 9399
"""Where none does."""
PODS = tuple(f"10.244.{node}.{number}" for node in (1, 2) for number in range(2, 10))
PODS_V6 = tuple(f"fd00:10:244:{node}::{number}" for node in (1, 2) for number in range(2, 10))
_IPV6_FREEBIND = 78
"""linux/in6.h."""


class PodServers:
    """TCP and UDP servers of all pods of a network, in a thread; ``close`` ends them.

    The answer to a connection or a datagram is JSON: {"at": the pod's address, "port", "peer": the client's address}.
    """

    def __init__(self, network: NodeNetwork) -> None:
        self._selector = selectors.DefaultSelector()
        self._network = network
        for port in PORTS:
            self._listen_everywhere(port)
            for address in (*PODS, *PODS_V6):
                self._take_datagrams(address, port)
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Close every server."""
        self._end.set()
        self._thread.join()
        for key in list(self._selector.get_map().values()):
            sock = key.fileobj
            assert isinstance(sock, Socket)
            sock.close()
        self._selector.close()

    def _listen_everywhere(self, port: int) -> None:
        sock = self._network.socket(AF_INET6, SOCK_STREAM)
        sock.setsockopt(IPPROTO_IPV6, IPV6_V6ONLY, 0)
        sock.setsockopt(SOL_SOCKET, SO_REUSEADDR, 1)
        sock.bind(("::", port))
        sock.listen(4096)
        sock.setblocking(False)
        self._selector.register(sock, selectors.EVENT_READ, self._accept)

    def _take_datagrams(self, address: str, port: int) -> None:
        sock = self._network.socket(family_of(address), SOCK_DGRAM)
        if ":" in address:
            sock.setsockopt(IPPROTO_IPV6, _IPV6_FREEBIND, 1)  # a route alone does not make an IPv6 address bindable
        sock.bind((address, port))
        sock.setblocking(False)
        self._selector.register(sock, selectors.EVENT_READ, self._answer)

    def _serve(self) -> None:
        while not self._end.is_set():
            for key, _ in self._selector.select(0.05):
                key.data(key.fileobj)

    def _accept(self, sock: Socket) -> None:
        try:
            connection, peer = sock.accept()
        except OSError:
            return
        connection.setblocking(False)
        try:
            connection.send(_words(connection.getsockname(), peer))
        except OSError:
            connection.close()
            return
        self._selector.register(connection, selectors.EVENT_READ, self._read)

    def _read(self, connection: Socket) -> None:
        """Wait for the client to close."""
        try:
            is_open = bool(connection.recv(4096))
        except BlockingIOError:
            return
        except OSError:
            is_open = False
        if not is_open:
            self._selector.unregister(connection)
            connection.close()

    def _answer(self, sock: Socket) -> None:
        try:
            _, peer = sock.recvfrom(4096)
            sock.sendto(_words(sock.getsockname(), peer), peer)
        except OSError:
            return


def _words(at: tuple[str, int], peer: tuple[str, int]) -> bytes:
    said = {"at": at[0].removeprefix("::ffff:"), "port": at[1], "peer": peer[0].removeprefix("::ffff:")}
    return json.dumps(said).encode() + b"\n"
