"""The HTTP servers of `kubesvc dns`: /health, /ready and /metrics as CoreDNS has them, and /healthz.

Metrics with CoreDNS' names mean the same; what CoreDNS tells by server, zone, family and protocol is one figure, and
there are no histograms: measuring every query would cost more than answering it.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from typing import NamedTuple

from kubeapi.scheme import Resource
from kubeclient.listwatch.freshness import Freshness
from kubedns.io.server import DNSCounts, DNSServer
from kubehost.addresses import Address
from kubeproxy.server.healthcheck import Answer, Site
from kubeproxy.server.httpserving import TEXT
from kubeproxy.telemetry.counters import Figure
from kubesvc import __version__
from kubesvc.remote.corefile.composing import Composed
from kubesvc.remote.dns.places import everywhere

METRICS = "text/plain; version=0.0.4; charset=utf-8"


class Reloads(NamedTuple):
    """How often a changed configuration was refused, and the digest of the one in force."""

    failed: int
    digest: str


class Sites:
    """What the HTTP servers say. ``freshness`` is of ``source``, by a clock ``now``; both may be replaced."""

    def __init__(
        self,
        server: DNSServer,
        freshness: Callable[[], Mapping[Resource, Freshness]],
        now: Callable[[], float],
        reloads: Callable[[], Reloads],
    ) -> None:
        self.freshness = freshness
        self.is_stopping = False
        self._server = server
        self._now = now
        self._reloads = reloads
        self._began = time.time()

    def of(self, composed: Composed) -> list[Site]:
        """Return the servers that a configuration asks for."""
        health: dict[str, Answer] = {"/health": self._health, "/healthz": self._healthz}
        found = [
            *(_sites("health", each.address, health) for each in composed.health),
            *(_sites("ready", each.address, {"/ready": self._ready}) for each in composed.ready),
            *(_sites("prometheus", each.address, {"/metrics": self._metrics}) for each in composed.prometheus),
        ]
        return [site for sites in found for site in sites]

    async def _health(self) -> tuple[int, str, str]:
        return 200, TEXT, "OK"

    async def _healthz(self) -> tuple[int, str, str]:
        """Say how old the knowledge is. It is served while the API server is away, so that is healthy."""
        now, lines = self._now(), ["ok" if self._server.has_synced else "ok, but not all objects are known yet"]
        for resource, fresh in self.freshness().items():
            age = "never heard of" if fresh.seen_at is None else f"last heard of {fresh.age(now):.1f} s ago"
            lines.append(f"{resource.plural}: {f'{age}: {fresh.problem}' if fresh.problem else 'in touch'}")
        return 200, TEXT, "\n".join(lines) + "\n"

    async def _ready(self) -> tuple[int, str, str]:
        if self.is_stopping:
            return 503, TEXT, "Shutting down"
        return (200, TEXT, "OK") if self._server.has_synced else (503, TEXT, "kubernetes")

    async def _metrics(self) -> tuple[int, str, str]:
        # Imported here: most name servers are never scraped.
        from kubeproxy.telemetry.metrics import expose_figures

        return 200, METRICS, expose_figures(self._figures())

    def _figures(self) -> Iterator[Figure]:
        counts, now, reloads = self._server.counts(), self._now(), self._reloads()
        yield from _requests(counts)
        yield from _totals(counts, reloads.failed)
        yield _gauge("process_start_time_seconds", "Start of the process since the epoch", ((), self._began))
        digest = ("hash", "value"), ("sha512", reloads.digest)
        yield Figure("coredns_reload_version_info", "The configuration in force", False, digest[0], [(digest[1], 1)])
        yield Figure("kubesvc_build_info", "The version", False, ("version",), [((__version__,), 1)])
        ages = [((each.plural,), fresh.age(now)) for each, fresh in self.freshness().items()]
        text = "How old the knowledge of a resource is"
        yield Figure("kubesvc_dns_knowledge_age_seconds", text, False, ("resource",), ages)


def _requests(counts: DNSCounts) -> Iterator[Figure]:
    by_type: Counter[tuple[str, ...]] = Counter()
    by_rcode: Counter[tuple[str, ...]] = Counter()
    for (qtype, rcode), count in counts.requests.items():
        by_type[qtype,] += count
        by_rcode[rcode,] += count
    yield Figure("coredns_dns_requests", "Counter of DNS requests made, by type", True, ("type",), by_type.items())
    yield Figure("coredns_dns_responses", "Counter of response codes", True, ("rcode",), by_rcode.items())


def _totals(counts: DNSCounts, failed_reloads: int) -> Iterator[Figure]:
    for name, text, value in (
        ("coredns_cache_hits", "The count of cache hits, of names outside", counts.hits),
        ("coredns_cache_misses", "The count of cache misses, of names outside", counts.misses),
        ("coredns_forward_max_concurrent_rejects", "Queries refused by max_concurrent", counts.rejected),
        ("coredns_reload_failed", "Counter of failed reload attempts", failed_reloads),
        ("kubesvc_dns_forwarded", "Questions that were passed to an upstream", counts.forwarded),
    ):
        yield Figure(name, text, True, (), [((), value)])
    yield _gauge("coredns_cache_entries", "The number of elements in the cache, of names outside", ((), counts.kept))
    yield _gauge("kubesvc_dns_tcp_connections", "TCP connections now", ((), counts.open_connections))


def _gauge(name: str, text: str, value: tuple[tuple[str, ...], float]) -> Figure:
    return Figure(name, text, False, (), [value])


def _sites(plugin: str, address: Address, answers: dict[str, Answer]) -> list[Site]:
    what = f"the plugin {plugin} in the Corefile"
    return [Site(f"/{plugin}", what, place, answers) for place in everywhere(address)]
