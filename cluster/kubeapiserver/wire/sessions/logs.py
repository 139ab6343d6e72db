"""A container's log for one client: no more bytes than it asks for, and as messages of a WebSocket if it wants that.

Follows apiserver ``pkg/endpoints/handlers/responsewriters`` (StreamObject) and ``wsstream`` (Reader).
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator

from aiohttp import web

from kubeapiserver.streaming.websocket import log_message


async def limited(chunks: AsyncGenerator[bytes, None], limit: int | None) -> AsyncGenerator[bytes, None]:
    """Yield the first ``limit`` bytes, all of them for None; closes ``chunks``."""
    left = limit
    try:
        async for chunk in chunks:
            yield chunk if left is None else chunk[:left]
            if left is not None and (left := left - len(chunk)) <= 0:
                return
    finally:
        await chunks.aclose()


async def send_log(socket: web.WebSocketResponse, chunks: AsyncIterator[bytes], protocol: str) -> None:
    """Send an empty message and then the chunks, until they or the client end; what that sends does not matter."""
    sending = asyncio.create_task(_send(socket, chunks, protocol), name="log: output")
    reading = asyncio.create_task(_read(socket), name="log: reader")
    try:
        await asyncio.wait((sending, reading), return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in (sending, reading):
            task.cancel()
        await asyncio.gather(sending, reading, return_exceptions=True)
    await socket.close()


async def _send(socket: web.WebSocketResponse, chunks: AsyncIterator[bytes], protocol: str) -> None:
    await _send_one(socket, log_message(b"", protocol))
    async for chunk in chunks:
        await _send_one(socket, log_message(chunk, protocol))


async def _send_one(socket: web.WebSocketResponse, message: bytes | str) -> None:
    if isinstance(message, str):
        await socket.send_str(message)
    else:
        await socket.send_bytes(message)


async def _read(socket: web.WebSocketResponse) -> None:
    async for _ in socket:
        pass
