"""What ``server`` and ``listeners`` ask of whatever carries the traffic: this process, or several workers.

Decides nothing. Calls that return at once are obeyed in their order.
"""

from __future__ import annotations

import socket
from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Protocol

from kubeproxy.counters import ProxyCounters
from kubeproxy.recent import ConnectionRecord, Follower
from kubeproxy.rules import Listener, Packet, Rules
from kubeproxy.tracing import Trace
from kubeproxy.types import Destination, ServicePortName


class Plane(Protocol):
    """Carries traffic by the rules that it is given, from the sockets that it is given."""

    @property
    def width(self) -> int:
        """How many sockets a TCP listener has: one for each process that accepts."""
        ...

    def serving(self) -> AbstractAsyncContextManager[None]:
        """Serve while the context lasts; afterwards every socket is closed, connections by reset."""
        ...

    def obey(self, rules: Rules, ports: Sequence[ServicePortName]) -> None:
        """Treat new clients by ``rules``, which differ from those before in ``ports``."""
        ...

    def listen(self, listener: Listener, sockets: Sequence[socket.socket]) -> None:
        """Own bound, non-blocking sockets from now on and take their clients."""
        ...

    def update(self, listener: Listener) -> None:
        """Take the clients of a destination otherwise."""
        ...

    def close(self, destination: Destination, closed: Callable[[], None]) -> None:
        """Take what waits at a destination, no more clients then, and call ``closed`` when its sockets are closed."""
        ...

    async def drain(self, seconds: float) -> None:
        """Give the connections ``seconds`` to end, and reset the rest. The listeners are closed already."""
        ...

    async def wait_until_obeyed(self) -> None:
        """Return once all that was said so far is obeyed."""
        ...

    async def count(self) -> ProxyCounters:
        """Return what was counted so far, everywhere; a snapshot or the living counters, not to be written to."""
        ...

    async def records(self) -> list[ConnectionRecord]:
        """Return the recent connections, the oldest first."""
        ...

    def follow(self, follower: Follower) -> Callable[[], None]:
        """Have ``follower`` told of connections that begin and end; returns the way to end that."""
        ...

    async def trace(self, packet: Packet) -> Trace:
        """Return what would become of a packet now, step by step."""
        ...

    def tell_shortage(self, to: Callable[[], None]) -> None:
        """Have ``to`` called while new clients wait for file descriptors, about once a second."""
        ...

    def problems(self) -> list[str]:
        """Return what does not work as it should, one sentence each."""
        ...
