"""The components of one cluster: each is made here, from the configuration, and knows only the Store.

The name server's addresses are bound first: nothing else starts if the cluster's own address is taken.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Callable, Coroutine
from typing import TYPE_CHECKING, Any

from kubeapi.io.storelisterwatcher import StoreListerWatcher
from kubeapi.registry import Registry
from kubeapi.scheme import PODS
from kubeapi.watching import WatchEvent
from kubecontroller.io.controllermanager import ControllerManager
from kubedns.config import DNS_PORT
from kubedns.io.answering import NAME as DNS
from kubedns.io.server import DNSServer
from kubehost.addresses import Address
from kubelet.runtime.dependencies import Dependencies
from kubelet.runtime.kubelet import Kubelet
from kubeproxy.dependencies import ProxyDependencies
from kubeproxy.portowner import find_port_owner
from kubeproxy.server.proxyserver import ProxyServer
from kubescheduler.io.scheduler import Scheduler
from kubesvc.config import ClusterConfiguration
from kubesvc.network.loopback import LoopbackNetwork
from kubesvc.network.sandbox import SandboxNetwork
from kubesvc.run import settings
from kubesvc.run.localaddresses import keep_local
from kubesvc.run.outside import OutsideError, OutsideServers
from kubesvc.run.outsiderelay import OutsideRelays
from kubesvc.run.recorders import EventRecorders
from kubesvc.state.directory import StateDirectory
from kubesvc.state.owners import owner_name
from kubesvc.why.podsockets import PodSockets
from kubesvc.why.status import DNSAddress

if TYPE_CHECKING:
    from kubelet.process.runner import ProcessRunner
    from kubesvc.run.internet import Internet

COMPACT_SECONDS = 30.0
"""Pause between two removals of old versions of objects, which also happen on writes."""


class StartError(Exception):
    """The cluster cannot start; the text names the obstacle, its owner and the remedy."""


class Components:
    """Kubelet, controllers, scheduler, proxy, DNS and the servers of ``externalHosts``.

    ``bind_dns``, then ``start``; ``close`` frees the DNS addresses. ``runner`` starts their processes and is closed by
    its owner, after them.
    """

    _internet: Internet | None = None

    def __init__(
        self, config: ClusterConfiguration, state: StateDirectory, registry: Registry, runner: ProcessRunner
    ) -> None:
        self._config = config
        self._state = state
        self._registry = registry
        self._store = store = registry.store
        self._source, self._rng = StoreListerWatcher(store), random.Random()
        self._recorders = EventRecorders(registry)
        store.failures.record = self._recorders.record_failure
        self._runner = runner
        self._network_events: list[asyncio.Event] = []
        self.network = self._make_network(runner)
        self.dns_addresses: list[DNSAddress] = []
        self.outside = OutsideServers(config, self.network, runner, monotonic=time.monotonic)
        self.kubelet = self._make_kubelet(runner)
        self.controllers = ControllerManager(
            self._source, registry, settings.controller_config(config), clock=time.time
        )
        self.scheduler = Scheduler(self._source, registry, clock=time.time, rng=self._rng)
        self.proxy = self._make_proxy()
        runner.observe(lambda _: self._note_network())
        self.dns = self._make_dns()
        runner.observe(lambda _: self._listen_inside())
        self.pod_sockets = PodSockets(store, self.kubelet.programs, self._recorders.of("kubelet"), time.time)

    def network_event(self) -> asyncio.Event:
        """Return a new event, which is set whenever the cluster's network is another one."""
        self._network_events.append(asyncio.Event())
        return self._network_events[-1]

    def _note_network(self) -> None:
        self.proxy.renew_networks()
        for each in self._network_events:
            each.set()

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
            ),
        )

    def _make_proxy(self) -> ProxyServer:
        return ProxyServer(
            self._source,
            settings.proxy_config(self._config, self._state),
            ProxyDependencies(self.network, time.monotonic, self._rng, self._store.failures),
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
        """Start everything in tasks of ``group`` and return these; StartError if an outside server cannot start."""
        parts: dict[str, Coroutine[Any, Any, None]] = {
            "kubelet": self.kubelet.run(),
            "controllers": self.controllers.run(),
            "scheduler": self.scheduler.run(),
            "proxy": self.proxy.run(),
            "dns": self.dns.run(),
            "compaction": self._compact(),
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
        from kubesvc.run.internet import Internet

        self._internet = Internet(self._runner, self.network.places[1], self.network_event())
        await self._internet.keep()

    @property
    def internet_error(self) -> str:
        """Why pods do not reach the internet, "" if nothing is known to be in the way."""
        return self._internet.error if self._internet is not None else ""

    async def _compact(self) -> None:
        while True:
            await asyncio.sleep(COMPACT_SECONDS)
            with self._store.failures.guard("kubesvc", "forgetting old versions"):
                self._store.compact()

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
        own, port = self.dns_address
        try:
            listening = await self.dns.start()
        except OSError as error:
            raise StartError(self._no_dns(own, port, error)) from error
        self.dns_addresses = [DNSAddress(address, port, "") for address, port in listening.bound]
        for (address, port), reason in listening.failed:
            said = self._no_dns(address, port, reason)
            if address == own:
                self.dns.close()
                raise StartError(said)
            self.dns_addresses.append(DNSAddress(address, port, said))

    def _no_dns(self, address: str, port: int, error: OSError) -> str:
        owner = find_port_owner(address, port)
        reason = f"taken by {owner_name(self._state, owner)}" if owner else f"{error.strerror or error}"
        is_own = address == self.dns_address[0]
        key = "networking.serviceSubnet" if is_own else "dns.bindAddresses"
        remedy = f"{key} in the configuration sets another address"
        if owner and is_own and not self._config.plan.block:
            remedy = f"start this one with addresses of its own (`--subnets auto`), or {remedy}"
        return f"DNS cannot be served at {address}:{port}: {reason}; {remedy}"

    def close(self) -> None:
        """Free the DNS addresses, and give the channel to the agent back."""
        self.dns.close()
        if isinstance(self.network, SandboxNetwork):
            self.network.close()
