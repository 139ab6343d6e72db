"""Which Service ports the kernel can serve as the userspace engine would, and why it cannot serve another. Pure."""

from __future__ import annotations

from collections.abc import Callable

from kubeproxy.algorithms import algorithm_of
from kubeproxy.rules import PortRule
from kubeproxy.types import family_of

ALGORITHM = "random"
"""The one that nftables has."""
_PROTOCOLS = ("TCP", "UDP")
"""Not every kernel translates SCTP, and none of ours could be tried."""


def why_not(rule: PortRule, default_balancer: str, is_in_cluster: Callable[[str], bool]) -> str:
    """Return why the kernel cannot serve a Service port, "" if it can.

    ``is_in_cluster`` tells whether packets reach an endpoint's address in the cluster's network.
    """
    port = rule.service_port
    if port.is_http:
        return "requests are balanced, and the kernel sees connections only"
    algorithm = algorithm_of(port, default_balancer).name
    if algorithm != ALGORITHM:
        return f"the algorithm {algorithm} is not one of nftables"
    if port.name.protocol not in _PROTOCOLS:
        return f"{port.name.protocol} is left to sockets"
    for each in rule.reachable().values():
        if family_of(each.ip) != port.name.family or not is_in_cluster(each.ip):
            return f"endpoint {each.address} is outside of the cluster's network"
    return ""
