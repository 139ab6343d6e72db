"""Which address of this machine stands for which of the remote cluster. Pure.

Two clusters elsewhere may have the same address, and one may have addresses of many networks, so each gets the next
free one of a local subnet. The first choice has the same last bits, so that most are recognised: 10.96.7.3 is
127.96.7.3.
"""

from __future__ import annotations

from collections.abc import Collection, Hashable
from ipaddress import IPv4Address, IPv4Network, ip_address


class NoAddressError(LookupError):
    """The subnet has no free address; the text names it."""


class Pool:
    """Hands out the addresses of ``subnet`` but for the first, the last and the ``reserved`` ones.

    An owner keeps its address until it is released as often as it was taken.
    """

    def __init__(self, subnet: str, reserved: Collection[str] = ()) -> None:
        self._subnet = IPv4Network(subnet)
        self._size = self._subnet.num_addresses
        first = int(self._subnet.network_address)
        self._taken = {0, self._size - 1, *(int(IPv4Address(each)) - first for each in reserved)}
        self._held: dict[Hashable, tuple[int, int]] = {}
        """Of each owner: the place of its address in the subnet, and how often it was taken."""

    def take(self, owner: Hashable, remote: str) -> str:
        """Return the owner's address, which stands for ``remote``; NoAddressError."""
        offset, count = self._held.get(owner) or (self._find(remote), 0)
        self._held[owner] = offset, count + 1
        return str(self._subnet[offset])

    def release(self, owner: Hashable) -> None:
        """Give an address back, which was taken once less from now on."""
        offset, count = self._held.pop(owner)
        if count > 1:
            self._held[owner] = offset, count - 1
        else:
            self._taken.discard(offset)

    def _find(self, remote: str) -> int:
        if len(self._taken) >= self._size:
            message = f"no address of {self._subnet} is free"
            raise NoAddressError(message)
        offset = int(ip_address(remote)) % self._size
        while offset in self._taken:
            offset = (offset + 1) % self._size
        self._taken.add(offset)
        return offset
