"""Requests to one API server, with the credentials of a kubeconfig, over kept connections."""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
import ssl
import time
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Self

import aiohttp
from yarl import URL

from kubeapi.meta import JSON
from kubeclient.access import Access, ConfigError
from kubeclient.credentials import Credential, impersonation_headers
from kubeclient.handshake import Upgrade
from kubeclient.io.credentials import Credentials
from kubeclient.io.failures import explain, named
from kubeclient.io.loading import find_access
from kubeclient.io.sockets import DEAD_SECONDS, keep_alive
from kubeclient.io.tls import make_context
from kubeclient.io.upgrade import Upgraded, open_upgraded
from kubeclient.refusals import UNAUTHORIZED, Refusal, read_refusal, with_remedy

CONNECT_SECONDS = 10.0
ANSWER_SECONDS = 60.0
"""How long the server may say nothing in the middle of an answer (kube-apiserver's --request-timeout)."""
BODY_LIMIT = 512 * 2**20
"""Bytes of one answer; 10,000 Services in one list are about 12 MiB."""
REFUSAL_LIMIT = 64 * 1024
"""Bytes of a refusal that are read."""
ATTEMPTS = 10
"""How often a request is sent while the server answers that it is busy, and when to come again (client-go ``rest``)."""
RETRY_AFTER_LIMIT = 60.0
"""The longest pause that a server gets when it asks for one."""
MERGE_PATCH = "application/merge-patch+json"
"""How a PATCH is meant (RFC 7396)."""

Params = Mapping[str, str]
NO_PARAMS: Params = {}


