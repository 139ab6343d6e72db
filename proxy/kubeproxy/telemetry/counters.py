"""What the data plane counts: plain integers, so that counting is cheap.

Independent of Prometheus (``metrics`` reads the counters when it is scraped). Bounded: the counters of an endpoint are
dropped when it has left its Service and has no connections.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Callable, Collection, Iterable
from typing import NamedTuple, Protocol

from kubeproxy.telemetry.outcomes import Result
from kubeproxy.types import ServicePortName

SYNC_BUCKETS = tuple(0.001 * 2**power for power in range(15))
"""Upper bounds of the sync durations, in seconds: kube-proxy's ExponentialBuckets(0.001, 2, 15)."""


class Figure(NamedTuple):
    """A metric of another component that the proxy exposes with its own; a gauge, or a counter if it ``only_grows``."""

    name: str
    """With the unit, without ``_total``."""
    text: str
    only_grows: bool
    labels: tuple[str, ...]
    values: Collection[tuple[tuple[str, ...], float]]
    """Pairs of the labels' values and the number."""


class SyncCounters:
    """How often and how long rules were compiled and programmed; times in seconds, ``*_at`` since the epoch."""

    __slots__ = ("buckets", "endpoint_changes", "last_at", "queued_at", "seconds", "service_changes")

    def __init__(self) -> None:
        self.buckets = [0] * (len(SYNC_BUCKETS) + 1)
        self.seconds = 0.0
        self.last_at = 0.0
        self.queued_at = 0.0
        self.service_changes = 0
        self.endpoint_changes = 0

    def observe(self, seconds: float, now: float) -> None:
        """Count one sync that took ``seconds`` and ended ``now``."""
        self.buckets[bisect_left(SYNC_BUCKETS, seconds)] += 1
        self.seconds += seconds
        self.last_at = now


class Watcher(Protocol):
    """Learns what becomes of an endpoint's connections (of HTTP: requests): an algorithm that follows it."""

    def opened(self) -> None:
        """Learn that one has begun; it is counted already."""
        ...

    def closed(self) -> None:
        """Learn that one has ended; it is not counted any more."""
        ...

    def answered(self, seconds: float) -> None:
        """Learn that the first byte came ``seconds`` after the connection was dialled or the request sent.

        Of one that ended without an answer: after which time it did.
        """
        ...

    def completed(self, result: Result) -> None:
        """Learn how one went."""
        ...


class EndpointCounters:
    """One endpoint of one Service port, with the bytes that were sent to it and by it.

    ``row`` is the row of the shared counters where the workers of a proxy add up their connections, -1 without one.
    ``is_current`` tells whether the endpoint still belongs to the Service port. ``watchers`` are the algorithms that
    follow what becomes of its connections.
    """

    __slots__ = (
        "active",
        "address",
        "bytes_to_client",
        "bytes_to_endpoint",
        "connections",
        "is_current",
        "port_name",
        "row",
        "watchers",
    )

    def __init__(self, port_name: ServicePortName, address: str) -> None:
        self.port_name = port_name
        self.address = address
        self.active = 0
        self.connections = 0
        self.bytes_to_endpoint = 0
        self.bytes_to_client = 0
        self.is_current = True
        self.row = -1
        self.watchers: tuple[Watcher, ...] = ()

    def __getstate__(self) -> tuple[None, dict[str, object]]:
        """Return what goes to another process: the watchers stay where they watch."""
        return None, {each: getattr(self, each) for each in self.__slots__} | {"watchers": ()}

    def answered(self, seconds: float) -> None:
        """Tell the watchers how long a first byte has taken; only called where there are some."""
        for watcher in self.watchers:
            watcher.answered(seconds)

    def completed(self, result: Result) -> None:
        """Tell the watchers how a connection or request went; only called where there are some."""
        for watcher in self.watchers:
            watcher.completed(result)


class Counted(NamedTuple):
    """What one process has counted, as it is sent to another."""

    active: int
    errors: Counter[str]
    endpoints: tuple[EndpointCounters, ...]
    refused: Counter[ServicePortName]

    def without_connections(self) -> Counted:
        """Return it without open connections, for a process that has ended."""
        for each in self.endpoints:
            each.active = 0
        return self._replace(active=0)


class ProxyCounters:
    """All counters of one proxy: ``errors`` by reason, ``ports`` by Service port and endpoint (``ip:port``).

    ``refused`` are the requests at a Service port that had no endpoint for them; connections to one are not seen.

    ``share(row, connections)`` is called when the number of connections of an endpoint with a row changes.
    """

    def __init__(self, share: Callable[[int, int], None] | None = None) -> None:
        self._share = share
        self.active = 0
        self.errors: Counter[str] = Counter()
        self.ports: dict[ServicePortName, dict[str, EndpointCounters]] = {}
        self.refused: Counter[ServicePortName] = Counter()

    def update(self, port_name: ServicePortName, addresses: Iterable[str]) -> None:
        """Record the endpoints (``ip:port``) that a Service port has now."""
        current = set(addresses)
        kept = self.ports.pop(port_name, {})
        for counters in kept.values():
            counters.is_current = counters.address in current
        endpoints = {address: each for address, each in kept.items() if each.is_current or each.active}
        for address in current - endpoints.keys():
            endpoints[address] = EndpointCounters(port_name, address)
        if endpoints:
            self.ports[port_name] = endpoints

    def endpoint(self, port_name: ServicePortName, address: str) -> EndpointCounters:
        """Return the counters of an endpoint, new ones that are not ``is_current`` if there were none."""
        endpoints = self.ports.setdefault(port_name, {})
        if address not in endpoints:
            endpoints[address] = EndpointCounters(port_name, address)
            endpoints[address].is_current = False
        return endpoints[address]

    def opened(self, counters: EndpointCounters) -> None:
        """Count a connection that was made to an endpoint."""
        counters.connections += 1
        counters.active += 1
        if counters.row >= 0 and self._share is not None:
            self._share(counters.row, counters.active)
        for watcher in counters.watchers:
            watcher.opened()

    def closed(self, counters: EndpointCounters) -> None:
        """Count the end of a connection, and drop the counters of an endpoint that has left and is idle."""
        counters.active -= 1
        if counters.row >= 0 and self._share is not None:
            self._share(counters.row, counters.active)
        for watcher in counters.watchers:
            watcher.closed()
        if counters.is_current or counters.active:
            return
        endpoints = self.ports.get(counters.port_name, {})
        if endpoints.get(counters.address) is counters:
            del endpoints[counters.address]
            if not endpoints:
                del self.ports[counters.port_name]

    def unreachable(self, port_name: ServicePortName, address: str) -> None:
        """Tell the watchers of an endpoint that it could not be connected."""
        counters = self.ports.get(port_name, {}).get(address)
        if counters is not None:
            counters.completed(Result.LOCAL_ERROR)

    def counted(self) -> Counted:
        """Return everything that was counted."""
        endpoints = tuple(each for port in self.ports.values() for each in port.values())
        return Counted(self.active, self.errors, endpoints, self.refused)

    def include(self, counted: Counted) -> None:
        """Add the counters of another process."""
        self.active += counted.active
        self.errors += counted.errors
        self.refused += counted.refused
        for each in counted.endpoints:
            own = self.endpoint(each.port_name, each.address)
            own.is_current = own.is_current or each.is_current
            own.active += each.active
            own.connections += each.connections
            own.bytes_to_endpoint += each.bytes_to_endpoint
            own.bytes_to_client += each.bytes_to_client
