"""What every forwarded request needs: the answer as it comes, and the words for failures."""

from __future__ import annotations

import json
import ssl

import aiohttp
from aiohttp import web

from kubeapiserver.proxying.rewriting import Headers
from kubeapiserver.wire.forwarding.tunnel import CHUNK_BYTES
from kubehost.errortexts import errno_text

_UNKNOWN_AUTHORITY = (18, 19, 20, 21)
"""OpenSSL's numbers for a certificate that nobody trusted has signed."""
_WRONG_NAME = (62, 64)


async def send_answer(
    request: web.BaseRequest, answer: aiohttp.ClientResponse, headers: Headers, first: bytes = b""
) -> web.StreamResponse:
    """Send an answer to the client as it comes, with these headers; ``first`` replaces what has been read of it."""
    response = web.StreamResponse(status=answer.status, reason=answer.reason)
    for name, value in headers:
        response.headers.add(name, value)
    if not request.content.is_eof():
        response.force_close()
    await response.prepare(request)
    try:
        if first:
            await response.write(first)
        async for chunk in answer.content.iter_chunked(CHUNK_BYTES):
            await response.write(chunk)
    except (aiohttp.ClientError, TimeoutError):
        # Half an answer must not look like a complete one.
        raise ConnectionResetError from None
    await response.write_eof()
    return response


def dial_failure(error: Exception, address: str, server_name: str = "") -> str:
    """Return why a request has got no answer, as Go words it; ``address`` is that which the text names."""
    if isinstance(error, aiohttp.ClientConnectorCertificateError):
        return f"tls: failed to verify certificate: {_untrusted(error.certificate_error, server_name)}"
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"tls: failed to verify certificate: {_untrusted(error, server_name)}"
    cause = error.os_error if isinstance(error, aiohttp.ClientConnectorError) else error
    if isinstance(cause, TimeoutError):
        return str(error) or "dial tcp: i/o timeout"
    if isinstance(cause, OSError) and cause.errno:
        return f"dial tcp {address}: connect: {errno_text(cause)}"
    if isinstance(error, aiohttp.ServerDisconnectedError):
        return "EOF"
    return str(cause) or "EOF"


def _untrusted(error: Exception, server_name: str) -> str:
    """Return why a certificate is not trusted, in Go's words where there are some."""
    code = getattr(error, "verify_code", 0)
    if code in _UNKNOWN_AUTHORITY:
        return "x509: certificate signed by unknown authority"
    if code in _WRONG_NAME:
        return f"x509: certificate is not valid for {server_name}"
    return f"x509: {getattr(error, 'verify_message', error)}"


def status_message(body: bytes) -> str:
    """Return the message of a Status, "" if the body is none."""
    try:
        status = json.loads(body)
    except ValueError:
        return ""
    return str(status.get("message") or "") if isinstance(status, dict) and status.get("kind") == "Status" else ""
