"""The nouns of the data plane, all frozen: which Service port, which endpoint, which address.

Decides nothing. Follows k8s.io/kubernetes ``pkg/proxy/types.go``, ``servicechangetracker.go`` and ``endpoint.go``.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property
from typing import NamedTuple

from kubeapi.meta import ObjectKey

IPV4, IPV6 = "IPv4", "IPv6"


def family_of(address: str) -> str:
    """Return the family of an address or CIDR in text form."""
    return IPV6 if ":" in address else IPV4


class ServicePortName(NamedTuple):
    """The one identity of traffic, everywhere; ``port`` is the port's name, "" when it has none.

    A dual-stack Service has each port once per ``family``, as kube-proxy has one proxier per family.
    """

    namespace: str
    name: str
    port: str
    protocol: str
    family: str = IPV4

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
        return f"{socket_address(self.address, self.port)}/{self.protocol.lower()}"


def socket_address(address: str, port: int) -> str:
    """Return ``address:port``, an IPv6 address in brackets."""
    return f"[{address}]:{port}" if ":" in address else f"{address}:{port}"


class Route(NamedTuple):
    """What is decided on entry: the Service port, the node whose rules the client met, and which list holds.

    ``node`` is "" when any node's will do. ``is_local`` confines the client to the node's own endpoints, by the
    traffic policy Local.
    """

    port_name: ServicePortName
    node: str
    is_local: bool


class Endpoint(NamedTuple):
    """One endpoint of one Service port, as kube-proxy sees it. ``target`` is the Pod's name, "" for none.

    ``node_name`` and ``zone`` say where it is, "" if nobody knows.
    """

    ip: str
    port: int
    is_ready: bool = True
    is_serving: bool = True
    is_terminating: bool = False
    node_name: str = ""
    target: str = ""
    zone: str = ""
    zone_hints: tuple[str, ...] = ()
    node_hints: tuple[str, ...] = ()

    @property
    def address(self) -> str:
        """``ip:port``, which identifies the endpoint among those of its Service port."""
        return socket_address(self.ip, self.port)


class _Choice(NamedTuple):
    endpoint: Endpoint
    is_pinned: bool
    candidates: int = 1


class Choice(_Choice):
    """The endpoint of a new connection; ``is_pinned`` when session affinity has chosen it.

    ``candidates`` says among how many it was chosen. The same choice may serve many connections.
    """

    @cached_property
    def address(self) -> str:
        """The endpoint's ``ip:port``."""
        return self.endpoint.address


@dataclass(frozen=True, slots=True)
class ServicePort:
    """One port of one Service: all that the data plane reads of it.

    ``age`` orders Services from the oldest on. ``affinity_seconds`` is 0 without session affinity. ``balancer`` is
    the algorithm that the Service asks for, "" for the cluster's default. ``source_ranges`` are CIDRs, () admits all.
    ``is_http`` asks for balancing per request,
    ``shows_endpoint`` for answers that name their endpoint. All addresses are of the family of ``name``.
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
    source_ranges: tuple[str, ...] = ()
    health_check_node_port: int = 0
    is_http: bool = False
    shows_endpoint: bool = False

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
