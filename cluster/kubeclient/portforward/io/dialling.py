"""How a connection for port-forward is made: a WebSocket, or SPDY where the server, or a proxy before it, refuses that.

Follows client-go ``tools/portforward/fallback_dialer.go``. API servers speak the WebSocket since 1.30.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable, Mapping
from typing import Protocol

from aiohttp._websocket.helpers import websocket_mask  # there is no public way to it

from kubeapi.meta import ObjectKey
from kubeapi.scheme import PODS
from kubeapi.status import StatusError
from kubeapi.streaming.portforward import SPDY_PROTOCOL
from kubeapi.streaming.websocket import TUNNEL_PROTOCOL, WebSocketFrames
from kubeclient.http.handshake import SPDY, WEBSOCKET, Upgrade
from kubeclient.http.io.upgrade import Upgraded
from kubeclient.paths import path_of
from kubeclient.refusals import NOT_FOUND, TOO_MANY, UNAUTHORIZED

_FINAL = (UNAUTHORIZED, NOT_FOUND, TOO_MANY)
"""Refusals that are not about the WebSocket. 403 may be: a Role can allow ``create`` alone, which SPDY's POST needs."""

Wire = tuple[asyncio.Transport, bytes, WebSocketFrames | None]
"""An upgraded connection, paused: its transport, its first bytes, and the frames around SPDY."""

Dial = Callable[[], Awaitable[Wire]]
"""Makes a connection for one pod; StatusError, ConnectionError, TimeoutError, ConfigError."""


class Connects(Protocol):
    """What is needed of an ``APIClient``."""

    async def connect(self, path: str, params: Mapping[str, str], wanted: Upgrade) -> Upgraded:
        """Return an upgraded connection."""
        ...


class PortForwardDialler:
    """Makes connections to the pods of one cluster, and remembers which kind it takes."""

    def __init__(self, client: Connects) -> None:
        self._client = client
        self._takes_websockets = True

    async def dial(self, pod: ObjectKey) -> Wire:
        """Make one; StatusError, ConnectionError, TimeoutError, ConfigError."""
        if self._takes_websockets:
            try:
                return await self._connect(pod, WEBSOCKET)
            except StatusError as error:
                if error.code in _FINAL:
                    raise
            except ConnectionError:
                pass  # a proxy may end what it does not know
            wire = await self._connect(pod, SPDY)
            self._takes_websockets = False
            return wire
        return await self._connect(pod, SPDY)

    async def _connect(self, pod: ObjectKey, upgrade: str) -> Wire:
        protocol = TUNNEL_PROTOCOL if upgrade == WEBSOCKET else SPDY_PROTOCOL
        path = path_of(PODS, *pod) + "/portforward"
        found = await self._client.connect(path, {}, Upgrade(upgrade, (protocol,)))
        frames = WebSocketFrames(websocket_mask, os.urandom) if upgrade == WEBSOCKET else None
        return found.transport, found.first, frames
