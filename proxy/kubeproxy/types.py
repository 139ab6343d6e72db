"""The nouns of the data plane, all immutable: Service port, endpoint, destination, route.

Follows k8s.io/kubernetes ``pkg/proxy/types.go``, ``servicechangetracker.go`` and ``endpoint.go``.
"""

from __future__ import annotations

from enum import StrEnum
from functools import cached_property
from typing import NamedTuple

from kubeapi.failures import Subject
from kubeapi.meta import ObjectKey
from kubeapi.scheme import INGRESSES, NETWORKPOLICIES, PODS, SERVICES
from kubehost.addresses import join_host_port

IPV4, IPV6 = "IPv4", "IPv6"


def family_of(address: str) -> str:
    """Return the family of an address or CIDR in text form."""
    return IPV6 if ":" in address else IPV4


PortKey = tuple[str, str, str]
"""Name, protocol and family of a port within its Service."""


_POD = "pod/"
"""What the name of a pod begins with where that of a Service is expected; no Service's name has a slash."""


def pod_rules_key(pod: ObjectKey) -> ObjectKey:
    """Return the key of the rules for a pod's own addresses, among those of Services."""
    return ObjectKey(pod.namespace, _POD + pod.name)


_INGRESS = "ingress/"


def ingress_rules_key(address: str) -> ObjectKey:
    """Return the key of the rules for an address of Ingresses, among those of Services."""
    return ObjectKey("", _INGRESS + address)


def ingress_event_key(ingress: ObjectKey) -> ObjectKey:
    """Return the key under which events about an Ingress are recorded, among those of Services."""
    return ObjectKey(ingress.namespace, _INGRESS + ingress.name)


def is_ingress(key: ObjectKey) -> bool:
    """Tell whether a key is that of an Ingress, or of the rules for an address of Ingresses."""
    return key.name.startswith(_INGRESS)


_POLICY = "networkpolicy/"


def policy_key(policy: ObjectKey) -> ObjectKey:
    """Return the key of a NetworkPolicy among those of Services, in events."""
    return ObjectKey(policy.namespace, _POLICY + policy.name)


def subject_of(key: ObjectKey) -> Subject:
    """Return the object that ``key`` stands for: a Service, a Pod with rules of its own, a policy or an Ingress."""
    for prefix, resource in ((_POD, PODS), (_POLICY, NETWORKPOLICIES), (_INGRESS, INGRESSES)):
        if key.name.startswith(prefix):
            return Subject(resource, ObjectKey(key.namespace, key.name.removeprefix(prefix)))
    return Subject(SERVICES, key)


class ServicePortName(NamedTuple):
    """Identifies a Service port everywhere in the proxy; ``port`` is the port's name, "" when it has none.

    A dual-stack Service has each port once per ``family``, as kube-proxy has one proxier per family. A pod's own port
    has its number as the name (``is_pod``).
    """

    namespace: str
    name: str
    port: str
    protocol: str
    family: str = IPV4

    @property
    def service(self) -> ObjectKey:
        """The Service that the port belongs to; of a pod's port, the key of ``pod_rules_key``."""
        return ObjectKey(self.namespace, self.name)

    @property
    def is_pod(self) -> bool:
        """Whether it is no Service's port but a pod's own."""
        return self.name.startswith(_POD)

    @property
    def is_ingress(self) -> bool:
        """Whether it is no Service's port but that of an address of Ingresses."""
        return self.name.startswith(_INGRESS)

    @property
    def within_service(self) -> PortKey:
        """What tells the port from the other ports of its Service."""
        return self.port, self.protocol, self.family

    def __str__(self) -> str:
        if self.is_pod:
            return f"pod {self.namespace}/{self.name.removeprefix(_POD)}:{self.port}"
        if self.is_ingress:
            return f"the Ingresses at {self.name.removeprefix(_INGRESS)} ({self.port})"
        return f"{self.namespace}/{self.name}:{self.port}" if self.port else f"{self.namespace}/{self.name}"


class ListenerKind(StrEnum):
    """The field of a Service, or of a Pod, that an address comes from."""

    CLUSTER_IP = "clusterIP"
    NODE_PORT = "nodePort"
    EXTERNAL_IP = "externalIP"
    LOAD_BALANCER = "loadBalancer"
    POD = "podIP"
    """A pod's own address, where the host is to reach it; in the cluster's network the pod itself answers there."""
    HOST_PORT = "hostPort"
    """A port of the pod's node that leads to a port of the pod."""


class Destination(NamedTuple):
    """The address, port and protocol that a client connects to, as the cluster knows them.

    A port below 1024 may be bound elsewhere on this machine (``kubehost.network``).
    """

    address: str
    port: int
    protocol: str

    def __str__(self) -> str:
        return f"{join_host_port(self.address, self.port)}/{self.protocol.lower()}"


class Route(NamedTuple):
    """Which endpoints a connection may get: those of a Service port that ``node`` may use.

    ``node`` is the node at which the connection enters, "" for any node. ``is_local`` confines it to endpoints on that
    node (traffic policy Local).
    """

    port_name: ServicePortName
    node: str
    is_local: bool


class Endpoint(NamedTuple):
    """One endpoint of one Service port, as kube-proxy sees it. ``target`` is the Pod's name, "" for none.

    ``node_name`` and ``zone`` say where it is, "" if unknown. ``weight`` is its share for the algorithms that have
    shares, 0 to 256; with 0 it gets nothing new.
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
    weight: int = 1

    @property
    def address(self) -> str:
        """``ip:port``, which identifies the endpoint among those of its Service port."""
        return join_host_port(self.ip, self.port)


class _Choice(NamedTuple):
    endpoint: Endpoint
    is_pinned: bool
    among: int = 1
    is_followed: bool = False
    by_cookie: bool = False
    algorithm: str = ""


class Choice(_Choice):
    """The endpoint of a new connection; ``is_pinned`` when session affinity has chosen it, ``by_cookie`` by a cookie.

    ``among`` is how many endpoints there were to choose from. ``is_followed``: an algorithm wants to know how the
    connection goes. ``algorithm`` is the name of the one that chose, or would have without the pin; a Service may have
    another by now. Many connections may share one choice.
    """

    @cached_property
    def address(self) -> str:
        """The endpoint's ``ip:port``."""
        return self.endpoint.address


class ServicePort(NamedTuple):
    """One port of one Service: all that the data plane reads of it.

    ``age`` orders Services from the oldest on. ``affinity_seconds`` is 0 without session affinity. ``balancer`` is
    the algorithm that the Service asks for, "" for the cluster's default; ``balancer_options`` are its, as JSON, "" for
    none. ``source_ranges`` are CIDRs, () admits all.
    ``is_http`` asks for balancing per request, ``shows_endpoint`` for answers that name their endpoint.
    ``affinity_cookie`` is the cookie that keeps a client at its endpoint, "" for none, for ``cookie_max_age`` seconds
    ("": as long as the client likes). All addresses are of the family of ``name``.
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
    balancer_options: str = ""
    internal_traffic_policy: str = "Cluster"
    external_traffic_policy: str = "Cluster"
    source_ranges: tuple[str, ...] = ()
    health_check_node_port: int = 0
    is_http: bool = False
    affinity_cookie: str = ""
    cookie_max_age: str = ""
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
