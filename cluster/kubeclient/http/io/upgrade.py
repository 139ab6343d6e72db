"""A connection that an API server upgrades to another protocol: handed over as a transport, for port-forward."""

from __future__ import annotations

import asyncio
import base64
import os
from typing import NamedTuple

from kubeclient.http.handshake import Upgrade, check_upgrade, upgrade_request
from kubeclient.http.io.connecting import Route, connect
from kubeclient.http.io.received import Received
from kubeclient.http.messages import SWITCHING, Headers
from kubeclient.refusals import read_refusal

HANDSHAKE_SECONDS = 15.0


class Upgraded(NamedTuple):
    """An upgraded connection. ``transport`` is paused: set its protocol, feed it ``first``, then resume reading.

    ``protocol`` is what the server has chosen of the offered ones.
    """

    transport: asyncio.Transport
    first: bytes
    protocol: str


async def open_upgraded(route: Route, target: str, headers: Headers, wanted: Upgrade) -> Upgraded:
    """Connect and upgrade. Raises StatusError, OSError, TimeoutError; the connection is then closed."""
    async with asyncio.timeout(HANDSHAKE_SECONDS):
        wire = await connect(route, is_lent=True)
        try:
            key = base64.b64encode(os.urandom(16)).decode()
            wire.transport.write(upgrade_request(target, route.server.authority, headers, wanted, key))
            answer = await wire.read_head(HANDSHAKE_SECONDS)
            if answer.status != SWITCHING:
                body = await Received(wire, answer, HANDSHAKE_SECONDS, lambda _: None).beginning()
                raise read_refusal(answer.status, answer.headers, body)
            protocol = check_upgrade(answer, wanted, key)
            return Upgraded(*wire.hand_over(), protocol)
        except BaseException:
            wire.abort()
            raise
