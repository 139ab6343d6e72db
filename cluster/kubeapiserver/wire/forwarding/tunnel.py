"""Connections to pods that are upgraded, and become tunnels.

Follows apimachinery ``pkg/util/proxy/upgradeaware.go``.
"""

from __future__ import annotations

import asyncio
import contextlib

from aiohttp import web

from kubeapi.status import InternalError
from kubeapiserver.messages import Proxied
from kubeapiserver.proxying.rewriting import Headers
from kubeapiserver.wire.upgrade import UpgradedBytes, upgrade
from kubehost.io.connecting import Streams

DIAL_SECONDS = 30.0
"""Time limit for a pod to accept a connection (kube-apiserver's dialer)."""
PAGE_LIMIT = 1024 * 1024
"""Bytes at the begin of a page in which links are rewritten; the rest is forwarded unchanged."""
CHUNK_BYTES = 64 * 1024
_HEAD_END = b"\r\n\r\n"
_SWITCHING, _FIRST_ERROR = 101, 400


async def exchange(
    request: web.BaseRequest, proxied: Proxied, headers: Headers, streams: Streams
) -> web.StreamResponse:
    """Ask the pod for the upgrade that the client wants, then copy bytes both ways; closes the streams."""
    reader, writer = streams
    try:
        wanted = [*headers, ("Connection", "Upgrade"), ("Upgrade", request.headers["Upgrade"])]
        lines = [f"{request.method} {target_of(proxied)} HTTP/1.1", *(f"{name}: {value}" for name, value in wanted)]
        writer.write("\r\n".join((*lines, "", "")).encode("utf-8", "surrogateescape"))
        status, received = await _receive_head(reader)
        if status != _SWITCHING:
            return await _refused_upgrade(request, reader, status, received)
        response, client = await upgrade(request, dict(received))
        await _copy(client, reader, writer)
        return response
    finally:
        writer.close()
        with contextlib.suppress(OSError):
            await writer.wait_closed()


async def _receive_head(reader: asyncio.StreamReader) -> tuple[int, Headers]:
    """Return status and headers of the pod's answer; InternalError if there is none."""
    try:
        async with asyncio.timeout(DIAL_SECONDS):
            head = await reader.readuntil(_HEAD_END)
    except (OSError, EOFError, asyncio.LimitOverrunError, TimeoutError) as error:
        raise InternalError(f"error dialing backend: {error}") from None
    return _read_head(head)


async def _copy(client: UpgradedBytes, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Copy bytes both ways until one side ends."""

    async def to_pod() -> None:
        while content := await client.receive():
            writer.write(content)
            await writer.drain()

    async def to_client() -> None:
        while content := await reader.read(CHUNK_BYTES):
            await client.send(content)

    tasks = [asyncio.create_task(each, name="proxy tunnel") for each in (to_pod(), to_client())]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _refused_upgrade(
    request: web.BaseRequest, reader: asyncio.StreamReader, status: int, headers: Headers
) -> web.StreamResponse:
    """Send the pod's error to the client; InternalError if the answer is neither an error nor an upgrade."""
    if status < _FIRST_ERROR:
        raise InternalError(f"invalid upgrade response: status code {status}")
    length = next((value for name, value in headers if name == "Content-Length" and value.isdecimal()), "0")
    response = web.Response(status=status, body=await reader.read(min(int(length), PAGE_LIMIT)))
    content_type = next((value for name, value in headers if name == "Content-Type"), "text/plain")
    response.headers["Content-Type"] = content_type
    response.force_close()
    await response.prepare(request)
    return response


def _read_head(head: bytes) -> tuple[int, Headers]:
    """Return status and headers (with title-cased names) of an answer's head; InternalError if it is malformed."""
    first, *lines = head.decode("utf-8", "surrogateescape").removesuffix("\r\n\r\n").split("\r\n")
    status = first.partition(" ")[2].partition(" ")[0]
    if not first.startswith("HTTP/1.") or not status.isdecimal():
        raise InternalError("error dialing backend: malformed HTTP response")
    pairs = (line.partition(":") for line in lines if ":" in line)
    return int(status), [(name.strip().title(), value.strip()) for name, _, value in pairs]


def target_of(proxied: Proxied) -> str:
    """Return the path and the query of a request."""
    return proxied.path + (f"?{proxied.query}" if proxied.query else "")