class APIClient:
    """One API server. ``open``, then requests, then ``close``.

    Every request may raise StatusError (the server refuses it), ConnectionError, TimeoutError, or ConfigError (the
    credentials cannot be renewed); each text says what is wrong, where, and what to do.
    """

    def __init__(self, access: Access) -> None:
        self.access = access
        self.server = access.server.url
        self.context = access.context
        self.namespace = access.namespace
        self._credentials = Credentials(access, time.time)
        self._shown: Credential | None = None
        self._tls: ssl.SSLContext | None = None
        self._acts_as = impersonation_headers(access.user.acts_as)
        self._session: aiohttp.ClientSession | None = None

    @classmethod
    async def open(cls, kubeconfig: Path | None, context: str = "") -> Self:
        """Return the client of a kubeconfig's context; nothing is sent yet. ConfigError.

        Without a file: $KUBECONFIG, ~/.kube/config, or the service account of the pod that this runs in.
        """
        client = cls(find_access(kubeconfig, context))
        client._tls_for(await client._credentials.current())
        return client

    async def close(self) -> None:
        """Close all connections."""
        if self._session is not None:
            await self._session.close()

    async def authenticate(self) -> None:
        """Renew the credentials if due: a plugin's time is not part of the server's time limit. ConfigError."""
        await self._credentials.current()

    async def get(self, path: str, params: Params | None = None, *, attempts: int = ATTEMPTS) -> JSON:
        """Return the object or list at a path."""
        return await self.request("GET", path, params=params, attempts=attempts)

    async def request(
        self,
        method: str,
        path: str,
        *,
        params: Params | None = None,
        body: JSON | None = None,
        attempts: int = ATTEMPTS,
    ) -> JSON:
        """Return the answer to a request, sent up to ``attempts`` times while the server says that it is busy."""
        sent = None if body is None else json.dumps(body).encode()
        while True:
            attempts -= 1
            try:
                async with self._answer(method, path, params or NO_PARAMS, sent) as answer:
                    return self.read(await self._body(answer))
            except Refusal as refusal:
                if not refusal.retry_after or attempts <= 0:
                    raise
                await asyncio.sleep(min(refusal.retry_after, RETRY_AFTER_LIMIT))

    async def text(self, path: str, params: Params) -> bytearray:
        """Return the text at a path, for ``read``; asked for once."""
        async with self._answer("GET", path, params, None) as answer:
            return await self._body(answer)

    def read(self, body: bytearray) -> JSON:
        """Return the JSON of an answer; one that is cut, or no JSON, is a ConnectionError."""
        try:
            found = json.loads(body.decode())  # as text: of bytes it first guesses the encoding
        except ValueError:
            found = None
        if not isinstance(found, dict):
            said = " ".join(bytes(body[:100]).decode("utf-8", "replace").split())
            raise ConnectionError(f"{self.server} answers with what is no JSON object: {said!r}; is this its API?")
        return found

    async def stream(self, path: str, params: Params, silence: float) -> AsyncGenerator[bytes, None]:
        """Yield the bytes of an answer as they come, b"" when its head has; TimeoutError after ``silence`` seconds."""
        async with self._answer("GET", path, params, None, silence) as answer:
            yield b""
            async for chunk in self._chunks(answer):
                yield chunk

    async def connect(self, path: str, params: Params, wanted: Upgrade) -> Upgraded:
        """Return a connection that the server has upgraded, for port-forward. Its transport does not read yet."""
        url = str(self._url(path, params))
        for is_last in (False, True):
            credential = await self._credentials.current()
            headers = self._headers(credential)
            try:
                return await open_upgraded(self.access, self._tls_for(credential), url, headers, wanted)
            except Refusal as refusal:
                if is_last or refusal.code != UNAUTHORIZED or not self._credentials.refuse(credential):
                    raise with_remedy(refusal, named(self.access)) from None
        raise AssertionError

    @asynccontextmanager
    async def _answer(
        self, method: str, path: str, params: Params, body: bytes | None, silence: float = ANSWER_SECONDS
    ) -> AsyncIterator[aiohttp.ClientResponse]:
        """Send a request; yields an answer of 200 to 299. New credentials are tried once when the old are refused."""
        url = self._url(path, params)
        for is_last in (False, True):
            credential = await self._credentials.current()
            async with await self._send(method, url, body, credential, silence) as answer:
                if answer.status < 300:
                    yield answer
                    return
                refusal = read_refusal(answer.status, answer.headers, await self._beginning(answer))
            if is_last or refusal.code != UNAUTHORIZED or not self._credentials.refuse(credential):
                raise with_remedy(refusal, named(self.access))

    async def _send(
        self, method: str, url: URL, body: bytes | None, credential: Credential, silence: float
    ) -> aiohttp.ClientResponse:
        server, headers = self.access.server, self._headers(credential)
        if body is not None:
            headers.append(("Content-Type", MERGE_PATCH if method == "PATCH" else "application/json"))
        try:
            return await self._opened().request(
                method,
                url,
                data=body,
                headers=headers,
                ssl=self._tls_for(credential) or True,
                server_hostname=server.name or None,
                proxy=server.proxy or None,
                timeout=aiohttp.ClientTimeout(total=None, sock_connect=CONNECT_SECONDS, sock_read=silence),
                allow_redirects=False,
            )
        except (aiohttp.ClientError, OSError, TimeoutError) as error:
            raise explain(error, self.access, time.time()) from None

    async def _chunks(self, answer: aiohttp.ClientResponse) -> AsyncGenerator[bytes, None]:
        """Yield the bytes of an answer; aiohttp loses what comes just before a cut (see findings)."""
        try:
            async for chunk in answer.content.iter_any():
                yield chunk
        except (aiohttp.ClientError, OSError, TimeoutError) as error:
            raise explain(error, self.access, time.time()) from None

    async def _beginning(self, answer: aiohttp.ClientResponse) -> bytes:
        """Return the beginning of a refusal's body, or what there is of it."""
        found = b""
        with contextlib.suppress(ConnectionError, TimeoutError):
            async for chunk in self._chunks(answer):
                found += chunk
                if len(found) > REFUSAL_LIMIT:
                    break
        return found

    def _opened(self) -> aiohttp.ClientSession:
        if self._session is None:
            connector = aiohttp.TCPConnector(limit=0, socket_factory=_watched_socket)
            self._session = aiohttp.ClientSession(
                connector=connector, cookie_jar=aiohttp.DummyCookieJar(), read_bufsize=2**18
            )
        return self._session

    def _headers(self, credential: Credential) -> list[tuple[str, str]]:
        if not credential.authorization.isprintable():
            message = "the token has a line break or another character that no header can have; renew it"
            raise ConfigError(f"{named(self.access)}: {message}")
        headers = [("Accept", "application/json"), ("User-Agent", "kubesvc"), *self._acts_as]
        return [*headers, ("Authorization", credential.authorization)] if credential.authorization else headers

    def _tls_for(self, credential: Credential) -> ssl.SSLContext | None:
        """Return the TLS context; a new one, and so new connections, for a new client certificate."""
        shown = self._shown
        if shown is None or (shown.certificate, shown.key) != (credential.certificate, credential.key):
            self._tls = make_context(self.access.server, credential.certificate, credential.key)
        self._shown = credential
        return self._tls

    def _url(self, path: str, params: Params) -> URL:
        return URL(self.server + path).update_query(params)

    async def _body(self, answer: aiohttp.ClientResponse) -> bytearray:
        body = bytearray()
        async for chunk in self._chunks(answer):
            body += chunk
            if len(body) > BODY_LIMIT:
                raise ConnectionError(f"{self.server}: an answer of more than {BODY_LIMIT >> 20} MiB; is this its API?")
        return body


def _watched_socket(address: Any) -> socket.socket:
    """Return a socket that finds out within DEAD_SECONDS that its other end is gone."""
    made = socket.socket(address[0], address[1], address[2])
    keep_alive(made)
    made.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, DEAD_SECONDS * 1000)
    return made
