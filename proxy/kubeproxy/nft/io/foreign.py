"""Finds the rules of another kube-proxy in this network: both would answer for the same Services."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from kubeproxy.nft.io.netfilter import NetfilterSocket
from kubeproxy.nft.netlink.forms import V4, V6
from kubeproxy.nft.netlink.messages import get_chain, get_table

_IPTABLES_TABLE, _IPTABLES_CHAIN = "nat", "KUBE-SERVICES"


def other_proxies(sock: NetfilterSocket) -> Iterator[str]:
    """Yield what kube-proxy has in the kernel: tables of nftables, chains of iptables (by nftables); OSError."""
    for family in (V4, V6):
        iptables = get_chain(family._replace(table=_IPTABLES_TABLE), _IPTABLES_CHAIN)
        found = f"table {family.name} {family.table}", f"chain {_IPTABLES_CHAIN} of iptables ({family.name})"
        for what, question in zip(found, (get_table(family), iptables), strict=True):
            with contextlib.suppress(FileNotFoundError):
                if list(sock.request(question)):
                    yield what
