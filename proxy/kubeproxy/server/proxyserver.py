"""The proxy as the composition root sees it: follows Services, EndpointSlices and Nodes, and serves them.

Decides nothing: ``proxier`` says what must change, ``listeners`` and the ``plane`` do it. Changes that arrive in one
turn of the event loop are obeyed together in the next.
"""

from __future__ import annotations

import asyncio
import logging
import random
import sys
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

from kubeapi.faults import Faults, Subject
from kubeapi.informer import Informer, ListerWatcher
from kubeapi.meta import JSON, ObjectKey
from kubeapi.scheme import ENDPOINTSLICES, NODES, SERVICES
from kubehost.network import Network
from kubehost.openfiles import client_shortage
from kubeproxy.balancers import BALANCERS
from kubeproxy.counters import Figure, SyncCounters
from kubeproxy.health import Moment, ProxyHealth
from kubeproxy.load_balancer import algorithm_of, unknown_balancer
from kubeproxy.plane import Plane
from kubeproxy.portowner import PortOwner
from kubeproxy.proxier import Proxier, Sync
from kubeproxy.rules import Rules
from kubeproxy.server.healthcheck import PROXY_MODE, VERBOSE, Answer, Door, HealthcheckServer
from kubeproxy.server.servicehealthserver import ServiceHealthServer
from kubeproxy.targets import Loop, Targets
from kubeproxy.types import ServicePortName
from kubeproxy.userspace.dataplane import DataPlane, Surroundings
from kubeproxy.userspace.listeners import Listeners, ListenerStatus
from kubeproxy.userspace.poller import NAME, Poller

WARNING = "Warning"
COMPILING = f"{NAME} (rules)"
SHORTAGE_LOG_SECONDS = 60.0
"""How often the log says that clients wait for file descriptors."""

_log = logging.getLogger(__name__)

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
    """The node that the proxy is on, for traffic policies and health; "" when it stands for all nodes."""
    localhost_node_ports: bool = True
    """Whether node ports answer at 127.0.0.1 too (KubeProxyConfiguration's iptables.localhostNodePorts)."""
    workers: int = 1
    """Processes that carry the traffic; 1 is the proxy's own."""
    worker_environment: Mapping[str, str] = field(default_factory=dict)
    """Variables of each worker's environment, by which one that outlives the proxy (a stopped one does) is found."""
    listener_limit: int = sys.maxsize
    """Listening sockets at most: the rest of the open files is for connections and for whoever shares the process."""
    owner_name: Callable[[PortOwner], str] = str
    """What to call the process that has a port which the proxy wants."""


