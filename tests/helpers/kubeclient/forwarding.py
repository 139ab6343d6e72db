"""A forwarder with a port on this machine, and servers behind and instead of the API server."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from functools import partial
from pathlib import Path

from tests.helpers.kubeapiserver.server import HOST, TOKEN
from tests.helpers.patience import PATIENCE

from kubeapi.meta import ObjectKey
from kubeclient.io.client import APIClient
from kubeclient.portforward.io.dialling import PortForwardDialler
from kubeclient.portforward.io.forwardedsocket import ForwardedSocket
from kubeclient.portforward.io.forwarder import PodForwarder

WEB = ObjectKey("default", "web")
PORT = 80
Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]
Talk = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Answer in capitals, and close after the client's end."""
    with contextlib.suppress(ConnectionError):
        while content := await reader.read(65536):
            writer.write(content.upper())
            await writer.drain()
    writer.close()


@contextlib.asynccontextmanager
async def listening(talk: Talk) -> AsyncIterator[tuple[str, int]]:
    """Serve on a free port; yields its address."""
    server = await asyncio.start_server(talk, HOST, 0)
    try:
        yield server.sockets[0].getsockname()
    finally:
        server.close()


class Forwarding:
    """``reported`` is what was said of the API server."""

    def __init__(self, dialler: PortForwardDialler) -> None:
        self.reported: list[str] = []
        self.dialler = dialler
        self.forwarder = PodForwarder(partial(dialler.dial, WEB), self.reported.append)
        self.address = (HOST, 0)

    async def open(self) -> Streams:
        """Connect to the port."""
        return await asyncio.open_connection(*self.address)

    async def ask(self, content: bytes) -> bytes:
        """Return all that is answered to bytes and their end; ConnectionError."""
        reader, writer = await self.open()
        async with asyncio.timeout(PATIENCE):
            try:
                writer.write(content)
                writer.write_eof()
                return await reader.read()
            finally:
                writer.close()


@contextlib.asynccontextmanager
async def forwarding(port: int, folder: Path) -> AsyncIterator[Forwarding]:
    """Forward connections by an API server at a port."""
    file = folder / "kubeconfig"
    file.write_text(
        f"""
apiVersion: v1
kind: Config
current-context: one
contexts: [{{name: one, context: {{cluster: one, user: one}}}}]
clusters: [{{name: one, cluster: {{server: "http://{HOST}:{port}"}}}}]
users: [{{name: one, user: {{token: {TOKEN}}}}}]
"""
    )
    client = await APIClient.open(file)
    one = Forwarding(PortForwardDialler(client))
    loop = asyncio.get_running_loop()
    server = await loop.create_server(partial(ForwardedSocket, one.forwarder, PORT), HOST, 0)
    one.address = server.sockets[0].getsockname()
    try:
        yield one
    finally:
        server.close()
        await one.forwarder.close()
        await client.close()
