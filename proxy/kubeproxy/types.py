"""The nouns of the data plane, all frozen: which Service port, which endpoint, which address.

Decides nothing. Follows k8s.io/kubernetes ``pkg/proxy/types.go``, ``servicechangetracker.go`` and ``endpoint.go``.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

from kubeapi.meta import ObjectKey


class ServicePortName(NamedTuple):
    """The one identity of traffic, everywhere; ``port`` is the port's name, "" when it has none."""

    namespace: str
    name: str
    port: str
    protocol: str

    @property
    def service(self) -> ObjectKey:
        """The Service that the port belongs to."""
        return ObjectKey(self.namespace, self.name)

    def __str__(self) -> str:
        return f"{self.namespace}/{self.name}:{self.port}" if self.port else f"{self.namespace}/{self.name}"


class ListenerKind(StrEnum):
    """By which field of its Service an address is reached."""

    CLUSTER_IP = "clusterIP"
    NODE_PORT = "nodePort"
    EXTERNAL_IP = "externalIP"
    LOAD_BALANCER = "loadBalancer"


class Destination(NamedTuple):
    """Where a client's packet goes: an address of the cluster, before any mapping to this machine."""

    address: str
    port: int
    protocol: str

    def __str__(self) -> str:
        return f"{self.address}:{self.port}/{self.protocol.lower()}"


class Endpoint(NamedTuple):
    """One endpoint of one Service port, as kube-proxy sees it. ``target`` is the Pod's name, "" for none."""

    ip: str
    port: int
    is_ready: bool = True
    is_serving: bool = True
    is_terminating: bool = False
    is_local: bool = False
    target: str = ""
    zone_hints: tuple[str, ...] = ()
    node_hints: tuple[str, ...] = ()

    @property
    def address(self) -> str:
        """``ip:port``, which identifies the endpoint among those of its Service port."""
        return f"{self.ip}:{self.port}"


@dataclass(frozen=True, slots=True)
class ServicePort:
    """One port of one Service: all that the data plane reads of it.

    ``age`` orders Services from the oldest on. ``affinity_seconds`` is 0 without session affinity. ``balancer`` is
    the algorithm that the Service asks for, "" for the cluster's default.
    """

    name: ServicePortName
    age: tuple[str, int]
    cluster_ips: tuple[str, ...]
    port: int
    node_port: int = 0
    external_ips: tuple[str, ...] = ()
    load_balancer_ips: tuple[str, ...] = ()
    affinity_seconds: int = 0
    balancer: str = ""
    internal_traffic_policy: str = "Cluster"
    external_traffic_policy: str = "Cluster"

    @property
    def is_externally_accessible(self) -> bool:
        """Whether traffic can come from outside the cluster: node port, external or load-balancer address."""
        return bool(self.node_port or self.load_balancer_ips or self.external_ips)

    @property
    def uses_cluster_endpoints(self) -> bool:
        """Whether some path to this port may use endpoints of every node."""
        return self.internal_traffic_policy == "Cluster" or self.is_externally_accessible

    @property
    def uses_local_endpoints(self) -> bool:
        """Whether some path to this port is confined to endpoints of its own node."""
        external_is_local = self.external_traffic_policy == "Local" and self.is_externally_accessible
        return self.internal_traffic_policy == "Local" or external_is_local
