"""What the proxy answers over HTTP about itself: /healthz and /livez at one address, /metrics at the other."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable

from kubeapi.failures import Failures
from kubeproxy import NAME
from kubeproxy.config import ProxyConfig
from kubeproxy.dependencies import Staleness
from kubeproxy.health import Moment, ProxyHealth
from kubeproxy.proxier import Sync
from kubeproxy.server.healthcheck import VERBOSE, Answer, Site
from kubeproxy.server.httpserving import TEXT
from kubeproxy.server.zpages import configz, flagz, statusz
from kubeproxy.telemetry.counters import Figure, ProxyCounters, SyncCounters


class SyncRecord:
    """When changes of the rules came and when they were obeyed; ``clock`` gives monotonic seconds.

    ``stale`` says how old the source's objects are.
    """

    def __init__(self, clock: Callable[[], float], stale: Callable[[], Staleness | None]) -> None:
        self.stale = stale
        self.health = ProxyHealth()
        self.counters = SyncCounters()
        self._clock = clock
        self._started = clock()

    def now(self) -> Moment:
        """Return the time as the health answers print it."""
        return Moment(time.time(), self._clock() - self._started)

    def statusz(self, paths: list[str]) -> str:
        """Return the page about the running proxy."""
        now = self.now()
        return statusz(now.wall - now.elapsed, now.wall, paths)

    def is_healthy(self) -> bool:
        """Tell whether the rules are as new as they should be."""
        return self.health.is_healthy(self.now())

    def queued(self) -> None:
        """Record that a change waits."""
        now = self.now()
        self.health.queued(now)
        self.counters.queued_at = now.wall

    def synced(self, sync: Sync, seconds: float) -> None:
        """Record that all changes so far have been obeyed, which took ``seconds``."""
        now, counters = self.now(), self.counters
        counters.observe(seconds, now.wall)
        counters.service_changes += sync.service_changes
        counters.endpoint_changes += sync.endpoint_changes
        self.health.synced(now)


class Answers:
    """What both sites answer. ``count`` asks the engine, ``figures`` adds other components' metrics at each scrape."""

    def __init__(
        self,
        syncs: SyncRecord,
        failures: Failures,
        is_node_eligible: Callable[[], bool],
        count: Callable[[], Awaitable[ProxyCounters]],
        figures: Callable[[], Iterable[Figure]],
    ) -> None:
        self._syncs = syncs
        self._failures = failures
        self._is_node_eligible = is_node_eligible
        self._count = count
        self._figures = figures

    def sites(self, config: ProxyConfig, requests: Counter[tuple[str, int]]) -> list[Site]:
        """Return the sites that ``config`` asks for; ``requests`` are those that they count, by path and status."""

        async def metrics() -> tuple[int, str, str]:
            return await self._metrics(requests)

        at_healthz: dict[str, Answer] = {"/healthz": self._healthz, "/livez": self._livez}
        at_metrics: dict[str, Answer] = {
            "/metrics": metrics,
            "/healthz": lambda: _plain("ok"),
            f"/healthz{VERBOSE}": lambda: _plain(self._checks()),
            "/proxyMode": lambda: _plain(config.mode),
            "/configz": lambda: _json(configz(config)),
            "/flagz": lambda: _plain(flagz(config)),
        }
        paths = sorted({"/statusz", *(each.removesuffix(VERBOSE) for each in at_metrics)})
        at_metrics["/statusz"] = lambda: _plain(self._syncs.statusz(paths))
        return [
            Site(what, config.where_addresses_are_set.format(key), address, answers)
            for what, key, address, answers in (
                ("/healthz", "healthzBindAddress", config.healthz_address, at_healthz),
                ("/metrics", "metricsBindAddress", config.metrics_address, at_metrics),
            )
            if address is not None
        ]

    def _checks(self) -> str:
        """Return the checks by name (apiserver ``server/healthz``); one that goes on without an object is ok."""
        own = [each for each in self._failures.all() if each.component.partition(" ")[0] == NAME]
        failures = [f"[+]{each.component} ok, but {' '.join(str(each).split())}" for each in own]
        return "\n".join(["[+]ping ok", *failures, "healthz check passed", ""])

    async def _healthz(self) -> tuple[int, str, str]:
        return self._health(is_node_eligible=self._is_node_eligible())

    async def _livez(self) -> tuple[int, str, str]:
        return self._health(is_node_eligible=None)

    def _health(self, *, is_node_eligible: bool | None) -> tuple[int, str, str]:
        now, stale = self._syncs.now(), self._syncs.stale()
        status, body = self._syncs.health.body(now, stale, is_node_eligible=is_node_eligible)
        return status, "application/json", body

    async def _metrics(self, requests: Counter[tuple[str, int]]) -> tuple[int, str, str]:
        # Imported at the first scrape, because prometheus_client is slow to import.
        from kubeproxy.telemetry.metrics import CONTENT_TYPE, expose

        return 200, CONTENT_TYPE, expose(await self._count(), self._syncs.counters, requests, self._figures())


async def _json(text: str) -> tuple[int, str, str]:
    return 200, "application/json", text


async def _plain(text: str) -> tuple[int, str, str]:
    return 200, TEXT, text
