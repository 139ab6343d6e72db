"""The control socket: what `kubesvc status`, `explain`, `scale`, `logs` and `down` ask of the running cluster.

HTTP over a Unix socket that only its owner can open; it has no TCP port, so no web page can reach it. The answers are
the Cluster's; a refusal is the message of its StatusError.

    GET  /v1/status                the status document (see ``why.status``)
    GET  /v1/entrance              where the cluster's network is (see ``shell.entrance``)
    GET  /v1/explain?name=...      why a Service works or not (see ``why.explain``); namespace=
    GET  /v1/trace?source=...      what a packet meets (see ``why.trace``); destination=, namespace=, request=
    GET  /v1/trace?dns=...         what the name server answers; type=, namespace=
    GET  /v1/connections           the recent connections (see ``why.connections``); namespace=, name= of their Service;
                                   with follow=true a line of JSON each
    POST /v1/apply                 {"objects", "timeout"}; lines of JSON (see ``Cluster.apply_and_wait``)
    POST /v1/scale                 {"kind", "namespace", "name", "replicas"}
    POST /v1/rebalance             {"namespace", "name", "annotations"}; what these were (see ``run.rebalancing``)
    GET  /v1/pod?of=...            which pod a workload's name means (see ``why.podchoice``); namespace=
    GET  /v1/logs?pod=...          a container's log (see ``read_log_query``)
    POST /v1/stop                  begin to stop; {"unsaved": [...]} is what is not on disk
"""

from __future__ import annotations

import contextlib
import json
import socket
from collections.abc import AsyncGenerator, Callable, Mapping
from typing import TYPE_CHECKING, Any

from aiohttp import web

from kubeapi.meta import JSON, ObjectKey
from kubeapi.podoptions import PodLogOptions
from kubeapi.status import StatusError

if TYPE_CHECKING:
    from kubesvc.run.cluster import Cluster

_MAX_BODY = 2**30
"""Largest body: all objects of an `up`. Only the owner of the socket can send one."""

CLOSE_SECONDS = 0.2
"""How long requests may go on when the cluster has stopped."""


def read_log_query(query: Mapping[str, str]) -> tuple[ObjectKey, PodLogOptions]:
    """Read the pod, and the parameters that are named as in the API's pods/log; StatusError 400."""
    tail = query.get("tailLines", "")
    if tail and not (tail.isascii() and tail.isdecimal()):
        message = f"tailLines: Invalid value: {tail!r}: must be an integer greater than or equal to 0"
        raise StatusError(400, "BadRequest", message)
    options = PodLogOptions(
        container=query.get("container", ""),
        follow=query.get("follow") == "true",
        previous=query.get("previous") == "true",
        timestamps=query.get("timestamps") == "true",
        tail_lines=int(tail) if tail else None,
    )
    return ObjectKey(query.get("namespace", "default"), query.get("pod", "")), options


def read_scale(body: object) -> tuple[str, str, str, int]:
    """Read kind, namespace, name and replicas of a workload; StatusError 400."""
    match body:
        case {"kind": str(kind), "namespace": str(namespace), "name": str(name), "replicas": int(replicas)} if (
            type(replicas) is int
        ):
            return kind, namespace, name, replicas
    raise StatusError(400, "BadRequest", "want JSON with kind, namespace, name and an integer of replicas")


def read_apply(body: object) -> tuple[list[JSON], float]:
    """Read the objects to apply and how long to wait until all is ready; StatusError 400."""
    match body:
        case {"objects": list(objects), "timeout": int() | float() as timeout}:
            return objects, float(timeout)
    raise StatusError(400, "BadRequest", "want JSON with objects and a timeout in seconds")


