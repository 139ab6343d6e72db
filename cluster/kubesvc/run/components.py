"""The components of one cluster, made from its configuration; the name server's addresses are bound first."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from kubeapi.io.storelisterwatcher import StoreListerWatcher
from kubeapi.registry import Registry
from kubeapi.scheme import PODS
from kubeapi.watching import WatchEvent
from kubeapiserver.streaming.runtime import Runtime
from kubeapiserver.wire.keys.podkeys import make_key
from kubecontroller.io.controllermanager import ControllerManager
from kubedns.config import DNS_PORT
from kubedns.io.answering import NAME as DNS
from kubedns.io.server import DNSServer
from kubehost.addresses import Address
from kubelet.runtime.dependencies import Dependencies
from kubelet.runtime.kubelet import Kubelet
from kubeproxy.dependencies import ProxyDependencies
from kubeproxy.server.proxyserver import ProxyServer
from kubescheduler.io.scheduler import Scheduler
from kubesvc.config import ClusterConfiguration
from kubesvc.network.loopback import LoopbackNetwork
from kubesvc.network.sandbox import SandboxNetwork
from kubesvc.run import settings
from kubesvc.run.api.admissions import ClusterAdmissions
from kubesvc.run.api.identity import ClusterIdentity
from kubesvc.run.compaction import compact
from kubesvc.run.dnsaddresses import bind_dns
from kubesvc.run.machine.localaddresses import keep_local
from kubesvc.run.outside.relay import OutsideRelays
from kubesvc.run.outside.servers import OutsideError, OutsideServers
from kubesvc.run.recorders import EventRecorders
from kubesvc.run.starterror import StartError
from kubesvc.run.upstream import MakeUpstream, Surroundings, Upstream
from kubesvc.state.directory import StateDirectory
from kubesvc.why.podsockets import PodSockets
from kubesvc.why.status import DNSAddress

if TYPE_CHECKING:
    from kubelet.process.runner import ProcessRunner
    from kubesvc.run.machine.internet import Internet


class Components:
    """Kubelet, controllers, scheduler, proxy, DNS and the servers of ``externalHosts``.

    ``bind_dns``, then ``start``; ``close`` frees the DNS addresses. ``runner`` starts their processes and is closed by
    its owner, after them. With an ``upstream`` kubelet, controllers and scheduler do not run.
    """

    _internet: Internet | None = None
    dns_addresses: Sequence[DNSAddress] = ()

    def __init__(
        self,
        config: ClusterConfiguration,
        state: StateDirectory,
        registry: Registry,
        runner: ProcessRunner,
        upstream: MakeUpstream | None = None,
    ) -> None:
        self._config, self._state, self._registry, self._runner = config, state, registry, runner
        self._store = store = registry.store
        self._source, self._rng = StoreListerWatcher(store), random.Random()
        self._recorders = EventRecorders(registry)
        store.failures.record = self._recorders.record_failure
        self.identity, self._network_events = ClusterIdentity(config, state, registry), list[asyncio.Event]()
        self.network = self._make_network(runner)
        self.upstream = self._make_upstream(upstream)
        self.outside = OutsideServers(config, self.network, runner, monotonic=time.monotonic)
        self.admissions = asked = ClusterAdmissions(store, self._rng)
        self.kubelet = self.admissions.runtime = self._make_kubelet(runner)
        self.proxy = self._make_proxy()
        self.controllers = self._make_controllers()
        self.scheduler = Scheduler(self._source, registry, clock=time.time, rng=self._rng, admissions=asked)
        self.dns = self._make_dns()
        runner.observe(lambda _: self._note_network())
        self.pod_sockets = PodSockets(store, self.kubelet.programs, self._recorders.of("kubelet"), time.time)

    def _make_controllers(self) -> ControllerManager:
        config = settings.controller_config(self._config, self._state, self.identity)
        config = replace(config, usage=self.kubelet.usage, traffic=self.proxy.traffic)
        return ControllerManager(self._source, self._registry, config, clock=time.time, admissions=self.admissions)

    def _make_upstream(self, make: MakeUpstream | None) -> Upstream | None:
        return make(Surroundings(self._config, self._registry, self.network, self._recorders)) if make else None

    def network_event(self) -> asyncio.Event:
        """Return a new event, which is set whenever the cluster's network is another one."""
        self._network_events.append(asyncio.Event())
        return self._network_events[-1]

    def _note_network(self) -> None:
        if self.upstream is not None:
            self.upstream.renew()
        self.proxy.renew_networks()
        for each in self._network_events:
            each.set()
        self._listen_inside()

    def _make_network(self, runner: ProcessRunner) -> LoopbackNetwork:
        if not runner.has_sandboxes:
            return LoopbackNetwork.of(self._config)
        network = SandboxNetwork.of(self._config)
        # Each agent, also the successor of one that was lost, makes sockets in networks of its own.
        runner.observe(lambda sandboxes: network.attach(sandboxes.connect()))
        return network

    def _make_kubelet(self, runner: ProcessRunner) -> Kubelet:
        return Kubelet(
            self._source,
            Dependencies(
                settings.kubelet_config(self._config, self._state, self.network),
                self._registry,
                self.network,
                runner,
                clock=time.time,
                monotonic=time.monotonic,
                rng=self._rng,
                tokens=self.identity.issuer,
                admissions=self.admissions,
                make_key=make_key,
            ),
        )

    def _make_proxy(self) -> ProxyServer:
        open_tunnel = self.upstream.open_tunnel if self.upstream is not None else None
        return ProxyServer(
            self._source,
            settings.proxy_config(self._config, self._state, has_nodes=self.upstream is None),
            ProxyDependencies(self.network, time.monotonic, self._rng, self._store.failures, open_tunnel=open_tunnel),
            record=self._recorders.record_on_service,
            figures=lambda: settings.dns_figures(self.dns.counts()),
        )

    def _make_dns(self) -> DNSServer:
        config = settings.dns_config(self._config, self.network)
        return DNSServer(self._source, config, clock=time.time, rng=self._rng, failures=self._store.failures)

    def _listen_inside(self) -> None:
        """Have the name server answer in the cluster's network too, where its ports are as they are written."""
        for place in self.network.places[1:]:
            listening = self.dns.listen(place, settings.dns_addresses(self._config, place))
            with self._store.failures.guard(DNS, f"listening in the {place.name}'s network"):
                for failed in listening.failed:
                    raise failed.error

    async def start(self, group: asyncio.TaskGroup) -> list[asyncio.Task[None]]:
        """Start everything in tasks of ``group`` and return these; StartError if a server outside refuses."""
        if self.upstream is not None:
            await self.upstream.start()
        parts = {
            **self._workloads(),
            "proxy": self.proxy.run(),
            "dns": self.dns.run(),
            "compaction": compact(self._store),
        }
        if self._runner.has_sandboxes:
            parts |= {"hosts": self._follow_hosts(), "internet": self._keep_internet()}
        tasks = [group.create_task(part, name=name) for name, part in parts.items()]
        try:
            await self.outside.start()
        except OutsideError as error:
            raise StartError(str(error)) from error
        relays = OutsideRelays(self._config, self.network)
        for place in self.network.places[1:]:
            tasks.append(group.create_task(relays.serve(place, self.network_event())))
            if self._config.plan.is_exact:
                local = keep_local(self._config, self._store, place, self.network_event())
                tasks.append(group.create_task(local, name="local addresses"))
        return [*tasks, group.create_task(self.outside.keep(), name="outside")]

    def _workloads(self) -> dict[str, Coroutine[Any, Any, None]]:
        """Return what makes pods of objects, or brings both from another cluster."""
        if self.upstream is not None:
            return dict(self.upstream.parts())
        kubelet, controllers, scheduler = self.kubelet.run(), self.controllers.run(), self.scheduler.run()
        return {"kubelet": kubelet, "controllers": controllers, "scheduler": scheduler}

    @property
    def runtime(self) -> Runtime:
        """What the API server asks for logs and connections to pods."""
        return self.kubelet if self.upstream is None else self.upstream.runtime

    async def _follow_hosts(self) -> None:
        # Imported here, because clusters without sandboxes have no nodes to be on.
        from kubesvc.shell.files import hosts_file
        from kubesvc.shell.hostsfile import HostsFile

        outside = self.network.hosts()
        file = HostsFile(self._state.hosts, outside, self.dns.set_hosts)
        file.prepare(hosts_file([(each.name, each.address) for each in self._config.nodes], outside))
        await file.follow()

    async def _keep_internet(self) -> None:
        # Imported here, because clusters without sandboxes have the machine's own.
        from kubesvc.run.machine.internet import Internet

        self._internet = Internet(self._runner, self.network.places[1], self.network_event())
        await self._internet.keep()

    @property
    def internet_error(self) -> str:
        """Why pods do not reach the internet, "" if nothing is known to be in the way."""
        return self._internet.error if self._internet is not None else ""

    def watch_pods(self) -> Callable[[], None]:
        """Look at the sockets of pods after each change of a pod; returns the way to end that."""

        def note(_event: WatchEvent) -> None:
            self.pod_sockets.note()

        unwatch = self._store.watch(PODS, self._store.resource_version, note)

        def stop() -> None:
            unwatch()
            self.pod_sockets.close()

        return stop

    @property
    def agent_pid(self) -> int:
        """The process in whose namespaces the cluster's network is, 0 without one."""
        return self._runner.agent_pid

    @property
    def dns_address(self) -> Address:
        """Where this machine has the cluster's own name server."""
        return self.network.bind(self._config.networking.dns_address, DNS_PORT)

    async def bind_dns(self) -> None:
        """Bind the name server; StartError without the cluster's own address. The other addresses may fail."""
        self.dns_addresses = await bind_dns(self.dns, self.dns_address, self._config, self._state)

    async def close(self) -> None:
        """Free the DNS addresses, and give the channel to the agent back."""
        if self.upstream is not None:
            await self.upstream.close()
        self.dns.close()
        if isinstance(self.network, SandboxNetwork):
            self.network.close()
