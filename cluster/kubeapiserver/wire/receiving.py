"""Requests as they are received: the head first, then the body, unless it is to be forwarded."""

from __future__ import annotations

import asyncio

from aiohttp import web

from kubeapiserver.auth.authorization import IMPERSONATION, USER_HEADER
from kubeapiserver.errors import BODY_LIMIT, BadInput, BodyTimeout, TooLarge
from kubeapiserver.messages import Request

BODY_SECONDS = 60.0
"""Time limit for a body to arrive (kube-apiserver's --request-timeout)."""


def read_head(received: web.BaseRequest) -> Request:
    """Return a request without its body; BadInput if its target cannot be read."""
    headers = {name.lower(): value for name, value in received.headers.items()}
    if USER_HEADER in headers:
        for name in headers:
            if name.startswith(IMPERSONATION):
                headers[name] = "\n".join(received.headers.getall(name))
    try:
        return Request.of(received.method, received.raw_path, headers)
    except ValueError as error:
        message = f"the request target cannot be read: {error}"
        raise BadInput(message) from None


async def read_body(received: web.BaseRequest) -> bytes:
    """Return the body; StatusError if it is too long, too slow, or cannot be decompressed."""
    if not received.can_read_body:
        return b""
    if (received.content_length or 0) > BODY_LIMIT:
        raise TooLarge
    body = bytearray()
    try:
        async with asyncio.timeout(BODY_SECONDS):
            async for chunk in received.content.iter_any():
                body += chunk
                if len(body) > BODY_LIMIT:
                    raise TooLarge
    except TimeoutError:
        raise BodyTimeout from None
    except (web.PayloadAccessError, web.RequestPayloadError) as error:
        message = f"the request's body cannot be read: {error}"
        raise BadInput(message) from None
    return bytes(body)
