"""Session affinity ClientIP: which endpoint a client of a Service port had last, and for how long that holds.

Pure: ``now`` (monotonic seconds) is an argument. Follows kube-proxy's userspace ``roundrobin.go``: the pin holds while
whole seconds since its last use are fewer than the time-out, each new connection renews it, and an endpoint that
leaves is forgotten, even if it comes back.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable
from typing import NamedTuple

from kubeproxy.types import ServicePortName

MAX_PINS = 1_000_000
"""Pins kept for the whole cluster, about 300 bytes each; beyond it the longest unused one goes."""

_Presence = object
"""An endpoint's stay in its Service port: a new one when it has left and comes back."""


class _Pin(NamedTuple):
    address: str
    presence: _Presence
    used_at: float
    expires_at: float


class AffinityTable:
    """Pins of clients to endpoints, per Service port."""

    def __init__(self, max_pins: int = MAX_PINS) -> None:
        self._max_pins = max_pins
        self._pins: OrderedDict[tuple[ServicePortName, str], _Pin] = OrderedDict()
        self._present: dict[ServicePortName, dict[str, _Presence]] = {}

    def __len__(self) -> int:
        return len(self._pins)

    def update(self, service: ServicePortName, addresses: Iterable[str]) -> None:
        """Take note of the endpoints (``ip:port``) that a Service port has now; none forgets the port."""
        before = self._present.pop(service, {})
        after = {address: before.get(address) or object() for address in addresses}
        if after:
            self._present[service] = after

    def lookup(self, service: ServicePortName, client: str, now: float, timeout_seconds: int) -> str | None:
        """Return the address that ``client`` is pinned to, if that still holds."""
        pin = self._pins.get((service, client))
        if pin is None:
            return None
        is_present = self._present.get(service, {}).get(pin.address) is pin.presence
        if is_present and int(now - pin.used_at) < timeout_seconds:
            return pin.address
        del self._pins[service, client]
        return None

    def pin(self, service: ServicePortName, client: str, address: str, now: float, timeout_seconds: int) -> None:
        """Pin ``client`` to ``address``, or renew its pin."""
        presence = self._present.get(service, {}).get(address)
        if presence is None:
            return
        key = (service, client)
        self._pins[key] = _Pin(address, presence, now, now + timeout_seconds)
        self._pins.move_to_end(key)
        self._evict(now)

    def _evict(self, now: float) -> None:
        """Let go of what is too much, and of at most two that have expired: the table shrinks as it is used."""
        for _ in range(2):
            oldest = next(iter(self._pins.values()))
            if len(self._pins) <= self._max_pins and oldest.expires_at > now:
                return
            self._pins.popitem(last=False)
            if not self._pins:
                return
