"""Every component of one cluster, wired through the Store, started and stopped in order.

The one place where the components meet; they themselves only know the Store. Start: 1 the DNS addresses (nothing else
starts if they are taken), 2 kubelet, controllers, scheduler, proxy and DNS, 3 outside servers, 4 the API server,
5 control socket. Stop: the API server closes, connections drain, then pods end, then the tasks, and the control socket
last, so that `kubesvc status` answers as long as there is something to see.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import os
import random
import time
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Coroutine, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any

from kubeapi.events import EventRecorder
from kubeapi.faults import Subject
from kubeapi.informer import StoreListerWatcher
from kubeapi.meta import JSON, ObjectKey
from kubeapi.registry import Registry
from kubeapi.scheme import DEPLOYMENTS, ENDPOINTSLICES, EVENTS, PODS, REPLICASETS, SERVICES
from kubeapi.status import StatusError
from kubeapi.store import WatchEvent
from kubecontroller.io.controllermanager import ControllerManager
from kubedns.server import DNSServer
from kubehost import openfiles
from kubehost.addresses import join_host_port
from kubelet.runtime.kubelet import Kubelet
from kubemanifest import Document, bare_document
from kubeproxy.portowner import find_port_owner
from kubeproxy.server.proxyserver import ProxyServer
from kubeproxy.userspace.poller import NAME
from kubescheduler.io.scheduler import Scheduler
from kubesvc import __version__, components, podchoice
from kubesvc.config import ClusterConfiguration
from kubesvc.network import ipv6
from kubesvc.network.loopback import LoopbackNetwork
from kubesvc.run import components
from kubesvc.run.edits import apply_edits
from kubesvc.run.eventwarnings import EventWarnings
from kubesvc.run.oserrors import oserror_text
from kubesvc.run.outside import OutsideError, OutsideServers
from kubesvc.state.directory import StateDirectory
from kubesvc.state.owners import owner_name
from kubesvc.why import podchoice
from kubesvc.why.podsockets import PodSockets, listening_ports, taken_addresses
from kubesvc.why.readiness import services_without_endpoints, unsettled, waiting_for
from kubesvc.why.status import DNSAddress, Listener, Readings, status_document

if TYPE_CHECKING:
    from pathlib import Path

    from kubelet.process.runner import ProcessRunner
    from kubesvc.control.server import LogQuery
    from kubesvc.run.apiserver import ClusterAPI
    from kubesvc.state.persistence import Journal
    from kubesvc.why.diagnosis import Diagnosis

DRAIN_SECONDS = 5.0
"""How long established connections may go on when the cluster stops; then they are reset."""
API_PORT = 443
"""The port of default/kubernetes."""
POD_GRACE_SECONDS = 10.0
"""How long pods may take to end when the whole cluster stops, whatever their own grace period says."""
SETTLE_SECONDS = 0.01
"""Readiness is looked at again at most this often: a burst of changes costs one look."""
MOST_PROBLEMS = 20
"""Services of which it is said that they lead nowhere; of more nobody reads."""
LOOK_SHARE = 4
"""Pause after a look, in looks: where there are tens of thousands of Services, connections must go on meanwhile."""
FLUSH_SECONDS = 2.0
"""How long a cluster that is to stop waits for its disk before it says what is not on it."""
LOOK_AGAIN_SECONDS = 0.25
"""Listeners follow the Store a moment later and tell nobody; so readiness is looked at again without a write."""

COMPACT_SECONDS = 30.0
"""How often versions of objects that are too old are forgotten where nothing is written."""

_DECIDING = (DEPLOYMENTS, REPLICASETS, PODS, SERVICES, ENDPOINTSLICES)
"""What readiness depends on."""
_SCALABLE = (DEPLOYMENTS, REPLICASETS)


class StartError(Exception):
    """The cluster cannot start; the text says what is in the way, whose it is, and how to mend it."""


class Cluster:
    """One running cluster. ``run`` is everything: it starts, serves until ``stop`` is set, and stops.

    ``runner`` starts its processes; it stays the caller's, who closes it after the cluster. ``keep`` is called once the
    addresses have been bound, from when on the Store is worth to be kept: a start that fails leaves no trace.
    ``journal`` says what of that is on disk. ``user_kubeconfig`` is the file of the user that gets the cluster too.
    """

    def __init__(
        self,
        config: ClusterConfiguration,
        state: StateDirectory,
        registry: Registry,
        runner: ProcessRunner,
        keep: Callable[[], None],
        journal: Journal,
        user_kubeconfig: Path | None = None,
    ) -> None:
        self.config = config
        self.registry = registry
        self.store = registry.store
        self._state = state
        self._keep = keep
        self._journal = journal
        self._user_kubeconfig = user_kubeconfig
        self._network = LoopbackNetwork.of(config)
        self._outside = OutsideServers(config, self._network, runner, monotonic=time.monotonic)
        self._is_started = asyncio.Event()
        self._has_changed = asyncio.Event()
        self._is_stopping = False
        self._dns_addresses: list[DNSAddress] = []
        self._api: ClusterAPI | None = None
        self._recorders: dict[str, EventRecorder] = {}
        self.store.faults.record = self._record_fault
        source, rng = StoreListerWatcher(self.store), random.Random()
        self._kubelet = Kubelet(
            source,
            registry,
            components.kubelet_config(config, state, self._network),
            self._network,
            clock=time.time,
            monotonic=time.monotonic,
            rng=rng,
            runner=runner,
        )
        self._controllers = ControllerManager(source, registry, components.controller_config(config), clock=time.time)
        self._scheduler = Scheduler(source, registry, clock=time.time, rng=rng)
        self._proxy = ProxyServer(
            source,
            components.proxy_config(config, state),
            self._network,
            clock=time.monotonic,
            rng=rng,
            record=self._record_on_service,
            figures=lambda: components.dns_figures(self._dns.counts()),
            faults=self.store.faults,
        )
        self._dns = DNSServer(
            source,
            components.dns_config(config, self._network),
            clock=time.time,
            rng=rng,
            faults=self.store.faults,
        )
        self._pod_sockets = PodSockets(
            self.store, self._kubelet.programs, EventRecorder(registry, "kubelet", clock=time.time), time.time
        )

    @cached_property
    def diagnosis(self) -> Diagnosis:
        """What says why; made when it is asked first, as a start has no questions."""
        from kubesvc.why.connections import Clocks
        from kubesvc.why.diagnosis import Diagnosis

        clocks = Clocks(time.monotonic, time.time)
        return Diagnosis(self.store, self._proxy, self._dns, clocks, self._pod_sockets.look)

    async def run(self, stop: asyncio.Event) -> None:
        """Start, serve until ``stop`` is set, drain and stop. StartError, alone or in a group, when it cannot."""
        unwatch = self._watch_everything()
        asyncio.get_running_loop().set_exception_handler(self._note_stray)
        try:
            await self._bind_dns()
            async with asyncio.TaskGroup() as group:
                tasks = self._start(group)
                await self._start_outside()
                tasks.append(group.create_task(self._outside.keep(), name="outside"))
                async with self._control_socket(stop):
                    async with self._api_server() as api:
                        tasks.append(group.create_task(api.keep_published(), name="kubernetes service"))
                        await self._proxy.wait_until_programmed()
                        self._is_started.set()
                        await stop.wait()
                        self._is_stopping = True
                    await self._proxy.drain(DRAIN_SECONDS)
                    await self._kubelet.shutdown(POD_GRACE_SECONDS)
                for task in tasks:
                    task.cancel()
        finally:
            unwatch()
            self._dns.close()

    def _start(self, group: asyncio.TaskGroup) -> list[asyncio.Task[None]]:
        parts: dict[str, Coroutine[Any, Any, None]] = {
            "kubelet": self._kubelet.run(),
            "controllers": self._controllers.run(),
            "scheduler": self._scheduler.run(),
            "proxy": self._proxy.run(),
            "dns": self._dns.run(),
            "compaction": self._compact(),
        }
        return [group.create_task(part, name=name) for name, part in parts.items()]

    def _note_stray(self, loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        """Record what a callback or a task of somebody's has raised, and nobody awaits."""
        fault = context.get("exception")
        if isinstance(fault, Exception):
            self.store.faults.note("kubesvc", _where(context), fault)
        else:
            loop.default_exception_handler(context)

    async def _compact(self) -> None:
        while True:
            await asyncio.sleep(COMPACT_SECONDS)
            with self.store.faults.guard("kubesvc", "forgetting old versions"):
                self.store.compact()

    @contextlib.asynccontextmanager
    async def _control_socket(self, stop: asyncio.Event) -> AsyncIterator[None]:
        # aiohttp is slow to import; by now the pods are starting, and need no help.
        from kubesvc.control.server import ControlServer

        server = ControlServer(self, stop.set, self.store.faults)
        try:
            await server.start(self._state.bind_socket())
        except OSError as error:
            message = f"cannot listen on {self._state.control_socket}: {error.strerror or error}"
            raise StartError(message) from error
        try:
            yield
        finally:
            await server.close()
            self._state.control_socket.unlink(missing_ok=True)

    @contextlib.asynccontextmanager
    async def _api_server(self) -> AsyncIterator[ClusterAPI]:
        # Slow to import too, and asked only when there is a kubeconfig.
        from kubesvc.run.apiserver import ClusterAPI
        from kubesvc.run.kubeconfig import MergeError

        api = self._api = ClusterAPI(self.config, self._state, self.registry, self._user_kubeconfig)
        try:
            try:
                api.bind()
                self._keep()
                await api.serve(self._kubelet, self._journal.flushed)
            except OSError as error:
                message = f"the API server cannot be served: {oserror_text(error)}"
                raise StartError(message) from error
            except MergeError as error:
                raise StartError(str(error)) from error
            yield api
        finally:
            await api.close()

    async def _bind_dns(self) -> None:
        """Bind the name server. The cluster's own address is needed; the others are a convenience, and warned of."""
        own = self.config.networking.dns_address
        try:
            listening = await self._dns.start()
        except OSError as error:
            raise StartError(self._no_dns(*self._network.bind(own, components.DNS_PORT), error)) from error
        self._dns_addresses = [DNSAddress(address, port, "") for address, port in listening.bound]
        for (address, port), reason in listening.failed:
            said = self._no_dns(address, port, reason)
            if address == own:
                self._dns.close()
                raise StartError(said)
            self._dns_addresses.append(DNSAddress(address, port, said))

    def _no_dns(self, address: str, port: int, error: OSError) -> str:
        owner = find_port_owner(address, port)
        reason = f"taken by {owner_name(self._state, owner)}" if owner else f"{error.strerror or error}"
        is_own = address == self.config.networking.dns_address
        key = "networking.serviceSubnet" if is_own else "dns.bindAddresses"
        return f"DNS cannot be served at {address}:{port}: {reason}; {key} in the configuration sets another address"

    async def _start_outside(self) -> None:
        try:
            await self._outside.start()
        except OutsideError as error:
            raise StartError(str(error)) from error

    @property
    def is_started(self) -> bool:
        """Whether every component runs, so that there is something to drain."""
        return self._is_started.is_set()

    async def wait_until_started(self) -> None:
        """Return once every component runs."""
        await self._is_started.wait()

    async def wait_until_ready(self) -> None:
        """Return once nothing is waited for any more."""
        while True:
            begun = time.monotonic()
            if not self.waiting_for():
                self._pod_sockets.look()  # so that who waits hears of it
                return
            pause = max(SETTLE_SECONDS, LOOK_SHARE * (time.monotonic() - begun))
            # Not wait_for: that of Python 3.11 loses a cancellation that comes together with the change.
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(LOOK_AGAIN_SECONDS):
                    await self._has_changed.wait()
            self._has_changed.clear()
            await asyncio.sleep(pause)

    def waiting_for(self) -> list[str]:
        """Return what is not ready yet, one sentence each."""
        return self._waiting_for(self._listeners())

    def _waiting_for(self, listeners: Sequence[Listener]) -> list[str]:
        unwritten = [self._journal.problem] if self._journal.problem else []
        waiting = waiting_for(self.store, listeners) or unsettled(
            self._kubelet.programs(), time.time(), listening_ports
        )
        return [*waiting, *unwritten]

    async def unsaved(self) -> list[str]:
        """Return what is not on disk and cannot be written there now."""
        with contextlib.suppress(StatusError, TimeoutError):
            async with asyncio.timeout(FLUSH_SECONDS):
                await self._journal.flushed()
        return self._journal.unsaved()

    async def last_words(self) -> list[str]:
        """Return the last lines that failing containers have written."""
        # Most clusters get ready.
        from kubesvc.why import lastwords

        def read(pod: ObjectKey, container: str, is_previous: bool) -> AsyncGenerator[bytes, None]:
            return self._kubelet.logs(*pod, container, tail_lines=lastwords.LINES, previous=is_previous)

        return await lastwords.last_words(self.store, read)

    def problems(self) -> list[str]:
        """Return what the cluster could not have and does without, one sentence each."""
        missing = [ipv6.problem(each) for each in ipv6.missing_networks(self.config)]
        listeners = self._proxy.rules.count_listeners() * self.config.proxy.workers
        shortage = openfiles.shortage(listeners, openfiles.limit())
        own = [each.error for each in self._dns_addresses if each.error]
        faults = [str(each) for each in self.store.faults.all()]
        sharing = [*map(str, self._pod_sockets.look()), *taken_addresses(self.store)]
        short = [each for each in (shortage, self._journal.problem) if each]
        return [*own, *self._proxy.problems(), *self._outside.problems(), *missing, *short, *sharing, *faults]

    def service_problems(self) -> list[str]:
        """Return why the Services do not work that have no endpoint to lead to, one sentence each."""
        dead = [*itertools.islice(services_without_endpoints(self.store, self._listeners()), MOST_PROBLEMS)]
        return self.diagnosis.problems(dead) if dead else []

    def status(self) -> dict[str, Any]:
        """Return the status document."""
        listeners = self._listeners()
        readings = Readings(
            name=self._state.name,
            pid=os.getpid(),
            version=__version__,
            zone=self.config.networking.dns_domain,
            listeners=listeners,
            dns=self._dns_addresses,
            pids=self._kubelet.pids(),
            waiting_for=self._waiting_for(listeners),
            problems=self.problems(),
        )
        return {**status_document(self.store, readings), "api": self._api_reading()}

    def _api_reading(self) -> dict[str, Any]:
        if self._api is None:
            return {"addresses": [], "kubeconfig": ""}
        service = f"https://{join_host_port(*self._network.bind(self.config.networking.api_address, API_PORT))}"
        return {"addresses": [self._api.address, service], "kubeconfig": str(self._state.kubeconfig)}

    def apply(self, objects: Sequence[JSON], timeout: float) -> AsyncGenerator[JSON, None]:
        """Apply objects to this cluster while it runs, and say what becomes of it.

        Yields {"applied": lines, "refused": faults}, and if nothing was refused {"ready", "waitingFor", "lastWords",
        "warnings", "pid"} once everything is ready, or after ``timeout`` s (0 waits for ever). StatusError while it
        stops.
        """
        if self._is_stopping:
            message = f'cluster "{self._state.name}" is stopping; `up` it again when it has stopped'
            raise StatusError(503, "ServiceUnavailable", message)
        return self._apply([bare_document(each) for each in objects], timeout)

    async def _apply(self, documents: Sequence[Document], timeout: float) -> AsyncGenerator[JSON, None]:
        warnings: list[str] = []
        with EventWarnings(self.store, warnings.append).following():
            edited = await apply_edits(self.registry, documents)
            await self._journal.flushed()
            yield {
                "applied": [str(each) for each in edited.applied],
                "refused": [each.as_json() for each in edited.refused],
            }
            if edited.refused:
                return
            is_ready = True
            try:
                async with asyncio.timeout(timeout or None):
                    await self.wait_until_ready()
            except TimeoutError:
                is_ready = False
        warnings += self.service_problems()
        yield {
            "ready": is_ready,
            "waitingFor": self.waiting_for(),
            "lastWords": [] if is_ready else await self.last_words(),
            "warnings": warnings,
            "pid": os.getpid(),
        }

    async def scale(self, kind: str, namespace: str, name: str, replicas: int) -> None:
        """Set the replicas of a Deployment or ReplicaSet; StatusError."""
        resource = podchoice.KINDS.get(kind.lower())
        if resource not in _SCALABLE:
            message = f'cannot scale a {kind}: the kinds that have replicas are "deployment" and "replicaset"'
            raise StatusError(400, "BadRequest", message)
        self.registry.scale(resource, namespace, name, replicas)
        await self._journal.flushed()

    def choose_pod(self, namespace: str, target: str) -> podchoice.Choice:
        """Return the pod that a workload's name means; StatusError."""
        return podchoice.choose_pod(self.store, namespace, target)

    def logs(self, query: LogQuery) -> AsyncGenerator[bytes, None]:
        """Return a container's log, or raise StatusError at once."""
        return self._kubelet.logs(
            query.namespace,
            query.pod,
            query.container,
            follow=query.follow,
            tail_lines=query.tail_lines,
            previous=query.previous,
            timestamps=query.timestamps,
        )

    def _listeners(self) -> list[Listener]:
        return [
            Listener(
                service=each.port_name.service,
                port_name=each.port_name.port,
                protocol=each.protocol,
                kind=each.kind,
                address=each.address,
                port=each.requested_port,
                bound_port=each.port,
                is_bound=each.is_bound,
                error=each.error,
            )
            for each in self._proxy.listeners()
        ]

    def _record_on_service(self, service: ObjectKey, event_type: str, reason: str, message: str) -> None:
        found = self.store.find(SERVICES, service)
        if found is not None:
            self._recorder(NAME).event(found, event_type, reason, message)

    def _record_fault(self, component: str, subject: Subject, reason: str, message: str) -> None:
        found = self.store.find(*subject)
        if found is not None and subject.resource is not EVENTS:
            # A component says in brackets at which part of its work it failed.
            self._recorder(component.partition(" ")[0]).event(found, "Warning", reason, message)

    def _recorder(self, component: str) -> EventRecorder:
        if component not in self._recorders:
            self._recorders[component] = EventRecorder(self.registry, component, clock=time.time)
        return self._recorders[component]

    def _watch_everything(self) -> Callable[[], None]:
        """Wake ``wait_until_ready`` after every write; returns the way to end that."""

        def note(_event: WatchEvent) -> None:
            self._has_changed.set()

        def note_pod(_event: WatchEvent) -> None:
            self._pod_sockets.note()

        stops = [self.store.watch(each, self.store.resource_version, note) for each in _DECIDING]
        stops += [self.store.watch(PODS, self.store.resource_version, note_pod), self._pod_sockets.close]

        def stop() -> None:
            for each in stops:
                each()

        return stop


def _where(context: dict[str, Any]) -> str:
    """Return what was being done: the task by its name, a callback by its function's."""
    task, handle = context.get("task") or context.get("future"), context.get("handle")
    if isinstance(task, asyncio.Task):
        return f"task {task.get_name()}"
    return f"{context.get('message', 'a callback')}" if handle is None else f"callback {handle!r}"[:200]
