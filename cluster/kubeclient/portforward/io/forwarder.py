"""The forwarded connections of one pod, over few connections to the API server, which are opened ahead.

The first forwarded connection opens one, which stays for IDLE_SECONDS after the last. A forwarded connection is two
streams, opened without waiting for any answer: the client's first bytes leave with them. That is as safe as waiting,
because a kubelet handles the frames of a stream in their order (moby/spdystream ``connection.go``). No stream is opened
before there is a client for it: the pod would get a connection that says nothing, for which a server that serves one at
a time would wait.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from collections.abc import Callable

from kubeapi.status import StatusError
from kubeapi.streaming.io.multiplexer import NOT_SPDY, Multiplexer
from kubeclient.kubeconfig.access import ConfigError
from kubeclient.portforward.io.dialling import Dial
from kubeclient.portforward.io.streams import Forwarded
from kubeclient.portforward.plan import Load, choose

IDLE_SECONDS = 300.0
"""How long connections to the API server stay without forwarded ones."""
OPEN_SECONDS = 15.0
"""Time limit for a connection to the API server."""
STALL_SECONDS = 10.0
"""How long a reader may take for BACKLOG_HIGH bytes while others on its connection wait."""

ENDED = "the pod is gone"

Report = Callable[[str], None]
"""Takes why the API server cannot be reached for this pod, "" when it can."""


class PodForwarder:
    """Forwards connections to one pod; ``close`` when it is gone."""

    def __init__(self, dial: Dial, report: Report) -> None:
        self._dial = dial
        self._report = report
        self._wires: dict[Multiplexer, int] = {}
        """The connections to the API server, and how many forwarded ones each carries."""
        self._waiting: deque[Forwarded] = deque()
        self._opening: asyncio.Task[None] | None = None
        self._idle: asyncio.TimerHandle | None = None
        self._request = 0
        self._is_closed = False

    @property
    def forwarded(self) -> int:
        """How many connections are forwarded now."""
        return sum(self._wires.values()) + len(self._waiting)

    def forward(self, connection: Forwarded) -> None:
        """Forward a connection, at once or when there is a connection to the API server."""
        if self._is_closed:
            connection.abort()
            return
        wires = self._usable()
        choice = choose([Load(self._wires[each], each.is_congested) for each in wires])
        if choice.opens:
            self.warm()
        if choice.use is None:
            self._waiting.append(connection)
        else:
            self._begin(connection, wires[choice.use])

    def _usable(self) -> list[Multiplexer]:
        return [each for each in self._wires if each.takes_streams]

    def warm(self) -> None:
        """Open one more connection to the API server, for what is to come."""
        if self._opening is None and not self._is_closed:
            self._opening = asyncio.create_task(self._open(), name="port-forward: open")

    def over(self, connection: Forwarded, wire: Multiplexer | None) -> None:
        """Know that a forwarded connection has ended."""
        if wire is None:
            with contextlib.suppress(ValueError):
                self._waiting.remove(connection)
        elif wire in self._wires:
            self._wires[wire] -= 1
        if not self.forwarded and self._idle is None and not self._is_closed:
            self._idle = asyncio.get_running_loop().call_later(IDLE_SECONDS, self._close_wires, "it was not used")

    async def close(self) -> None:
        """Reset every connection, and those to the API server."""
        self.end()
        if self._opening is not None:
            await asyncio.gather(self._opening, return_exceptions=True)

    def end(self) -> None:
        """Begin ``close``, without waiting."""
        self._is_closed = True
        if self._opening is not None:
            self._opening.cancel()
        if self._idle is not None:
            self._idle.cancel()
        self._abort_waiting()
        self._close_wires(ENDED)

    def _begin(self, connection: Forwarded, wire: Multiplexer) -> None:
        if self._idle is not None:
            self._idle.cancel()
            self._idle = None
        self._request += 1
        self._wires[wire] += 1
        connection.begin(wire, str(self._request))

    async def _open(self) -> None:
        """Open a connection to the API server, and begin what waits for it."""
        try:
            async with asyncio.timeout(OPEN_SECONDS):
                transport, first, frames = await self._dial()
        except (StatusError, ConfigError, OSError) as error:
            self._opening = None
            self._report(str(error) or "the API server does not answer")
            self._begin_waiting()
            return
        except BaseException:
            self._opening = None
            self._abort_waiting()
            raise
        self._opening = None
        self._report("")
        wire = Multiplexer(frames, lambda reason: self._lost(wire, reason), stall_seconds=STALL_SECONDS)
        self._wires[wire] = 0
        transport.set_protocol(wire)
        wire.connection_made(transport)
        if first:
            wire.feed(first)
        transport.resume_reading()
        self._begin_waiting()

    def _begin_waiting(self) -> None:
        """Begin what waits, on what there is now: an attempt at another connection is over."""
        wires = self._usable()
        if not wires:
            self._abort_waiting()
        while self._waiting:
            choice = choose([Load(self._wires[each], each.is_congested) for each in wires], most=0)
            assert choice.use is not None
            self._begin(self._waiting.popleft(), wires[choice.use])

    def _lost(self, wire: Multiplexer, reason: str) -> None:
        self._wires.pop(wire, None)
        if reason.startswith(NOT_SPDY):
            self._report(reason)

    def _abort_waiting(self) -> None:
        while self._waiting:
            self._waiting.popleft().abort()

    def _close_wires(self, reason: str) -> None:
        self._idle = None
        for each in tuple(self._wires):
            each.close(reason)
