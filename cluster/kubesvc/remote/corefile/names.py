"""Zones and the addresses of server blocks, as a Corefile writes them (CoreDNS ``plugin/normalize.go``). Pure.

A zone is lower case without its last dot, but "." for the root. A network stands for its reverse zones: 10.0.0.0/9 is
two of /16, as a zone ends at an octet, or for IPv6 at a nibble.
"""

from __future__ import annotations

from ipaddress import ip_network
from typing import NamedTuple

from kubedns.names import wire_of

ROOT = "."
DNS, DNS_PORT = "dns", 53
SCHEMES = (DNS, "tls", "quic", "https", "https3", "grpc")

_STEPS = {4: 8, 6: 4}
"""Bits of one label of a reverse zone."""


class Key(NamedTuple):
    """The address of a server block."""

    zones: tuple[str, ...]
    port: int
    scheme: str


def read_key(text: str) -> Key:
    """Read ``[scheme://]zone[:port]``; ValueError for what is none."""
    scheme, separator, rest = text.rpartition("://")
    if separator and scheme not in SCHEMES:
        raise ValueError(f"{scheme}:// is no scheme of a server block")
    zone, _, port = rest.rpartition(":")
    if not port.isdecimal():
        zone, port = rest, str(DNS_PORT)
    if not 0 < int(port) < 65536:
        raise ValueError(f"{port} is no port")
    # CoreDNS reads ":53" as the root's zone on that port.
    return Key(read_zones(zone or ROOT), int(port), scheme or DNS)


def read_zones(text: str) -> tuple[str, ...]:
    """Return the zone that is written, several for a network; ValueError for what is no name."""
    if "/" in text:
        return _reverse_zones(text)
    zone = text.lower().removesuffix(".") or ROOT
    try:
        wire_of(zone)
    except (ValueError, UnicodeEncodeError) as error:
        raise ValueError(f"{text!r} is no domain name") from error
    return (zone,)


def is_in(name: str, zone: str) -> bool:
    """Tell whether a zone has another below it, or is it; every zone is in the root."""
    return zone == ROOT or name == zone or name.endswith(f".{zone}")


def narrower(one: str, other: str) -> str:
    """Return the one of two zones that is in the other, "" if neither is."""
    return one if is_in(one, other) else other if is_in(other, one) else ""


def is_reverse(zone: str) -> bool:
    """Tell whether a zone has the names of addresses."""
    return is_in(zone, "in-addr.arpa") or is_in(zone, "ip6.arpa")


def _reverse_zones(text: str) -> tuple[str, ...]:
    try:
        network = ip_network(text, strict=False)
    except ValueError as error:
        raise ValueError(f"{text!r} is no network") from error
    step = _STEPS[network.version]
    length = -(-network.prefixlen // step) * step
    found = []
    for each in network.subnets(new_prefix=length):
        pointer = each.network_address.reverse_pointer.split(".")
        found.append(".".join(pointer[(each.max_prefixlen - length) // step :]))
    return tuple(found)
