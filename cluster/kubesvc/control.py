"""The control socket: what `kubesvc status`, `scale`, `logs` and `down` ask of the running cluster.

HTTP over a Unix socket that only its owner can open; no TCP port, so no web page can reach it. Thin: every answer
comes from the Cluster, and a refusal is the text of its StatusError.
"""

from __future__ import annotations

import json
import socket
from collections.abc import AsyncIterator, Callable
from typing import Any, Protocol

from aiohttp import web

from kubeapi.status import StatusError


class Controlled(Protocol):
    """What the control socket can do with a cluster."""

    def status(self) -> dict[str, Any]:
        """Return the status document."""
        ...

    def scale(self, kind: str, namespace: str, name: str, replicas: int) -> None:
        """Set the replicas of a workload; StatusError."""
        ...

    def logs(self, query: dict[str, str]) -> AsyncIterator[bytes]:
        """Yield a container's log; StatusError."""
        ...


class ControlServer:
    """Serves one cluster on one listening Unix socket; ``stop`` is called when somebody asks it to stop."""

    def __init__(self, cluster: Controlled, stop: Callable[[], None]) -> None:
        self._cluster = cluster
        self._stop = stop
        self._runner: web.AppRunner | None = None

    async def start(self, listener: socket.socket) -> None:
        """Begin to serve; the socket is the server's from now on."""
        app = web.Application(middlewares=[_refusals])
        app.router.add_get("/v1/status", self._status)
        app.router.add_post("/v1/scale", self._scale)
        app.router.add_get("/v1/logs", self._logs)
        app.router.add_post("/v1/stop", self._stopped)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=1.0)
        await self._runner.setup()
        await web.SockSite(self._runner, listener).start()

    async def close(self) -> None:
        """Close the socket and every connection."""
        if self._runner is not None:
            await self._runner.cleanup()

    async def _status(self, _request: web.Request) -> web.Response:
        return web.json_response(self._cluster.status())

    async def _scale(self, request: web.Request) -> web.Response:
        try:
            wanted = await request.json()
            kind, namespace, name = str(wanted["kind"]), str(wanted["namespace"]), str(wanted["name"])
            replicas = int(wanted["replicas"])
        except (json.JSONDecodeError, KeyError, TypeError, ValueError):
            raise web.HTTPBadRequest(text="want JSON with kind, namespace, name and replicas") from None
        self._cluster.scale(kind, namespace, name, replicas)
        return web.json_response({})

    async def _logs(self, request: web.Request) -> web.StreamResponse:
        chunks = self._cluster.logs(dict(request.query))
        first = await anext(chunks, b"")
        response = web.StreamResponse()
        await response.prepare(request)
        await response.write(first)
        async for chunk in chunks:
            await response.write(chunk)
        return response

    async def _stopped(self, _request: web.Request) -> web.Response:
        self._stop()
        return web.json_response({})


@web.middleware
async def _refusals(request: web.Request, handler: Callable[[web.Request], Any]) -> web.StreamResponse:
    try:
        answer: web.StreamResponse = await handler(request)
    except StatusError as error:
        return web.Response(status=error.code, text=error.message)
    return answer
