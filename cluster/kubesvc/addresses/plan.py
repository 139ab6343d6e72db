"""Where the addresses of one cluster are on this machine. Pure.

In the usual plan an address keeps all but its first octet, so two clusters with the usual subnets need the same
addresses. A cluster with a plan of its own (``--subnets auto``) has a block of four second octets, so that clusters run
side by side: an address keeps its last two octets, and its purpose decides the second.

    127.B.c.d       cluster IPs          (10.96.0.0/12)
    127.B+1.c.d     pods                 (10.244.0.0/16)
    127.B+2.c.d     nodes                (192.168.0.0/16)
    127.B+3.c.d     everything else: load balancers (203.0.113.0/24), hosts outside the cluster

In the exact plan (``--exact``) the cluster has its addresses as they are written, in a network namespace of its own.
Only the host, which has no such addresses, reaches each at its stand-in, by the rules above.
"""

from __future__ import annotations

from typing import NamedTuple

from kubehost.addresses import LOCALHOST, LOOPBACK_PREFIX, is_loopback
from kubesvc.addresses.usual import read_ipv4, stand_in

OCTETS = 4
"""Second octets of one block."""
_USUAL = frozenset((0, *range(96, 112), 168, 244))
"""Second octets of kubeadm's subnets in the usual plan, and of the machine's own 127.0.0.0/16."""
BLOCKS = tuple(first for first in range(OCTETS, 252, OCTETS) if _USUAL.isdisjoint(range(first, first + OCTETS)))
"""All blocks, by the first of their octets."""
_SERVICES, _PODS, _NODES, _OTHERS = range(OCTETS)


class AddressPlan(NamedTuple):
    """``block`` is the first of the cluster's own second octets, 0 for the usual plan.

    With ``is_exact`` the addresses of the cluster stay as they are written.
    """

    block: int = 0
    is_exact: bool = False

    def address(self, address: str) -> str:
        """Return the address that the cluster has in place of a written one."""
        return address if self.is_exact else self.stand_in(address)

    def stand_in(self, address: str) -> str:
        """Return where an IPv4 address is on this machine; 127.0.0.1, IPv6 and names stay as they are."""
        usual = stand_in(address)
        if not self.block or read_ipv4(usual) is None or usual == LOCALHOST or self._has(address):
            return usual
        second = int(usual.split(".")[1])
        return self._moved(usual, _SERVICES if 96 <= second < 112 else {244: _PODS, 168: _NODES}.get(second, _OTHERS))

    def service_address(self, address: str) -> str:
        """Return the cluster IP in place of a written one; what is no IPv4 address (None, mistakes) stays as it is."""
        if self.is_exact:
            return address
        usual = stand_in(address)
        if not self.block or read_ipv4(usual) is None or self._has(address):
            return usual
        return self._moved(usual, _SERVICES)

    def service_subnet(self, subnet: str) -> str:
        """Return the subnet of cluster IPs in place of a written one.

        One larger than a /16 becomes a whole octet of the block.
        """
        return subnet if self.is_exact else self._moved_subnet(subnet, _SERVICES)

    def pod_subnet(self, subnet: str) -> str:
        """Return the subnet of pods in place of a written one, as ``service_subnet`` does."""
        return subnet if self.is_exact else self._moved_subnet(subnet, _PODS)

    def subnet(self, subnet: str) -> str:
        """Return any other subnet of the cluster in place of a written one."""
        address, slash, prefix = subnet.partition("/")
        return self.address(address) + slash + prefix

    def _moved_subnet(self, subnet: str, octet: int) -> str:
        address, slash, prefix = subnet.partition("/")
        usual = stand_in(address)
        if not self.block or read_ipv4(usual) is None or self._has(address):
            return usual + slash + prefix
        if prefix.isdecimal() and int(prefix) < 16:
            return f"{LOOPBACK_PREFIX}{self.block + octet}.0.0/16"
        return self._moved(usual, octet) + slash + prefix

    def _has(self, address: str) -> bool:
        return is_loopback(address) and self.block <= int(address.split(".")[1]) < self.block + OCTETS

    def _moved(self, address: str, octet: int) -> str:
        third, fourth = address.split(".")[2:]
        return f"{LOOPBACK_PREFIX}{self.block + octet}.{third}.{fourth}"


USUAL = AddressPlan()
"""The plan of a cluster that has no block: 127 in place of the first octet."""
