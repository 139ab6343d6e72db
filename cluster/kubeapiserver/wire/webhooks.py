"""Call admission webhooks over HTTPS, and handle the waiting request again with their answers.

Imported for the first call: most clusters have no webhooks.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import ssl
from collections.abc import Awaitable, Callable
from dataclasses import replace
from urllib.parse import urlsplit

import aiohttp
from yarl import URL

from kubeapi.meta import ObjectKey
from kubeapi.status import InternalError, StatusError
from kubeapi.webhooks.calls import CALLS_LIMIT, Call, CallNeeded, Outcome
from kubeapiserver.messages import Answer, Request
from kubeapiserver.streaming.runtime import Runtime
from kubehost.addresses import join_host_port

ANSWER_LIMIT = 3 * 1024 * 1024
"""Bytes of an answer (the limit of a client of the real server's webhooks is that of a request)."""


async def after_reviews(
    handle: Callable[[Request], Awaitable[Answer]], request: Request, needed: CallNeeded, runtime: Runtime
) -> Answer:
    """Make the calls that a request needs, one after the other, and return its answer."""
    for _ in range(CALLS_LIMIT):
        needed.reviews.outcomes[needed.call.question] = await call(needed.call, runtime)
        try:
            return await handle(replace(request, reviews=needed.reviews))
        except CallNeeded as another:
            needed = another
    raise InternalError(f"{CALLS_LIMIT} calls of webhooks did not settle the request")


async def call(wanted: Call, runtime: Runtime) -> Outcome:
    """Call a webhook; what goes wrong is the outcome's failure."""
    try:
        async with asyncio.timeout(wanted.timeout_seconds):
            return Outcome(wanted.uid, await _post(wanted, runtime))
    except TimeoutError:
        reason = "context deadline exceeded"
    except aiohttp.ClientConnectorCertificateError as error:
        reason = f"tls: failed to verify certificate: {error.certificate_error}"
    except aiohttp.ClientConnectorError as error:
        code = error.os_error.errno
        reason = f"dial tcp: connect: {os.strerror(code).lower()}" if code else f"dial tcp: {error.os_error}"
    except (aiohttp.ClientError, OSError, ValueError) as error:
        reason = str(error) or "EOF"
    except _RefusedError as error:
        return Outcome(wanted.uid, failure=str(error))
    return Outcome(wanted.uid, failure=f'Post "{wanted.url}": {reason}')


class _RefusedError(Exception):
    """The webhook has answered, but not with 200."""


async def _post(wanted: Call, runtime: Runtime) -> bytes:
    connector = aiohttp.TCPConnector(
        ssl=_context(wanted.authority), force_close=True, socket_factory=lambda target: _socket(wanted, runtime, target)
    )
    async with (
        aiohttp.ClientSession(connector=connector, cookie_jar=aiohttp.DummyCookieJar()) as session,
        session.post(
            _url(wanted, runtime),
            data=wanted.body,
            headers={"Content-Type": "application/json", "Accept": "application/json", **_host(wanted)},
            server_hostname=wanted.server_name or None,
            allow_redirects=False,
        ) as answer,
    ):
        body = await answer.content.read(ANSWER_LIMIT)
        while not answer.content.at_eof() and len(body) < ANSWER_LIMIT:
            body += await answer.content.read(ANSWER_LIMIT - len(body))
        if not 200 <= answer.status < 300:
            raise _RefusedError(_refusal(answer.status, body))
        return body


def _refusal(status: int, body: bytes) -> str:
    """Return the text for an answer that is no success (client-go's newUnstructuredResponseError)."""
    if status == 404:
        return "the server could not find the requested resource"
    said = body.decode(errors="replace").strip()
    return f'an error on the server ("{said or "unknown"}") has prevented the request from succeeding'


def _socket(wanted: Call, runtime: Runtime, target: aiohttp.AddrInfoType) -> socket.socket:
    if wanted.location is None:
        return socket.socket(target[0], target[1], target[2])
    return runtime.socket_to(str(target[4][0]))


def _url(wanted: Call, runtime: Runtime) -> URL:
    """Return the address that is dialled: that of the Service's endpoint, or the webhook's own."""
    if wanted.location is None:
        return URL(wanted.url, encoded=True)
    host, port, pod = wanted.location
    if pod:
        with contextlib.suppress(StatusError):
            host, port = runtime.port_address(ObjectKey(wanted.namespace, pod), port)
    parts = urlsplit(wanted.url)
    return URL(f"https://{join_host_port(host, port)}{parts.path}?{parts.query}", encoded=True)


def _host(wanted: Call) -> dict[str, str]:
    return {"Host": urlsplit(wanted.url).netloc} if wanted.location is not None else {}


def _context(authority: bytes | None) -> ssl.SSLContext:
    """Return a TLS context that trusts an authority, or those that the system trusts."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    if authority is None:
        context.load_default_certs()
    else:
        context.load_verify_locations(cadata=authority.decode("ascii", "replace"))
    return context
