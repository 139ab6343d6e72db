"""Session affinity ClientIP: which endpoint a client on a route had last, and for how long that holds.

Pure: ``now`` (monotonic seconds) is an argument. Follows kube-proxy's userspace ``roundrobin.go``: a pin holds while
the whole seconds since its last use are fewer than the time-out, each new connection renews it, and an endpoint that
leaves the Service loses its pins, even if it comes back.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable
from typing import NamedTuple

from kubeproxy.types import Route, ServicePortName

MAX_PINS = 1_000_000
"""Pins kept for the whole cluster, about 300 bytes each; beyond it the least recently used one is dropped."""

_Presence = object
"""Identifies one stay of an endpoint in its Service port: a new object when it leaves and comes back."""


class _Pin(NamedTuple):
    address: str
    presence: _Presence
    used_at: float


class _Port(NamedTuple):
    """The endpoints of a Service port now, by ``ip:port``, and the seconds for which it pins, 0 without affinity."""

    present: dict[str, _Presence]
    timeout_seconds: int


_NO_PORT = _Port({}, 0)


class AffinityTable:
    """Pins of clients to endpoints, per route: every node's proxy and every policy keeps its own."""

    def __init__(self, max_pins: int = MAX_PINS) -> None:
        self._max_pins = max_pins
        self._pins: OrderedDict[tuple[Route, str], _Pin] = OrderedDict()
        self._ports: dict[ServicePortName, _Port] = {}

    def __len__(self) -> int:
        return len(self._pins)

    def update(self, port_name: ServicePortName, addresses: Iterable[str], timeout_seconds: int) -> None:
        """Record the endpoints (``ip:port``) and the time-out of a Service port; no endpoints removes the port.

        A new time-out applies to existing pins, too.
        """
        before = self._ports.pop(port_name, _NO_PORT).present
        after = {address: before.get(address) or object() for address in addresses}
        if after:
            self._ports[port_name] = _Port(after, timeout_seconds)

    def seconds_left(self, route: Route, client: str, now: float) -> float:
        """Return for how many seconds a pin still holds if no other connection renews it."""
        pin = self._pins.get((route, client))
        timeout = self._ports.get(route.port_name, _NO_PORT).timeout_seconds
        return 0.0 if pin is None else max(0.0, pin.used_at + timeout - now)

    def lookup(self, route: Route, client: str, now: float) -> str | None:
        """Return the address (``ip:port``) that ``client`` is pinned to, None without a pin that holds."""
        pin = self._pins.get((route, client))
        if pin is None:
            return None
        if self._holds(route, pin, now):
            return pin.address
        del self._pins[route, client]
        return None

    def pin(self, route: Route, client: str, address: str, now: float) -> None:
        """Pin ``client`` to ``address``, or renew its pin."""
        presence = self._ports.get(route.port_name, _NO_PORT).present.get(address)
        if presence is None:
            return
        key = (route, client)
        self._pins[key] = _Pin(address, presence, now)
        self._pins.move_to_end(key)
        self._evict(now)

    def _holds(self, route: Route, pin: _Pin, now: float) -> bool:
        port = self._ports.get(route.port_name, _NO_PORT)
        return port.present.get(pin.address) is pin.presence and int(now - pin.used_at) < port.timeout_seconds

    def _evict(self, now: float) -> None:
        """Drop the oldest pin if there are too many or it no longer holds, and then the next: at most two per call."""
        for _ in range(2):
            (route, _), oldest = next(iter(self._pins.items()))
            if len(self._pins) <= self._max_pins and self._holds(route, oldest, now):
                return
            self._pins.popitem(last=False)
            if not self._pins:
                return
