"""`kubesvc dns`: CoreDNS' place in a real cluster. Composes the name server, the cluster's API and a Corefile.

It follows what CoreDNS follows, by its selectors: Namespaces, Services, EndpointSlices, and Pods if these are verified.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import os
import random
import signal
import time
from collections.abc import Mapping
from pathlib import Path

from kubeapi.failures import Failures
from kubeapi.scheme import ENDPOINTSLICES, NAMESPACES, PODS, SERVICES, Resource
from kubeclient.io.client import APIClient
from kubeclient.kubeconfig.access import ConfigError
from kubeclient.listwatch.freshness import Freshness
from kubeclient.listwatch.io.listerwatcher import APIListerWatcher
from kubeclient.listwatch.selection import Selection
from kubedns.io.server import DNSServer
from kubehost.addresses import Address
from kubeproxy.server.healthcheck import HealthcheckServer
from kubesvc.remote.corefile.model import Kubernetes
from kubesvc.remote.corefile.notes import CorefileError
from kubesvc.remote.dns.configuration import (
    Configuration,
    DiskFiles,
    DNSOptions,
    read_configuration,
)
from kubesvc.remote.dns.places import cannot_bind, here, places_text
from kubesvc.remote.dns.sites import Reloads, Sites
from kubesvc.remote.errors import CommandError
from kubesvc.remote.losses import tell_of_losses
from kubesvc.remote.user import User

SYNC_SECONDS = 5.0
"""How long a new configuration waits for its objects before it is in force (CoreDNS ``startup_timeout``)."""
DRAIN_SECONDS = 5.0
"""How long queries may wait for upstreams after the request to stop: as long as all upstreams together have."""
SETTLE_SECONDS = 30.0
"""After this time the process is told that it has started, whether or not all objects are known."""


async def run_dns(options: DNSOptions, configuration: Configuration, user: User, stop: asyncio.Event) -> None:
    """Answer until ``stop`` is set, then drain. CommandError, ConfigError, OSError."""
    async with contextlib.AsyncExitStack() as stack:
        await _Running(options, configuration, user, stack).run(stop)


class _Running:
    """The name server with its source, its HTTP servers and its configuration, which a later one may replace."""

    def __init__(
        self, options: DNSOptions, configuration: Configuration, user: User, stack: contextlib.AsyncExitStack
    ) -> None:
        self._options = options
        self._configuration = configuration
        self._say, self._ready = user
        self._stack = stack
        self._failures = Failures(time.time)
        self._rng = random.Random()
        self._refused = 0
        self._clients: dict[tuple[str, str], APIClient] = {}
        self._site_stack = contextlib.AsyncExitStack()
        self._served: list[Address] = []

    async def run(self, stop: asyncio.Event) -> None:
        """Answer until ``stop`` is set, then drain."""
        begun = time.monotonic()
        self._stack.push_async_callback(self._close)
        for each in self._configuration.warnings:
            self._say(each)
        source = await self._source(self._configuration.composed.kubernetes)
        self._server = DNSServer(
            source, here(self._configuration.composed.dns), clock=time.time, rng=self._rng, failures=self._failures
        )
        self._sites = Sites(self._server, source.freshness, time.monotonic, self._reloads)
        await self._bind()
        async with asyncio.TaskGroup() as tasks:
            following = [
                tasks.create_task(self._server.run(), name="dns"),
                tasks.create_task(self._tell(begun), name="dns-ready"),
                tasks.create_task(self._follow_files(), name="dns-reload"),
                tasks.create_task(self._follow_hosts(), name="dns-hosts"),
                tasks.create_task(tell_of_losses(self._freshness, time.monotonic, self._say), name="dns-losses"),
            ]
            await stop.wait()
            await self._drain()
            for task in following:
                task.cancel()

    async def _drain(self) -> None:
        """Go on answering while others learn that this server ends, then wait for what is owed."""
        self._sites.is_stopping = True
        lameduck = self._configuration.composed.lameduck
        if lameduck:
            self._say(f"answers for {lameduck:g} s more (lameduck)")
            await asyncio.sleep(lameduck)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(DRAIN_SECONDS):
                await self._server.drain()

    async def _bind(self) -> None:
        try:
            listening = await self._server.start()
        except OSError as error:
            raise CommandError(cannot_bind(error)) from error
        try:
            if listening.failed:
                raise CommandError(cannot_bind(listening.failed[0].error))
            await self._serve_sites()
        except BaseException:
            self._server.close()
            raise

    async def _tell(self, begun: float) -> None:
        """Say where it answers, and when all is known."""
        config, client = self._configuration.composed.dns, next(iter(self._clients.values()))
        self._say(f"DNS of {config.zone} for {client.server} answers at {places_text(self._server.addresses)}")
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(SETTLE_SECONDS):
                await self._server.wait_for_sync()
        self._ready()
        await self._server.wait_for_sync()
        self._say(f"ready after {time.monotonic() - begun:.2f} s")

    async def _source(self, kubernetes: Kubernetes) -> APIListerWatcher:
        """Return the source of the objects; that of another server has a client of its own."""
        kubeconfig = self._options.kubeconfig or kubernetes.kubeconfig
        access = kubeconfig, self._options.context or kubernetes.context
        if access not in self._clients:
            self._clients[access] = await APIClient.open(Path(kubeconfig) if kubeconfig else None, access[1])
        source = APIListerWatcher(
            self._clients[access],
            selections=selections(kubernetes),
            clock=time.monotonic,
            rng=self._rng,
        )
        source.streams = source.keeps = False  # objects are read a page at a time, and none is kept
        return source

    async def _serve_sites(self) -> None:
        """Serve the HTTP servers of the configuration in place of those of the one before."""
        sites = self._sites.of(self._configuration.composed)
        wanted = [each.address for each in sites]
        if wanted == self._served:
            return
        await self._site_stack.aclose()
        self._site_stack, self._served = contextlib.AsyncExitStack(), wanted
        if sites:
            server = HealthcheckServer(self._failures)
            await self._site_stack.enter_async_context(server.serve(sites))
            if server.problems:
                raise CommandError("; ".join(server.problems))

    async def _follow_hosts(self) -> None:
        """Read the files of ``hosts`` again, and set what they say when it has changed."""
        known, said = self._configuration.composed.dns.hosts, ""
        while True:
            intervals = [each.reload_seconds for each in self._configuration.composed.hosts if each.reload_seconds]
            await asyncio.sleep(min(intervals, default=SYNC_SECONDS))
            try:
                found = self._configuration.composed.hosts_from(DiskFiles()) if intervals else known
            except CorefileError as error:
                if str(error) != said:
                    said = str(error)
                    self._say(f"{said}; the names before stay in force")
                continue
            if found != known:
                known = found
                self._server.set_hosts(found)

    async def _follow_files(self) -> None:
        """Put a changed configuration in force; one that is refused changes nothing, and is said once."""
        wanted = asyncio.Event()
        loop = asyncio.get_running_loop()
        loop.add_signal_handler(signal.SIGUSR1, wanted.set)
        try:
            while True:
                reload, files = self._configuration.composed.reload, self._configuration.files
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(reload.interval if reload is not None else None):
                        await wanted.wait()
                if wanted.is_set() or files.have_changed():
                    wanted.clear()
                    await self._reload()
        finally:
            loop.remove_signal_handler(signal.SIGUSR1)

    async def _reload(self) -> None:
        files = DiskFiles()
        try:
            found = read_configuration(self._options, os.environ, files)
            await self._put_in_force(found)
        except (CorefileError, CommandError, ConfigError, OSError) as error:
            self._refused += 1
            for each in error.faults if isinstance(error, CorefileError) else (str(error),):
                self._say(each)
            self._say("the new configuration is refused, and the one before stays in force")
            # What is refused is not read again before it changes again.
            self._configuration = self._configuration._replace(files=files)

    async def _put_in_force(self, found: Configuration) -> None:
        source = await self._source(found.composed.kubernetes)
        await self._server.reconfigure(source, here(found.composed.dns), patience=SYNC_SECONDS)
        self._sites.freshness = source.freshness
        self._configuration = found
        for each in found.warnings:
            self._say(each)
        self._say(f"the new configuration is in force, at {places_text(self._server.addresses)}")
        try:
            await self._serve_sites()
        except CommandError as error:  # names are answered all the same
            self._say(str(error))

    def _freshness(self) -> Mapping[Resource, Freshness]:
        return self._sites.freshness()

    def _reloads(self) -> Reloads:
        composed = self._configuration.composed
        return Reloads(self._refused, hashlib.sha512(repr(composed).encode()).hexdigest())

    async def _close(self) -> None:
        await self._site_stack.aclose()
        for each in self._clients.values():
            await each.close()


def selections(kubernetes: Kubernetes) -> Mapping[Resource, Selection]:
    """Return what CoreDNS follows (``plugin/kubernetes/controller.go``)."""
    phases = ",".join(f"status.phase!={each}" for each in ("Succeeded", "Failed", "Unknown"))
    return {
        NAMESPACES: Selection(labels=kubernetes.namespace_labels),
        SERVICES: Selection(labels=kubernetes.labels),
        ENDPOINTSLICES: Selection(labels=kubernetes.labels),
        PODS: Selection(labels=kubernetes.labels, fields=phases),
    }
