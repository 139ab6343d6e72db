"""Derives each component's settings from the cluster configuration; one function each."""

from __future__ import annotations

import os
import time
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from kubeapi.meta import ObjectKey
from kubecontroller.controllers import ControllerConfig
from kubecontroller.volume.folders import VolumeFolders
from kubedns.config import DNS_PORT, ROOT, DNSConfig, Forward, read_resolv_conf, read_server
from kubedns.io.server import DNSCounts
from kubehost import openfiles
from kubehost.addresses import Address, is_loopback
from kubehost.folders import disk_bytes
from kubehost.io.places import HOST, Place
from kubelet.config import KubeletConfig, find_tools
from kubelet.nodes import NodeConfig
from kubelet.process.orphans import marker
from kubelet.tools.scripts import ClusterDNS
from kubeproxy.config import NFTABLES, USERSPACE, ProxyConfig
from kubeproxy.ingress.certificates import KeyPair
from kubeproxy.rules.policies import PolicyPod
from kubeproxy.telemetry.counters import Figure
from kubesvc.config import ClusterConfiguration
from kubesvc.network.loopback import LoopbackNetwork
from kubesvc.run.api.identity import ClusterIdentity
from kubesvc.state.directory import StateDirectory
from kubesvc.state.owners import owner_name

if TYPE_CHECKING:
    from kubelet.images.catalog import ImageSpec


def images(config: ClusterConfiguration) -> dict[str, ImageSpec]:
    """Return the configured part of the image catalog."""
    if not config.images:
        return {}
    # Imported here, because most clusters have no images of their own.
    from kubelet.images.catalog import ImageSpec

    return {
        each.name: ImageSpec(each.command, each.args, each.env, port=each.port, working_dir=each.working_dir)
        for each in config.images
    }


def kubelet_config(config: ClusterConfiguration, state: StateDirectory, network: LoopbackNetwork) -> KubeletConfig:
    """Return the kubelet's settings."""
    networking, inside = config.networking, network.places[-1]
    return KubeletConfig(
        nodes=tuple(
            NodeConfig(
                each.name, each.address, each.pod_cidr, each.labels, each.address_v6, each.pod_cidr_v6, each.capacity
            )
            for each in config.nodes
        ),
        log_dir=state.pod_logs,
        work_dir=state.work,
        images=images(config),
        tools={"nameserver": "kubesvc.remote.dns.nameserver", **find_tools()},
        marker=marker(state.name, state.path),
        cluster_dns=ClusterDNS(*inside.bind(networking.dns_address, DNS_PORT), networking.dns_domain),
    )


def controller_config(
    config: ClusterConfiguration, state: StateDirectory, identity: ClusterIdentity
) -> ControllerConfig:
    """Return the controllers' settings."""
    networking = config.networking
    return ControllerConfig(
        load_balancer_pool=networking.load_balancer_subnet,
        has_load_balancers=networking.has_load_balancers,
        volumes=VolumeFolders(str((state.path / "volumes").absolute()), partial(disk_bytes, state.path)),
        service_cidrs=tuple(networking.service_cidr.split(",")),
        authority=identity.authority,
        issue_token=identity.issuer.issue_legacy,
    )


def proxy_config(config: ClusterConfiguration, state: StateDirectory, *, has_nodes: bool = True) -> ProxyConfig:
    """Return kube-proxy's settings; a cluster without nodes has no node ports."""
    return ProxyConfig(
        default_balancer=config.proxy.balancer,
        default_balancer_options=config.proxy.balancer_options,
        healthz_address=_host_and_port(config.proxy.healthz_bind_address),
        metrics_address=_host_and_port(config.proxy.metrics_bind_address),
        mode=config.proxy.mode or (NFTABLES if config.plan.is_exact else USERSPACE),
        workers=config.proxy.workers,
        worker_environment=marker(state.name, state.path),
        listener_limit=openfiles.room(openfiles.limit()),
        owner_name=partial(owner_name, state),
        localhost_node_ports=has_nodes and not config.plan.block,
        follows_policies=has_nodes,
        policy_servers=policy_servers(config),
        ingress_certificate=partial(_ingress_certificate, state) if has_nodes else None,
        outside_addresses=tuple(config.plan.address(each.address) for each in config.external_hosts if each.is_served),
    )


def policy_servers(config: ClusterConfiguration) -> tuple[PolicyPod, ...]:
    """Return what stands in the pods' network for pods of other clusters: the name server, as if it were CoreDNS."""
    ports = (("dns", "UDP", DNS_PORT), ("dns-tcp", "TCP", DNS_PORT))
    coredns = ObjectKey("kube-system", "coredns")
    return (PolicyPod(coredns, (config.networking.dns_address,), {"k8s-app": "kube-dns"}, ports),)


def _ingress_certificate(state: StateDirectory) -> KeyPair:
    """Return the certificate of clients for which no Ingress has another; nobody's name is in it."""
    # Imported only here, because most clusters have no Ingress.
    from kubeapiserver.wire.keys.certificates import server_certificate

    path, name = state.certificate.with_name("ingress.pem"), "kubesvc Ingress Fake Certificate"
    made = server_certificate(path, (), ("ingress.invalid",), time.time(), name)
    return KeyPair(made.path.read_bytes(), b"")


def dns_config(config: ClusterConfiguration, network: LoopbackNetwork) -> DNSConfig:
    """Return the name server's settings; its own address comes first."""
    addresses = (config.networking.dns_address, *config.dns.bind_addresses)
    upstreams = config.dns.upstreams
    if upstreams is None:
        # A name server that forwards to itself would loop.
        found = [each for each in read_resolv_conf(_resolv_conf()) if each[0] not in addresses]
    else:
        found = [read_server(each) for each in upstreams]
    forwards = {domain: Forward(tuple(map(read_server, each))) for domain, each in config.dns.stub_domains.items()}
    return DNSConfig(
        zone=config.networking.dns_domain,
        addresses=dns_addresses(config, network.places[0]),
        ttl=config.dns.ttl,
        pods=config.dns.pods,
        hosts=network.hosts(),
        forwards={ROOT: Forward(tuple(found)), **forwards},
        delegated=tuple(forwards),
        has_endpoints="noendpoints" not in config.dns.options,
        ignores_empty_services="ignore empty_service" in config.dns.options,
        allows_transfer="transfer" in config.dns.options,
    )


def dns_addresses(config: ClusterConfiguration, place: Place) -> tuple[Address, ...]:
    """Return the socket addresses of the name server in a place, its own first."""
    own, is_host = config.networking.dns_address, place.name == HOST.name
    # The others are this machine's; of these a network of its own has the loopback ones too.
    others = (each for each in config.dns.bind_addresses if is_host or is_loopback(each))
    return tuple(place.bind(each, DNS_PORT) for each in dict.fromkeys((own, *others)))


def dns_figures(counts: DNSCounts) -> tuple[Figure, ...]:
    """Return the name server's metrics."""
    return (
        Figure("kubesvc_dns_requests", "Answers, by type and rcode", True, ("type", "rcode"), counts.requests.items()),
        Figure(
            "kubesvc_dns_forwarded", "Questions that were passed to an upstream", True, (), [((), counts.forwarded)]
        ),
        Figure("kubesvc_dns_tcp_connections", "TCP connections now", False, (), [((), counts.open_connections)]),
    )


def _resolv_conf() -> str:
    try:
        return Path(os.sep, "etc", "resolv.conf").read_text()
    except OSError:
        return ""


def _host_and_port(text: str) -> tuple[str, int] | None:
    host, _, port = text.rpartition(":")
    return (host, int(port)) if text else None
