"""The network in which the pods' sandboxes are, derived from the cluster configuration. Pure."""

from __future__ import annotations

from ipaddress import ip_network

from kubelet.sandbox.spec import ClusterNetwork, NodeNetwork
from kubesvc.config import ClusterConfiguration


def cluster_network(config: ClusterConfiguration) -> ClusterNetwork:
    """Return the network in which the pods' sandboxes are."""
    networking = config.networking
    nodes = []
    for each in config.nodes:
        cidrs = _present(each.pod_cidr, each.pod_cidr_v6)
        gateways = tuple(str(ip_network(cidr)[1]) for cidr in cidrs)
        nodes.append(NodeNetwork(each.name, _present(each.address, each.address_v6), gateways, cidrs))
    outside = dict.fromkeys(f"{each.address}/32" for each in config.external_hosts if each.is_served)
    return ClusterNetwork(
        nodes=tuple(nodes),
        pod_cidrs=_present(networking.pod_subnet, networking.pod_subnet_v6),
        service_cidrs=_present(networking.service_subnet, networking.service_subnet_v6),
        # Servers that kubesvc runs for hosts outside answer in the cluster's network too, so they are local there.
        load_balancer_cidrs=(networking.load_balancer_subnet, *(outside if config.plan.is_exact else ())),
        is_loopback_plan=not config.plan.is_exact,
    )


def _present(*each: str) -> tuple[str, ...]:
    return tuple(filter(None, each))
