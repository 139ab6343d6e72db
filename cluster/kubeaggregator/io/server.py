"""The connections to the extension API server of one APIService, over TLS, as a node makes them.

A pod of the cluster is dialled where it is; what an ExternalName stands for is dialled from this machine. Follows
kube-aggregator ``handler_proxy.go`` and apiserver ``util/proxy`` (ResolveCluster), but for the choice among endpoints,
which is made here as with --enable-aggregator-routing.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import re
import socket
import ssl
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import aiohttp
from yarl import URL

from kubeapi.meta import ObjectKey
from kubeapi.objects.apiservice import APIService
from kubeapi.objects.service import read_target
from kubeapi.scheme import SERVICES
from kubeapi.status import StatusError
from kubeapi.store import Store
from kubeapiserver.errors import ServiceUnavailable
from kubeapiserver.proxying.location import Proxying
from kubeapiserver.streaming.runtime import Runtime
from kubeapiserver.wire.forwarding.answers import dial_failure
from kubeapiserver.wire.forwarding.tunnel import DIAL_SECONDS
from kubeapiserver.wire.webhooks import client_context
from kubehost.addresses import join_host_port
from kubehost.io.connecting import Streams

ANSWER_LIMIT = 32 * 1024 * 1024
"""Bytes of a document that a server offers."""
DOCUMENT_ERRORS = (aiohttp.ClientError, OSError, TimeoutError, StatusError)
"""What comes of a document that cannot be had."""
READING_ERRORS = (ValueError, LookupError, TypeError, AttributeError)
"""What comes of a document that is not what it should be."""
_WARNING, _ESCAPED = re.compile(r'299 \S+ "((?:[^"\\]|\\.)*)"'), re.compile(r"\\(.)")
_IDLE_SECONDS = 30.0
"""After which a connection that nobody uses is closed: before the server does, for which Go has 90 s."""


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What connections are made with. ``certificate`` is the file with the key and the client certificate."""

    store: Store
    proxying: Proxying
    runtime: Runtime
    certificate: Path


class Place(NamedTuple):
    """Where a server is: ``shown`` is what a cluster would dial, and texts say; ``host`` and ``port`` are dialled."""

    shown: str
    host: str
    port: int
    is_inside: bool


class Document(NamedTuple):
    """An answer, read whole."""

    status: int
    body: bytes
    media_type: str
    tag: str
    warnings: tuple[str, ...] = ()
    """What the server warns of, as API servers do it for clients (``Warning: 299 - "text"``)."""


