"""pasta, by which a network namespace of an ordinary user reaches what its host reaches: whether it can, and how.

It is a process of the user that reads the packets of an interface in the namespace, and has a socket of the host for
each connection in them. See passt.top and pasta(1).
"""

from __future__ import annotations

import os
import shutil

INTERFACE = "kubesvc0"
"""Its interface in the cluster's network; at most 15 characters."""
_TUN = "/dev/net/tun"
_ROOT = ("--runas", "0")
"""As root it becomes nobody by itself, which may not enter the namespace."""
_OPTIONS = (
    *("--foreground", "--quiet", "--stderr"),
    "--config-net",
    *("--ns-ifname", INTERFACE),
    # No port of the host leads into the network, and none of the host's loopback is reached from it.
    *("--tcp-ports", "none", "--udp-ports", "none", "--tcp-ns", "none", "--udp-ns", "none", "--no-map-gw"),
    *("--no-dhcp", "--no-dhcpv6", "--no-ndp", "--no-ra"),
)


def pasta_error() -> str:
    """Return why pods cannot reach the internet by pasta, "" if they can. Tried by opening what it needs."""
    if shutil.which("pasta") is None:
        return "pasta is not installed"
    try:
        os.close(os.open(_TUN, os.O_RDWR | os.O_CLOEXEC))
    except OSError as error:
        return f"{_TUN} cannot be opened: {error.strerror}"
    return ""


def pasta_command(pid: int) -> tuple[str, ...]:
    """Return the command that serves the network of a process until it is killed."""
    return ("pasta", *_OPTIONS, *(_ROOT if os.geteuid() == 0 else ()), str(pid))
