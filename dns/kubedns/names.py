"""Names: conversion between text, wire and labels, and the parts of a name below the zone.

``parse_name`` reads from the right, so that a Service called ``svc`` or a namespace called ``pod`` is no special
case. It goes by the shape of the name alone, not by what exists. Follows the Kubernetes DNS specification 1.1.0 and
CoreDNS ``plugin/kubernetes/parse.go``.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from ipaddress import AddressValueError, IPv4Address, IPv6Address, ip_address

from kubedns.types import Labels, ZoneName

MAX_LABEL = 63
MAX_NAME = 255
REVERSE_V4: Labels = (b"in-addr", b"arpa")
REVERSE_V6: Labels = (b"ip6", b"arpa")

_POD_LABEL = re.compile(rb"[0-9a-f-]+")
_OCTETS = {str(each).encode(): each for each in range(256)}
"""The octets of an IPv4 address as they are written, without leading zeros."""

_NIBBLES = frozenset(b"%x" % each for each in range(16))


def parse_name(labels: Labels) -> ZoneName | None:
    """Read the labels left of the zone; None for a name that can never exist."""
    if not labels or labels[-1] not in (b"svc", b"pod"):
        return None
    kind = labels[-1]
    match labels[:-1]:
        case (port, protocol, service, namespace):
            name = ZoneName(kind, namespace, service, b"", port.removeprefix(b"_"), protocol.removeprefix(b"_"))
            return name if name.port and name.protocol else None
        case (endpoint, service, namespace):
            return ZoneName(kind, namespace, service, endpoint)
        case (service, namespace):
            return ZoneName(kind, namespace, service)
        case (namespace,):
            return ZoneName(kind, namespace)
    return ZoneName(kind) if len(labels) == 1 else None


def pod_address(label: bytes) -> bytes | None:
    """Return the packed address in a pod's label: exactly three dashes and none doubled is IPv4, anything else IPv6."""
    parts = label.split(b"-")
    if len(parts) == 4 and parts[1] and parts[2]:
        return _packed_octets(parts)
    if not _POD_LABEL.fullmatch(label):
        return None
    try:
        return IPv6Address(label.decode().replace("-", ":")).packed
    except AddressValueError:
        return None


def _packed_octets(octets: Sequence[bytes]) -> bytes | None:
    try:
        return bytes([_OCTETS[each] for each in octets])
    except KeyError:
        return None


def dashed(address: IPv4Address | IPv6Address) -> bytes:
    """Return the label of an endpoint without a hostname; one that would end in "-" gets a "0" (fd00:: -> fd00--0)."""
    text = str(address).replace(".", "-").replace(":", "-")
    return (text + "0" if text.endswith("-") else text).encode()


def reverse_address(labels: Labels) -> bytes | None:
    """Return the packed address that a name below in-addr.arpa or ip6.arpa stands for; None for a partial one."""
    digits = labels[-3::-1]
    if labels[-2:] == REVERSE_V4 and len(digits) == 4:
        return _packed_octets(digits)
    if labels[-2:] == REVERSE_V6 and len(digits) == 32 and _NIBBLES.issuperset(digits):
        return bytes.fromhex(b"".join(digits).decode())
    return None


def packed_address(text: str) -> bytes | None:
    """Return the 4 or 16 bytes of an address, None if the text is none."""
    octets = text.encode("ascii", "replace").split(b".")
    if len(octets) == 4 and (packed := _packed_octets(octets)):
        return packed
    try:
        return ip_address(text).packed
    except ValueError:
        return None


def is_below(labels: Labels, domain: Labels) -> bool:
    """Tell whether a name is a domain or in it, label by label; every name is in the root."""
    return labels[len(labels) - len(domain) :] == domain


def to_wire(labels: Iterable[bytes]) -> bytes:
    """Return the labels as a name on the wire; ValueError if a label or the name is too long, or a label empty."""
    parts = [_label(each) for each in labels]
    wire = b"".join(parts) + b"\0"
    if len(wire) > MAX_NAME:
        raise ValueError(f"a name has at most {MAX_NAME} bytes")
    return wire


def _label(label: bytes) -> bytes:
    if not 0 < len(label) <= MAX_LABEL:
        raise ValueError(f"a label has 1 to {MAX_LABEL} bytes: {label!r}")
    return bytes((len(label),)) + label


def wire_of(text: str) -> bytes:
    """Return a name in text, with or without its trailing dot, as wire; ValueError for what is no name."""
    stripped = text.removesuffix(".")
    return to_wire(stripped.encode("ascii").split(b".") if stripped else ())


def labels_of(wire: bytes) -> Labels:
    """Return the lower-case labels of an uncompressed name on the wire."""
    lowered, at, labels = wire.lower(), 0, []
    while length := lowered[at]:
        labels.append(lowered[at + 1 : at + 1 + length])
        at += length + 1
    return tuple(labels)


def text_of(wire: bytes) -> str:
    """Return a name as text, with its trailing dot."""
    labels, at = [], 0
    while length := wire[at]:
        labels.append(wire[at + 1 : at + 1 + length].decode("ascii", "backslashreplace"))
        at += length + 1
    return ".".join(labels) + "."
