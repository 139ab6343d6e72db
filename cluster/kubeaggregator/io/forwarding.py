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
from kubeapiserver.wire.forwarding import send_answer
from kubeapiserver.wire.tunnel import exchange

DISCOVERY_SECONDS = 5.0
"""Time limit of a request for the resources of a version: clients ask every server for them."""


async def forward(request: web.BaseRequest, delegated: Delegated, server: ExtensionServer) -> web.StreamResponse:
    """Forward one request and return the answer, or in its place the text of a 503."""
    if not delegated.api.is_available:
        return _unavailable("service unavailable")
    try:
        place = server.locate()
    except StatusError:
        return _unavailable("service unavailable")
    parts = urlsplit(request.raw_path)
    kept = [each for each in request.headers.items() if not is_identity(each[0])]
    headers = [*forwarded_headers(kept, request.remote or "", parts.path), *user_headers(delegated.user)]
    is_discovery = parts.path.strip("/").count("/") == 2
    try:
        if "Upgrade" in request.headers:
            return await _tunnel(request, server, place, headers)
        if request.content_length is not None:
            headers.append(("Content-Length", str(request.content_length)))
        body = request.content if request.body_exists else None
        async with asyncio.timeout(DISCOVERY_SECONDS if is_discovery else None):
            answer = await server.request(place, request.method, request.raw_path, headers, body)
    except (aiohttp.ClientError, OSError, TimeoutError) as error:
        return _unavailable(f"error trying to reach service: {server.failure(error, place)}")
    async with answer:
        return await send_answer(request, answer, returned_headers(answer.headers.items()))


async def _tunnel(
    request: web.BaseRequest, server: ExtensionServer, place: Place, headers: Headers
) -> web.StreamResponse:
    parts = urlsplit(request.raw_path)
    proxied = Proxied("https", "", "", place.host, place.port, "", parts.path, parts.query)
    return await exchange(request, proxied, headers, await server.open(place))


def _unavailable(text: str) -> web.Response:
    return web.Response(status=503, text=f"{text}\n", headers={"X-Content-Type-Options": "nosniff"})