class ControlServer:
    """Serves one cluster on a Unix socket; calls ``stop`` when a client asks the cluster to stop."""

    def __init__(self, cluster: Cluster, stop: Callable[[], None]) -> None:
        self._cluster = cluster
        self._stop = stop
        self._runner: web.AppRunner | None = None

    async def start(self, listener: socket.socket) -> None:
        """Start to serve; the server closes the socket in the end."""
        app = web.Application(middlewares=[self._refusals], client_max_size=_MAX_BODY)
        app.router.add_get("/v1/status", self._status)
        app.router.add_get("/v1/entrance", self._entrance)
        app.router.add_get("/v1/explain", self._explain)
        app.router.add_get("/v1/simulated", self._simulated)
        app.router.add_get("/v1/trace", self._trace)
        app.router.add_get("/v1/connections", self._connections)
        app.router.add_post("/v1/apply", self._apply)
        app.router.add_post("/v1/scale", self._scale)
        app.router.add_post("/v1/rebalance", self._rebalance)
        app.router.add_get("/v1/pod", self._pod)
        app.router.add_get("/v1/logs", self._logs)
        app.router.add_post("/v1/stop", self._stopped)
        # A handler that follows a silent pod writes nothing, so only cancellation tells it that its client has gone.
        self._runner = web.AppRunner(app, access_log=None, handler_cancellation=True, shutdown_timeout=CLOSE_SECONDS)
        await self._runner.setup()
        await web.SockSite(self._runner, listener).start()

    async def close(self) -> None:
        """Close the socket and every connection."""
        if self._runner is not None:
            await self._runner.cleanup()

    async def _status(self, _request: web.Request) -> web.Response:
        return web.json_response(self._cluster.status())

    async def _entrance(self, _request: web.Request) -> web.Response:
        # Imported here, because few clusters have visitors.
        from kubesvc.run.control.nodeshell import entrance

        return web.json_response(entrance(self._cluster)._asdict())

    async def _explain(self, request: web.Request) -> web.Response:
        query = request.query
        answer = await self._cluster.diagnosis.explain(query.get("namespace", "default"), query.get("name", ""))
        return web.json_response(answer)

    async def _simulated(self, request: web.Request) -> web.Response:
        query = request.query
        answer = self._cluster.diagnosis.simulated(query.get("namespace", "default"), query.get("name", ""))
        return web.json_response(answer)

    async def _trace(self, request: web.Request) -> web.Response:
        query, diagnosis = request.query, self._cluster.diagnosis
        namespace = query.get("namespace", "default")
        if "dns" in query:
            answer = await diagnosis.trace_dns(namespace, query["dns"], query.get("type", "A"))
        else:
            wanted = (query.get(each, "") for each in ("source", "destination", "request"))
            answer = await diagnosis.trace(namespace, *wanted)
        return web.json_response(answer)

    async def _connections(self, request: web.Request) -> web.StreamResponse:
        wanted = request.query.get("namespace", ""), request.query.get("name", "")
        if request.query.get("follow") != "true":
            return web.json_response(await self._cluster.diagnosis.connections(*wanted))
        return await _streamed(request, self._cluster.diagnosis.follow_connections(*wanted))

    async def _apply(self, request: web.Request) -> web.StreamResponse:
        return await _streamed(request, self._cluster.apply_and_wait(*read_apply(await _body(request))))

    async def _scale(self, request: web.Request) -> web.Response:
        await self._cluster.scale(*read_scale(await _body(request)))
        return web.json_response({})

    async def _rebalance(self, request: web.Request) -> web.Response:
        # Imported here, because few clusters are compared.
        from kubesvc.run.control.rebalancing import read_rebalance, rebalance

        return web.json_response(await rebalance(self._cluster, *read_rebalance(await _body(request))))

    async def _pod(self, request: web.Request) -> web.Response:
        query = request.query
        choice = self._cluster.choose_pod(query.get("namespace", "default"), query.get("of", ""))
        return web.json_response(choice._asdict())

    async def _logs(self, request: web.Request) -> web.StreamResponse:
        log = self._cluster.components.runtime.logs(*read_log_query(request.query))
        async with contextlib.aclosing(log) as chunks:
            response = web.StreamResponse()
            await response.prepare(request)
            with contextlib.suppress(ConnectionError):
                async for chunk in chunks:
                    await response.write(chunk)
        return response

    async def _stopped(self, _request: web.Request) -> web.Response:
        try:
            unsaved = await self._cluster.unsaved()
        finally:
            self._stop()
        return web.json_response({"unsaved": unsaved})

    @web.middleware
    async def _refusals(self, request: web.Request, handler: Callable[[web.Request], Any]) -> web.StreamResponse:
        try:
            answer: web.StreamResponse = await handler(request)
        except StatusError as error:
            return web.Response(status=error.code, text=error.message)
        except web.HTTPException:
            raise
        except Exception as error:
            self._cluster.store.failures.note(
                "kubesvc", f"{request.method} {request.path} of the control socket", error
            )
            return web.Response(status=500, text="internal error; its details are in the cluster's log")
        return answer


async def _body(request: web.Request) -> object:
    """Return the decoded body, None if it is not JSON."""
    try:
        body: object = json.loads(await request.read())
    except ValueError:
        return None
    return body


async def _streamed(request: web.Request, documents: AsyncGenerator[JSON, None]) -> web.StreamResponse:
    """Stream the documents, one line of JSON each."""
    async with contextlib.aclosing(documents):
        response = web.StreamResponse()
        await response.prepare(request)
        with contextlib.suppress(ConnectionError):
            async for document in documents:
                await response.write(f"{json.dumps(document)}\n".encode())
    return response
