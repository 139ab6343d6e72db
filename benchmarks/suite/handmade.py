"""What one would write by hand instead: an aiohttp reverse proxy, and a relay of asyncio streams.

python -m benchmarks.suite.handmade {http|tcp} ADDRESS PORT BACKEND BACKEND_PORT
"""

from __future__ import annotations

import asyncio
import contextlib
import sys

import aiohttp
from aiohttp import web

CHUNK = 65536
HOP_BY_HOP = {"connection", "keep-alive", "transfer-encoding", "content-length", "host", "date", "server"}


async def serve_http(address: str, port: int, backend: str) -> None:
    """Answer each request with what the backend answers; ``backend`` is a URL."""
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as session:

        async def forward(request: web.Request) -> web.Response:
            headers = {name: value for name, value in request.headers.items() if name.lower() not in HOP_BY_HOP}
            async with session.request(
                request.method, backend + request.path_qs, headers=headers, data=await request.read()
            ) as answer:
                kept = {name: value for name, value in answer.headers.items() if name.lower() not in HOP_BY_HOP}
                return web.Response(status=answer.status, headers=kept, body=await answer.read())

        application = web.Application()
        application.router.add_route("*", "/{path:.*}", forward)
        runner = web.AppRunner(application, access_log=None)
        await runner.setup()
        await web.TCPSite(runner, address, port, backlog=4096).start()
        await asyncio.Event().wait()


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError):
        while chunk := await reader.read(CHUNK):
            writer.write(chunk)
            await writer.drain()
        if writer.can_write_eof():
            writer.write_eof()


async def serve_tcp(address: str, port: int, backend: str, backend_port: int) -> None:
    """Relay each connection to the backend with streams."""

    async def relay(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            upstream_reader, upstream_writer = await asyncio.open_connection(backend, backend_port)
        except OSError:
            writer.close()
            return
        try:
            await asyncio.gather(_copy(reader, upstream_writer), _copy(upstream_reader, writer))
        finally:
            writer.close()
            upstream_writer.close()

    server = await asyncio.start_server(relay, address, port, backlog=4096)
    async with server:
        await server.serve_forever()


def main() -> None:
    """Serve until the process is ended."""
    kind, address, port, backend, backend_port = sys.argv[1:]
    if kind == "http":
        asyncio.run(serve_http(address, int(port), f"http://{backend}:{backend_port}"))
    else:
        asyncio.run(serve_tcp(address, int(port), backend, int(backend_port)))


if __name__ == "__main__":
    main()
