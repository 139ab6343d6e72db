"""What ``Listeners`` and ``UserspacePlane`` ask of whatever serves the sockets: this process, or several workers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager
from socket import SocketType
from typing import NamedTuple, Protocol

from kubeproxy.plane import Traffic
from kubeproxy.rules import Listener, Rules
from kubeproxy.types import Destination, ServicePortName


class Spot(NamedTuple):
    """An address of a Service in one place: ``place`` is its name (``kubehost.network``)."""

    destination: Destination
    place: str


class Carrier(Traffic, Protocol):
    """Carries traffic by the rules and from the sockets that it is given. Calls are obeyed in their order."""

    def serving(self) -> AbstractAsyncContextManager[None]:
        """Serve while the context lasts; afterwards its sockets are closed, and connections are reset."""
        ...

    @property
    def width(self) -> int:
        """How many sockets a TCP listener has: one for each process that accepts."""
        ...

    def apply(self, rules: Rules, ports: Sequence[ServicePortName]) -> None:
        """Treat new clients by ``rules``, which differ from those before in ``ports``."""
        ...

    def listen(self, listener: Listener, place: str, sockets: Sequence[SocketType]) -> None:
        """Own non-blocking sockets that are bound in ``place`` from now on and serve their clients."""
        ...

    def update(self, listener: Listener, place: str) -> None:
        """Apply a listener's changed settings to its new clients in ``place``."""
        ...

    async def drain(self, seconds: float) -> None:
        """Give the connections ``seconds`` to end, and reset the rest."""
        ...

    def close(self, spot: Spot, closed: Callable[[], None]) -> None:
        """Accept what is queued at a spot, stop accepting, close its sockets, then call ``closed``."""
        ...

    def end_elsewhere(self) -> None:
        """End the connections and flows that are not in the host's network alone: the others are gone."""
        ...
