"""Families, and the forms of sets, keys and elements in their netlink form. Pure."""

from __future__ import annotations

import struct
from collections.abc import Iterable
from functools import lru_cache
from ipaddress import ip_address, ip_network
from typing import NamedTuple

from kubeproxy.nft.netlink.attributes import nested, number
from kubeproxy.nft.netlink.expressions import value_of
from kubeproxy.nft.statements import Field

_INTERVAL_END = 1
_KEY, DATA, _FLAGS = 1, 2, 3
PROTOCOLS = {"TCP": 6, "UDP": 17, "SCTP": 132}

TYPE_INTEGER, TYPE_VERDICT = 4, 0xFFFFFF00
_TYPE_PROTOCOL, TYPE_PORT, TYPE_BITS = 12, 13, 6
ANONYMOUS, CONSTANT, INTERVAL, MAP, TIMEOUT, DYNAMIC = 0x1, 0x2, 0x4, 0x8, 0x10, 0x20
BY_HOST_NUMBER = b"\0\4\1\0\0\0\1\4\2\0\0\0"
"""User data by which nft(8) lists a map with keys in the machine's order and values in the network's (udata.h)."""


class Family(NamedTuple):
    """An address family, and what differs by it."""

    name: str
    number: int
    """NFPROTO_IPV4 or NFPROTO_IPV6."""
    size: int
    """Bytes of an address."""
    source: int
    destination: int
    """Offsets in the header."""
    address_type: int
    """nft's number of the type."""
    port_unreachable: int
    ct_destination: int
    table: str = "kube-proxy"
    """The name of the table that is meant; kube-proxy's own unless a proxy is beside it in a network."""

    @property
    def words(self) -> int:
        """Words of an address."""
        return self.size // 4


V4 = Family("ip", 2, 4, 12, 16, 7, 3, 20)
V6 = Family("ip6", 10, 16, 8, 24, 8, 4, 22)


class SetForm(NamedTuple):
    """The form of a set or map: ``*_type`` are for nft(8), lengths in bytes."""

    flags: int
    key_type: int
    key_length: int
    data_type: int = 0
    data_length: int = 0
    user_data: bytes = b""


class UnnamedSet(NamedTuple):
    """A set that belongs to one rule; ``number`` identifies it within a transaction."""

    number: int
    form: SetForm
    elements: tuple[bytes, ...]

    @property
    def name(self) -> str:
        """A name that no other set has; to find a free one for "__map%d", the kernel would read all names there are."""
        return f"__{'map' if self.form.flags & MAP else 'set'}{self.number}"


def key_form(family: Family, key: tuple[Field, ...]) -> tuple[int, int]:
    """Return nft's number of the type of a key, and the key's length."""
    types = {Field.PROTOCOL: _TYPE_PROTOCOL, Field.PORT: TYPE_PORT}
    kind = length = 0
    for field in key:
        kind = kind << TYPE_BITS | types.get(field, family.address_type)
        length += 4 if field in types else family.size
    return kind, length


@lru_cache(maxsize=65536)
def packed(address: str) -> bytes:
    """Return an address as packets have it."""
    if ":" not in address and address.count(".") == 3:  # a fifth of the time, and most are of this kind
        return bytes(map(int, address.split(".")))
    return ip_address(address).packed


@lru_cache(maxsize=65536)
def packed_key(key: tuple[str | int, ...]) -> bytes:
    """Return a key of addresses, protocols and ports as registers hold it."""
    return b"".join(map(_packed_field, key))


def _packed_field(value: str | int) -> bytes:
    if isinstance(value, int):
        return struct.pack("!H2x", value)
    protocol = PROTOCOLS.get(value)
    return packed(value) if protocol is None else struct.pack("!B3x", protocol)


def element(key: bytes, data: bytes = b"", flags: int = 0) -> bytes:
    """Return an element of a set; ``data`` is an attribute."""
    return nested(1, value_of(_KEY, key), data, number(_FLAGS, flags) if flags else b"")


def intervals(cidrs: Iterable[tuple[str, bytes]]) -> tuple[bytes, ...]:
    """Return the elements of a set of intervals, each with its data; a set begins and every interval ends."""
    networks = sorted((ip_network(cidr, strict=False), data) for cidr, data in cidrs)
    found: list[bytes] = []
    size = networks[0][0].max_prefixlen // 8 if networks else 4
    if networks and int(networks[0][0].network_address):
        found.append(element(bytes(size), flags=_INTERVAL_END))
    for network, data in networks:
        found.append(element(network.network_address.packed, data))
        after = int(network.broadcast_address) + 1
        if after < 1 << network.max_prefixlen:
            found.append(element(after.to_bytes(size, "big"), flags=_INTERVAL_END))
    return tuple(found)