class ProxyServer:
    """One proxy on the running event loop; make it there. ValueError if the default balancer is unknown.

    ``figures`` is asked at each scrape for what /metrics shall say besides.
    """

    def __init__(
        self,
        source: ListerWatcher,
        config: ProxyConfig,
        network: Network,
        *,
        clock: Callable[[], float],
        rng: random.Random,
        record: Record,
        figures: Callable[[], Iterable[Figure]] = tuple,
        faults: Faults | None = None,
    ) -> None:
        loop = asyncio.get_running_loop()
        self.faults = faults = faults or Faults(clock)
        around = Surroundings(network, config.default_balancer, clock, rng, faults)
        self.plane: Plane = DataPlane(loop, around) if config.workers == 1 else _workers(loop, around, config)
        self.plane.tell_shortage(self._note_shortage)
        self.syncs = SyncCounters()
        self._config = config
        self._clock = clock
        self._record = record
        self._figures = figures
        self._loop = loop
        self._proxier = Proxier(config.node_name, self._lose, localhost_node_ports=config.localhost_node_ports)
        self._poller = Poller(faults)
        self._listeners = Listeners(
            loop,
            network,
            self.plane,
            report=self._report_listener,
            limit=config.listener_limit,
            faults=faults,
            owner_name=config.owner_name,
        )
        self._service_health = ServiceHealthServer(
            loop,
            self._poller,
            is_healthy=lambda: self._health.is_healthy(self._now()),
            refused=self._report_health_check,
            owner_name=config.owner_name,
        )
        self._services = Informer(source, SERVICES, faults)
        self._slices = Informer(source, ENDPOINTSLICES, faults)
        self._nodes = Informer(source, NODES, faults)
        self._programmed = asyncio.Event()
        self._unknown_balancers: dict[ServicePortName, str] = {}
        self._targets = Targets(network)
        self._loops: dict[ServicePortName, tuple[Loop, ...]] = {}
        self._health = ProxyHealth()
        self._healthcheck = HealthcheckServer(faults, config.owner_name)
        self._started = clock()
        self._is_listed = False
        self._is_draining = False
        self._is_sync_due = False
        self._shortage_logged_at = float("-inf")
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
            async with self._healthcheck.serve(self._doors()), self.plane.serving():
                await self._follow_cluster()
        finally:
            self._service_health.close()
            self._poller.close()

    async def _follow_cluster(self) -> None:
        try:
            async with asyncio.TaskGroup() as tasks:
                for informer in (self._services, self._slices, self._nodes):
                    tasks.create_task(informer.run(), name=f"kube-proxy {informer.resource}")
                tasks.create_task(self._begin(), name="kube-proxy first sync")
        finally:
            self._is_draining = True
            self._listeners.close_all()

    async def wait_until_programmed(self) -> None:
        """Return once all Services that were there at the start have been handled."""
        await self._programmed.wait()

    def listeners(self) -> list[ListenerStatus]:
        """Return the state of every address of every Service, as of the last sync."""
        return list(self._listeners.statuses(self.rules))

    def algorithm(self, port_name: ServicePortName) -> str:
        """Return the name of the algorithm that chooses for a Service port, "" if it is not there."""
        rule = self.rules.ports.get(port_name)
        return algorithm_of(rule.service_port, self._config.default_balancer) if rule else ""

    def loops(self, service: ObjectKey) -> list[Loop]:
        """Return the endpoints of a Service that are not dialled, because they lead back to it."""
        return [each for name in self.rules.by_service.get(service, ()) for each in self._loops.get(name, ())]

    def problems(self) -> list[str]:
        """Return what does not work and belongs to no Service: health or metrics without their port, workers."""
        return [*self._healthcheck.problems, *self.plane.problems()]

    def http_addresses(self) -> list[tuple[str, int]]:
        """Return where health and metrics answer, in that order, as far as they do."""
        return list(self._healthcheck.addresses)

    async def drain(self, seconds: float) -> None:
        """Close the listeners for good, give the connections ``seconds`` to end, and reset the rest."""
        self._is_draining = True
        self._listeners.close_all()
        await self.plane.drain(seconds)

    def _doors(self) -> list[Door]:
        """Health and metrics, each at its address."""
        healthz: dict[str, Answer] = {
            "/healthz": self._healthz_answer,
            "/livez": self._livez_answer,
        }
        metrics: dict[str, Answer] = {
            "/metrics": self._metrics_answer,
            "/healthz": lambda: _plain("ok"),
            f"/healthz{VERBOSE}": lambda: _plain(self._checks()),
            "/proxyMode": lambda: _plain(PROXY_MODE),
        }
        health = ("/healthz", "healthzBindAddress", self._config.healthz_address, healthz)
        figures = ("/metrics", "metricsBindAddress", self._config.metrics_address, metrics)
        doors = (health, figures)
        return [Door(what, key, address, answers) for what, key, address, answers in doors if address is not None]

    def _checks(self) -> str:
        """Return the checks by name (apiserver ``server/healthz``); who goes on without an object is well."""
        own = [each for each in self.faults.all() if each.component.partition(" ")[0] == NAME]
        faults = [f"[+]{each.component} ok, but {' '.join(str(each).split())}" for each in own]
        return "\n".join(["[+]ping ok", *faults, "healthz check passed", ""])

    async def _healthz_answer(self) -> tuple[int, str, str]:
        return self._health_answer(is_node_eligible=self._proxier.nodes.is_eligible)

    async def _livez_answer(self) -> tuple[int, str, str]:
        return self._health_answer(is_node_eligible=None)

    def _health_answer(self, *, is_node_eligible: bool | None) -> tuple[int, str, str]:
        status, body = self._health.body(self._now(), is_node_eligible=is_node_eligible)
        return status, "application/json", body

    async def _metrics_answer(self) -> tuple[int, str, str]:
        from kubeproxy.metrics import CONTENT_TYPE, expose

        counters = await self.plane.count()
        return 200, CONTENT_TYPE, expose(counters, self.syncs, self._healthcheck.requests, self._figures())

    def _now(self) -> Moment:
        return Moment(time.time(), self._clock() - self._started)

    def _follow(self, informer: Informer, update: Callable[[ObjectKey, JSON | None], None]) -> None:
        informer.add_handler(NAME, lambda delta: update(delta.key, delta.new), self._schedule)

    def _schedule(self) -> None:
        """Sync in the next turn, once for all that this turn brings; not before everything has been listed."""
        if self._is_listed and not self._is_sync_due:
            self._is_sync_due = True
            now = self._now()
            self._health.queued(now)
            self.syncs.queued_at = now.wall
            self._loop.call_soon(self._sync)

    async def _begin(self) -> None:
        for informer in (self._services, self._slices, self._nodes):
            await informer.wait_for_sync()
        self._is_listed = True
        self._sync()
        await self.plane.wait_until_obeyed()
        self._programmed.set()

    def _sync(self) -> None:
        self._is_sync_due = False
        if not self._is_draining:
            with self.faults.guard(NAME, "a sync of the rules"):
                self._sync_changes()

    def _sync_changes(self) -> None:
        begun = self._clock()
        sync = self._proxier.sync()
        self._listeners.close(sync.listeners)
        self.plane.obey(sync.rules, sync.ports)
        self._listeners.open(sync.listeners)
        self._service_health.update(sync.rules, dict.fromkeys(each.service for each in sync.ports))
        self._warn(sync)
        for service in dict.fromkeys(each.service for each in sync.ports):
            self.faults.forget(COMPILING, Subject(SERVICES, service))
        now, syncs = self._now(), self.syncs
        syncs.observe(self._clock() - begun, now.wall)
        syncs.service_changes += sync.service_changes
        syncs.endpoint_changes += sync.endpoint_changes
        self._health.synced(now)

    def _lose(self, service: ObjectKey, error: Exception) -> None:
        self.faults.note(COMPILING, Subject(SERVICES, service), error)

    def _warn(self, sync: Sync) -> None:
        for conflict in sync.conflicts:
            self._record(conflict.loser.service, WARNING, "PortConflict", str(conflict))
        for port_name in sync.ports:
            rule = sync.rules.ports.get(port_name)
            wanted = rule.service_port.balancer if rule else ""
            if wanted in ("", *BALANCERS):
                self._unknown_balancers.pop(port_name, None)
            elif self._unknown_balancers.get(port_name) != wanted:
                self._unknown_balancers[port_name] = wanted
                self._record(port_name.service, WARNING, "UnknownBalancer", unknown_balancer(wanted))
        self._note_loops(sync)

    def _note_loops(self, sync: Sync) -> None:
        """Record events about endpoints that lead back: a circle that is new has a change of this sync in it."""
        self._targets.rules = sync.rules
        waiting = [*sync.ports, *self._loops]
        seen = set[ServicePortName]()
        for port_name in waiting:
            if port_name in seen:
                continue
            seen.add(port_name)
            known = self._loops.pop(port_name, ())
            if found := tuple(self._targets.loops(port_name)):
                self._loops[port_name] = found
            for loop in found:
                waiting += loop.way
                if loop not in known:
                    self._record(port_name.service, WARNING, "ProxyLoop", str(loop))

    def _note_shortage(self) -> None:
        now = self._loop.time()
        if now - self._shortage_logged_at >= SHORTAGE_LOG_SECONDS:
            self._shortage_logged_at = now
            _log.warning("%s", client_shortage())

    def _report_health_check(self, service: ObjectKey, message: str) -> None:
        self._record(service, WARNING, "FailedToStartServiceHealthcheck", message)

    def _report_listener(self, port_name: ServicePortName, message: str) -> None:
        self._record(port_name.service, WARNING, "PortBindFailed", message)


async def _plain(text: str) -> tuple[int, str, str]:
    return 200, "text/plain; charset=utf-8", text


def _workers(loop: asyncio.AbstractEventLoop, around: Surroundings, config: ProxyConfig) -> Plane:
    # Few proxies have any, and what they need would be imported at every start.
    from kubeproxy.userspace.workers.io.workers import Workers

    return Workers(loop, around, config.workers, config.worker_environment)
