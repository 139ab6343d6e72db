"""The attributes of netfilter's messages: their numbers are big-endian, unlike those of other netlink. Pure.

Follows include/uapi/linux/netfilter/nfnetlink.h; ``kubehost.netlink`` has what all netlink has in common.
"""

from __future__ import annotations

from kubehost.netlink import NESTED, attribute


def header(family: int, resource: int = 0) -> bytes:
    """Return what every message has before its attributes (nfgenmsg); ``resource`` is the subsystem of a batch."""
    return bytes((family, 0)) + resource.to_bytes(2, "big")


HEADER_SIZE = 4


def nested(kind: int, *inner: bytes) -> bytes:
    """Return an attribute that consists of attributes."""
    return attribute(kind | NESTED, b"".join(inner))


def number(kind: int, value: int) -> bytes:
    """Return an attribute of 32 bits."""
    return attribute(kind, value.to_bytes(4, "big"))


def signed(kind: int, value: int) -> bytes:
    """Return an attribute of 32 bits that may be negative."""
    return attribute(kind, value.to_bytes(4, "big", signed=True))


def long_number(kind: int, value: int) -> bytes:
    """Return an attribute of 64 bits."""
    return attribute(kind, value.to_bytes(8, "big"))
