"""The rule by which what pods send out of the cluster's network comes from its own address there. Pure.

As nft(8) has it, in a table of its own, for each family:

    table ip kubesvc-internet {
        chain postrouting { type nat hook postrouting priority 110; oifname "kubesvc0" masquerade; }
    }

The chain comes after kube-proxy's, whose translations are those of Services.
"""

from __future__ import annotations

from collections.abc import Iterator

from kubehost.netlink import APPEND, CREATE, Message, text_attribute
from kubeproxy.nft.netlink.attributes import header, nested, number, signed
from kubeproxy.nft.netlink.expressions import compare, expression, load_meta
from kubeproxy.nft.netlink.forms import V4, V6
from kubesvc.network.pasta import INTERFACE

TABLE, CHAIN = "kubesvc-internet", "postrouting"
_NFTABLES = 10 << 8
_NEW_TABLE, _DELETE_TABLE, _NEW_CHAIN, _NEW_RULE = (_NFTABLES | each for each in (0, 2, 3, 6))
"""linux/netfilter/nf_tables.h."""
_POSTROUTING, _PRIORITY = 4, 110
_OUTPUT_INTERFACE = 7
"""NFT_META_OIFNAME, in 16 bytes (IFNAMSIZ)."""


def masquerading() -> Iterator[Message]:
    """Yield the messages that make the tables, in place of earlier ones."""
    leaves = load_meta(_OUTPUT_INTERFACE) + compare(INTERFACE.encode().ljust(16, b"\0"))
    rule = leaves + expression("masq")
    table, chain, subject = text_attribute(1, TABLE), text_attribute(3, CHAIN), f"table {TABLE}"
    for family in (V4, V6):
        begin = header(family.number)
        new = Message(_NEW_TABLE, CREATE, begin + table, subject)
        yield from (new, Message(_DELETE_TABLE, 0, begin + table, subject), new)
        hook = nested(4, number(1, _POSTROUTING), signed(2, _PRIORITY)) + text_attribute(7, "nat")
        yield Message(_NEW_CHAIN, CREATE, begin + table + chain + hook, subject)
        to = text_attribute(2, CHAIN)
        yield Message(_NEW_RULE, CREATE | APPEND, begin + table + to + nested(4, rule), subject)
