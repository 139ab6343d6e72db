"""To which endpoint the kernel has pinned a client, for ``trace``."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from typing import NamedTuple

from kubeproxy.nft.io.netfilter import NetfilterSocket
from kubeproxy.nft.naming import affinity_set
from kubeproxy.nft.netlink.forms import Family, packed
from kubeproxy.nft.netlink.messages import get_element, read_seconds_left
from kubeproxy.rules import Decision


class Pin(NamedTuple):
    """A client's endpoint (``ip:port``), and for how many seconds more."""

    address: str
    seconds: float


def find_pin(sock: NetfilterSocket, families: Mapping[str, Family], decision: Decision) -> Pin | None:
    """Return the pin of the client whose packet was decided, None if it has none; OSError."""
    route = decision.route
    for each in decision.endpoints if route is not None else ():
        assert route is not None
        family = families[route.port_name.family]
        question = get_element(family, affinity_set(route, each), packed(decision.packet.source))
        with contextlib.suppress(FileNotFoundError):
            for answer in sock.request(question):
                return Pin(each.address, read_seconds_left(answer))
    return None
