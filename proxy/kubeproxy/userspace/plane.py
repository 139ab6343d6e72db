"""The userspace engine: a listening socket for every address of a Service in each place, and what serves them."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterable

from kubehost.io.places import Place
from kubeproxy.config import ProxyConfig
from kubeproxy.dependencies import ProxyDependencies
from kubeproxy.plane import ListenerStatus, Report
from kubeproxy.proxier import Conflict, Sync
from kubeproxy.rules import Listener, Rules
from kubeproxy.types import Destination, ListenerKind, ServicePortName
from kubeproxy.userspace.carrier import Carrier
from kubeproxy.userspace.dataplane import DataPlane
from kubeproxy.userspace.listeners import ListenerDependencies, Listeners, Room, Serves

_POD = ListenerKind.POD


def serves_all(place: Place, listener: Listener) -> bool:
    """Tell that every listener has a socket in every place."""
    del place, listener
    return True


class UserspacePlane:
    """Implements ``Plane``. ValueError if the default balancer is unknown.

    ``listeners`` are those of each place, the host's first. ``serves`` is asked before a socket is opened in a place.
    """

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        config: ProxyConfig,
        dependencies: ProxyDependencies,
        report: Report,
        serves: Serves = serves_all,
    ) -> None:
        self.traffic = _carrier(loop, config, dependencies)
        self._is_served = serves
        self._host = dependencies.network.places[0]
        room = Room(config.listener_limit)
        shared = ListenerDependencies(
            loop, self.traffic, dependencies.failures, report, room, config.owner_name, self._serves
        )
        self.listeners = tuple(Listeners(each, shared) for each in dependencies.network.places)
        self._rules = Rules()

    @contextlib.asynccontextmanager
    async def serving(self) -> AsyncIterator[None]:
        """Serve while the context lasts."""
        async with self.traffic.serving():
            try:
                yield
            finally:
                self._close_all()

    def apply(self, sync: Sync) -> None:
        """Close sockets, change the rules, open sockets: in this order, no client meets rules of another socket.

        What waits at a socket that is closed is still served, by the rules before.
        """
        self._rules = sync.rules
        for each in self.listeners:
            each.close(sync.listeners)
        self.traffic.apply(sync.rules, sync.ports)
        for each in self.listeners:
            each.open(sync.listeners)

    def review(self, destinations: Iterable[Destination]) -> None:
        """Ask ``serves`` again about destinations, and open or close their sockets accordingly."""
        found = [listener for each in destinations if (listener := self._rules.listener(each)) is not None]
        for each in self.listeners:
            each.update(listener for listener in found if listener.has_endpoints)

    def renew(self) -> None:
        """Begin anew everywhere but on the host: the networks of the cluster and its pods are other ones now.

        Connections that were in the old ones, with one side or both, end by reset.
        """
        _, *others = self.listeners
        for each in others:
            each.renew()
        self.traffic.end_elsewhere()

    def counts(self, port_name: ServicePortName) -> bool:
        """Tell that everything is counted."""
        del port_name
        return True

    def statuses(self) -> list[ListenerStatus]:
        """Return the state of every address that a Service port asks for, also if another Service has it.

        It is that on the host; an error of another place is told as one.
        """
        return [
            self._status(destination, kind, rule.service_port.name)
            for rule in self._rules.ports.values()
            if not rule.service_port.name.is_pod
            for destination, kind in rule.destinations
        ]

    async def drain(self, seconds: float) -> None:
        """Close the listeners for good, give the connections ``seconds`` to end, and reset the rest."""
        self._close_all()
        await self.traffic.drain(seconds)

    def _serves(self, place: Place, listener: Listener) -> bool:
        """Tell whether a listener has a socket in a place; in the cluster's, pods answer for themselves."""
        return (listener.kind is not _POD or place is self._host) and self._is_served(place, listener)

    def _close_all(self) -> None:
        for each in self.listeners:
            each.close_all()

    def _status(self, destination: Destination, kind: ListenerKind, port_name: ServicePortName) -> ListenerStatus:
        owner = self._rules.claims[destination][0].port_name
        error = next((text for each in self.listeners if (text := each.error(destination))), "")
        if owner != port_name:
            error = str(Conflict(destination, owner, port_name))
        host_address, port = self._host.bind(destination.address, destination.port)
        return ListenerStatus(
            address=destination.address,
            port=port,
            requested_port=destination.port,
            protocol=destination.protocol,
            kind=kind,
            port_name=port_name,
            is_bound=owner == port_name and self.listeners[0].is_bound(destination),
            error=error,
            host_address=host_address,
        )


def _carrier(loop: asyncio.AbstractEventLoop, config: ProxyConfig, dependencies: ProxyDependencies) -> Carrier:
    if config.workers == 1:
        plane = DataPlane(loop, dependencies, config.default_balancer)
        plane.set_udp_timeouts(config.udp_seconds, config.udp_stream_seconds)
        return plane
    # Imported here because few proxies have workers, and every start would pay for the import.
    from kubeproxy.userspace.workers.io.workers import Workers

    return Workers(loop, config, dependencies)
