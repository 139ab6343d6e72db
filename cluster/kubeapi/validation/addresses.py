"""The syntax of IP addresses and networks, as Kubernetes has it since 1.36: strict for new values.

Every function returns the texts of the faults, or yields warnings, none for a good value. Follows
k8s.io/apimachinery ``util/validation/ip.go``.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from ipaddress import (
    IPv4Address,
    IPv4Network,
    IPv6Address,
    IPv6Network,
    ip_address,
    ip_network,
)

from kubeapi.status import FieldError

_LINK_LOCAL_MULTICAST = {4: ip_network("224.0.0.0/24"), 6: ip_network("ff02::/16")}
_NO_ADDRESS = "must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)"
_NO_CIDR = "must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)"
_STRICT = (
    "must not have leading 0s",
    "must not be an IPv4-mapped IPv6 address",
    "must not have leading 0s in IP or prefix length",
    "must not have an IPv4-mapped IPv6 address",
    "must not have bits set beyond the prefix length",
)
_ZEROS, _MAPPED, _CIDR_ZEROS, _CIDR_MAPPED, _BITS = _STRICT
_FORM = "AddressForm"
"""Reason of a warning about how an address is written."""
_CACHED = 4096
"""Results kept: an address is checked several times."""


@lru_cache(_CACHED)
def parse_address(value: str) -> IPv4Address | IPv6Address | None:
    """Return an IP address, None if the text is none."""
    try:
        return None if "%" in value else ip_address(value)
    except ValueError:
        return None


def _without_zeros(value: str) -> str:
    """Return an address without the leading zeros of its decimal parts, which ``ParseIPSloppy`` passes over."""
    head, colon, tail = value.rpartition(":")
    if "." not in tail:
        return value
    return head + colon + ".".join(part.lstrip("0") or part[:1] for part in tail.split("."))


def _sloppy_address(value: str) -> IPv4Address | IPv6Address | None:
    return parse_address(value) or parse_address(_without_zeros(value))


def _mapped(parsed: IPv4Address | IPv6Address) -> IPv4Address | None:
    return parsed.ipv4_mapped if isinstance(parsed, IPv6Address) else None


def address(value: str) -> tuple[str, ...]:
    """Return the faults of an IP address in a field that is older than canonical forms (IsValidIPForLegacyField)."""
    parsed = _sloppy_address(value)
    if parsed is None:
        return (_NO_ADDRESS,)
    if parse_address(value) is None:
        return (_ZEROS,)
    return (_MAPPED,) if _mapped(parsed) else ()


def canonical_address(value: str) -> tuple[str, ...]:
    """Return the faults of an IP address that must be in its canonical form (IsValidIP)."""
    faults, text = address(value), str(parse_address(value))
    return faults or (() if text == value else (f'must be in canonical form ("{text}")',))


class _Cidr:
    """A network as it is written: the address before the slash, and the network; ``is_loose``: it has leading zeros."""

    def __init__(self, value: str) -> None:
        written, slash, prefix = value.partition("/")
        parsed = _sloppy_address(written)
        is_number = prefix.isascii() and prefix.isdecimal()
        if parsed is None or not slash or not is_number or int(prefix) > parsed.max_prefixlen:
            raise ValueError(value)
        self.address = parsed
        self.network: IPv4Network | IPv6Network = ip_network(f"{parsed}/{int(prefix)}", strict=False)
        self.is_loose = parse_address(written) is None or prefix != str(int(prefix))


def _read_cidr(value: str) -> _Cidr | None:
    try:
        return _Cidr(value)
    except ValueError:
        return None


def is_cidr(value: str) -> bool:
    """Tell whether a text is a network, in whatever form (ParseCIDRSloppy)."""
    return _read_cidr(value) is not None


@lru_cache(_CACHED)
def cidr(value: str) -> tuple[str, ...]:
    """Return the faults of a network in a field that is older than canonical forms (IsValidCIDRForLegacyField)."""
    read = _read_cidr(value)
    if read is None:
        return (_NO_CIDR,)
    if read.is_loose:
        return (_CIDR_ZEROS,)
    if _mapped(read.address):
        return (_CIDR_MAPPED,)
    return () if read.address == read.network.network_address else (_BITS,)


def canonical_cidr(value: str) -> tuple[str, ...]:
    """Return the faults of a network that must be in its canonical form (IsValidCIDR)."""
    if faults := cidr(value):
        return faults
    text = str(ip_network(value))
    return () if text == value else (f'must be in canonical form ("{text}")',)


def is_about_form(fault: FieldError) -> bool:
    """Tell whether a fault is one that older versions accepted, so that a value that is stored may stay."""
    return fault.message.endswith(_STRICT)


def address_warnings(path: str, value: str) -> Iterator[FieldError]:
    """Yield the warning about a valid address that is not in its usual form (GetWarningsForIP)."""
    strict, parsed = parse_address(value), _sloppy_address(value)
    if parsed is None:
        return
    if strict is None or (mapped := _mapped(parsed)):
        use = mapped if strict else parsed
        yield FieldError(_FORM, path, f'non-standard IP address "{value}" is invalid: use "{use}"')
    elif parsed.version == 6 and str(parsed) != value:
        text = f'IPv6 address "{value}" should be in RFC 5952 canonical format ("{parsed}")'
        yield FieldError(_FORM, path, text)


def cidr_warnings(path: str, value: str) -> Iterator[FieldError]:
    """Yield the warnings about a valid network that is not in its usual form (GetWarningsForCIDR)."""
    read = _read_cidr(value)
    if read is None:
        return
    network, faults = read.network, cidr(value)
    if read.address != network.network_address:
        single = f"{read.address}/{network.max_prefixlen}"
        text = f'CIDR value "{value}" is ambiguous in this context (should be "{network}" or "{single}"?)'
        yield FieldError(_FORM, path, text)
    if faults in ((_CIDR_ZEROS,), (_CIDR_MAPPED,)):
        yield FieldError(_FORM, path, f'non-standard CIDR value "{value}" is invalid: use "{network}"')
    elif not faults and network.version == 6 and str(network) != value:
        text = f'IPv6 CIDR value "{value}" should be in RFC 5952 canonical format ("{network}")'
        yield FieldError(_FORM, path, text)


def special_address(value: str) -> tuple[str, ...]:
    """Return the faults of an address that traffic cannot be sent to (ValidateEndpointIP).

    Kubernetes also refuses 127.0.0.0/8, in which the addresses of this cluster are.
    """
    parsed = parse_address(value)
    if parsed is None:
        return ("must be a valid IP address",)
    if parsed.is_unspecified:
        return (f"may not be unspecified ({value})",)
    if parsed.is_link_local:
        return ("may not be in the link-local range (169.254.0.0/16, fe80::/10)",)
    if parsed in _LINK_LOCAL_MULTICAST[parsed.version]:
        return ("may not be in the link-local multicast range (224.0.0.0/24, ff02::/10)",)
    return ()
