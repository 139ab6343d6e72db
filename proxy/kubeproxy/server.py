"""The proxy as the composition root sees it: follows Services, EndpointSlices and Nodes, and serves them.

Decides nothing: ``proxier`` says what must change, ``listeners`` and ``tcp`` do it. Changes that arrive in one turn of
the event loop are obeyed together in the next.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from kubeapi.informer import Delta, Informer, ListerWatcher
from kubeapi.meta import JSON, ObjectKey
from kubeapi.network import Network
from kubeapi.scheme import ENDPOINTSLICES, NODES, SERVICES
from kubeproxy.balancers import BALANCERS
from kubeproxy.counters import ProxyCounters
from kubeproxy.listeners import Listeners, ListenerStatus
from kubeproxy.load_balancer import LoadBalancer, unknown_balancer
from kubeproxy.poller import Poller
from kubeproxy.proxier import Proxier, Sync, conflicts
from kubeproxy.rules import Rules
from kubeproxy.tcp import Conntrack
from kubeproxy.types import ServicePortName

WARNING = "Warning"

Record = Callable[[ObjectKey, str, str, str], None]
"""Records an event about a Service: its key, Normal or Warning, the reason, the message."""


@dataclass(frozen=True)
class ProxyConfig:
    """How one proxy works. An address of None switches that HTTP server off; port 0 takes any free port."""

    default_balancer: str = "random"
    """The algorithm of Services that ask for none."""
    healthz_address: tuple[str, int] | None = ("127.0.0.1", 10256)
    """kube-proxy's --healthz-bind-address."""
    metrics_address: tuple[str, int] | None = ("127.0.0.1", 10249)
    """kube-proxy's --metrics-bind-address."""
    node_name: str = ""
    """The node that the proxy is on, for traffic policies and health; "" for none."""


class ProxyServer:
    """One proxy on the running event loop; make it there. ValueError if the default balancer is unknown."""

    def __init__(
        self,
        source: ListerWatcher,
        config: ProxyConfig,
        network: Network,
        *,
        clock: Callable[[], float],
        rng: random.Random,
        record: Record,
    ) -> None:
        loop = asyncio.get_running_loop()
        self.counters = ProxyCounters()
        self._config = config
        self._clock = clock
        self._record = record
        self._loop = loop
        self._proxier = Proxier(config.node_name)
        self._load_balancer = LoadBalancer(config.default_balancer, self.counters, clock=clock, rng=rng)
        self._poller = Poller()
        self._conntrack = Conntrack(loop, self._poller, network, self._load_balancer, self.counters)
        self._listeners = Listeners(loop, self._poller, network, self._conntrack, self._report_listener)
        self._services = Informer(source, SERVICES)
        self._slices = Informer(source, ENDPOINTSLICES)
        self._nodes = Informer(source, NODES)
        self._programmed = asyncio.Event()
        self._is_listed = False
        self._is_draining = False
        self._is_sync_due = False
        self._follow(self._services, self._proxier.services.update)
        self._follow(self._slices, self._proxier.endpoints.update)
        self._follow(self._nodes, self._proxier.nodes.update)

    @property
    def rules(self) -> Rules:
        """The rules in force."""
        return self._proxier.rules

    async def run(self) -> None:
        """Serve until cancelled; then every socket is closed, connections by reset (``drain`` first to be gentle)."""
        self._poller.attach(self._loop)
        try:
            async with asyncio.TaskGroup() as tasks:
                for informer in (self._services, self._slices, self._nodes):
                    tasks.create_task(informer.run(), name=f"kube-proxy {informer.resource}")
                tasks.create_task(self._begin(), name="kube-proxy first sync")
        finally:
            self._is_draining = True
            self._listeners.close_all()
            self._conntrack.reset_all()
            self._poller.close()

    async def wait_until_programmed(self) -> None:
        """Return once all Services that were there at the start have been handled."""
        await self._programmed.wait()

    def listeners(self) -> list[ListenerStatus]:
        """Return the state of every address of every Service, as of the last sync."""
        return list(self._listeners.statuses(self.rules))

    def connections(self) -> int:
        """Return the number of connections now."""
        return len(self._conntrack.connections)

    async def drain(self, seconds: float) -> None:
        """Close the listeners for good, give the connections ``seconds`` to end, and reset the rest."""
        self._is_draining = True
        self._listeners.close_all()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._conntrack.wait_until_idle()
        self._conntrack.reset_all()

    def _follow(self, informer: Informer, update: Callable[[ObjectKey, JSON | None], None]) -> None:
        def note(deltas: Sequence[Delta]) -> None:
            for delta in deltas:
                update(delta.key, delta.new)
            self._schedule()

        informer.add_handler(note)

    def _schedule(self) -> None:
        """Sync in the next turn, once for all that this turn brings; not before everything has been listed."""
        if self._is_listed and not self._is_sync_due:
            self._is_sync_due = True
            self._loop.call_soon(self._sync)

    async def _begin(self) -> None:
        for informer in (self._services, self._slices, self._nodes):
            await informer.wait_for_sync()
        self._is_listed = True
        self._sync()
        self._programmed.set()

    def _sync(self) -> None:
        self._is_sync_due = False
        if self._is_draining:
            return
        sync = self._proxier.sync()
        self._listeners.close(sync.listeners)
        for service in sync.ports:
            self._load_balancer.update(service, sync.rules.ports.get(service))
        self._listeners.open(sync.listeners)
        self._warn(sync)

    def _warn(self, sync: Sync) -> None:
        for conflict in conflicts(sync.rules, sync.destinations):
            self._record(conflict.loser.service, WARNING, "PortConflict", str(conflict))
        for service in sync.ports:
            rule = sync.rules.ports.get(service)
            if rule is not None and rule.service_port.balancer not in ("", *BALANCERS):
                self._record(service.service, WARNING, "UnknownBalancer", unknown_balancer(rule.service_port.balancer))

    def _report_listener(self, service: ServicePortName, message: str) -> None:
        self._record(service.service, WARNING, "PortBindFailed", message)
