"""The rule by which what pods send out of the cluster's network comes from its own address there. Pure.

As nft(8) has it, in a table of its own, for each family:

    table ip kubesvc-internet {
        chain postrouting { type nat hook postrouting priority 110; oifname "kubesvc0" masquerade; }
    }

The chain comes after kube-proxy's, whose translations are those of Services.
"""

from __future__ import annotations

from collections.abc import Iterator

from kubeproxy.nft.attributes import nested, number, signed, text
from kubeproxy.nft.expressions import compare, expression, load_meta
from kubeproxy.nft.forms import V4, V6
from kubeproxy.nft.messages import Message
from kubesvc.network.pasta import INTERFACE

TABLE, CHAIN = "kubesvc-internet", "postrouting"
_NFTABLES = 10 << 8
_NEW_TABLE, _DELETE_TABLE, _NEW_CHAIN, _NEW_RULE = (_NFTABLES | each for each in (0, 2, 3, 6))
_CREATE, _APPEND = 0x400, 0x800
"""linux/netlink.h, linux/netfilter/nf_tables.h."""
_POSTROUTING, _PRIORITY = 4, 110
_OUTPUT_INTERFACE = 7
"""NFT_META_OIFNAME, in 16 bytes (IFNAMSIZ)."""


def masquerading() -> Iterator[Message]:
    """Yield the messages that make the tables, in place of earlier ones."""
    leaves = load_meta(_OUTPUT_INTERFACE) + compare(INTERFACE.encode().ljust(16, b"\0"))
    rule = leaves + expression("masq")
    for family in (V4, V6):
        table = Message(_NEW_TABLE, _CREATE, family.number, text(1, TABLE))
        yield from (table, Message(_DELETE_TABLE, 0, family.number, text(1, TABLE)), table)
        hook = nested(4, number(1, _POSTROUTING), signed(2, _PRIORITY))
        chain = text(1, TABLE) + text(3, CHAIN) + hook + text(7, "nat")
        yield Message(_NEW_CHAIN, _CREATE, family.number, chain)
        yield Message(_NEW_RULE, _CREATE | _APPEND, family.number, text(1, TABLE) + text(2, CHAIN) + nested(4, rule))
