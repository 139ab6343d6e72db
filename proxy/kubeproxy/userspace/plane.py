"""The userspace engine: a listening socket for every address of a Service, and the processes that serve them."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable

from kubeproxy.config import ProxyConfig
from kubeproxy.counters import ProxyCounters
from kubeproxy.host import Host
from kubeproxy.plane import ListenerStatus, Report
from kubeproxy.proxier import Sync
from kubeproxy.recent import ConnectionRecord, Follower
from kubeproxy.rules import Packet, Rules
from kubeproxy.tracing import Trace
from kubeproxy.userspace.carrier import Carrier
from kubeproxy.userspace.dataplane import DataPlane
from kubeproxy.userspace.listeners import Listeners


class UserspacePlane:
    """Implements ``Plane``. ValueError if the default balancer is unknown."""

    def __init__(self, loop: asyncio.AbstractEventLoop, config: ProxyConfig, host: Host, report: Report) -> None:
        self.carrier = _carrier(loop, config, host)
        self.listeners = Listeners(loop, config, host, self.carrier, report)
        self._rules = Rules()

    @contextlib.asynccontextmanager
    async def serving(self) -> AsyncIterator[None]:
        """Serve while the context lasts."""
        async with self.carrier.serving():
            try:
                yield
            finally:
                self.listeners.close_all()

    def apply(self, sync: Sync) -> None:
        """Close sockets, change the rules, open sockets: in this order, no client meets rules of another socket.

        What waits at a socket that is closed is still served, by the rules before.
        """
        self._rules = sync.rules
        self.listeners.close(sync.listeners)
        self.carrier.apply(sync.rules, sync.ports)
        self.listeners.open(sync.listeners)

    def statuses(self) -> list[ListenerStatus]:
        """Return the state of every address that a Service port asks for."""
        return list(self.listeners.statuses(self._rules))

    async def drain(self, seconds: float) -> None:
        """Close the listeners for good, give the connections ``seconds`` to end, and reset the rest."""
        self.listeners.close_all()
        await self.carrier.drain(seconds)

    async def wait_until_applied(self) -> None:
        """Return once all changes so far are obeyed."""
        await self.carrier.wait_until_applied()

    async def count(self) -> ProxyCounters:
        """Return what was counted so far."""
        return await self.carrier.count()

    async def records(self) -> list[ConnectionRecord]:
        """Return the recent connections, the oldest first."""
        return await self.carrier.records()

    def follow(self, follower: Follower) -> Callable[[], None]:
        """Note connections that begin and end in ``follower``, until the function that is returned is called."""
        return self.carrier.follow(follower)

    async def trace(self, packet: Packet) -> Trace:
        """Return what would become of a packet now; raise PlaneError."""
        return await self.carrier.trace(packet)

    def tell_shortage(self, to: Callable[[], None]) -> None:
        """Call ``to`` about once a second while new clients wait for file descriptors."""
        self.carrier.tell_shortage(to)

    def problems(self) -> list[str]:
        """Return what does not work and belongs to no Service."""
        return self.carrier.problems()


def _carrier(loop: asyncio.AbstractEventLoop, config: ProxyConfig, host: Host) -> Carrier:
    if config.workers == 1:
        return DataPlane(loop, host, config.default_balancer)
    # Imported here because few proxies have workers, and every start would pay for the import.
    from kubeproxy.userspace.workers.io.workers import Workers

    return Workers(loop, config, host)
