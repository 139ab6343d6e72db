"""What an engine is: it carries traffic by the rules, and tells what it did.

``ProxyServer`` gives each change of the rules to one engine and knows nothing of how it is obeyed. Pure.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import NamedTuple, Protocol

from kubeproxy.proxier import Sync
from kubeproxy.rules import Packet
from kubeproxy.telemetry.counters import ProxyCounters
from kubeproxy.telemetry.recent import ConnectionRecord, Follower
from kubeproxy.tracing.trace import Trace
from kubeproxy.types import ListenerKind, ServicePortName


class ListenerStatus(NamedTuple):
    """One address of one Service port. ``port`` is the one bound on this machine, ``requested_port`` the Service's.

    ``host_address`` is where this machine has ``address``; in a network of the cluster's own both can differ. Not
    bound and without an ``error``: the Service port has no endpoints, and clients are refused.
    """

    address: str
    port: int
    requested_port: int
    protocol: str
    kind: ListenerKind
    port_name: ServicePortName
    is_bound: bool
    error: str
    host_address: str


Report = Callable[[ServicePortName, str], None]
"""Called with a Service port that cannot be reached at some address, and the reason."""


class PlaneError(Exception):
    """An engine does not answer a question: a part of it has died, or hangs."""


class Traffic(Protocol):
    """What an engine tells of the traffic that it carries."""

    @property
    def counters(self) -> ProxyCounters | None:
        """The living counters, to be read only; None where other processes count, which ``count`` asks."""
        ...

    async def wait_until_applied(self) -> None:
        """Return once all changes so far are obeyed."""
        ...

    async def count(self) -> ProxyCounters:
        """Return what was counted so far: a snapshot or the living counters, to be read only."""
        ...

    async def records(self) -> list[ConnectionRecord]:
        """Return the recent connections, the oldest first."""
        ...

    def follow(self, follower: Follower) -> Callable[[], None]:
        """Note connections that begin and end in ``follower``, until the function that is returned is called."""
        ...

    async def trace(self, packet: Packet) -> Trace:
        """Return what would become of a packet now, step by step; raise PlaneError."""
        ...

    def tell_shortage(self, to: Callable[[], None]) -> None:
        """Call ``to`` about once a second while new clients wait for file descriptors."""
        ...

    def problems(self) -> list[str]:
        """Return what does not work and belongs to no Service, one sentence each."""
        ...


class Plane(Protocol):
    """An engine. Changes are obeyed in their order."""

    @property
    def traffic(self) -> Traffic:
        """The traffic that it carries."""
        ...

    def serving(self) -> AbstractAsyncContextManager[None]:
        """Serve while the context lasts; afterwards nothing listens, and connections are reset."""
        ...

    async def drain(self, seconds: float) -> None:
        """Take no new clients for good, give the connections ``seconds`` to end, and reset the rest."""
        ...

    def apply(self, sync: Sync) -> None:
        """Treat new clients by ``sync.rules``, which differ from those before in ``sync.ports``; returns at once.

        Connections that exist keep their endpoints, but UDP flows to an endpoint that is gone end.
        """
        ...

    def renew(self) -> None:
        """Begin anew in the networks of the cluster and of its pods, as these are new ones now; the host's stays."""
        ...

    def counts(self, port_name: ServicePortName) -> bool:
        """Tell whether the traffic counts all connections of a Service port: the kernel counts none by endpoint."""
        ...

    def statuses(self) -> list[ListenerStatus]:
        """Return the state of every address that a Service port asks for, as of the last change."""
        ...
