"""The sockets at which one HTTP server is asked, with or without TLS."""

from __future__ import annotations

import asyncio
import socket
import ssl

from aiohttp import web

HANDSHAKE_SECONDS = 10.0
"""Time limit for the TLS handshake. kube-apiserver has 32 s; here clients are on the same machine, and every silent one
takes a file from the whole cluster."""
BACKLOG = 1024
"""Connections that may wait to be accepted."""


class Listening:
    """Hands the connections of any number of sockets to ``server``; without a ``context`` there is no TLS."""

    def __init__(self, server: web.Server, context: ssl.SSLContext | None) -> None:
        self._server = server
        self._context = context
        self._open: list[asyncio.Server] = []

    async def add(self, listener: socket.socket) -> asyncio.Server:
        """Serve on one more bound socket, which now belongs to the server, until either of them is closed."""
        # Not by web.SockSite, which leaves the TLS handshake its own, longer time limit.
        added = await asyncio.get_running_loop().create_server(
            self._server,
            sock=listener,
            ssl=self._context,
            ssl_handshake_timeout=HANDSHAKE_SECONDS if self._context is not None else None,
            backlog=BACKLOG,
        )
        self._open = [*(each for each in self._open if each.is_serving()), added]
        return added

    def close(self) -> None:
        """Close all sockets."""
        for each in self._open:
            each.close()
