"""The usual rule for addresses: the first octet becomes 127. On Linux all of 127.0.0.0/8 works without set-up. Pure."""

from __future__ import annotations

import socket
import struct

from kubehost.addresses import LOOPBACK_PREFIX, is_loopback


def read_ipv4(address: str) -> int | None:
    """Return a dotted IPv4 address as a number, None if the text is not one (``inet_pton``: no short forms)."""
    try:
        packed = socket.inet_pton(socket.AF_INET, address)
    except (OSError, ValueError):
        return None
    return int(struct.unpack("!I", packed)[0])


def stand_in(address: str) -> str:
    """Return where an IPv4 address is on this machine; anything else (IPv6, a name) stays as it is."""
    if is_loopback(address) or read_ipv4(address) is None:
        return address
    return LOOPBACK_PREFIX + address.partition(".")[2]
