"""Hosts outside the cluster, as the network needs them. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from kubesvc.config import ClusterConfiguration


class OutsideHost(NamedTuple):
    """A host outside the cluster. ``port`` is that of the server that kubesvc runs for it, 0 without one."""

    name: str
    address: str
    port: int


def outside_hosts(config: ClusterConfiguration) -> tuple[OutsideHost, ...]:
    """Return the external hosts of a configuration."""
    hosts = config.external_hosts
    return tuple(OutsideHost(each.name, each.address, each.port if each.is_served else 0) for each in hosts)
