"""Forward requests to pods; the bodies of request and answer are streamed.

``proxying`` decides where a request goes and what changes on the way. An upgrade becomes a tunnel. Follows
apimachinery ``pkg/util/proxy/upgradeaware.go``.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
from functools import partial

import aiohttp
from aiohttp import web
from yarl import URL

from kubeapi.meta import ObjectKey
from kubeapi.status import StatusError
from kubeapiserver.errors import ServiceUnavailable
from kubeapiserver.messages import Proxied
from kubeapiserver.proxying.rewriting import (
    Headers,
    forwarded_headers,
    is_page,
    returned_headers,
    rewritten_page,
    rewritten_url,
)
from kubeapiserver.streaming.runtime import Runtime
from kubeapiserver.wire.forwarding.answers import dial_failure, send_answer
from kubeapiserver.wire.forwarding.tunnel import DIAL_SECONDS, PAGE_LIMIT, exchange, target_of
from kubehost.addresses import join_host_port
from kubehost.io.connecting import Streams


class PodProxy:
    """Forwards requests until ``close``."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
        self._client: aiohttp.ClientSession | None = None

    async def close(self) -> None:
        """Close every connection."""
        if self._client is not None:
            await self._client.close()

    async def serve(self, request: web.BaseRequest, proxied: Proxied) -> web.StreamResponse:
        """Forward one request and return its answer; StatusError if the pod does not answer."""
        host, port = self._address(proxied)
        proxied = proxied._replace(host=host, port=port)
        headers = forwarded_headers(request.headers.items(), request.remote or "", f"{proxied.prefix}{proxied.path}")
        if "Upgrade" in request.headers:
            return await self._tunnel(request, proxied, headers)
        if request.content_length is not None:
            headers.append(("Content-Length", str(request.content_length)))
        url = URL(f"{proxied.scheme}://{join_host_port(proxied.host, proxied.port)}{target_of(proxied)}", encoded=True)
        try:
            answer = await self._session().request(
                request.method,
                url,
                headers=headers,
                data=request.content if request.body_exists else None,
                allow_redirects=False,
            )
        except (aiohttp.ClientError, OSError, TimeoutError) as error:
            raise _unreachable(error, proxied) from None
        async with answer:
            return await _return(
                request, proxied, answer, {join_host_port(proxied.host, proxied.port), request.headers.get("Host", "")}
            )

    def _address(self, proxied: Proxied) -> tuple[str, int]:
        """Return the address at which a pod's port is dialled; an endpoint without a pod has its own address."""
        if proxied.pod:
            with contextlib.suppress(StatusError):
                return self._runtime.port_address(ObjectKey(proxied.namespace, proxied.pod), proxied.port)
        return proxied.host, proxied.port

    def _session(self) -> aiohttp.ClientSession:
        if self._client is None:
            self._client = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(ssl=False, limit=0, force_close=True, socket_factory=self._socket),
                timeout=aiohttp.ClientTimeout(total=None, sock_connect=DIAL_SECONDS),
                cookie_jar=aiohttp.DummyCookieJar(),
                auto_decompress=False,
                skip_auto_headers=("Accept", "Accept-Encoding", "Content-Type", "User-Agent"),
            )
        return self._client

    def _socket(self, target: aiohttp.AddrInfoType) -> socket.socket:
        return self._runtime.socket_to(str(target[4][0]))

    async def _tunnel(self, request: web.BaseRequest, proxied: Proxied, headers: Headers) -> web.StreamResponse:
        try:
            async with asyncio.timeout(DIAL_SECONDS):
                streams = await self._open(proxied)
        except (OSError, TimeoutError) as error:
            raise _unreachable(error, proxied) from None
        return await exchange(request, proxied, headers, streams)

    async def _open(self, proxied: Proxied) -> Streams:
        sock = self._runtime.socket_to(proxied.host)
        try:
            await asyncio.get_running_loop().sock_connect(sock, (proxied.host, proxied.port))
            tls, name = (_unverified(), proxied.host) if proxied.scheme == "https" else (None, None)
            return await asyncio.open_connection(sock=sock, ssl=tls, server_hostname=name)
        except BaseException:
            sock.close()
            raise


async def _return(
    request: web.BaseRequest, proxied: Proxied, answer: aiohttp.ClientResponse, hosts: set[str]
) -> web.StreamResponse:
    """Send an answer to the client as it comes; the first part of a page is read first, to rewrite its links."""
    rewrite = partial(rewritten_url, prefix=proxied.prefix, hosts=hosts)
    page = None
    if "Location" not in answer.headers and is_page(answer.headers.get("Content-Type", "")):
        page = await _read_page(answer) if request.method != "HEAD" else None
    headers = [
        (name, rewrite(value) if name.lower() == "location" else value)
        for name, value in returned_headers(answer.headers.items())
        if page is None or name.lower() != "content-length"
    ]
    first = b"" if page is None else rewritten_page(page, rewrite).encode("utf-8", "surrogateescape")
    return await send_answer(request, answer, headers, first)


async def _read_page(answer: aiohttp.ClientResponse) -> str | None:
    """Return the text of a page, the first part of a long one; None if it is compressed without being asked."""
    if answer.headers.get("Content-Encoding"):
        return None
    content = bytearray()
    while len(content) < PAGE_LIMIT and (chunk := await answer.content.readany()):
        content += chunk
    return content.decode("utf-8", "surrogateescape")


def _unverified() -> ssl.SSLContext:
    """Return the TLS context of a client that accepts any certificate, as pods' certificates cannot be verified."""
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


def _unreachable(error: Exception, proxied: Proxied) -> ServiceUnavailable:
    """Return the error for a pod that cannot be reached, with Go's message for the cause."""
    reason = dial_failure(error, join_host_port(proxied.host, proxied.port))
    return ServiceUnavailable(f"error trying to reach service: {reason}")
