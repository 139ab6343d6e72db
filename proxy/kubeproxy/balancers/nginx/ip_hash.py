"""nginx' ``ip_hash``: the first three bytes of an IPv4 client's address, all sixteen of IPv6."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from ipaddress import IPv6Address

from kubeproxy.balancers.balancer import Ask, Backend, Balancer, Card, Inputs, Options, available
from kubeproxy.balancers.nginx.ranges import TRIES, WeightRanges
from kubeproxy.balancers.nginx.rotation import SmoothRotation

_START = 89


class NginxIpHash(Balancer):
    """Gives a client always the same backend, and with IPv4 the whole /24 of its address with it."""

    name = "nginx_ip_hash"
    has_weights = True
    card = Card("hash of the client's /24 (IPv6: address)", "client", "O(log n)", "nginx ip_hash")

    def __init__(self, inputs: Inputs, options: Options) -> None:
        del inputs, options
        self._ranges = WeightRanges()
        self._rotation = SmoothRotation()

    @staticmethod
    def describe(unit: str, count: int) -> str:
        """Return in a clause how each ``unit`` gets one of ``count`` endpoints."""
        return f"each {unit} gets the one of {count} that the hash of its client's network names"

    def update(self, backends: Sequence[Backend]) -> None:
        """Choose among ``backends`` from now on."""
        usable = available(backends)
        self._ranges = WeightRanges(usable)
        self._rotation.update(usable)

    def pick(self, ask: Ask, avoid: Collection[str] = ()) -> Backend | None:
        """Return a backend, None if there is none."""
        first = self.upcoming(ask)
        if first is None or not avoid or first.address not in avoid:
            return first
        return self._pick_other(ask, avoid) or self._rotation.take(avoid) or first

    def upcoming(self, ask: Ask) -> Backend | None:
        """Return the backend of a client."""
        ranges = self._ranges
        return ranges.at(_hash(_network(ask.client), _START) % ranges.total) if ranges.total else None

    def _pick_other(self, ask: Ask, avoid: Collection[str]) -> Backend | None:
        """Hash on from the last hash with the same address until it names one that is not in ``avoid``."""
        network = tuple(_network(ask.client))
        number = _hash(network, _START)
        for _ in range(TRIES):
            number = _hash(network, number)
            backend = self._ranges.at(number % self._ranges.total)
            if backend.address not in avoid:
                return backend
        return None


def _network(client: str) -> Iterable[int]:
    """Return the bytes of an address that count."""
    return IPv6Address(client).packed if ":" in client else map(int, client.split(".")[:3])


def _hash(network: Iterable[int], number: int) -> int:
    for each in network:
        number = (number * 113 + each) % 6271
    return number
