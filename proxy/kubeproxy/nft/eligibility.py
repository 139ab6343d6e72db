"""Which Service ports the kernel can serve as the userspace engine would, and why it cannot serve another. Pure."""

from __future__ import annotations

from collections.abc import Callable

from kubeproxy.loadbalancing.algorithms import algorithm_of
from kubeproxy.rules import PortRule
from kubeproxy.types import Endpoint, family_of

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
    algorithm = algorithm_of(port, default_balancer)
    if algorithm.name != ALGORITHM or algorithm.has_options:
        with_options = " with options" if algorithm.has_options else ""
        return f"the algorithm {algorithm.name}{with_options} is not one of nftables"
    if port.name.protocol not in _PROTOCOLS:
        return f"{port.name.protocol} is left to sockets"
    return next(filter(None, (_doubt(each, port.name.family, is_in_cluster) for each in rule.reachable().values())), "")


def _doubt(endpoint: Endpoint, family: str, is_in_cluster: Callable[[str], bool]) -> str:
    if family_of(endpoint.ip) != family or not is_in_cluster(endpoint.ip):
        return f"endpoint {endpoint.address} is outside of the cluster's network"
    if endpoint.weight != 1:
        return f"endpoint {endpoint.address} has the weight {endpoint.weight}, and the kernel's choice has none"
    return ""
