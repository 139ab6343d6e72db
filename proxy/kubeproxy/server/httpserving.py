"""Serves HTTP/1.1 to those that ask how a component does: GET and HEAD, without bodies, one request after another.

Heads are read as those of HTTP Services are, strictly. There is no TLS, and nothing is long.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from http import HTTPStatus
from typing import NamedTuple, cast

from kubeproxy.http.heads import Refused
from kubeproxy.http.requesthead import Request, read_request

HEAD_SECONDS = 32.0
"""How long a client may take for its request, as at the API server, or be silent between two."""
HEAD_BYTES = 16384
MOST_FIELDS = 100
_HEAD_END = b"\r\n\r\n"
TEXT = "text/plain; charset=utf-8"


class Said(NamedTuple):
    """An answer."""

    status: int
    content_type: str
    body: str


Handle = Callable[[str, str], Awaitable[Said]]
"""Takes the path and the query of a GET, and never fails."""


@contextlib.asynccontextmanager
async def serving(sock: socket.socket, handle: Handle) -> AsyncIterator[None]:
    """Serve on a socket that listens, for as long as the context lasts; it is closed then."""
    clients: set[_Client] = set()
    server = await asyncio.get_running_loop().create_server(lambda: _Client(handle, clients), sock=sock)
    try:
        yield
    finally:
        server.close()
        for each in tuple(clients):
            each.close()


class _Client(asyncio.Protocol):
    """One connection. It is not read while an answer is being made."""

    def __init__(self, handle: Handle, clients: set[_Client]) -> None:
        self._handle = handle
        self._clients = clients
        self._received = bytearray()
        self._answering: asyncio.Task[None] | None = None
        self._deadline: asyncio.TimerHandle | None = None
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Wait for a request."""
        self._transport = cast("asyncio.Transport", transport)  # uvloop's are no instances of it
        self._clients.add(self)
        self._wait()

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the client."""
        del exc
        self._clients.discard(self)
        self._stop_waiting()
        if self._answering is not None:
            self._answering.cancel()

    def data_received(self, data: bytes) -> None:
        """Answer once a head is whole."""
        self._received += data
        if self._answering is None:
            self._go_on()

    def close(self) -> None:
        """Close the connection at once."""
        if self._transport is not None:
            self._transport.abort()

    def _wait(self) -> None:
        self._stop_waiting()
        self._deadline = asyncio.get_running_loop().call_later(HEAD_SECONDS, self.close)

    def _stop_waiting(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()

    def _go_on(self) -> None:
        assert self._transport is not None
        end = self._received.find(_HEAD_END)
        if end < 0:
            if len(self._received) > HEAD_BYTES:
                self._say(Said(431, TEXT, f"a head of more than {HEAD_BYTES} bytes\n"), is_last=True)
            return
        head = bytes(self._received[: end + len(_HEAD_END)])
        del self._received[: len(head)]
        self._stop_waiting()
        self._transport.pause_reading()
        self._answering = asyncio.get_running_loop().create_task(self._answer(head), name="http-answer")

    async def _answer(self, head: bytes) -> None:
        assert self._transport is not None
        try:
            request = read_request(head, MOST_FIELDS)
        except Refused as refused:
            self._say(Said(refused.status, TEXT, f"{refused.reason}\n"), is_last=True)
            return
        self._say(
            await self._answer_to(request),
            is_last=bool(request.length) or not request.is_kept_alive,  # a body is not read
            is_head=request.method == b"HEAD",
        )
        self._answering = None
        if not self._transport.is_closing():
            self._transport.resume_reading()
            self._wait()
            self._go_on()

    async def _answer_to(self, request: Request) -> Said:
        if request.method not in (b"GET", b"HEAD"):
            return Said(405, TEXT, "GET and HEAD are served\n")
        path, _, query = request.target.decode("latin-1").partition("?")
        return await self._handle(path, query)

    def _say(self, said: Said, *, is_last: bool, is_head: bool = False) -> None:
        assert self._transport is not None
        if self._transport.is_closing():
            return
        body = said.body.encode()
        lines = [
            f"HTTP/1.1 {said.status} {HTTPStatus(said.status).phrase}",
            f"Content-Type: {said.content_type}",
            f"Content-Length: {len(body)}",
            f"Date: {time.strftime('%a, %d %b %Y %H:%M:%S GMT', time.gmtime())}",
            "X-Content-Type-Options: nosniff",
            *(["Allow: GET, HEAD"] if said.status == HTTPStatus.METHOD_NOT_ALLOWED else []),
            *(["Connection: close"] if is_last else []),
        ]
        self._transport.write("\r\n".join([*lines, "", ""]).encode() + (b"" if is_head else body))
        if is_last:
            self._wait()  # for a client that takes the answer
            self._transport.close()
