"""Whether the addresses that a cluster has by default are free for the tests."""

from __future__ import annotations

from tests.helpers.cluster.ground import listening

from kubeproxy.portowner import find_port_owner

DECISIVE = (("127.96.0.10", 53), ("127.96.0.10", 10053), ("127.0.0.1", 30001), ("127.168.0.101", 30001))
"""Cluster DNS, for root and for anybody else, which every cluster has, and the tutorial's node port."""


def taken() -> str:
    """Return which of them somebody has, and who; "" if nobody does."""
    occupied = listening()
    for address, port in DECISIVE:
        if {(address, port), ("0.0.0.0", port)} & occupied:
            owner = find_port_owner(address, port)
            return f"{address}:{port} is taken by {owner or 'a process of another user'}"
    return ""
