"""Call webhooks over HTTPS, and handle the waiting request again with their answers.

Imported for the first call: most clusters have no webhooks.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
from collections.abc import Awaitable, Callable
from urllib.parse import urlsplit

import aiohttp
from yarl import URL

from kubeapi.io.client import make_calls
from kubeapi.meta import ObjectKey
from kubeapi.status import InternalError, StatusError
from kubeapi.webhooks.calls import CALLS_LIMIT, Call, CallNeeded, Outcome
from kubeapiserver.messages import Answer, Request
from kubeapiserver.proxying.location import Proxying
from kubeapiserver.streaming.runtime import Runtime
from kubeapiserver.wire.forwarding.answers import dial_failure, status_message
from kubehost.addresses import join_host_port

ANSWER_LIMIT = 3 * 1024 * 1024
"""Bytes of an answer (the limit of a client of the real server's webhooks is that of a request)."""


_HEADERS = {
    "Content-Type": "application/json",
    "Accept": "application/json, */*",
    "User-Agent": "kube-apiserver-admission",
}


class WebhookCaller:
    """Calls webhooks, as a node does; ``proxying`` finds the endpoints of Services."""

    def __init__(self, runtime: Runtime, proxying: Proxying) -> None:
        self._runtime = runtime
        self._proxying = proxying

    async def answered(
        self, handle: Callable[[Request], Awaitable[Answer]], request: Request, needed: CallNeeded
    ) -> Answer:
        """Make the calls that a request needs, and return its answer; StatusError."""
        for _ in range(CALLS_LIMIT):
            await make_calls(needed, self.call)
            request = request._replace(reviews=needed.reviews or request.reviews)
            try:
                return await handle(request)
            except CallNeeded as another:
                needed = another
        raise InternalError(f"{CALLS_LIMIT} calls of webhooks did not settle the request")

    async def call(self, wanted: Call) -> Outcome:
        """Call a webhook; what goes wrong is the outcome's failure."""
        try:
            async with asyncio.timeout(wanted.timeout_seconds):
                return Outcome(wanted.uid, await self._post(wanted))
        except TimeoutError:
            reason = "context deadline exceeded"
        except (aiohttp.ClientError, OSError, ValueError, StatusError) as error:
            reason = dial_failure(error, _dialled(error), wanted.server_name or urlsplit(wanted.url).hostname or "")
        except _RefusedError as error:
            return Outcome(wanted.uid, failure=str(error))
        return Outcome(wanted.uid, failure=f'Post "{wanted.url}": {reason}')

    async def _post(self, wanted: Call) -> bytes:
        connector = aiohttp.TCPConnector(
            ssl=client_context(wanted.authority),
            force_close=True,
            socket_factory=lambda target: self._socket(wanted, target),
        )
        async with (
            aiohttp.ClientSession(connector=connector, cookie_jar=aiohttp.DummyCookieJar()) as session,
            session.post(
                self._url(wanted),
                data=wanted.body,
                headers={**_HEADERS, **_host(wanted)},
                server_hostname=wanted.server_name or None,
                allow_redirects=False,
            ) as answer,
        ):
            body = await answer.content.read(ANSWER_LIMIT)
            while not answer.content.at_eof() and len(body) < ANSWER_LIMIT:
                body += await answer.content.read(ANSWER_LIMIT - len(body))
            if not 200 <= answer.status < 300:
                raise _RefusedError(_refusal(answer.status, answer.content_type, body))
            if not body:
                stated = f"status code: {answer.status} and content type: {answer.content_type}"
                raise _RefusedError(f"0-length response with {stated}")
            return body

    def _socket(self, wanted: Call, target: aiohttp.AddrInfoType) -> socket.socket:
        if wanted.service is None:
            return socket.socket(target[0], target[1], target[2])
        return self._runtime.socket_to(str(target[4][0]))

    def _url(self, wanted: Call) -> URL:
        """Return the address that is dialled: that of the Service's endpoint, or the webhook's own; StatusError."""
        if wanted.service is None:
            return URL(wanted.url, encoded=True)
        namespace, name, service_port = wanted.service
        host, port, pod = self._proxying.endpoint(ObjectKey(namespace, name), str(service_port))
        if pod:
            with contextlib.suppress(StatusError):
                host, port = self._runtime.port_address(ObjectKey(namespace, pod), port)
        parts = urlsplit(wanted.url)
        return URL(f"https://{join_host_port(host, port)}{parts.path}?{parts.query}", encoded=True)


class _RefusedError(Exception):
    """The webhook has answered, but not with 200."""


def _refusal(status: int, media: str, body: bytes) -> str:
    """Return the text for an answer that is no success (client-go's newUnstructuredResponseError)."""
    if message := status_message(body):
        return message
    if status == 404:
        return "the server could not find the requested resource"
    said = body.decode(errors="replace").strip() if media.startswith("text/") else ""
    return f'an error on the server ("{said or "unknown"}") has prevented the request from succeeding'


def _dialled(error: Exception) -> str:
    """Return the address to which there is no connection, "" if it is not about that."""
    return join_host_port(error.host, error.port or 443) if isinstance(error, aiohttp.ClientConnectorError) else ""


def _host(wanted: Call) -> dict[str, str]:
    return {"Host": urlsplit(wanted.url).netloc} if wanted.service is not None else {}


def client_context(authority: bytes | None) -> ssl.SSLContext:
    """Return a TLS context that trusts an authority, or those that the system trusts."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    if authority is None:
        context.load_default_certs()
    else:
        context.load_verify_locations(cadata=authority.decode("ascii", "replace"))
    return context
