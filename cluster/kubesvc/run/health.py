"""Readiness and problems of a running cluster, as sentences; waits until it is ready."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from kubeapi.meta import ObjectKey
from kubeapi.scheme import DEPLOYMENTS, ENDPOINTSLICES, PODS, REPLICASETS, SERVICES
from kubeapi.status import StatusError
from kubeapi.store import Store
from kubeapi.watching import WatchEvent
from kubehost import openfiles
from kubeproxy.plane import ListenerStatus
from kubesvc.config import ClusterConfiguration
from kubesvc.network import ipv6
from kubesvc.run.components import Components
from kubesvc.why.podsockets import listening_ports, taken_addresses
from kubesvc.why.readiness import (
    refused_addresses,
    services_without_endpoints,
    unbound_services,
    unsettled,
    waiting_for,
)

if TYPE_CHECKING:
    from kubesvc.state.journal import Journal

SETTLE_SECONDS = 0.01
"""Readiness is computed again at most this often: a burst of changes costs one computation."""
MAX_PROBLEMS = 20
"""Most Services without endpoints that are named."""
PAUSE_FACTOR = 4
"""Pause after a computation, as a multiple of its duration: connections must go on where it takes long."""
UNWRITTEN = "the last changes are not on disk yet"
RECHECK_SECONDS = 0.25
"""Readiness is computed again without a write, as listeners follow the Store a moment later and emit no event."""

_DECISIVE = (DEPLOYMENTS, REPLICASETS, PODS, SERVICES, ENDPOINTSLICES)
"""The kinds that readiness depends on."""


class NotReadyError(TimeoutError):
    """The cluster is not ready in time; ``waiting_for`` says what is missing, ``last_words`` what containers wrote."""

    def __init__(self, timeout: float, waiting_for: Sequence[str], last_words: Sequence[str]) -> None:
        self.waiting_for = tuple(waiting_for)
        self.last_words = tuple(last_words)
        super().__init__("\n  ".join([f"not ready within {timeout:g}s:", *waiting_for, *last_words]))


class Health:
    """Reads the Store and the components of one cluster; changes nothing."""

    def __init__(self, config: ClusterConfiguration, store: Store, components: Components, journal: Journal) -> None:
        self._config = config
        self._store = store
        self._components = components
        self._journal = journal
        self._has_changed = asyncio.Event()
        self._is_flushing = False

    @contextlib.contextmanager
    def following(self) -> Iterator[None]:
        """Have ``wait_until_ready`` wake after every write of a kind that matters, during the block."""

        def note(_event: WatchEvent) -> None:
            self._has_changed.set()

        stops = [self._store.watch(each, self._store.resource_version, note) for each in _DECISIVE]
        stops.append(self._components.watch_pods())
        try:
            yield
        finally:
            for stop in stops:
                stop()

    async def wait_until_ready(self) -> None:
        """Return once everything is ready, and on disk."""
        while True:
            begun = time.monotonic()
            if not self.waiting_for(self._components.proxy.listeners()) and await self._is_written():
                # So that its events are recorded before the caller reports that the cluster is ready.
                self._components.pod_sockets.look()
                return
            pause = max(SETTLE_SECONDS, PAUSE_FACTOR * (time.monotonic() - begun))
            # Not asyncio.wait_for: in Python 3.11 it swallows a cancellation that arrives together with the change.
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(RECHECK_SECONDS):
                    await self._has_changed.wait()
            self._has_changed.clear()
            await asyncio.sleep(pause)

    async def _is_written(self) -> bool:
        """Wait until all changes so far are on disk, or cannot be written there."""
        self._is_flushing = True
        try:
            await self._journal.flushed()
        except StatusError:
            return False
        finally:
            self._is_flushing = False
        return True

    def waiting_for(self, listeners: Sequence[ListenerStatus]) -> list[str]:
        """Return what is not ready yet, one sentence each."""
        unwritten = [self._journal.problem] if self._journal.problem else [UNWRITTEN] if self._is_flushing else []
        if self._components.upstream is not None:
            return self._components.upstream.waiting_for() or [*unbound_services(self._store, listeners)]
        programs = self._components.kubelet.programs
        waiting = waiting_for(self._store, listeners) or unsettled(programs(), time.time(), listening_ports)
        return [*waiting, *unwritten]

    def problems(self) -> list[str]:
        """Return what the cluster runs without (an address that is taken ...) and its failures, one sentence each."""
        parts = self._components
        places = len(parts.network.places)
        where = " on the host" if places > 1 else ""
        missing = [ipv6.problem(each, where) for each in ipv6.missing_networks(self._config)]
        listeners = parts.proxy.rules.count_listeners(places) * self._config.proxy.workers
        shortage = openfiles.shortage(listeners, openfiles.limit())
        own = [each.error for each in parts.dns_addresses if each.error]
        failures = [str(each) for each in self._store.failures.all()]
        sharing = [*map(str, parts.pod_sockets.look()), *taken_addresses(self._store)]
        short = [each for each in (shortage, self._journal.problem) if each]
        if parts.upstream is not None:
            # An address that another program has keeps a cluster from being ready, but no mirror from all its others.
            own += [*parts.upstream.problems(), *refused_addresses(parts.proxy.listeners())]
        return [*own, *parts.proxy.problems(), *parts.outside.problems(), *missing, *short, *sharing, *failures]

    def services_without_endpoints(self) -> list[ObjectKey]:
        """Return the Services that should have a ready endpoint and have none."""
        return [*services_without_endpoints(self._store, self._components.proxy.listeners())]
