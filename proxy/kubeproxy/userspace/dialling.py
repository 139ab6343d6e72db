"""How an endpoint is dialled: in which place, from which address, and how one learns how it went.

An endpoint sees the client's address as far as the kernel lets it: on the host by binding, from a pod with a network of
its own by a socket of that network (binding another network's address is refused). Decides nothing else: ``targets``
says which socket address an endpoint has. Never waits.
"""

from __future__ import annotations

import errno
import os
import socket
from functools import cache
from pathlib import Path
from socket import SocketType
from typing import Protocol

from kubehost.addresses import LOCALHOST, LOCALHOST_V6, source_for
from kubehost.io.places import MakeSocket, whole_socket
from kubehost.network import Network
from kubeproxy.userspace.sockets import RESET_ON_CLOSE, SOCKETS

IP_BIND_ADDRESS_NO_PORT = 24
"""linux/in.h: bind to an address and leave the port to connect(), which may then share ports between peers."""

_ANY_PORT = 1024
"""One that no network moves: only the address is of interest."""
OUT_OF_DESCRIPTORS = (errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM)

Target = tuple[str, int]
"""The socket address of an endpoint."""


_Way = tuple[MakeSocket, str, str]
"""What makes the socket, the address to bind it to ("" for none), and the one that the kernel chooses otherwise.

The last is "" where it cannot be that of the endpoint. A plain tuple, as one is made for every connection.
"""


class Dialler(Protocol):
    """Begins connections to endpoints on behalf of clients; ``client`` is an address, "" for the proxy itself."""

    def begin(self, target: Target, client: str, protocol: str) -> tuple[SocketType, int]:
        """Begin to connect by TCP or SCTP and return connect()'s errno; raise OSError if there is no socket."""
        ...

    def open_datagrams(self, target: Target, client: str) -> SocketType:
        """Return a UDP socket that is connected to ``target``, the caller's; raise OSError."""
        ...


class HostDialler:
    """Dials on the host, from the client's own address; where that does not reach the target, the kernel chooses."""

    def __init__(self, make: MakeSocket) -> None:
        self._make = make

    def begin(self, target: Target, client: str, protocol: str) -> tuple[SocketType, int]:
        """Begin to connect."""
        source = "" if client == LOCALHOST else source_for(client, target[0])
        return _begin(self._make, source, LOCALHOST, target, protocol)

    def open_datagrams(self, target: Target, client: str) -> SocketType:
        """Return a connected socket."""
        return _open_from((self._make, source_for(client, target[0]), LOCALHOST), target)


class NodeDialler:
    """Dials on a node of a real cluster, where the kernel chooses the address: kube-proxy's masquerade does the same.

    A pod's address cannot be bound, and answers to it would go to the pod.
    """

    def __init__(self, make: MakeSocket) -> None:
        self._make = make

    def begin(self, target: Target, client: str, protocol: str) -> tuple[SocketType, int]:
        """Begin to connect."""
        del client
        return _begin(self._make, "", target[0], target, protocol)

    def open_datagrams(self, target: Target, client: str) -> SocketType:
        """Return a connected socket."""
        del client
        return _open((self._make, "", target[0]), target)


class PlacesDialler:
    """Dials where the network says: on the host, in the cluster's network, or in the client pod's own.

    In the cluster's network the kernel chooses the gateway of the endpoint's node, as kube-proxy masquerades, unless
    the client's address is one of that network too. That of a pod is its own network's: there no address is bound.
    """

    def __init__(self, network: Network) -> None:
        self._network = network
        self._places = network.places
        self._host = network.places[0]

    def begin(self, target: Target, client: str, protocol: str) -> tuple[SocketType, int]:
        """Begin to connect."""
        return _begin(*self._way(target[0], client), target, protocol)

    def open_datagrams(self, target: Target, client: str) -> SocketType:
        """Return a connected socket."""
        return _open_from(self._way(target[0], client), target)

    def _way(self, target: str, client: str) -> _Way:
        place = self._network.place(client, target)
        if place is self._host:
            here, _ = place.bind(client, _ANY_PORT)  # in the exact plan the host has a pod's address in 127.0.0.0/8
            return place.socket, "" if client == LOCALHOST else source_for(here, target), LOCALHOST
        if place not in self._places:  # the client's own
            return place.socket, "", ""
        source = "" if client in (LOCALHOST, LOCALHOST_V6, target) else source_for(client, target)
        return place.socket, source, target


def dialler_of(network: Network) -> Dialler:
    """Return what dials in a network."""
    host, *others = network.places
    if others:
        return PlacesDialler(network)
    return HostDialler(host.socket) if network.keeps_clients else NodeDialler(host.socket)


def connect(dialler: Dialler, target: Target) -> tuple[socket.socket, int]:
    """Begin to connect for the proxy itself, and ask at once how it went: on loopback it is over by then.

    Returns 0, EINPROGRESS or why it failed; raises OSError if there is no socket.
    """
    sock, code = dialler.begin(target, "", "TCP")
    if code == errno.EINPROGRESS:
        code = ask_outcome(sock, target)
    return whole_socket(sock), code


def ask_outcome(sock: SocketType, target: Target) -> int:
    """Return how a connect() that was begun has gone: 0, EINPROGRESS while that is not known, or why it failed."""
    code = sock.connect_ex(target)
    return errno.EINPROGRESS if code == errno.EALREADY else code


def late_outcome(sock: SocketType) -> int:
    """Return how a dial has gone that has an answer, or no time left: 0, why it failed, ETIMEDOUT without an answer.

    A process that did not run for a while learns first that the time is over, and the answer may be there long since.
    """
    if code := sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR):
        return code
    try:
        sock.getpeername()
    except OSError:  # ENOTCONN: it is still connecting
        return errno.ETIMEDOUT
    return 0


def ask_by_sending(sock: SocketType, target: Target, first: bytes) -> tuple[int, int]:
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


def _begin(make: MakeSocket, source: str, chosen: str, target: Target, protocol: str) -> tuple[SocketType, int]:
    sock = make(*SOCKETS[protocol, ":" in target[0]])
    try:
        if source:
            sock.setsockopt(socket.IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, 1)
            sock.bind((source, 0))
        code = sock.connect_ex(target)
        if target[0] == (source or chosen) and is_connected_to_itself(sock, target):
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET_ON_CLOSE)
            code = errno.ECONNREFUSED
    except OSError as error:
        code = error.errno or errno.EINVAL
    if source and code in (errno.EADDRNOTAVAIL, errno.EINVAL):
        sock.close()
        return _begin(make, "", chosen, target, protocol)
    return sock, code


def _open_from(way: _Way, target: Target) -> SocketType:
    make, source, chosen = way
    if source:
        try:
            return _open(way, target)
        except OSError as error:
            if error.errno in OUT_OF_DESCRIPTORS:
                raise
    return _open((make, "", chosen), target)


def _open(way: _Way, target: Target) -> SocketType:
    make, source, chosen = way
    sock = make(*SOCKETS["UDP", ":" in target[0]])
    try:
        if source:
            sock.bind((source, 0))
        sock.connect(target)
        if target[0] == (source or chosen) and is_connected_to_itself(sock, target):
            raise ConnectionRefusedError(errno.ECONNREFUSED, os.strerror(errno.ECONNREFUSED))
    except OSError:
        sock.close()
        raise
    return sock


def is_connected_to_itself(sock: SocketType, target: Target) -> bool:
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
