"""The proxy as the composition root sees it: follows Services, EndpointSlices and Nodes, and serves them.

Decides nothing: ``proxier`` says what must change, ``listeners`` and ``tcp`` do it. Changes that arrive in one turn of
the event loop are obeyed together in the next.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from kubeapi.informer import Delta, Informer, ListerWatcher
from kubeapi.meta import JSON, ObjectKey
from kubeapi.network import Network
from kubeapi.scheme import ENDPOINTSLICES, NODES, SERVICES
from kubeproxy.balancers import BALANCERS
from kubeproxy.counters import Figure, ProxyCounters
from kubeproxy.fronts import Fronts
from kubeproxy.health import Moment, ProxyHealth
from kubeproxy.healthcheck import PROXY_MODE, Answer, HealthcheckServer
from kubeproxy.http import HttpFront
from kubeproxy.listeners import Listeners, ListenerStatus
from kubeproxy.load_balancer import LoadBalancer, unknown_balancer
from kubeproxy.poller import Poller
from kubeproxy.proxier import Proxier, Sync
from kubeproxy.recent import RecentConnections
from kubeproxy.rules import Packet, PortRule, Rules
from kubeproxy.servicehealthserver import ServiceHealthServer
from kubeproxy.tcp import Conntrack
from kubeproxy.tracing import Trace, trace_packet
from kubeproxy.types import Destination, Route, ServicePortName
from kubeproxy.udp import UdpFlows

REAP_SECONDS = 60.0
"""How often half-closed connections are looked at."""

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
    """The node that the proxy is on, for traffic policies and health; "" when it stands for all nodes."""


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
    ) -> None:
        loop = asyncio.get_running_loop()
        self.counters = ProxyCounters()
        self._config = config
        self._clock = clock
        self._record = record
        self._figures = figures
        self._loop = loop
        self._proxier = Proxier(config.node_name)
        self._load_balancer = LoadBalancer(config.default_balancer, self.counters, clock=clock, rng=rng)
        self._poller = Poller()
        self.recent = RecentConnections(clock)
        shared = (loop, self._poller, network, self._load_balancer, self.counters, self.recent)
        self._conntrack = Conntrack(*shared)
        self._requests = HttpFront(*shared, clock)
        self._flows = UdpFlows(*shared, clock=clock)
        self._listeners = Listeners(
            loop,
            self._poller,
            network,
            Fronts(self._conntrack, self._requests, self._flows),
            self.counters,
            find_route=self._find_route,
            report=self._report_listener,
        )
        self._service_health = ServiceHealthServer(
            loop,
            self._poller,
            is_healthy=lambda: self._health.is_healthy(self._now()),
            refused=self._report_health_check,
        )
        self._services = Informer(source, SERVICES)
        self._slices = Informer(source, ENDPOINTSLICES)
        self._nodes = Informer(source, NODES)
        self._programmed = asyncio.Event()
        self._unknown_balancers: dict[ServicePortName, str] = {}
        self._health = ProxyHealth()
        self._healthcheck = HealthcheckServer()
        self._started = clock()
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
            async with self._healthcheck.serve(self._doors()), asyncio.TaskGroup() as tasks:
                for informer in (self._services, self._slices, self._nodes):
                    tasks.create_task(informer.run(), name=f"kube-proxy {informer.resource}")
                tasks.create_task(self._begin(), name="kube-proxy first sync")
                tasks.create_task(self._reap(), name="kube-proxy reaper")
        finally:
            self._is_draining = True
            self._listeners.close_all()
            self._service_health.close()
            self._reset_all()
            self._poller.close()

    async def wait_until_programmed(self) -> None:
        """Return once all Services that were there at the start have been handled."""
        await self._programmed.wait()

    def listeners(self) -> list[ListenerStatus]:
        """Return the state of every address of every Service, as of the last sync."""
        return list(self._listeners.statuses(self.rules))

    def trace(self, packet: Packet) -> Trace:
        """Return what would become of a packet now, step by step."""
        return trace_packet(self.rules, self._load_balancer, packet)

    def algorithm(self, service: ServicePortName) -> str:
        """Return the name of the algorithm that chooses for a Service port, "" if it is not there."""
        return self._load_balancer.algorithm(service)

    def connections(self) -> int:
        """Return the number of clients' connections now; UDP has none."""
        return len(self._conntrack.connections) + len(self._requests.connections)

    def problems(self) -> list[str]:
        """Return what does not work and belongs to no Service: health or metrics without their port."""
        return list(self._healthcheck.problems)

    def http_addresses(self) -> list[tuple[str, int]]:
        """Return where health and metrics answer, in that order, as far as they do."""
        return list(self._healthcheck.addresses)

    async def drain(self, seconds: float) -> None:
        """Close the listeners for good, give the connections ``seconds`` to end, and reset the rest."""
        self._is_draining = True
        self._listeners.close_all()
        self._requests.drain()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._conntrack.connections.wait_until_idle()
                await self._requests.connections.wait_until_idle()
        self._reset_all()

    def _reset_all(self) -> None:
        self._conntrack.reset_all()
        self._requests.reset_all()
        self._flows.close_all()

    def _doors(self) -> list[tuple[tuple[str, int], dict[str, Answer]]]:
        """Health and metrics, each at its address."""
        healthz: dict[str, Answer] = {
            "/healthz": lambda: self._health_answer(is_node_eligible=self._proxier.nodes.is_eligible),
            "/livez": lambda: self._health_answer(is_node_eligible=None),
        }
        metrics: dict[str, Answer] = {
            "/metrics": self._metrics_answer,
            "/healthz": lambda: (200, "text/plain; charset=utf-8", "ok"),
            "/proxyMode": lambda: (200, "text/plain; charset=utf-8", PROXY_MODE),
        }
        doors = ((self._config.healthz_address, healthz), (self._config.metrics_address, metrics))
        return [(address, answers) for address, answers in doors if address is not None]

    def _health_answer(self, *, is_node_eligible: bool | None) -> tuple[int, str, str]:
        status, body = self._health.body(self._now(), is_node_eligible=is_node_eligible)
        return status, "application/json", body

    def _metrics_answer(self) -> tuple[int, str, str]:
        from kubeproxy.metrics import CONTENT_TYPE, expose

        return 200, CONTENT_TYPE, expose(self.counters, self._healthcheck.requests, self._figures())

    def _now(self) -> Moment:
        return Moment(time.time(), self._clock() - self._started)

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
            now = self._now()
            self._health.queued(now)
            self.counters.syncs.queued_at = now.wall
            self._loop.call_soon(self._sync)

    async def _begin(self) -> None:
        for informer in (self._services, self._slices, self._nodes):
            await informer.wait_for_sync()
        self._is_listed = True
        self._sync()
        self._programmed.set()

    async def _reap(self) -> None:
        while True:
            await asyncio.sleep(REAP_SECONDS)
            self._conntrack.reap()

    def _sync(self) -> None:
        self._is_sync_due = False
        if self._is_draining:
            return
        begun = self._clock()
        sync = self._proxier.sync()
        self._listeners.close(sync.listeners)
        for service in sync.ports:
            rule = sync.rules.ports.get(service)
            self._load_balancer.update(service, rule)
            if service.protocol == "UDP" and rule is not None:
                self._flows.retain(service, rule.serving())
            elif service.protocol == "TCP":
                self._update_requests(service, rule)
        self._listeners.open(sync.listeners)
        self._service_health.update(sync.rules, dict.fromkeys(each.service for each in sync.ports))
        self._warn(sync)
        now, syncs = self._now(), self.counters.syncs
        syncs.observe(self._clock() - begun, now.wall)
        syncs.service_changes += sync.service_changes
        syncs.endpoint_changes += sync.endpoint_changes
        self._health.synced(now)

    def _update_requests(self, service: ServicePortName, rule: PortRule | None) -> None:
        if rule is not None and rule.service_port.is_http:
            self._requests.update(service, rule.candidates(), shows_endpoint=rule.service_port.shows_endpoint)
        else:
            self._requests.update(service, None)

    def _find_route(self, source: str, destination: Destination) -> Route | None:
        return self._proxier.rules.find_route(source, destination)

    def _warn(self, sync: Sync) -> None:
        for conflict in sync.conflicts:
            self._record(conflict.loser.service, WARNING, "PortConflict", str(conflict))
        for service in sync.ports:
            rule = sync.rules.ports.get(service)
            wanted = rule.service_port.balancer if rule else ""
            if wanted in ("", *BALANCERS):
                self._unknown_balancers.pop(service, None)
            elif self._unknown_balancers.get(service) != wanted:
                self._unknown_balancers[service] = wanted
                self._record(service.service, WARNING, "UnknownBalancer", unknown_balancer(wanted))

    def _report_health_check(self, service: ObjectKey, message: str) -> None:
        self._record(service, WARNING, "FailedToStartServiceHealthcheck", message)

    def _report_listener(self, service: ServicePortName, message: str) -> None:
        self._record(service.service, WARNING, "PortBindFailed", message)
