"""How one proxy works, with kube-proxy's names and defaults where it has them."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from typing import NamedTuple

from kubeproxy.ingress.certificates import KeyPair
from kubeproxy.portowner import PortOwner
from kubeproxy.rules.policies import PolicyPod

UNREPLIED_SECONDS = 30.0
"""net.netfilter.nf_conntrack_udp_timeout: how long a query waits for its reply, or for the next query."""
STREAM_SECONDS = 120.0
"""net.netfilter.nf_conntrack_udp_timeout_stream: how long a conversation may pause."""
USERSPACE, NFTABLES = MODES = ("userspace", "nftables")
PRIMARY = "primary"
"""Stands among ``node_port_addresses`` for the addresses that the Node object has (as in KubeProxyConfiguration)."""


class ProxyConfig(NamedTuple):
    """How one proxy works. An address of None switches that HTTP server off; port 0 takes any free port."""

    default_balancer: str = "random"
    """The algorithm of Services that ask for none."""
    default_balancer_options: str = ""
    """Its options as a JSON object, "" for none; a Service that has options of its own has none of these."""
    healthz_address: tuple[str, int] | None = ("127.0.0.1", 10256)
    """kube-proxy's --healthz-bind-address."""
    metrics_address: tuple[str, int] | None = ("127.0.0.1", 10249)
    """kube-proxy's --metrics-bind-address."""
    where_addresses_are_set: str = "proxy.{} in the configuration"
    """Names the place of these two addresses in texts; {} is the name of the field."""
    node_name: str = ""
    """The node that the proxy is on, for traffic policies and health; "" when it stands for all nodes."""
    localhost_node_ports: bool = True
    """Whether node ports answer at 127.0.0.1 too (KubeProxyConfiguration's iptables.localhostNodePorts)."""
    node_port_addresses: tuple[str, ...] | None = None
    """Where node ports answer beside localhost: addresses, or PRIMARY; None stands for every address of a node."""
    own_addresses: tuple[str, ...] = ()
    """Further addresses of the machine on which the proxy of one node is: packets from there come from the node."""
    local_cidrs: tuple[str, ...] | None = None
    """From where the pods of the proxy's node send (detectLocalMode); None for the pod CIDRs of the Node object."""
    service_cidrs: tuple[str, ...] = ()
    """Ranges of cluster IPs, in which the kernel's rules of a node drop packets to addresses that no Service has."""
    masquerades_all: bool = False
    """Whether the kernel's rules give all traffic to cluster IPs the node's address (nftables.masqueradeAll)."""
    min_sync_seconds: float = 0.0
    """Pause between two syncs of the rules; a change after a longer one is obeyed at once (minSyncPeriod)."""
    follows_pods: bool = True
    """Whether Pods are followed for their weights; kube-proxy's role in a real cluster may not list them."""
    follows_policies: bool = False
    """Whether NetworkPolicies hold where pods have networks; in a real cluster its network plug-in obeys them."""
    policy_servers: tuple[PolicyPod, ...] = ()
    """The cluster's own servers in the pods' network, which policies judge as the pods that they stand for."""
    ingress_certificate: Callable[[], KeyPair] | None = None
    """Makes the certificate of clients for which no Ingress has another; None if no Ingresses are served. It may take
    a while, and is called in a thread; OSError."""
    outside_addresses: tuple[str, ...] = ()
    """Where hosts outside of the cluster answer in the pods' network: policies judge what goes there."""
    udp_seconds: float = UNREPLIED_SECONDS
    """How long a UDP flow without an answer lasts (conntrack.udpTimeout); with more than one worker the default."""
    udp_stream_seconds: float = STREAM_SECONDS
    """How long one with answers may pause (conntrack.udpStreamTimeout); with more than one worker the default."""
    mode: str = USERSPACE
    """One of MODES (kube-proxy's --proxy-mode); with NFTABLES the kernel carries what it can in the pods' network."""
    workers: int = 1
    """Processes that carry the traffic; 1 is the proxy's own process."""
    worker_environment: Mapping[str, str] = {}
    """Environment variables of each worker, by which one that outlives the proxy (a stopped one does) is found."""
    listener_limit: int = sys.maxsize
    """Most listening sockets: the rest of the open files is for connections and for what shares the process."""
    owner_name: Callable[[PortOwner], str] = str
    """Names the process that has a port which the proxy wants, in events and in the status."""
