"""Addresses of Services that are outside of the cluster's ranges, made local to its network in the exact plan.

On a real node kube-proxy's rules catch a packet to an external IP before it is routed. Here a socket has to be bound to
it, and a node's own programs need a route; in the loopback plan all of 127.0.0.0/8 is local by itself.
"""

from __future__ import annotations

import asyncio
import logging
import socket
from collections import Counter
from collections.abc import Callable, Iterable
from contextlib import closing, suppress
from ipaddress import IPv4Address, IPv4Network

from kubeapi.failures import Subject
from kubeapi.meta import JSON, ObjectKey, key_of
from kubeapi.objects.service import read_service
from kubeapi.scheme import SERVICES
from kubeapi.store import Store
from kubeapi.watching import EventType, WatchEvent
from kubehost.io.netlink import NETLINK_ROUTE, NetlinkError, NetlinkSocket
from kubehost.io.places import Place
from kubehost.io.rtnetlink import LOCAL, LOOPBACK_INDEX, SCOPE_HOST, TABLE_LOCAL, Route
from kubesvc.config import ClusterConfiguration
from kubesvc.run.oserrors import oserror_text

_log = logging.getLogger(__name__)


class LocalAddresses:
    """Counts the addresses of Services; ``changed`` is called when there are others."""

    def __init__(self, config: ClusterConfiguration, changed: Callable[[], None]) -> None:
        networking = config.networking
        ranges = (networking.service_subnet, networking.pod_subnet, networking.load_balancer_subnet)
        self._ranges = [*map(IPv4Network, ranges)]
        self._nodes = {each.address for each in config.nodes}
        self._changed = changed
        self._by_service: dict[ObjectKey, frozenset[str]] = {}
        self._counts: Counter[str] = Counter()

    @property
    def addresses(self) -> frozenset[str]:
        """All of them now."""
        return frozenset(self._counts)

    def update(self, key: ObjectKey, obj: JSON | None) -> None:
        """Note a Service's new state, None when it is deleted."""
        before = self._by_service.pop(key, frozenset[str]())
        after = frozenset(each for each in _external(obj) if self._is_outside(each)) if obj is not None else frozenset()
        if after:
            self._by_service[key] = after
        if before == after:
            return
        known = set(self._counts)
        self._counts.update(after)
        self._counts.subtract(before)
        self._counts = +self._counts
        if known != set(self._counts):
            self._changed()

    def _is_outside(self, text: str) -> bool:
        try:
            address = IPv4Address(text)
        except ValueError:
            return False
        return not (address.is_loopback or text in self._nodes or any(address in each for each in self._ranges))


def _external(obj: JSON) -> Iterable[str]:
    service = read_service(obj)
    return (*service.external_ips, *service.load_balancer_ips)


async def keep_local(config: ClusterConfiguration, store: Store, place: Place, has_changed: asyncio.Event) -> None:
    """Keep the addresses local in ``place`` until cancelled; ``has_changed`` is set whenever it is another network."""
    local = LocalAddresses(config, has_changed.set)

    def note(event: WatchEvent) -> None:
        key = key_of(event.object)
        with store.failures.guard("kubesvc (local addresses)", Subject(SERVICES, key)):
            local.update(key, None if event.type is EventType.DELETED else event.object)

    for obj in store.list(SERVICES):
        note(WatchEvent(EventType.ADDED, obj))
    unwatch = store.watch(SERVICES, store.resource_version, note)
    there = frozenset[str]()
    try:
        while True:
            has_changed.clear()
            wanted = local.addresses
            if wanted or there:
                _apply(place, [*map(_route, wanted)], [*map(_route, there - wanted)])
            there = wanted
            await has_changed.wait()
    finally:
        unwatch()


def _route(address: str) -> Route:
    return Route(address, LOOPBACK_INDEX, table=TABLE_LOCAL, type=LOCAL, scope=SCOPE_HOST)


def _apply(place: Place, wanted: Iterable[Route], gone: Iterable[Route]) -> None:
    try:
        sock = socket.socket(fileno=place.socket(socket.AF_NETLINK, socket.SOCK_RAW, NETLINK_ROUTE).detach())
        with closing(NetlinkSocket(sock=sock)) as netlink:
            netlink.request(each.added() for each in wanted)
            for each in gone:
                with suppress(NetlinkError):  # another network does not have it
                    netlink.request([each.deleted()])
    except OSError as error:
        _log.warning("an external IP is not local to the cluster's network: %s", oserror_text(error))
