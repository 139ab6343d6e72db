"""What the data plane counts while it works: plain integers, so that counting costs next to nothing.

Knows nothing of Prometheus (``metrics`` reads it when it is scraped). Bounded: what belongs to an endpoint that is gone
and has no connections left is dropped.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from kubeproxy.types import ServicePortName


class EndpointCounters:
    """One endpoint of one Service port. Bytes are those that it was sent and that it sent."""

    __slots__ = ("active", "address", "bytes_to_client", "bytes_to_endpoint", "connections", "is_current", "service")

    def __init__(self, service: ServicePortName, address: str) -> None:
        self.service = service
        self.address = address
        self.active = 0
        self.connections = 0
        self.bytes_to_endpoint = 0
        self.bytes_to_client = 0
        self.is_current = True


class ProxyCounters:
    """All counters of one proxy. ``errors`` counts by reason, ``ports`` has the endpoints' counters."""

    def __init__(self) -> None:
        self.active = 0
        self.errors: Counter[str] = Counter()
        self.ports: dict[ServicePortName, dict[str, EndpointCounters]] = {}

    def update(self, service: ServicePortName, addresses: Iterable[str]) -> None:
        """Take note of the endpoints (``ip:port``) that a Service port has now."""
        current = set(addresses)
        kept = self.ports.pop(service, {})
        for counters in kept.values():
            counters.is_current = counters.address in current
        endpoints = {address: each for address, each in kept.items() if each.is_current or each.active}
        for address in current - endpoints.keys():
            endpoints[address] = EndpointCounters(service, address)
        if endpoints:
            self.ports[service] = endpoints

    def endpoint(self, service: ServicePortName, address: str) -> EndpointCounters:
        """Return the counters of an endpoint."""
        endpoints = self.ports.setdefault(service, {})
        if address not in endpoints:
            endpoints[address] = EndpointCounters(service, address)
            endpoints[address].is_current = False
        return endpoints[address]

    def opened(self, counters: EndpointCounters) -> None:
        """Count a connection that has its endpoint."""
        counters.connections += 1
        counters.active += 1

    def closed(self, counters: EndpointCounters) -> None:
        """Count its end, and forget an endpoint that is gone and idle."""
        counters.active -= 1
        if counters.is_current or counters.active:
            return
        endpoints = self.ports.get(counters.service, {})
        if endpoints.get(counters.address) is counters:
            del endpoints[counters.address]
            if not endpoints:
                del self.ports[counters.service]
