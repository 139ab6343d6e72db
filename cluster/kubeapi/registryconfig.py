"""The settings of the cluster that objects are validated against, and addresses allocated from."""

from __future__ import annotations

from collections.abc import Mapping, Set
from dataclasses import dataclass, field
from functools import cached_property
from ipaddress import ip_network

from kubeapi.balancing import Option


@dataclass(frozen=True)
class RegistryConfig:
    """The settings of the cluster; the composition root fills them from the cluster configuration."""

    service_cidr: str = "127.96.0.0/12"
    """Where cluster IPs come from; for a dual-stack cluster two CIDRs, one of each family, with a comma between."""

    node_port_range: tuple[int, int] = (30000, 32767)
    """First and last node port, both included."""

    balancers: Mapping[str, tuple[Option, ...]] = field(default_factory=dict)
    """The values that the annotation ``kubesvc.dev/balancer`` may have, with their options; without any, all may."""

    balancer_aliases: Set[str] = frozenset()
    """Those of them that messages do not list, because they are other names for the rest."""

    default_balancer: str = ""
    """The algorithm of Services without that annotation."""

    has_sandboxes: bool = False
    """Whether pods have namespaces of their own, in which more of their spec is acted on."""

    has_all_ids: bool = False
    """Whether a pod's process can have any user and groups, as root gives them."""

    limited_resources: frozenset[str] = frozenset()
    """The resources of containers whose limits are enforced: cpu, memory, where control groups may be made."""

    @cached_property
    def service_cidrs(self) -> tuple[str, ...]:
        """The service CIDRs, that of the cluster's preferred family first."""
        return tuple(each.strip() for each in self.service_cidr.split(","))

    @cached_property
    def ip_families(self) -> tuple[str, ...]:
        """The families of the service CIDRs: IPv4, IPv6 or both."""
        return tuple(f"IPv{ip_network(each).version}" for each in self.service_cidrs)
