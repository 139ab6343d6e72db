"""Pools of cluster IPs and node ports, and which one a Service gets.

Pure: the random source is passed in. As in Kubernetes a request may ask for any number; without one it gets a random
number of the upper (dynamic) band, or of the lower (static) band if the upper is full. A ``Transaction`` has all that
one request takes and gives back. Follows KEP-3070, KEP-3668 and pkg/registry/core/service/{ip,port}allocator.
"""

from __future__ import annotations

import random
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network

_PROBES = 16
"""Random picks before a walk to the next free number; below 80 % use one in forty requests needs the walk."""


class Full(Exception):
    """Every number of the pool is taken."""


class Pool:
    """The numbers from ``first`` to ``first + size - 1``; the first ``static`` of them are the static band."""

    def __init__(self, first: int, size: int, static: int, rng: random.Random) -> None:
        self.first = first
        self.size = size
        self.static = static
        self._rng = rng
        self._taken: set[int] = set()
        self._taken_static = 0

    def __contains__(self, number: int) -> bool:
        return self.first <= number < self.first + self.size

    def __len__(self) -> int:
        return len(self._taken)

    def is_taken(self, number: int) -> bool:
        """Tell whether the number is in use."""
        return number in self._taken

    def take(self, number: int) -> bool:
        """Take a number of the pool; False if it is in use."""
        if number in self._taken:
            return False
        self._taken.add(number)
        self._taken_static += number < self.first + self.static
        return True

    def take_next(self) -> int:
        """Take a free number; raises Full when there is none."""
        dynamic = self.size - self.static
        if len(self._taken) - self._taken_static < dynamic:
            number = self._find_free(self.first + self.static, dynamic)
        elif self._taken_static < self.static:
            number = self._find_free(self.first, self.static)
        else:
            raise Full
        self.take(number)
        return number

    def give_back(self, number: int) -> None:
        """Free a number; one that is not in use is ignored."""
        if number in self._taken:
            self._taken.remove(number)
            self._taken_static -= number < self.first + self.static

    def _find_free(self, first: int, size: int) -> int:
        """Return a free number of a band that has one."""
        for _ in range(_PROBES):
            number = first + self._rng.randrange(size)
            if number not in self._taken:
                return number
        while number in self._taken:
            number = first + (number + 1 - first) % size
        return number


class AddressPool:
    """The addresses of one service CIDR; its base address and an IPv4 network's broadcast address are never used."""

    def __init__(self, cidr: str, rng: random.Random) -> None:
        self.network: IPv4Network | IPv6Network = ip_network(cidr)
        self.family = f"IPv{self.network.version}"
        size = self.network.num_addresses
        static = 0 if size <= 16 else min(max(16, size // 16), 256)
        usable = max(0, size - (2 if self.network.version == 4 else 1))
        self.pool = Pool(int(self.network.network_address) + 1, usable, static, rng)

    def number_of(self, address: str) -> int:
        """Return an address as the pool's number; ValueError if it is none."""
        parsed = ip_address(address)
        return int(parsed) if parsed.version == self.network.version else -1

    def text_of(self, number: int) -> str:
        """Return the address that a number stands for."""
        return str(self.network.network_address + (number - int(self.network.network_address)))


def port_pool(first: int, last: int, rng: random.Random) -> Pool:
    """Return the pool of node ports ``first`` to ``last``, both included; a range of up to 16 has no static band."""
    size = last - first + 1
    return Pool(first, size, 0 if size <= 16 else min(max(16, size // 32), 128), rng)


class Transaction:
    """The numbers that one request takes and frees: ``commit`` keeps that, ``rollback`` undoes it."""

    def __init__(self) -> None:
        self._taken: list[tuple[Pool, int]] = []
        self._freed: list[tuple[Pool, int]] = []

    def take(self, pool: Pool, number: int) -> bool:
        """Take a number of the pool; False if it is in use."""
        if not pool.take(number):
            return False
        self._taken.append((pool, number))
        return True

    def take_next(self, pool: Pool) -> int:
        """Take a free number; raises Full."""
        number = pool.take_next()
        self._taken.append((pool, number))
        return number

    def give_back(self, pool: Pool, number: int) -> None:
        """Free a number once the request has succeeded, not before."""
        self._freed.append((pool, number))

    def commit(self) -> None:
        """Keep what was taken and free what was given back."""
        for pool, number in self._freed:
            pool.give_back(number)

    def rollback(self) -> None:
        """Give back what was taken; what was to be freed stays taken."""
        for pool, number in self._taken:
            pool.give_back(number)
