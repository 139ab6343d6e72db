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


_BY_DESCRIPTOR = """
net=/proc/$1/ns/net user=/proc/$1/ns/user
shift
exec 5<"$net" 6<"$user" pasta "$@" --no-netns-quit --netns /proc/self/fd/5 --userns /proc/self/fd/6
"""
"""A shell, which is not confined, opens the namespaces."""


def pasta_command(pid: int, *, is_confined: bool = False) -> tuple[str, ...]:
    """Return the command that serves the network of a process until it is killed.

    Debian 12's AppArmor profile has pasta ``is_confined``: it may not look into the namespaces of a process by its pid.
    Later versions may, and close descriptors that they do not know.
    """
    options = *_OPTIONS, *(_ROOT if os.geteuid() == 0 else ())
    return ("sh", "-c", _BY_DESCRIPTOR, "sh", str(pid), *options) if is_confined else ("pasta", *options, str(pid))


def is_confinement(said: str) -> bool:
    """Tell whether pasta, which has ended with these words, was kept from a namespace."""
    return "namespace" in said and "Permission denied" in said
