"""Requests to one API server, with the credentials of a kubeconfig, over kept connections."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from contextlib import aclosing, asynccontextmanager, closing
from pathlib import Path
from typing import Self

from kubeapi.meta import JSON
from kubeclient.endpoint import endpoint_of
from kubeclient.http.handshake import Upgrade
from kubeclient.http.io.connecting import Route
from kubeclient.http.io.connections import Connections, Request
from kubeclient.http.io.failures import explain, named
from kubeclient.http.io.received import Received
from kubeclient.http.io.tls import make_context
from kubeclient.http.io.upgrade import Upgraded, open_upgraded
from kubeclient.io.credentials import Credentials
from kubeclient.kubeconfig.access import Access, ConfigError
from kubeclient.kubeconfig.credentials import Credential, impersonation_headers
from kubeclient.kubeconfig.io.loading import find_access
from kubeclient.refusals import UNAUTHORIZED, Refusal, read_refusal, with_remedy

ANSWER_SECONDS = 60.0
"""How long the server may say nothing in the middle of an answer (kube-apiserver's --request-timeout)."""
BODY_LIMIT = 512 * 2**20
"""Bytes of one answer; 10,000 Services in one list are about 12 MiB."""
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
        self._acts_as = impersonation_headers(access.user.acts_as)
        server, proxy = access.server, access.server.proxy
        route = Route(endpoint_of(server.url), name=server.name, proxy=endpoint_of(proxy) if proxy else None)
        self._connections = Connections(route)

    @classmethod
    async def open(cls, kubeconfig: Path | None, context: str = "") -> Self:
        """Return the client of a kubeconfig's context; nothing is sent yet. ConfigError.

        Without a file: $KUBECONFIG, ~/.kube/config, or the service account of the pod that this runs in.
        """
        client = cls(find_access(kubeconfig, context))
        client._show(await client._credentials.current())
        return client

    async def close(self) -> None:
        """Close all connections."""
        self._connections.close()

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
        except (ValueError, RecursionError):
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
        for is_last in (False, True):
            credential = await self._credentials.current()
            headers = self._headers(credential)
            route = self._show(credential)
            try:
                return await open_upgraded(route, route.server.target(path, params), headers, wanted)
            except Refusal as refusal:
                if is_last or refusal.code != UNAUTHORIZED or not self._credentials.refuse(credential):
                    raise with_remedy(refusal, named(self.access)) from None
            except OSError as error:
                raise explain(error, self.access, time.time()) from None
        raise AssertionError

    @asynccontextmanager
    async def _answer(
        self, method: str, path: str, params: Params, body: bytes | None, silence: float = ANSWER_SECONDS
    ) -> AsyncIterator[Received]:
        """Send a request; yields an answer of 200 to 299. New credentials are tried once when the old are refused."""
        for is_last in (False, True):
            credential = await self._credentials.current()
            headers = self._headers(credential)
            if body is not None:
                headers.append(("Content-Type", MERGE_PATCH if method == "PATCH" else "application/json"))
            target = self._show(credential).server.target(path, params)
            with closing(await self._send(Request(method, target, headers, body), silence)) as answer:
                if answer.status < 300:
                    yield answer
                    return
                refusal = read_refusal(answer.status, answer.headers, await answer.beginning())
            if is_last or refusal.code != UNAUTHORIZED or not self._credentials.refuse(credential):
                raise with_remedy(refusal, named(self.access))

    async def _send(self, wanted: Request, silence: float) -> Received:
        try:
            return await self._connections.send(wanted, silence)
        except OSError as error:
            raise explain(error, self.access, time.time()) from None

    async def _chunks(self, answer: Received) -> AsyncGenerator[bytes, None]:
        """Yield the bytes of an answer."""
        try:
            async with aclosing(answer.chunks()) as chunks:
                async for each in chunks:
                    yield each
        except OSError as error:
            raise explain(error, self.access, time.time()) from None

    def _headers(self, credential: Credential) -> list[tuple[str, str]]:
        headers = [("Accept", "application/json"), ("User-Agent", "kubesvc"), *self._acts_as]
        if credential.authorization:
            headers.append(("Authorization", credential.authorization))
        for name, value in headers:
            if not value.isprintable():
                what = "the token" if name == "Authorization" else name
                message = f"{what} has a line break or another character that no header can have; renew it"
                raise ConfigError(f"{named(self.access)}: {message}")
        return headers

    def _show(self, credential: Credential) -> Route:
        """Return the way to the server; with new TLS, and so new connections, for a new client certificate."""
        shown = self._shown
        if shown is None or (shown.certificate, shown.key) != (credential.certificate, credential.key):
            tls = make_context(self.access.server, credential.certificate, credential.key)
            self._connections.route = self._connections.route._replace(tls=tls)
        self._shown = credential
        return self._connections.route

    async def _body(self, answer: Received) -> bytearray:
        body = bytearray()
        async for chunk in self._chunks(answer):
            body += chunk
            if len(body) > BODY_LIMIT:
                raise ConnectionError(f"{self.server}: an answer of more than {BODY_LIMIT >> 20} MiB; is this its API?")
        return body
