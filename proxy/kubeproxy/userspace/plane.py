"""The userspace engine: a listening socket for every address of a Service, and the processes that serve them."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator

from kubeproxy.config import ProxyConfig
from kubeproxy.dependencies import ProxyDependencies
from kubeproxy.plane import ListenerStatus, Report
from kubeproxy.proxier import Sync
from kubeproxy.rules import Rules
from kubeproxy.userspace.carrier import Carrier
from kubeproxy.userspace.dataplane import DataPlane
from kubeproxy.userspace.listeners import Listeners


class UserspacePlane:
    """Implements ``Plane``. ValueError if the default balancer is unknown."""

    def __init__(
        self, loop: asyncio.AbstractEventLoop, config: ProxyConfig, dependencies: ProxyDependencies, report: Report
    ) -> None:
        self.traffic = _carrier(loop, config, dependencies)
        self.listeners = Listeners(loop, config, dependencies, self.traffic, report)
        self._rules = Rules()

    @contextlib.asynccontextmanager
    async def serving(self) -> AsyncIterator[None]:
        """Serve while the context lasts."""
        async with self.traffic.serving():
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
        self.traffic.apply(sync.rules, sync.ports)
        self.listeners.open(sync.listeners)

    def statuses(self) -> list[ListenerStatus]:
        """Return the state of every address that a Service port asks for."""
        return list(self.listeners.statuses(self._rules))

    async def drain(self, seconds: float) -> None:
        """Close the listeners for good, give the connections ``seconds`` to end, and reset the rest."""
        self.listeners.close_all()
        await self.traffic.drain(seconds)


def _carrier(loop: asyncio.AbstractEventLoop, config: ProxyConfig, dependencies: ProxyDependencies) -> Carrier:
    if config.workers == 1:
        return DataPlane(loop, dependencies, config.default_balancer)
    # Imported here because few proxies have workers, and every start would pay for the import.
    from kubeproxy.userspace.workers.io.workers import Workers

    return Workers(loop, config, dependencies)
