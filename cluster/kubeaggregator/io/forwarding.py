"""Forward the requests of clients to an extension API server; bodies are streamed both ways, an upgrade is a tunnel.

Follows kube-aggregator ``handler_proxy.go``.
"""

from __future__ import annotations

import asyncio
from urllib.parse import urlsplit

import aiohttp
from aiohttp import web

from kubeaggregator.authentication import is_identity, user_headers
from kubeaggregator.io.server import ExtensionServer, Place
from kubeapi.status import StatusError
from kubeapiserver.messages import Delegated, Proxied
from kubeapiserver.proxying.rewriting import Headers, forwarded_headers, returned_headers
from kubeapiserver.wire.forwarding.answers import send_answer
from kubeapiserver.wire.forwarding.tunnel import exchange

DISCOVERY_SECONDS = 5.0
"""Time limit of a request for the resources of a version: clients ask every server for them."""


async def forward(request: web.BaseRequest, delegated: Delegated, server: ExtensionServer) -> web.StreamResponse:
    """Forward one request and return the answer, or in its place the text of a 503."""
    if not delegated.api.is_available:
        return _unavailable(request, "service unavailable")
    try:
        place = server.locate()
    except StatusError:
        return _unavailable(request, "service unavailable")
    parts = urlsplit(request.raw_path)
    kept = [each for each in request.headers.items() if not is_identity(each[0])]
    headers = [*forwarded_headers(kept, request.remote or "", parts.path), *user_headers(delegated.user)]
    try:
        if "Upgrade" in request.headers:
            streams = await server.open(place)
        else:
            answer = await _ask(request, server, place, headers)
    except (aiohttp.ClientError, OSError, TimeoutError) as error:
        return _unavailable(request, f"error trying to reach service: {server.failure(error, place)}")
    if "Upgrade" in request.headers:
        proxied = Proxied("https", "", "", place.host, place.port, "", parts.path, parts.query)
        return await exchange(request, proxied, headers, streams)
    async with answer:
        return await send_answer(request, answer, returned_headers(answer.headers.items()))


async def _ask(
    request: web.BaseRequest, server: ExtensionServer, place: Place, headers: Headers
) -> aiohttp.ClientResponse:
    """Send a request, and return the answer once it begins; errors as of ``ExtensionServer.request``."""
    length = [] if request.content_length is None else [("Content-Length", str(request.content_length))]
    is_discovery = urlsplit(request.raw_path).path.strip("/").count("/") == 2
    body = request.content if request.body_exists else None
    async with asyncio.timeout(DISCOVERY_SECONDS if is_discovery else None):
        return await server.request(place, request.method, request.raw_path, [*headers, *length], body)


def _unavailable(request: web.BaseRequest, text: str) -> web.Response:
    response = web.Response(status=503, text=f"{text}\n", headers={"X-Content-Type-Options": "nosniff"})
    if not request.content.is_eof():
        # The rest of a body that was not read must not be read as the next request.
        response.force_close()
    return response
