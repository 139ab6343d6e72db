"""The network of a cluster's sandboxes, from its configuration. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from ipaddress import ip_network
from typing import TYPE_CHECKING

from kubelet.spec.sandbox import ClusterNetwork, NodeNetwork

if TYPE_CHECKING:
    from kubesvc.config import ClusterConfiguration, NodeConfiguration


def cluster_network(config: ClusterConfiguration) -> ClusterNetwork:
    """Return what the agent makes: the nodes' addresses and gateways, and the ranges that are local to them."""
    networking = config.networking
    outside = dict.fromkeys(f"{each.address}/32" for each in config.external_hosts if each.is_served)
    return ClusterNetwork(
        nodes=tuple(map(_node, config.nodes)),
        pod_cidrs=_present((networking.pod_subnet, networking.pod_subnet_v6)),
        service_cidrs=_present((networking.service_subnet, networking.service_subnet_v6)),
        # Servers that kubesvc runs for hosts outside answer in the cluster's network too, so they are local there.
        load_balancer_cidrs=(networking.load_balancer_subnet, *(outside if config.plan.is_exact else ())),
        is_loopback_plan=not config.plan.is_exact,
    )


def _node(node: NodeConfiguration) -> NodeNetwork:
    cidrs = _present((node.pod_cidr, node.pod_cidr_v6))
    gateways = tuple(str(ip_network(each)[1]) for each in cidrs)
    return NodeNetwork(node.name, _present((node.address, node.address_v6)), gateways, cidrs)


def _present(values: Iterable[str]) -> tuple[str, ...]:
    return tuple(each for each in values if each)
