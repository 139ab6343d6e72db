"""The cluster's name server: it follows the objects, and answers on its addresses.

Informers keep the Zone, every change drops the responses that it makes stale, sockets hand packets to the Responder,
and a query that needs an upstream waits in a task of its own.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import NamedTuple

from kubeapi.failures import Failures
from kubeapi.io.informer import Informer
from kubeapi.scheme import ENDPOINTSLICES, NAMESPACES, PODS, SERVICES, Resource
from kubeapi.watching import Delta, ListerWatcher
from kubedns.config import DNSConfig
from kubedns.explain import Explainer, Explanation
from kubedns.handler import Handler
from kubedns.io.asking import PendingQueries
from kubedns.io.connections import Connections
from kubedns.io.forward import Forwarder
from kubedns.io.listening import Listeners, Listening
from kubedns.names import labels_of, wire_of
from kubedns.responder import Responder
from kubedns.types import Owner, QType, RCode
from kubedns.zone import Zone
from kubehost.addresses import Address
from kubehost.io.places import HOST, Place

NAME = "kube-dns"
Change = Callable[[Sequence[Delta]], set[Owner]]
"""Applies changes of one resource to the zone's records, and returns the owners that are stale then."""


class DNSCounts(NamedTuple):
    """Totals since the start. ``requests`` by type and rcode, both as text."""

    requests: dict[tuple[str, str], int]
    forwarded: int
    open_connections: int


class DNSServer:
    """Answers from what ``source`` lists and watches; ``clock`` is seconds since the epoch, ``rng`` shuffles.

    ``start`` binds, ``run`` follows and serves until it is cancelled and closes what start has opened.
    """

    def __init__(
        self,
        source: ListerWatcher,
        config: DNSConfig,
        *,
        clock: Callable[[], float],
        rng: random.Random,
        failures: Failures | None = None,
    ) -> None:
        self._failures = failures or Failures(clock)
        self._config = config
        self._zone = Zone(clock)
        self._forwarder = _new_forwarder(config, rng)
        self._handler = Handler(self._zone, config)
        self._responder = self._new_responder(rng)
        lost = partial(self._failures.note, NAME, "asking an upstream")
        self._pending = PendingQueries(self._responder, self._forwarder, rng, limit=config.max_concurrent, lost=lost)
        self._connections = Connections(
            self._responder, self._pending.add, limit=config.max_connections, idle_timeout=config.idle_timeout
        )
        self._listeners = Listeners(self._responder, self._pending.add, self._connections)
        self._informers = list(self._follow(source))

    @property
    def addresses(self) -> tuple[Address, ...]:
        """The addresses that are bound on the host."""
        return self._listeners.addresses(HOST)

    @property
    def has_synced(self) -> bool:
        """Whether all objects that were there at the start are known."""
        return all(each.has_synced for each in self._informers)

    async def start(self) -> Listening:
        """Bind every address on the host, UDP and TCP; OSError only if there is none left to serve on."""
        listening = self._listeners.listen(HOST, self._config.addresses)
        if listening.failed and not listening.bound:
            raise listening.failed[0].error
        self._handler.listen_at(host for host, _ in listening.bound)
        self._forwarder.exclude(listening.bound)
        return listening

    def listen(self, place: Place, addresses: Sequence[Address]) -> Listening:
        """Listen in another place too, and no longer in an earlier one of its name, which is gone."""
        return self._listeners.listen(place, addresses)

    async def run(self) -> None:
        """Follow the source and serve until cancelled."""
        try:
            async with asyncio.TaskGroup() as tasks:
                for informer in self._informers:
                    tasks.create_task(informer.run(), name=f"dns-informer-{informer.resource.plural}")
                tasks.create_task(self._note_sync(), name="dns-sync")
                tasks.create_task(self._listeners.serve(), name="dns-listeners")
        finally:
            await self._stop()

    async def wait_for_sync(self) -> None:
        """Return once every object that was there at the start is known; until then NXDOMAIN is SERVFAIL."""
        for each in self._informers:
            await each.wait_for_sync()

    def set_hosts(self, hosts: Mapping[str, tuple[str, ...]]) -> None:
        """Set the names outside the zone with their addresses, in place of those of the configuration. ValueError."""
        self._handler.set_hosts(hosts)
        self._responder.drop_all()

    def counts(self) -> DNSCounts:
        """Return the counters."""
        return DNSCounts(self._responder.counts(), self._pending.count, len(self._connections.open))

    def explain(self, name: str, qtype: QType, namespace: str) -> Explanation:
        """Return how a name is answered now, and why; ValueError for what is no name."""
        return Explainer(self._handler, self._config, self._forwarder.can_ask).explain(name, qtype, namespace)

    async def outside_rcode(self, name: str, qtype: int) -> str:
        """Return the rcode of an upstream's answer, "" if none answers in time; ValueError for what is no name."""
        reply = await self._pending.ask(wire_of(name), qtype)
        known = set(RCode)
        return "" if reply is None else RCode(reply.rcode).name if reply.rcode in known else f"RCODE{reply.rcode}"

    def close(self) -> None:
        """Give the addresses back, if ``run`` is not to be called."""
        self._listeners.close()

    def _new_responder(self, rng: random.Random) -> Responder:
        return Responder(
            self._handler,
            rng.random,
            can_ask=self._forwarder.can_ask,
            allows_transfer=self._config.allows_transfer,
            lost=partial(self._failures.note, NAME, "answering a query"),
        )

    def _follow(self, source: ListerWatcher) -> Iterator[Informer]:
        """Yield an informer for each resource that the configuration needs."""
        records, config = self._zone.records, self._config
        followed: list[tuple[Resource, Change, bool]] = [
            (NAMESPACES, records.namespaces_changed, True),
            (SERVICES, records.services_changed, True),
            (ENDPOINTSLICES, records.slices_changed, config.has_endpoints),
            (PODS, records.pods_changed, config.pods == "verified"),
        ]
        for resource, change, is_needed in followed:
            if is_needed:
                informer = Informer(source, resource, self._failures)
                informer.add_handler(NAME, partial(self._apply, change))
                yield informer

    def _apply(self, change: Change, delta: Delta) -> None:
        self._responder.drop(self._zone.changed(change([delta])))

    async def _note_sync(self) -> None:
        await self.wait_for_sync()
        self._zone.has_synced = True

    async def _stop(self) -> None:
        self._connections.abort()
        await self._pending.stop()
        self.close()


def _new_forwarder(config: DNSConfig, rng: random.Random) -> Forwarder:
    domains = {labels_of(wire_of(name)): addresses for name, addresses in config.stub_domains.items()}
    return Forwarder({(): config.upstreams, **domains}, rng, timeout=config.upstream_timeout)
