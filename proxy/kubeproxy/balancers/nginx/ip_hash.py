"""nginx' ``ip_hash``: the first three bytes of an IPv4 client's address, all sixteen of IPv6."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from ipaddress import IPv6Address

from kubeproxy.balancers.balancer import Ask, Card, Inputs, Options
from kubeproxy.balancers.nginx.hashed import NginxHashed

_START = 89


class NginxIpHash(NginxHashed):
    """Gives a client always the same backend, and with IPv4 the whole /24 of its address with it."""

    name = "nginx_ip_hash"
    card = Card("hash of the client's /24 (IPv6: address)", "client", "O(1)", "nginx ip_hash")

    def __init__(self, inputs: Inputs, options: Options) -> None:
        del inputs, options
        super().__init__()

    @staticmethod
    def describe(unit: str, count: int) -> str:
        """Return in a clause how each ``unit`` gets one of ``count`` endpoints."""
        return f"each {unit} gets the one of {count} that the hash of its client's network names"

    def _number(self, ask: Ask) -> int:
        return _hash(_network(ask.client), _START)

    def _next_numbers(self, ask: Ask) -> Iterator[int]:
        """Hash on from the last hash with the same address."""
        network = tuple(_network(ask.client))
        number = _hash(network, _START)
        while True:
            number = _hash(network, number)
            yield number


def _network(client: str) -> Iterable[int]:
    """Return the bytes of an address that count."""
    return IPv6Address(client).packed if ":" in client else map(int, client.split(".")[:3])


def _hash(network: Iterable[int], number: int) -> int:
    for each in network:
        number = (number * 113 + each) % 6271
    return number
