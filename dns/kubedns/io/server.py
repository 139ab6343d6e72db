"""The cluster's name server: it follows the objects, and answers on its addresses.

Informers keep the Zone, every change drops the responses that it makes stale, sockets hand packets to the Responder,
and a query that needs an upstream waits in a task of its own.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from kubeapi.failures import Failures
from kubeapi.watching import ListerWatcher
from kubedns.config import DNSConfig
from kubedns.explain import Explainer, Explanation
from kubedns.io.answering import Answering
from kubedns.io.connections import Connections
from kubedns.io.datagrams import EVERY_ADDRESS
from kubedns.io.listening import Listeners, Listening
from kubedns.names import wire_of
from kubedns.types import QType, RCode
from kubehost.addresses import LOCALHOST, LOCALHOST_V6, Address
from kubehost.io.places import HOST, Place


class DNSCounts(NamedTuple):
    """Totals since the start. ``requests`` by type and rcode, both as text; ``kept`` replies of upstreams are now."""

    requests: Mapping[tuple[str, str], int]
    forwarded: int
    open_connections: int
    rejected: int = 0
    hits: int = 0
    misses: int = 0
    kept: int = 0


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
        self._clock = clock
        self._rng = rng
        self._failures = failures or Failures(clock)
        self._answering = self._answer_from(source, config)
        self._following: asyncio.Task[None] | None = None
        self._group: asyncio.TaskGroup | None = None
        self._before: Counter[str | tuple[str, str]] = Counter()
        responder, later = self._answering.responder, self._answering.pending.add
        self._connections = Connections(
            responder, later, limit=config.max_connections, idle_timeout=config.idle_timeout
        )
        self._listeners = Listeners(responder, later, self._connections)

    @property
    def addresses(self) -> tuple[Address, ...]:
        """The addresses that are bound on the host."""
        return self._listeners.addresses(HOST)

    @property
    def has_synced(self) -> bool:
        """Whether all objects that were there at the start are known."""
        return self._answering.has_synced

    async def start(self) -> Listening:
        """Bind every address on the host, UDP and TCP; OSError only if there is none left to serve on."""
        listening = self._listeners.listen(HOST, self._answering.config.addresses)
        if listening.failed and not listening.bound:
            raise listening.failed[0].error
        self._note_addresses()
        return listening

    def listen(self, place: Place, addresses: Sequence[Address]) -> Listening:
        """Listen in another place too, and no longer in an earlier one of its name, which is gone."""
        return self._listeners.listen(place, addresses)

    async def run(self) -> None:
        """Follow the source and serve until cancelled."""
        try:
            async with asyncio.TaskGroup() as self._group:
                self._following = self._group.create_task(self._answering.run(), name="dns-answering")
                self._group.create_task(self._listeners.serve(), name="dns-listeners")
        finally:
            self._group = None
            await self._stop()

    async def reconfigure(self, source: ListerWatcher, config: DNSConfig, *, patience: float) -> None:
        """Answer by another configuration, while ``run`` runs; OSError without any change if an address is taken.

        The present one answers until the objects of the other are known, or ``patience`` seconds are over. No query
        is lost: sockets of addresses that stay, connections and queries that wait for upstreams go on.
        """
        assert self._group is not None
        old, new = self._answering, self._answer_from(source, config)
        following = self._group.create_task(new.run(), name="dns-answering")
        try:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(patience):
                    await new.wait_for_sync()
            self._listeners.move(HOST, config.addresses)
        except BaseException:
            following.cancel()
            raise
        self._answering, past, self._following = new, self._following, following
        self._note_addresses()
        self._listeners.answer_by(new.responder, new.pending.add)
        if past is not None:
            past.cancel()
        await old.pending.drain()
        self._before += _totals(old)
        await old.pending.stop()

    async def drain(self) -> None:
        """Return once no query waits for an upstream."""
        await self._answering.pending.drain()

    async def wait_for_sync(self) -> None:
        """Return once every object that was there at the start is known; until then NXDOMAIN is SERVFAIL."""
        await self._answering.wait_for_sync()

    def set_hosts(self, hosts: Mapping[str, tuple[str, ...]]) -> None:
        """Set the names of ``hosts`` with their addresses, in place of those of the configuration. ValueError."""
        self._answering.handler.set_hosts(hosts)
        self._answering.responder.drop_all()

    def counts(self) -> DNSCounts:
        """Return the counters."""
        totals = self._before + _totals(self._answering)
        requests = {key: count for key, count in totals.items() if isinstance(key, tuple)}
        return DNSCounts(
            requests,
            totals["forwarded"],
            len(self._connections.open),
            totals["rejected"],
            totals["hits"],
            totals["misses"],
            sum(len(each) for each in self._answering.forwarder.replies()),
        )

    def explain(self, name: str, qtype: QType, namespace: str) -> Explanation:
        """Return how a name is answered now, and why; ValueError for what is no name."""
        now = self._answering
        return Explainer(now.handler, now.config, now.forwarder.can_ask).explain(name, qtype, namespace)

    async def outside_rcode(self, name: str, qtype: int) -> str:
        """Return the rcode of an upstream's answer, "" if none answers in time; ValueError for what is no name."""
        reply = await self._answering.pending.ask(wire_of(name), qtype)
        known = set(RCode)
        return "" if reply is None else RCode(reply.rcode).name if reply.rcode in known else f"RCODE{reply.rcode}"

    def close(self) -> None:
        """Give the addresses back, if ``run`` is not to be called."""
        self._listeners.close()

    def _answer_from(self, source: ListerWatcher, config: DNSConfig) -> Answering:
        return Answering(source, config, self._clock, self._rng, self._failures)

    def _note_addresses(self) -> None:
        own = self._answering.config.own_addresses
        self._answering.handler.listen_at(own or (host for host, _ in self.addresses))
        everywhere = [port for host, port in self.addresses if host in EVERY_ADDRESS]
        also = [(host, port) for port in everywhere for host in (LOCALHOST, LOCALHOST_V6, *own)]
        self._answering.forwarder.exclude([*self.addresses, *also])

    async def _stop(self) -> None:
        self._connections.abort()
        await self._answering.pending.stop()
        self.close()


def _totals(answering: Answering) -> Counter[str | tuple[str, str]]:
    """Return the counters of what has answered, which go on when another answers."""
    pending, kept = answering.pending, answering.forwarder.replies()
    totals: Counter[str | tuple[str, str]] = Counter(answering.responder.counts())
    totals["forwarded"], totals["rejected"] = pending.count, pending.rejected
    totals["hits"], totals["misses"] = sum(each.hits for each in kept), sum(each.misses for each in kept)
    return totals
