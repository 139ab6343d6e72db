"""IP addresses and CIDRs (apiserver ``library/ip.go``, ``cidr.go``). Pure."""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_interface
from typing import ClassVar

from kubeapi.cel.declarations import Function, define, type_named
from kubeapi.cel.faults import EvaluationError
from kubeapi.cel.types import Type


@dataclass(frozen=True, slots=True)
class Address:
    """An address."""

    address: IPv4Address | IPv6Address
    cel_type: ClassVar[Type] = type_named("ip")

    def __str__(self) -> str:
        return str(self.address)


@dataclass(frozen=True, slots=True)
class Range:
    """An address with the length of its prefix."""

    address: IPv4Address | IPv6Address
    length: int
    cel_type: ClassVar[Type] = type_named("cidr")

    def __str__(self) -> str:
        return f"{self.address}/{self.length}"

    def contains(self, address: IPv4Address | IPv6Address) -> bool:
        """Tell whether an address begins with the prefix."""
        shift = self.address.max_prefixlen - self.length
        return address.version == self.address.version and int(address) >> shift == int(self.address) >> shift

    def masked(self) -> Range:
        """Return the range with nothing after the prefix."""
        shift = self.address.max_prefixlen - self.length
        return Range(type(self.address)(int(self.address) >> shift << shift), self.length)


def _address(text: str) -> Address:
    try:
        found = ip_address(text)
    except ValueError:
        raise EvaluationError(f'IP Address "{text}" parse error during conversion from string: ' + _why(text)) from None
    if "%" in text:
        raise EvaluationError(f'IP address "{text}" with zone value is not allowed')
    if isinstance(found, IPv6Address) and found.ipv4_mapped is not None:
        raise EvaluationError(f'IPv4-mapped IPv6 address "{text}" is not allowed')
    return Address(found)


def _why(text: str) -> str:
    return f'ParseAddr("{text}"): unable to parse IP'


def _range(text: str) -> Range:
    address, slash, length = text.partition("/")
    try:
        if not slash or not length.isdigit() or (length.startswith("0") and length != "0"):
            raise ValueError
        found = ip_interface(text)
    except ValueError:
        detail = f'network address parse error during conversion from string: netip.ParsePrefix("{text}")'
        raise EvaluationError(f"{detail}: {'no' if not slash else 'bad'} {'/' if not slash else 'prefix'}") from None
    ip = _address(address).address
    return Range(ip, found.network.prefixlen)


def _is_address(text: str) -> bool:
    try:
        _address(text)
    except EvaluationError:
        return False
    return True


def _is_range(text: str) -> bool:
    try:
        _range(text)
    except EvaluationError:
        return False
    return True


def _contains_range(one: Range, other: Range | str) -> bool:
    inner = _range(other) if isinstance(other, str) else other
    return one.length <= inner.length and one.contains(inner.address)


def _is_global(one: Address) -> bool:
    address = one.address
    is_special = address.is_unspecified or address.is_loopback or address.is_multicast or address.is_link_local
    return not is_special and str(address) != "255.255.255.255"


ADDRESSES: tuple[Function, ...] = (
    define("ip", "(string) ip | cidr.() ip", lambda of: _address(of) if isinstance(of, str) else Address(of.address)),
    define("isIP", "(string) bool", _is_address),
    define("ip.isCanonical", "(string) bool", lambda text: str(_address(text)) == text),
    define("family", "ip.() int", lambda one: one.address.version),
    define("isUnspecified", "ip.() bool", lambda one: one.address.is_unspecified),
    define("isLoopback", "ip.() bool", lambda one: one.address.is_loopback),
    define("isLinkLocalMulticast", "ip.() bool", lambda one: _is_local_multicast(one.address)),
    define("isLinkLocalUnicast", "ip.() bool", lambda one: one.address.is_link_local),
    define("isGlobalUnicast", "ip.() bool", _is_global),
    define("cidr", "(string) cidr", _range),
    define("isCIDR", "(string) bool", _is_range),
    define(
        "containsIP",
        "cidr.(string) bool | cidr.(ip) bool",
        lambda one, other: one.contains((_address(other) if isinstance(other, str) else other).address),
    ),
    define("containsCIDR", "cidr.(string) bool | cidr.(cidr) bool", _contains_range),
    define("prefixLength", "cidr.() int", lambda one: one.length),
    define("masked", "cidr.() cidr", Range.masked),
    define("string", "(ip) string | (cidr) string", str),
)


def _is_local_multicast(address: IPv4Address | IPv6Address) -> bool:
    return address.packed[:3] == b"\xe0\0\0" if address.version == 4 else address.packed[:2] == b"\xff\x02"
