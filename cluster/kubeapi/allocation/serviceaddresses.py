"""The cluster IPs that are free: in the configured CIDRs, and in those of every ServiceCIDR that is ready.

An address is taken as long as there is an IPAddress of its name, also of a user. The pools follow the Store. CIDRs may
overlap, so an address is taken in every pool that has it. Follows pkg/registry/core/service/ipallocator
(cidrallocator.go); ServiceCIDRs are asked when the configured CIDRs are full.
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator
from functools import partial
from ipaddress import ip_network

from kubeapi.allocation.pools import AddressPool, Full, Transaction
from kubeapi.objects.servicecidr import is_allocatable, read_cidrs
from kubeapi.registryconfig import RegistryConfig
from kubeapi.scheme import IPADDRESSES, SERVICECIDRS
from kubeapi.store import Store
from kubeapi.watching import EventType, WatchEvent

_LARGEST_V6 = 64
"""The shortest prefix of IPv6 that addresses are taken from."""


class ServiceAddresses:
    """The pools of a cluster. What a transaction takes is taken in all pools that have the address."""

    def __init__(self, config: RegistryConfig, rng: random.Random, store: Store) -> None:
        self._configured = config.service_cidrs
        self._new_pool = partial(AddressPool, rng=rng)
        self._store = store
        self._pools: dict[str, AddressPool] = {}
        self._ready: list[AddressPool] = []
        self._sync()
        store.watch(SERVICECIDRS, store.resource_version, lambda _: self._sync())
        store.watch(IPADDRESSES, store.resource_version, self._follow)

    def take(self, address: str, transaction: Transaction) -> str:
        """Take an address; return why it cannot be allocated, "" if it was."""
        if not any(_places(self._ready, address)):
            return "the provided network does not match the current range"
        is_free = [transaction.take(pool.pool, number) for pool, number in _places(self._pools.values(), address)]
        return "" if all(is_free) else "provided IP is already allocated"

    def take_next(self, family: str, transaction: Transaction) -> str:
        """Take a free address of a family; raises Full."""
        for pool in self._ready:
            if pool.family == family:
                try:
                    address = pool.text_of(transaction.take_next(pool.pool))
                except Full:
                    continue
                for other, number in _places(self._pools.values(), address):
                    transaction.take(other.pool, number)
                return address
        raise Full

    def adopt(self, address: str) -> None:
        """Take an address that a stored Service has."""
        for pool, number in _places(self._pools.values(), address):
            pool.pool.take(number)

    def _follow(self, event: WatchEvent) -> None:
        """Follow an IPAddress that has come or gone."""
        address = event.object["metadata"]["name"]
        if event.type is EventType.DELETED:
            for pool, number in _places(self._pools.values(), address):
                pool.pool.give_back(number)
        elif event.type is EventType.ADDED:
            self.adopt(address)

    def _sync(self) -> None:
        """Make the pools those of the configured CIDRs and of all ServiceCIDRs."""
        objects = self._store.list(SERVICECIDRS)
        known = dict.fromkeys(self._configured, False)
        for obj in objects:
            for cidr in read_cidrs(obj):
                known[cidr] = known.get(cidr, False) or is_allocatable(obj)
        named = {cidr for obj in objects for cidr in read_cidrs(obj)}
        for cidr in self._pools.keys() - known.keys():
            del self._pools[cidr]
        for cidr in known:
            if cidr not in self._pools and _is_small_enough(cidr):
                self._pools[cidr] = self._new_pool(cidr)
                for obj in self._store.list(IPADDRESSES):
                    self.adopt(obj["metadata"]["name"])
        # Without a ServiceCIDR of its own a configured CIDR is ready, as before the first one has been written.
        self._ready = [
            self._pools[cidr] for cidr in known if cidr in self._pools and (known[cidr] or cidr not in named)
        ]


def _is_small_enough(cidr: str) -> bool:
    network = ip_network(cidr)
    return network.version == 4 or network.prefixlen >= _LARGEST_V6


def _places(pools: Iterable[AddressPool], address: str) -> Iterator[tuple[AddressPool, int]]:
    """Yield each pool that has an address, with its number there."""
    for pool in pools:
        number = pool.number_of(address)
        if number in pool.pool:
            yield pool, number
