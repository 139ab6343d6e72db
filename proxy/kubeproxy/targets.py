"""Where an endpoint is dialled, unless that leads back to its own Service: a connection would loop without end.

Pure. kube-proxy has no such loop: the kernel translates a packet's address once, finds no socket there and refuses.
Here the address of a Service is a socket of the proxy, so an endpoint at such an address makes the proxy its own
client. That is allowed, because a Service may point at another one's load-balancer address, but it must not form a
circle. A circle through a program outside the proxy is not detected.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from kubehost.addresses import LOCALHOST
from kubehost.network import Network
from kubeproxy.rules import Rules
from kubeproxy.types import Destination, Endpoint, ServicePortName

SocketAddress = tuple[str, int]
"""Address and port on this machine."""

_LOW_PORTS = range(1, 1024)
"""The only ports that may be bound elsewhere than where they are asked for (``kubehost.network``)."""


class Loop(NamedTuple):
    """An ``endpoint`` (``ip:port``) of the first Service port of ``way``, from where the others lead back to it."""

    endpoint: str
    way: tuple[ServicePortName, ...]

    def __str__(self) -> str:
        first, *others = (str(each) for each in self.way)
        back = f"is reached by way of {' and '.join(others)} from itself" if others else "would be dialled by itself"
        return f"Endpoint {self.endpoint} is not dialled: {first} {back}, without end"


class Targets:
    """The addresses of endpoints, checked against those that the proxy itself listens on; its owner sets ``rules``."""

    def __init__(self, network: Network) -> None:
        self.rules = Rules()
        self._network = network
        self._moved = {bound: port for port in _LOW_PORTS if (bound := network.bind(LOCALHOST, port)[1]) != port}

    def dial(self, port_name: ServicePortName, endpoint: Endpoint) -> SocketAddress | None:
        """Return the socket address of an endpoint of ``port_name``, None if it leads back to ``port_name``."""
        target = self._network.dial(endpoint.ip, endpoint.port)
        # One lookup for each connection; the search for a loop runs only when an endpoint is a Service's address.
        return None if self._is_own(target, port_name.protocol) and self._way_back(port_name, target) else target

    def loops(self, port_name: ServicePortName) -> Iterator[Loop]:
        """Yield the endpoints of a Service port that are not dialled."""
        rule = self.rules.ports.get(port_name)
        claims, moved, protocol = self.rules.claims, self._moved, port_name.protocol
        for endpoint in rule.endpoints if rule else ():
            # This runs in each sync, so the many endpoints that are pods are skipped first.
            if endpoint.target or not ((endpoint.ip, endpoint.port, protocol) in claims or endpoint.port in moved):
                continue
            way = self._way_back(port_name, self._network.dial(endpoint.ip, endpoint.port))
            if way and rule is not None and endpoint.address in rule.reachable():
                yield Loop(endpoint.address, way)

    def _is_own(self, target: SocketAddress, protocol: str) -> bool:
        """Tell whether the proxy may listen at ``target``."""
        address, port = target
        return (address, port, protocol) in self.rules.claims or port in self._moved

    def _way_back(self, port_name: ServicePortName, target: SocketAddress) -> tuple[ServicePortName, ...]:
        """Return the Service ports of the shortest loop from ``port_name`` through ``target``, () if there is none."""
        ways: list[tuple[tuple[ServicePortName, ...], SocketAddress]] = [((port_name,), target)]
        seen = {port_name}
        for way, place in ways:
            owner = self._owner(place, port_name.protocol)
            if owner == port_name:
                return way
            if owner is not None and owner not in seen:
                seen.add(owner)
                endpoints = self.rules.ports[owner].reachable().values()
                ways += (((*way, owner), self._network.dial(each.ip, each.port)) for each in endpoints)
        return ()

    def _owner(self, target: SocketAddress, protocol: str) -> ServicePortName | None:
        """Return the Service port that has a socket at ``target``, None if there is none."""
        address, port = target
        for asked in (port, self._moved.get(port, port)):
            claims = self.rules.claims.get(Destination(address, asked, protocol))
            if claims and self._network.place("", address).bind(address, asked) == target:
                return claims[0].port_name
        return None