class ExtensionServer:
    """Connects to a server as its APIService says, until ``close``."""

    def __init__(self, api: APIService, surroundings: Surroundings) -> None:
        self.api = api
        self._surroundings = surroundings
        self._context: ssl.SSLContext | None = None
        self._sessions: dict[bool, aiohttp.ClientSession] = {}
        self._is_closed = False

    def is_for(self, api: APIService) -> bool:
        """Tell whether an APIService, maybe changed, has the same server."""
        mine = self.api
        return (mine.service, mine.authority, mine.skips_verification) == (
            api.service,
            api.authority,
            api.skips_verification,
        )

    async def close(self) -> None:
        """Close every connection; requests are OSError from now on."""
        self._is_closed = True
        sessions, self._sessions = self._sessions, {}
        for each in sessions.values():
            await each.close()

    def locate(self) -> Place:
        """Return where the server is; StatusError if the Service leads nowhere."""
        assert self.api.service is not None
        key, port = self.api.service
        service = self._surroundings.store.find(SERVICES, key)
        if service is None:
            raise StatusError(404, "NotFound", f'service "{key.name}" not found')
        target = read_target(service)
        if target.is_external_name:
            return Place(join_host_port(target.external_name, port), target.external_name, port, is_inside=False)
        if target.is_headless:
            raise ServiceUnavailable('cannot route to service with ClusterIP "None"')
        if not any(each.port == port for each in target.ports):
            raise ServiceUnavailable(f'no service port {port} found for service "{key.name}"')
        host, number, pod = self._surroundings.proxying.endpoint(key, str(port))
        if pod:
            with contextlib.suppress(StatusError):
                host, number = self._surroundings.runtime.port_address(ObjectKey(key.namespace, pod), number)
        return Place(join_host_port(target.cluster_ips[0], port), host, number, is_inside=True)

    async def request(
        self, place: Place, method: str, target: str, headers: Iterable[tuple[str, str]], body: object = None
    ) -> aiohttp.ClientResponse:
        """Send a request and return the answer, which the caller closes.

        aiohttp.ClientError, OSError (also of a certificate) or TimeoutError.
        """
        return await self._session(place).request(
            method,
            URL(f"https://{join_host_port(place.host, place.port)}{target}", encoded=True),
            headers=list(headers),
            data=body,
            allow_redirects=False,
            server_hostname=self.api.server_name,
        )

    async def document(
        self,
        target: str,
        headers: Iterable[tuple[str, str]],
        seconds: float,
        *,
        method: str = "GET",
        body: bytes | None = None,
    ) -> Document:
        """Return an answer that is there within some seconds; ``DOCUMENT_ERRORS``."""
        async with asyncio.timeout(seconds), await self.request(self.locate(), method, target, headers, body) as answer:
            content = bytearray()
            async for chunk in answer.content.iter_any():
                content += chunk
                if len(content) > ANSWER_LIMIT:
                    raise OSError(0, f"the answer has more than {ANSWER_LIMIT} bytes")
            said = answer.headers
            warnings = (text for each in said.getall("Warning", ()) for text in _WARNING.findall(each))
            return Document(
                answer.status,
                bytes(content),
                said.get("Content-Type", ""),
                said.get("ETag", ""),
                tuple(_ESCAPED.sub(r"\1", each) for each in warnings),
            )

    async def open(self, place: Place) -> Streams:
        """Return a connection of its own, for an upgrade; OSError, TimeoutError."""
        context, name = self._tls(), self.api.server_name
        async with asyncio.timeout(DIAL_SECONDS):
            if not place.is_inside:
                return await asyncio.open_connection(place.host, place.port, ssl=context, server_hostname=name)
            sock = self._surroundings.runtime.socket_to(place.host)
            try:
                await asyncio.get_running_loop().sock_connect(sock, (place.host, place.port))
                return await asyncio.open_connection(sock=sock, ssl=context, server_hostname=name)
            except BaseException:
                sock.close()
                raise

    def failure(self, error: Exception, place: Place) -> str:
        """Return why a request got no answer, in Go's words."""
        return dial_failure(error, place.shown, self.api.server_name)

    def _session(self, place: Place) -> aiohttp.ClientSession:
        if self._is_closed:  # by somebody else, while this one looked where it is
            raise OSError(errno.ECONNABORTED, "the extension API server is another one, or none")
        found = self._sessions.get(place.is_inside)
        if found is None:
            connector = aiohttp.TCPConnector(
                ssl=self._tls(),
                limit=0,
                keepalive_timeout=_IDLE_SECONDS,
                socket_factory=self._socket if place.is_inside else None,
            )
            found = self._sessions[place.is_inside] = aiohttp.ClientSession(
                connector=connector,
                timeout=aiohttp.ClientTimeout(total=None, sock_connect=DIAL_SECONDS),
                cookie_jar=aiohttp.DummyCookieJar(),
                auto_decompress=False,
                skip_auto_headers=("Accept", "Accept-Encoding", "Content-Type", "User-Agent"),
            )
        return found

    def _socket(self, target: aiohttp.AddrInfoType) -> socket.socket:
        return self._surroundings.runtime.socket_to(str(target[4][0]))

    def _tls(self) -> ssl.SSLContext:
        """Return the TLS context; OSError (ssl.SSLError) if an authority or the own certificate cannot be used."""
        if self._context is None:
            context = client_context(self.api.authority or None)
            if self.api.skips_verification:
                context.check_hostname = False
                context.verify_mode = ssl.CERT_NONE
            context.load_cert_chain(self._surroundings.certificate)
            context.set_alpn_protocols(["http/1.1"])
            self._context = context
        return self._context
