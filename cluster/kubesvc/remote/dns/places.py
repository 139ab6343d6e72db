"""Where `kubesvc dns` answers on this machine: addresses as a Corefile means them, and what stands in their way."""

from __future__ import annotations

import errno
import socket
from collections.abc import Sequence
from dataclasses import replace

from kubedns.config import DNSConfig
from kubehost.addresses import Address, is_loopback, join_host_port
from kubehost.io.machine import own_addresses


def here(config: DNSConfig) -> DNSConfig:
    """Return the settings for this machine as it is now: its addresses in place of "", which is every one."""
    addresses = tuple(place for each in config.addresses for place in everywhere(each))
    bound = own_addresses() if any(not host for host, _ in config.addresses) else [host for host, _ in addresses]
    own = tuple(each for each in bound if not is_loopback(each) and each != "::1")
    return replace(config, addresses=addresses, own_addresses=own)


def everywhere(address: Address) -> tuple[Address, ...]:
    """Return the addresses to bind for one of a configuration, whose host "" is every address of both families."""
    host, port = address
    if host:
        return (address,)
    return (("0.0.0.0", port), ("::", port)) if _has_ipv6() else (("0.0.0.0", port),)  # noqa: S104  as CoreDNS


def _has_ipv6() -> bool:
    """Tell whether this machine has IPv6 at all: then an interface has an address of it."""
    try:
        with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as probe:
            probe.bind(("::1", 0))
    except OSError:
        return False
    return True


def places_text(addresses: Sequence[Address]) -> str:
    """Return addresses as the user reads them."""
    return ", ".join(join_host_port(*each) for each in addresses)


def cannot_bind(error: OSError) -> str:
    """Return the sentence for an address that could not be bound, with a remedy."""
    remedies = {
        errno.EACCES: "ports below 1024 are root's: give another by --listen 127.0.0.1:5353, or allow them: "
        "sudo sysctl net.ipv4.ip_unprivileged_port_start=53",
        errno.EADDRINUSE: "another name server has it: name other addresses, as in --listen 127.0.0.1:5353",
        errno.EADDRNOTAVAIL: "it is no address of this machine: name another, as in --listen 127.0.0.1:5353",
    }
    remedy = remedies.get(error.errno or 0, "name other addresses, as in --listen 127.0.0.1:5353")
    return f"{error.strerror}; {remedy}"
