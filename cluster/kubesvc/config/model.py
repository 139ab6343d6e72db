"""The fields of the cluster configuration, with units, defaults and reasons.

The document is ``apiVersion: kubesvc.dev/v1alpha1``, ``kind: ClusterConfiguration``; its field names are these in
camelCase, unless a field says otherwise. The defaults are kubeadm's with the first octet replaced by 127, and in the
exact plan kubeadm's own.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from kubesvc.addresses.plan import USUAL, AddressPlan


@dataclass(frozen=True, slots=True)
class Networking:
    """The subnets of the cluster, disjoint, and all in 127.0.0.0/8 but for the exact plan."""

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
    """Cluster IP of kube-dns; by default the tenth of the service subnet, as with kubeadm."""

    api_address: str = "127.96.0.1"
    """Cluster IP of default/kubernetes: always the first of the service subnet."""

    service_subnet_v6: str = ""
    """IPv6 cluster IPs, "" in a single-stack cluster; written ``serviceSubnet: 127.96.0.0/12,fd00:10:96::/108``."""

    pod_subnet_v6: str = ""
    """IPv6 pod addresses; written in ``podSubnet`` likewise. Node i, from 1, has the i-th /64."""

    has_load_balancers: bool = True
    """Whether LoadBalancer Services get addresses; without, they wait for a controller of the user's."""

    @property
    def service_cidr(self) -> str:
        """The service subnets in the form of kube-apiserver's --service-cluster-ip-range: separated by a comma."""
        return ",".join(filter(None, (self.service_subnet, self.service_subnet_v6)))


@dataclass(frozen=True, slots=True)
class NodeConfiguration:
    """One node. ``pod_cidr`` follows from its index in the list.

    ``zone`` and ``region`` of the document are short for the labels topology.kubernetes.io/zone and /region.
    """

    name: str
    address: str
    """Where node ports answer."""
    pod_cidr: str
    labels: Mapping[str, str] = field(default_factory=dict)
    address_v6: str = ""
    """Where node ports answer by IPv6, if the machine has the address; "" in a single-stack cluster."""
    pod_cidr_v6: str = ""
    capacity: Mapping[str, str] = field(default_factory=dict)
    """What it has for pods in place of the machine's, as quantities by the names of resources."""


SANDBOXES = ("auto", "namespaces", "none")
"""``namespaces``: each pod in Linux namespaces of its own; ``auto``: so where the machine allows it."""
PLANS = ("exact", "loopback")
"""Values of ``networking.plan``: addresses as written, or in 127.0.0.0/8."""

MAX_WORKERS = 64
"""An arbitrary bound, above the cores of a developer's machine."""


@dataclass(frozen=True, slots=True)
class ProxySettings:
    """The settings of the proxy. An address is ``host:port``, "" for no server."""

    balancer: str = "random"
    """Algorithm for Services without the annotation kubesvc.dev/balancer; the default is kube-proxy's."""

    healthz_bind_address: str = "127.0.0.1:10256"
    """/healthz and /livez; kube-proxy's port, but reachable from this machine only."""

    metrics_bind_address: str = "127.0.0.1:10249"
    """/metrics and /proxyMode; kube-proxy's default."""

    mode: str = ""
    """``userspace``, or ``nftables``: the kernel carries what it can between pods; "" is the plan's default."""

    workers: int = 1
    """Processes that carry the traffic, 1 to MAX_WORKERS; 1 is the cluster's own process."""

    balancer_options: str = ""
    """The options of ``balancer`` as a JSON object, "" for none; written as a mapping."""


DNS_OPTIONS = ("ignore empty_service", "noendpoints", "transfer")
"""Services without endpoints get no name; endpoints get no names; zone transfers are answered."""


@dataclass(frozen=True, slots=True)
class DNSSettings:
    """The settings of the name server; the defaults are those of CoreDNS' kubernetes plugin with a stock Corefile."""

    ttl: int = 5
    """TTL of answers in seconds, 0 to 3600; CoreDNS' default."""

    pods: str = "insecure"
    """Names of pods by address: disabled, insecure or verified; stock Corefiles have insecure."""

    upstreams: tuple[str, ...] | None = None
    """Servers (``host`` or ``host:port``) for names outside the zone; None: the machine's resolv.conf, (): none."""

    bind_addresses: tuple[str, ...] = ("127.0.0.1",)
    """Further addresses where DNS answers on port 53, so that ``dig @127.0.0.1`` works."""

    stub_domains: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Domains with upstreams of their own."""

    options: tuple[str, ...] = ()
    """Some of DNS_OPTIONS, written as in a Corefile."""


@dataclass(frozen=True, slots=True)
class Image:
    """A program that stands for an image, as images are not pulled."""

    name: str
    command: tuple[str, ...]
    args: tuple[str, ...] = ()
    env: Mapping[str, str] = field(default_factory=dict)
    port: int = 0
    """The port for containers that declare none, 0 for unknown."""
    working_dir: str = ""
    """Its working directory unless the container sets one; relative to the folder of the file, which is the default."""


@dataclass(frozen=True, slots=True)
class ExternalHost:
    """A host outside the cluster: a name, its address, and its server, at most one of page, image and command.

    ``address`` is the real one; ``AddressPlan`` says where it is on this machine.
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
    """The working directory of the command, as of an image."""

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
    sandbox: str = ""
    """One of SANDBOXES: whether each pod has namespaces of its own; "" where the document does not say."""
    plan: AddressPlan = USUAL
    """Maps addresses to this machine: ``--subnets``, and ``networking: {plan: exact}`` or ``--exact``."""
