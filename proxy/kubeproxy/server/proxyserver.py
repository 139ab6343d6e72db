"""The proxy as the composition root sees it: follows Services, EndpointSlices and Nodes, and has a plane serve them.

Decides nothing: ``proxier`` says what must change, the ``plane`` does it. Changes that arrive in one turn of the event
loop are obeyed together in the next.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable

from kubeapi.meta import ObjectKey
from kubeapi.watching import ListerWatcher
from kubehost.network import Network
from kubehost.openfiles import client_shortage
from kubeproxy import NAME
from kubeproxy.config import ProxyConfig
from kubeproxy.dependencies import ProxyDependencies
from kubeproxy.loadbalancing.algorithms import algorithm_of
from kubeproxy.pacing import Pace
from kubeproxy.plane import ListenerStatus
from kubeproxy.proxier import Proxier
from kubeproxy.rules import Rules
from kubeproxy.server.answers import Answers, SyncRecord
from kubeproxy.server.events import Record, SyncEvents
from kubeproxy.server.following import Following
from kubeproxy.server.healthcheck import HealthcheckServer
from kubeproxy.server.planes import make_plane
from kubeproxy.server.policing import Policing
from kubeproxy.server.servicehealthserver import ServiceHealthServer
from kubeproxy.server.trafficreading import TrafficReading
from kubeproxy.targets import Loop
from kubeproxy.telemetry.counters import Figure
from kubeproxy.types import ServicePortName, subject_of
from kubeproxy.userspace.poller import Poller

COMPILING = f"{NAME} (rules)"
SHORTAGE_LOG_SECONDS = 60.0
"""How often the log says that clients wait for file descriptors."""

_log = logging.getLogger(__name__)


class ProxyServer:
    """One proxy on the running event loop; make it there. ValueError if the default balancer is unknown.

    ``figures`` adds metrics of other components to each scrape.
    """

    _is_listed = False
    _is_draining = False
    _is_sync_due = False
    _shortage_logged_at = float("-inf")

    def __init__(
        self,
        source: ListerWatcher,
        config: ProxyConfig,
        dependencies: ProxyDependencies,
        *,
        record: Record,
        figures: Callable[[], Iterable[Figure]] = tuple,
    ) -> None:
        loop = self._loop = asyncio.get_running_loop()
        self.failures, self._config, self._clock = dependencies.failures, config, dependencies.clock
        self._events = SyncEvents(record, dependencies.network, config.default_balancer)
        self.plane = make_plane(loop, config, dependencies, self._events)
        self.plane.traffic.tell_shortage(self._log_shortage)
        self._proxier = Proxier(config, self._note_uncompiled)
        self._events.ingresses_at = self._proxier.ingresses.served_at
        self._prepare, self._pace = dependencies.prepare, Pace(config.min_sync_seconds)
        self._syncs = SyncRecord(dependencies.clock, dependencies.stale)
        self._poller, self._policing = Poller(dependencies.failures), Policing(config, dependencies, record)
        self._service_health = self._make_service_health(dependencies.network)
        self.healthcheck = HealthcheckServer(dependencies.failures, config.owner_name)
        self.traffic, count = TrafficReading(self.plane, self._proxier, self._clock), self.plane.traffic.count
        self._answers = Answers(self._syncs, self.failures, self._is_node_eligible, count, figures)
        self._following = Following(source, self._proxier, config, dependencies, self._policing)
        self._following.changed, self._programmed = self._schedule, asyncio.Event()

    @property
    def rules(self) -> Rules:
        """The rules in force."""
        return self._proxier.rules

    @property
    def default_balancer(self) -> str:
        """The name of the algorithm of Services that ask for none."""
        return self._config.default_balancer

    async def run(self) -> None:
        """Serve until cancelled; then every socket is closed, connections by reset (``drain`` first to be gentle)."""
        self._poller.attach(self._loop)
        sites = self._answers.sites(self._config, self.healthcheck.requests)
        try:
            async with self.healthcheck.serve(sites), self.plane.serving():
                await self._follow_cluster()
        finally:
            self._policing.close()
            self._service_health.close()
            self._poller.close()

    async def _follow_cluster(self) -> None:
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._following.run(), name=f"{NAME} following")
                tasks.create_task(self._begin(), name=f"{NAME} first sync")
                tasks.create_task(self.traffic.run(), name=f"{NAME} traffic")
        finally:
            self._is_draining = True

    async def wait_until_programmed(self) -> None:
        """Return once all Services that were there at the start have been handled."""
        await self._programmed.wait()

    def listeners(self) -> list[ListenerStatus]:
        """Return the state of every address of every Service, as of the last sync."""
        return self.plane.statuses()

    def algorithm(self, port_name: ServicePortName) -> str:
        """Return the name of the algorithm that chooses for a Service port, "" if it is not there."""
        rule = self.rules.ports.get(port_name)
        return algorithm_of(rule.service_port, self._config.default_balancer).name if rule else ""

    def loops(self, service: ObjectKey) -> list[Loop]:
        """Return the endpoints of a Service that are not dialled, because they lead back to it."""
        return [each for name in self.rules.by_service.get(service, ()) for each in self._events.loops(name)]

    def ingress_problems(self, ingress: ObjectKey) -> list[str]:
        """Return what of an Ingress is not served, or not as it asks, one sentence each."""
        return [each.message for each in self._proxier.ingresses.problems if each.ingress == ingress]

    def problems(self) -> list[str]:
        """Return what does not work and belongs to no Service: health or metrics without their port, workers."""
        return [*self.healthcheck.problems, *self.plane.traffic.problems(), *self._policing.problems()]

    def renew_networks(self) -> None:
        """Serve in the networks of the cluster and its pods, which are there now, or are others than before."""
        if not self._is_draining:
            self._policing.renew()
            self.plane.renew()
            self._service_health.renew()

    async def drain(self, seconds: float) -> None:
        """Take no new clients for good, give the connections ``seconds`` to end, and reset the rest."""
        self._is_draining = True
        await self.plane.drain(seconds)

    def _make_service_health(self, network: Network) -> ServiceHealthServer:
        return ServiceHealthServer(
            self._poller,
            network.places,
            is_healthy=self._syncs.is_healthy,
            refused=self._events.note_unserved_health_check,
            owner_name=self._config.owner_name,
        )

    def _is_node_eligible(self) -> bool:
        return self._proxier.nodes.is_eligible

    def _schedule(self) -> None:
        """Sync in the next turn, once for all that this turn brings; not before everything has been listed."""
        if self._is_listed and not self._is_sync_due:
            self._is_sync_due = True
            self._syncs.queued()
            if (due_at := self._pace.due_at()) <= self._loop.time():
                self._loop.call_soon(self._sync)
            else:
                self._loop.call_at(due_at, self._sync)

    async def _begin(self) -> None:
        await self._following.wait_for_sync()
        self._is_listed = True
        self._sync()
        await self.plane.traffic.wait_until_applied()
        self._programmed.set()

    def _sync(self) -> None:
        self._is_sync_due = False
        self._pace.spend(self._loop.time())
        if not self._is_draining:
            with self.failures.guard(NAME, "a sync of the rules"):
                self._sync_changes()

    def _sync_changes(self) -> None:
        begun = self._clock()
        sync = self._proxier.sync()
        with self.failures.guard(NAME, "preparing for a change of the rules"):
            self._prepare(sync)
        self._policing.apply(sync)
        self.plane.apply(sync)
        services = dict.fromkeys(each.service for each in sync.ports)
        self._service_health.update(sync.rules, services)
        self._events.note(sync)
        self._events.note_ingresses(self._proxier.ingresses.problems)
        self._following.rest()
        for service in services:
            self.failures.forget(COMPILING, subject_of(service))
        self._syncs.synced(sync, self._clock() - begun)

    def _note_uncompiled(self, service: ObjectKey, error: Exception) -> None:
        self.failures.note(COMPILING, subject_of(service), error)

    def _log_shortage(self) -> None:
        now = self._loop.time()
        if now - self._shortage_logged_at >= SHORTAGE_LOG_SECONDS:
            self._shortage_logged_at = now
            _log.warning("%s", client_shortage())
