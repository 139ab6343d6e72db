"""Kept connections to one server: a request is sent on one that is free, or on a new one."""

from __future__ import annotations

import asyncio
from functools import partial
from typing import NamedTuple

from kubeclient.http.io.connecting import Route, connect
from kubeclient.http.io.received import Received
from kubeclient.http.io.wire import Wire
from kubeclient.http.messages import Headers, request

IDLE_SECONDS = 60.0
"""How long a connection is used again after its last answer; what is on the way forgets those that say nothing."""
_REPEATABLE = ("GET",)
"""Methods whose request may be sent again when a kept connection ends instead of answering."""


class Request(NamedTuple):
    """A request; ``headers`` are without Host and those of the body, ``target`` is path and query."""

    method: str
    target: str
    headers: Headers
    body: bytes | None = None


class Connections:
    """The connections by one route, which may change. Errors are those of ``connect`` and ``Wire``: OSError."""

    def __init__(self, route: Route) -> None:
        self.route = route
        self._wires: dict[Wire, Route] = {}
        self._free: list[tuple[Wire, float]] = []
        """Those without a request, and since when."""

    async def send(self, wanted: Request, silence: float) -> Received:
        """Return the answer to a request when its head has come; the server may say nothing for ``silence`` seconds."""
        while (free := self._take()) is not None:
            try:
                return await self._ask(free, wanted, silence)
            except ConnectionError:
                if wanted.method not in _REPEATABLE:
                    raise
        route = self.route
        wire = await connect(route)
        self._wires[wire] = route
        return await self._ask(wire, wanted, silence)

    def close(self) -> None:
        """Close all connections."""
        for each in self._wires:
            each.abort()
        self._wires.clear()
        self._free.clear()

    async def _ask(self, wire: Wire, wanted: Request, silence: float) -> Received:
        try:
            wire.transport.write(_written(wanted, self._wires[wire]))
            answer = await wire.read_head(silence)
            return Received(wire, answer, silence, partial(self._leave, wire))
        except BaseException:
            self._leave(wire, is_free=False)
            raise

    def _take(self) -> Wire | None:
        """Return a free connection that is as good as new, None if there is none."""
        while self._free:
            wire, since = self._free.pop()
            if self._is_good(wire) and asyncio.get_running_loop().time() - since < IDLE_SECONDS:
                return wire
            self._leave(wire, is_free=False)
        return None

    def _leave(self, wire: Wire, is_free: bool) -> None:
        if is_free and self._is_good(wire):
            self._free.append((wire, asyncio.get_running_loop().time()))
        else:
            self._wires.pop(wire, None)
            wire.abort()

    def _is_good(self, wire: Wire) -> bool:
        return wire.is_quiet and self._wires.get(wire) == self.route


def _written(wanted: Request, route: Route) -> bytes:
    """Return the bytes of a request; a proxy that relays it has to be told where it goes."""
    target, headers = wanted.target, [("Host", route.server.authority), ("Accept-Encoding", "gzip"), *wanted.headers]
    if route.proxy is not None and route.is_relayed:
        target = route.server.url + target
        if route.proxy.authorization:
            headers.append(("Proxy-Authorization", route.proxy.authorization))
    return request(wanted.method, target, headers, wanted.body)
