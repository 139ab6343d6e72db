"""Refuses to be a second kube-proxy in one network, whose rules would answer first."""

from __future__ import annotations

import contextlib
from collections.abc import Callable

from kubehost.io.places import HOST
from kubeproxy.nft.io import netfilter
from kubeproxy.nft.io.foreign import other_proxies
from kubesvc.remote.errors import CommandError


def check_neighbours(say: Callable[[str], None], *, is_wanted: bool) -> None:
    """Look for kube-proxy's rules, as root alone may; CommandError if they are there and that is not ``is_wanted``."""
    try:
        sock = netfilter.NetfilterSocket(HOST.socket(netfilter.FAMILY, netfilter.KIND, netfilter.PROTOCOL))
        with contextlib.closing(sock):
            found = ", ".join(other_proxies(sock))
    except OSError:  # not root, or a kernel without nf_tables
        return
    if not found:
        return
    problem = f"kube-proxy's own rules are in this network ({found}) and take packets before this proxy"
    if not is_wanted:
        raise CommandError(f"{problem}; remove them (`kube-proxy --cleanup`), or start with --beside-kube-proxy")
    say(problem)
