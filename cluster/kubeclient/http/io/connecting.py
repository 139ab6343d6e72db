"""Makes connections to a server: through a proxy or not, with TLS or not."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
from typing import Any, NamedTuple

from kubeclient.endpoint import HTTPS, Endpoint
from kubeclient.http.io.sockets import DEAD_SECONDS, keep_alive
from kubeclient.http.io.tls import make_context
from kubeclient.http.io.wire import Wire
from kubeclient.http.messages import proxy_request
from kubeclient.kubeconfig.access import NO_PEM, Server

CONNECT_SECONDS = 10.0
NEXT_SECONDS = 2.0
"""How long an address of a name is tried while there is another one."""


class NoWayError(ConnectionError):
    """There is no way to the server; the text needs no remedy beside it."""


class Route(NamedTuple):
    """The way to a server. ``name`` is what its certificate must be for, ``tls`` is None without TLS."""

    server: Endpoint
    tls: ssl.SSLContext | None = None
    name: str = ""
    proxy: Endpoint | None = None

    @property
    def is_relayed(self) -> bool:
        """Whether a proxy takes each request to the server: one without TLS (RFC 9112 3.2.2)."""
        return self.proxy is not None and self.tls is None


async def connect(route: Route, *, is_lent: bool = False) -> Wire:
    """Return a connection to the server of a route, or to the proxy that relays requests to it.

    One that is lent to another protocol leads through a proxy in any case, and may stand still for longer than
    DEAD_SECONDS. OSError, ssl.CertificateError among them; NoWayError after CONNECT_SECONDS.
    """
    wire = Wire()
    try:
        async with asyncio.timeout(CONNECT_SECONDS):
            await _connect(wire, route, is_lent=is_lent)
            if route.proxy is not None and (is_lent or not route.is_relayed):
                await _pass_proxy(wire, route, route.proxy)
    except TimeoutError:
        wire.abort()
        raise NoWayError("no answer in time; check the network, a VPN, a firewall") from None
    except BaseException:
        wire.abort()
        raise
    return wire


async def _connect(wire: Wire, route: Route, *, is_lent: bool) -> None:
    """Connect to the server, or to the proxy before it, whose TLS is that of the server behind it, as in Go."""
    first, tls, name = route.server, route.tls, route.name or route.server.host
    if route.proxy is not None:
        first, name = route.proxy, route.proxy.host
        tls = (tls or make_context(Server(first.url), NO_PEM, NO_PEM)) if first.scheme == HTTPS else None
    sock = await _open(first, is_lent=is_lent)
    try:
        loop = asyncio.get_running_loop()
        await loop.create_connection(lambda: wire, sock=sock, ssl=tls, server_hostname=name if tls else None)
    except BaseException:
        sock.close()
        raise


async def _pass_proxy(wire: Wire, route: Route, proxy: Endpoint) -> None:
    wire.transport.write(proxy_request(route.server.place, proxy.authorization))
    answer = await wire.read_head(CONNECT_SECONDS)
    if answer.status not in range(200, 300):
        raise NoWayError(f"the proxy answers {answer.status} {answer.reason}".rstrip())
    if route.tls is not None:
        await wire.start_tls(route.tls, route.name or route.server.host)


async def _open(endpoint: Endpoint, *, is_lent: bool) -> socket.socket:
    """Return a socket that is connected to an endpoint; NoWayError, or the OSError of its last address."""
    loop = asyncio.get_running_loop()
    try:
        found = await loop.getaddrinfo(endpoint.host, endpoint.port, type=socket.SOCK_STREAM)
    except (socket.gaierror, UnicodeError):
        raise NoWayError("its name cannot be resolved; check the name and the DNS") from None
    *others, (family, _, _, _, last) = found
    for other, _, _, _, address in others:
        with contextlib.suppress(OSError):
            async with asyncio.timeout(NEXT_SECONDS):
                return await _opened(other, address, is_lent=is_lent)
    return await _opened(family, last, is_lent=is_lent)


async def _opened(family: int, address: Any, *, is_lent: bool) -> socket.socket:
    sock = socket.socket(family, socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
    try:
        keep_alive(sock)
        if not is_lent:  # it would end a connection whose other end takes nothing for a while (tcp(7))
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, DEAD_SECONDS * 1000)
        await asyncio.get_running_loop().sock_connect(sock, address)
    except BaseException:
        sock.close()
        raise
    return sock
