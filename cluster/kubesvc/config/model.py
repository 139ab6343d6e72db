"""The cluster configuration: what can be set, with unit, default and reason.

A document ``apiVersion: kubesvc.dev/v1alpha1``, ``kind: ClusterConfiguration`` among the manifests; field names there
are these in camelCase but where it is said. The defaults are kubeadm's with the first octet replaced by 127.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from kubesvc.network.plan import USUAL, AddressPlan


@dataclass(frozen=True, slots=True)
class Networking:
    """The subnets of the cluster, all in 127.0.0.0/8 and apart from each other."""

    service_subnet: str = "127.96.0.0/12"
    """Cluster IPs; kubeadm's 10.96.0.0/12."""

    pod_subnet: str = "127.244.0.0/16"
    """Pod addresses; flannel's 10.244.0.0/16. Node i, from 1, has the i-th /24."""

    load_balancer_subnet: str = "127.0.113.0/24"
    """Addresses of LoadBalancer Services; the documentation's 203.0.113.0/24."""

    dns_domain: str = "cluster.local"
    """The zone of the cluster's names."""

    node_port_range: tuple[int, int] = (30000, 32767)
    """First and last node port; written ``serviceNodePortRange: 30000-32767``."""

    dns_address: str = "127.96.0.10"
    """Cluster IP of kube-dns: the tenth of the service subnet, as kubeadm has it, unless it is set."""

    api_address: str = "127.96.0.1"
    """Cluster IP of default/kubernetes: always the first of the service subnet."""

    service_subnet_v6: str = ""
    """IPv6 cluster IPs, "" in a cluster of one family; written ``serviceSubnet: 127.96.0.0/12,fd00:10:96::/108``."""

    pod_subnet_v6: str = ""
    """IPv6 pod addresses; written in ``podSubnet`` likewise. Node i, from 1, has the i-th /64."""

    @property
    def service_cidr(self) -> str:
        """The service subnets as kube-apiserver has them: with a comma between."""
        return ",".join(filter(None, (self.service_subnet, self.service_subnet_v6)))


@dataclass(frozen=True, slots=True)
class NodeConfiguration:
    """One node. ``pod_cidr`` follows from its place in the list.

    ``zone`` and ``region`` of the document are short for the labels topology.kubernetes.io/zone and /region.
    """

    name: str
    address: str
    """Where node ports answer."""
    pod_cidr: str
    labels: Mapping[str, str] = field(default_factory=dict)
    address_v6: str = ""
    """Where node ports answer by IPv6, as far as the machine has the address; "" in a cluster of one family."""
    pod_cidr_v6: str = ""


MAX_WORKERS = 64
"""More than a machine for one person has cores."""


@dataclass(frozen=True, slots=True)
class ProxySettings:
    """kube-proxy's part. An address is ``host:port``; "" does not serve it."""

    balancer: str = "random"
    """How a connection gets its endpoint where the Service has no annotation kubesvc.dev/balancer; kube-proxy's way."""

    healthz_bind_address: str = "127.0.0.1:10256"
    """/healthz and /livez; kube-proxy's port, but reachable only from here."""

    metrics_bind_address: str = "127.0.0.1:10249"
    """/metrics and /proxyMode; kube-proxy's default."""

    workers: int = 1
    """Processes that carry the traffic, 1 to MAX_WORKERS; 1 is the cluster's own process."""


DNS_OPTIONS = ("ignore empty_service", "noendpoints", "transfer")
"""Cluster IPs without endpoints have no name; endpoints have none; whoever asks by TCP gets the whole zone."""


@dataclass(frozen=True, slots=True)
class DNSSettings:
    """The name server's part, CoreDNS' kubernetes plugin with a stock Corefile."""

    ttl: int = 5
    """Seconds that an answer may be kept; CoreDNS' default, 0 to 3600."""

    pods: str = "insecure"
    """Names of pods by address: disabled, insecure or verified; insecure is what every stock Corefile has."""

    upstreams: tuple[str, ...] | None = None
    """Servers (``host`` or ``host:port``) for names outside the zone; None: the machine's resolv.conf, (): none."""

    bind_addresses: tuple[str, ...] = ("127.0.0.1",)
    """Addresses on port 53 besides the cluster's own, so that ``dig @127.0.0.1`` answers."""

    stub_domains: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Domains with upstreams of their own."""

    options: tuple[str, ...] = ()
    """Of DNS_OPTIONS, in the words of a Corefile."""


@dataclass(frozen=True, slots=True)
class Image:
    """Which program stands for an image, since nothing is pulled."""

    name: str
    command: tuple[str, ...]
    args: tuple[str, ...] = ()
    env: Mapping[str, str] = field(default_factory=dict)
    port: int = 0
    """What it listens on when the container does not say, 0: unknown."""
    working_dir: str = ""
    """Where it runs unless the container says otherwise: relative to the folder of the file, that folder by default."""


@dataclass(frozen=True, slots=True)
class ExternalHost:
    """A host outside the cluster: a name, its address, and what serves there, at most one of page, image, command.

    ``address`` is the true one; on this machine it is 127 and its other octets.
    """

    name: str
    address: str
    port: int = 80
    page: str | None = None
    image: str = ""
    command: tuple[str, ...] = ()
    args: tuple[str, ...] = ()
    env: Mapping[str, str] = field(default_factory=dict)
    working_dir: str = ""
    """Where the command runs, as of an image."""

    @property
    def is_served(self) -> bool:
        """Whether kubesvc runs a process there."""
        return self.page is not None or bool(self.image or self.command)


DEFAULT_NODES = (
    NodeConfiguration("node-1", "127.168.0.101", "127.244.1.0/24"),
    NodeConfiguration("node-2", "127.168.0.102", "127.244.2.0/24"),
)


@dataclass(frozen=True, slots=True)
class ClusterConfiguration:
    """All settings of one cluster."""

    networking: Networking = field(default_factory=Networking)
    nodes: tuple[NodeConfiguration, ...] = DEFAULT_NODES
    proxy: ProxySettings = field(default_factory=ProxySettings)
    dns: DNSSettings = field(default_factory=DNSSettings)
    images: tuple[Image, ...] = ()
    external_hosts: tuple[ExternalHost, ...] = ()
    plan: AddressPlan = USUAL
    """Where the addresses are on this machine; chosen by ``--subnets``, not written in the document."""
