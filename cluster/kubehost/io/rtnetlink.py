"""The requests of rtnetlink: links, veths, addresses, routes and neighbours, as messages. Nothing is sent here.

See rtnetlink(7) and linux/{rtnetlink,if_link,if_addr,neighbour}.h.
"""

from __future__ import annotations

import struct
from socket import AF_INET, AF_INET6, AF_UNSPEC, inet_pton
from typing import NamedTuple

from kubehost.netlink import (
    ACK,
    CREATE,
    EXCLUSIVE,
    NESTED,
    REPLACE,
    Message,
    Reply,
    attribute,
    number_attribute,
    read_attributes,
    text_attribute,
)

NEWLINK, DELLINK, GETLINK, NEWADDR, DELADDR, NEWROUTE, DELROUTE, NEWNEIGH = 16, 17, 18, 20, 21, 24, 25, 28
LOOPBACK_INDEX = 1
"""lo is the first interface of every network namespace."""
SCOPE_UNIVERSE, SCOPE_LINK, SCOPE_HOST = 0, 253, 254
TABLE_MAIN, TABLE_LOCAL = 254, 255
UNICAST, LOCAL, UNREACHABLE = 1, 2, 7
"""Types of a route: to a next hop, to this machine itself, or to nowhere (EHOSTUNREACH, without a link)."""
_IFF_UP = 1
_LINK_HEADER_BYTES = 16
_OPERSTATE, _OPERSTATE_UP = 16, b"\6"
"""IFLA_OPERSTATE and IF_OPER_UP (linux/if.h)."""
PROTOCOL_STATIC = 4
"""The maker of a route: an administrator."""
_PERMANENT = 0x80
_NO_DUPLICATE_CHECK = 0x02
"""IFA_F_NODAD: an IPv6 address can be used at once."""


def family_of(address: str) -> int:
    """Return the address family of an IP address, with or without a prefix length."""
    return AF_INET6 if ":" in address else AF_INET


def packed(address: str) -> bytes:
    """Return an IP address as bytes in network order."""
    return inet_pton(family_of(address), address)


def link_up(index: int) -> Message:
    """Bring an interface up."""
    body = struct.pack("=BxHiII", AF_UNSPEC, 0, index, _IFF_UP, _IFF_UP)
    return Message(NEWLINK, ACK, body, f"link {index} up")


def get_link(index: int) -> Message:
    """Ask for an interface: the answer is a message of type NEWLINK."""
    return Message(GETLINK, ACK, struct.pack("=BxHiII", AF_UNSPEC, 0, index, 0, 0), f"link {index}")


def carries_packets(link: Reply) -> bool:
    """Tell whether an interface, a message of type NEWLINK, takes packets: its operational state is up (RFC 2863).

    That it was brought up, and has a carrier, is not enough: until the kernel's link watch has run, it drops them all.
    """
    return (_OPERSTATE, _OPERSTATE_UP) in read_attributes(link.body, _LINK_HEADER_BYTES)


def delete_link(index: int) -> Message:
    """Delete an interface; of a veth both ends go."""
    return Message(DELLINK, ACK, struct.pack("=BxHiII", AF_UNSPEC, 0, index, 0, 0), f"link {index} deleted")


_MTU = 65535
"""The most that a veth takes: bulk costs a fifth less than with 1500, as much as on loopback."""


class VethEnd(NamedTuple):
    """One end of a veth: its name, its index as a ``link``, and its MAC address."""

    name: str
    link: int
    mac: bytes

    def body(self) -> bytes:
        """Return its part of the request."""
        header = struct.pack("=BxHiII", AF_UNSPEC, 0, self.link, 0, 0)
        return header + text_attribute(3, self.name) + attribute(1, self.mac) + number_attribute(4, _MTU)


def new_veth(end: VethEnd, peer: VethEnd, peer_network: int) -> Message:
    """Make a veth: ``end`` in the socket's network namespace, ``peer`` in that of the descriptor ``peer_network``."""
    other = attribute(1 | NESTED, peer.body() + number_attribute(28, peer_network))
    kind = attribute(18 | NESTED, text_attribute(1, "veth") + attribute(2 | NESTED, other))
    return Message(NEWLINK, ACK | CREATE | EXCLUSIVE, end.body() + kind, f"veth {end.name}")


def new_address(index: int, address: str, scope: int = SCOPE_UNIVERSE) -> Message:
    """Give an interface an address of its own, with the prefix of one host unless ``address`` has another."""
    value, _, prefix = address.partition("/")
    number = packed(value)
    length = int(prefix) if prefix else len(number) * 8
    header = struct.pack("=BBBBI", family_of(value), length, _NO_DUPLICATE_CHECK, scope, index)
    body = header + attribute(2, number) + attribute(1, number)
    return Message(NEWADDR, ACK | CREATE | REPLACE, body, f"address {address}")


def deleted_address(link: int, address: str, prefix: int) -> Message:
    """Take an address with that prefix from an interface."""
    header = struct.pack("=BBBBI", family_of(address), prefix, 0, 0, link)
    return Message(DELADDR, ACK, header + attribute(2, packed(address)), f"address {address}/{prefix} deleted")


class Route(NamedTuple):
    """A route to ``destination``, an address or CIDR, by ``link``, perhaps to a ``gateway`` there."""

    destination: str
    link: int
    gateway: str = ""
    source: str = ""
    table: int = TABLE_MAIN
    type: int = UNICAST
    scope: int = SCOPE_UNIVERSE
    protocol: int = PROTOCOL_STATIC

    def _body(self) -> bytes:
        address, _, prefix = self.destination.partition("/")
        value = packed(address)
        length = int(prefix) if prefix else len(value) * 8
        kinds = (self.table, self.protocol, self.scope, self.type, 0)
        body = struct.pack("=BBBBBBBBI", family_of(address), length, 0, 0, *kinds)
        if length:
            body += attribute(1, value)
        if self.link:
            body += number_attribute(4, self.link)
        if self.gateway:
            body += attribute(5, packed(self.gateway))
        return body + attribute(7, packed(self.source)) if self.source else body

    def added(self) -> Message:
        """Add the route, or replace it."""
        return Message(NEWROUTE, ACK | CREATE | REPLACE, self._body(), f"route {self.destination}")

    def deleted(self) -> Message:
        """Delete the route."""
        return Message(DELROUTE, ACK, self._body(), f"route {self.destination} deleted")


def new_neighbour(index: int, address: str, mac: bytes) -> Message:
    """Write down the MAC address of a neighbour, so that nobody needs to ask for it (ARP, neighbour discovery)."""
    body = struct.pack("=BxHiHBB", family_of(address), 0, index, _PERMANENT, 0, UNICAST)
    body += attribute(1, packed(address)) + attribute(2, mac)
    return Message(NEWNEIGH, ACK | CREATE | REPLACE, body, f"neighbour {address}")
