"""What a program on a node sees in /etc: how names are resolved there. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence

from kubesvc.addresses.usual import read_ipv4

_HOSTS_LINE = re.compile(r"^(\s*hosts\s*:)(.*)$", re.MULTILINE)
_NAME = re.compile(r"[!-,/-~\-]{1,63}(\.[!-,/-~\-]{1,63})*")
"""A name on the wire: labels of 63 bytes at the most; the two ranges are what can be printed but for the dot."""
_LONGEST_NAME = 254
_PLAIN = ("files", "dns")


def resolv_conf(dns_address: str, zone: str, namespace: str) -> str:
    """Return the resolv.conf that pods of a namespace have, so that names are the same."""
    search = f"{namespace}.svc.{zone} svc.{zone} {zone}"
    return f"search {search}\nnameserver {dns_address}\noptions ndots:5\n"


def nsswitch_conf(own: str) -> str:
    """Return the machine's nsswitch.conf(5) with host names resolved by /etc/hosts and DNS alone; "" if it has that.

    Other sources (systemd-resolved, mDNS) ask services of the machine, which do not know the cluster's names.
    """
    found = _HOSTS_LINE.search(own)
    if found is not None and tuple(found[2].split()) == _PLAIN:
        return ""
    line = f"hosts: {' '.join(_PLAIN)}"
    return _HOSTS_LINE.sub(line, own) if found is not None else f"{own}{line}\n"


def hosts_file(nodes: Iterable[tuple[str, str]], outside: Mapping[str, Sequence[str]]) -> str:
    """Return the first /etc/hosts of the nodes: localhost, the nodes and the hosts outside the cluster."""
    lines = [
        "# The /etc/hosts of the nodes, in `kubesvc shell`. The cluster's DNS knows these names too.",
        "127.0.0.1 localhost",
        "::1 localhost ip6-localhost ip6-loopback",
        *(f"{address} {name}" for name, address in nodes),
        *(f"{address} {name}" for name, addresses in outside.items() for address in addresses),
    ]
    return "\n".join(lines) + "\n"


def read_hosts(text: str) -> dict[str, tuple[str, ...]]:
    """Return the IPv4 addresses by the names of a hosts(5) file, without those of this machine itself (127.0.0.1, ::1).

    What is no line of that form is passed over, as the C library does.
    """
    found: dict[str, tuple[str, ...]] = {}
    for line in text.splitlines():
        address, *names = line.partition("#")[0].split() or [""]
        if read_ipv4(address) is None or address == "127.0.0.1":
            continue
        for name in names:
            key = name.lower().rstrip(".")
            if _NAME.fullmatch(key) and len(key) < _LONGEST_NAME and address not in found.get(key, ()):
                found[key] = (*found.get(key, ()), address)
    return found
