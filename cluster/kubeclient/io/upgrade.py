"""A connection that an API server upgrades to another protocol: handed over as a transport, for port-forward.

aiohttp keeps its connections to itself, so this one is made by hand: one request, the head of its answer, no more.
"""

from __future__ import annotations

import asyncio
import base64
import os
import ssl
import time
from collections.abc import Sequence
from typing import NamedTuple, cast

from yarl import URL

from kubeclient.access import Access
from kubeclient.handshake import Answer, HeadReader, Upgrade, check_upgrade, proxy_request, upgrade_request
from kubeclient.io.failures import explain
from kubeclient.io.sockets import keep_alive
from kubeclient.refusals import read_refusal

HANDSHAKE_SECONDS = 15.0
BODY_LIMIT = 64 * 1024
"""Bytes of a refusal that are read."""
SWITCHING, OK = 101, 200


class Upgraded(NamedTuple):
    """An upgraded connection. ``transport`` is paused: set its protocol, feed it ``first``, then resume reading.

    ``protocol`` is what the server has chosen of the offered ones.
    """

    transport: asyncio.Transport
    first: bytes
    protocol: str


async def open_upgraded(
    access: Access, tls: ssl.SSLContext | None, url: str, headers: Sequence[tuple[str, str]], wanted: Upgrade
) -> Upgraded:
    """Connect and upgrade. Raises StatusError, ConnectionError, TimeoutError; the connection is then closed."""
    target, head = URL(url, encoded=True), _Head()
    try:
        async with asyncio.timeout(HANDSHAKE_SECONDS):
            await _connect(access, target, tls, head)
            key = base64.b64encode(os.urandom(16)).decode()
            head.transport.write(upgrade_request(target.raw_path_qs, target.authority, headers, wanted, key))
            answer = await head.answer()
            if answer.status != SWITCHING:
                raise read_refusal(answer.status, answer.headers, await head.body(answer))
            return Upgraded(head.transport, head.rest, check_upgrade(answer, wanted, key))
    except BaseException as error:
        head.abort()
        if isinstance(error, OSError | TimeoutError):
            raise explain(error, access, time.time()) from None
        raise


async def _connect(access: Access, target: URL, tls: ssl.SSLContext | None, head: _Head) -> None:
    """Connect to the server, through the kubeconfig's proxy if it has one."""
    loop = asyncio.get_running_loop()
    host, port = str(target.host), int(target.port or 0)
    name = (access.server.name or host) if tls is not None else None
    if not access.server.proxy:
        await loop.create_connection(lambda: head, host, port, ssl=tls, server_hostname=name)
        return
    proxy = URL(access.server.proxy)
    if proxy.scheme != "http":
        raise ConnectionError(f"port-forward through the proxy {proxy} is not supported; one of http:// is")
    await loop.create_connection(lambda: head, str(proxy.host), int(proxy.port or 80))
    pair = f"{proxy.user or ''}:{proxy.password or ''}"
    basic = f"Basic {base64.b64encode(pair.encode()).decode()}" if proxy.user else ""
    head.transport.write(proxy_request(f"{target.host_subcomponent}:{port}", basic))
    answer = await head.answer()
    if answer.status != OK:
        raise ConnectionError(f"its proxy {proxy.with_user(None)} answers {answer.status} {answer.reason}")
    if tls is not None:
        await head.start_tls(tls, str(name))


class _Head(asyncio.Protocol):
    """Reads the heads of answers, one after another; the transport is paused after each."""

    def __init__(self) -> None:
        self._reader = HeadReader()
        self._found: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        self._body: asyncio.Future[None] | None = None
        self._missing = 0
        self._transport: asyncio.Transport | None = None
        self.rest = b""

    @property
    def transport(self) -> asyncio.Transport:
        assert self._transport is not None
        return self._transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)  # uvloop's are no instances of it
        # Without TCP_USER_TIMEOUT: that would end a connection whose other end takes nothing for a while (tcp(7)).
        keep_alive(transport.get_extra_info("socket"))

    def data_received(self, data: bytes) -> None:
        if self._found.done():
            self.rest += data
            self._check_body()
            return
        try:
            answer = self._reader.feed(data)
        except ConnectionError as error:
            self._found.set_exception(error)
            return
        if answer is not None:
            self.transport.pause_reading()
            self.rest = self._reader.rest
            self._found.set_result(answer)

    def connection_lost(self, exc: Exception | None) -> None:
        if not self._found.done():
            self._found.set_exception(exc or ConnectionResetError("it has closed the connection in the handshake"))
        self._end_body()

    async def answer(self) -> Answer:
        """Return the next head."""
        return await self._found

    async def body(self, answer: Answer) -> bytes:
        """Return the beginning of the body, as long as it says to be."""
        length = answer.headers.get("content-length", "")
        self._missing = min(int(length), BODY_LIMIT) if length.isascii() and length.isdigit() else BODY_LIMIT
        self._body = asyncio.get_running_loop().create_future()
        self._check_body()
        if not self._body.done():
            self.transport.resume_reading()
            await self._body
        return self.rest

    async def start_tls(self, tls: ssl.SSLContext, name: str) -> None:
        """Speak TLS from now on, and wait for a new head."""
        self._reader, self._found = HeadReader(), asyncio.get_running_loop().create_future()
        self.transport.resume_reading()
        made = await asyncio.get_running_loop().start_tls(self.transport, self, tls, server_hostname=name)
        assert made is not None
        self._transport = made

    def abort(self) -> None:
        """Close the connection at once."""
        if self._transport is not None:
            self._transport.abort()

    def _check_body(self) -> None:
        if self._body is not None and len(self.rest) >= self._missing:
            self._end_body()

    def _end_body(self) -> None:
        if self._body is not None and not self._body.done():
            self._body.set_result(None)
