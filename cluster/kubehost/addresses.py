"""Socket addresses: as text, which of them are loopback, and from which one a peer is dialled. Pure."""

from __future__ import annotations

Address = tuple[str, int]
"""An IP address and a port, as ``bind`` and ``connect`` take them."""

LOCALHOST = "127.0.0.1"
"""The source address that the kernel chooses for every peer in 127.0.0.0/8."""

LOCALHOST_V6 = "::1"
"""That of IPv6."""

LOOPBACK_PREFIX = "127."
"""Start of every address in 127.0.0.0/8, all of which are this machine's without any set-up on Linux."""


def is_loopback(address: str) -> bool:
    """Tell whether an IPv4 address is in 127.0.0.0/8; False for IPv6, whose loopback network is ``::1`` alone."""
    return address.startswith(LOOPBACK_PREFIX)


def in_brackets(address: str) -> str:
    """Return an address as URLs have it: IPv6 in brackets, anything else as it is."""
    return f"[{address}]" if ":" in address else address


def join_host_port(address: str, port: int) -> str:
    """Return ``address:port``, IPv6 in brackets (Go's net.JoinHostPort)."""
    return f"[{address}]:{port}" if ":" in address else f"{address}:{port}"


def source_for(client: str, target: str) -> str:
    """Return the address to dial ``target`` from so that it sees the client's address; "" if the kernel may choose.

    The kernel reaches 127.0.0.0/8 from 127.0.0.1 by itself, which saves two calls. A client's address that cannot
    reach the target (the other family, or only one of them loopback) is given up.
    """
    if client == LOCALHOST:
        return ""
    is_alike = is_loopback(client) == is_loopback(target) and (":" in client) == (":" in target)
    return client if is_alike else ""
