"""The parts of one data plane that all protocols use: events, the choice of endpoints, and what is counted."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection
from typing import Protocol

from kubeproxy.balancers import Ask
from kubeproxy.dependencies import ProxyDependencies
from kubeproxy.targets import Targets
from kubeproxy.telemetry.counters import ProxyCounters
from kubeproxy.telemetry.recent import RecentConnections
from kubeproxy.types import Choice, Route
from kubeproxy.userspace.dialling import dialler_of
from kubeproxy.userspace.poller import Poller

BUFFER_BYTES = 256 * 1024
"""Of one read. Bulk uploads beside HAProxy, 6 rounds: 64 KiB 0.67, 128 KiB 0.88, 256 KiB 1.18 of its throughput."""


class Chooser(Protocol):
    """Gives a connection, a flow or a request its endpoint: ``LoadBalancer``, or a script of tests."""

    def next_endpoint(self, route: Route, ask: Ask, avoid: Collection[str] = ()) -> Choice | None:
        """Return the endpoint, None if there is none; ``avoid`` has those where this connection has failed already."""
        ...

    def detour(self, route: Route) -> Route | None:
        """Return another route for a connection when ``route`` has no endpoints any more, None if there is none."""
        ...


class DataPlaneParts:
    """``buffer`` is received into and read at once by whatever has an event; nothing in it outlives the event.

    Sockets to endpoints have numbers below ``ceiling``, so that files are left for the cluster itself.
    """

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        dependencies: ProxyDependencies,
        load_balancer: Chooser,
        counters: ProxyCounters,
        ceiling: int,
    ) -> None:
        self.loop = loop
        self.clock: Callable[[], float] = dependencies.clock
        self.poller = Poller(dependencies.failures)
        self.targets = Targets(dependencies.network)
        self.dialler = dialler_of(dependencies.network)
        self.open_tunnel = dependencies.open_tunnel
        self.load_balancer = load_balancer
        self.counters = counters
        self.recent = RecentConnections(dependencies.clock)
        self.ceiling = ceiling
        self.buffer = memoryview(bytearray(BUFFER_BYTES))
