"""Which sockets a cluster will bind, as far as its input says. Pure.

Cluster IPs and node ports that are allocated at the start are not known before.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import partial

from kubeapi.meta import JSON
from kubeapi.objects.service import HEADLESS, Service, read_service
from kubehost.addresses import LOCALHOST
from kubehost.network import Network
from kubesvc.config import ClusterConfiguration
from kubesvc.doctor.checks import WantedSocket


def wanted_sockets(
    configuration: ClusterConfiguration, services: Iterable[JSON], network: Network
) -> list[WantedSocket]:
    """Return every socket that is known before the start, each once."""
    found = [*_own(configuration), *_outside(configuration)]
    for obj in services:
        found += _of_service(read_service(obj), configuration)
    return list(dict.fromkeys(map(partial(_bound, network), found)))


def _bound(network: Network, wanted: WantedSocket) -> WantedSocket:
    address, port = network.bind(wanted.address, wanted.port)
    return wanted._replace(address=address, port=port)


def _own(configuration: ClusterConfiguration) -> Iterator[WantedSocket]:
    own = [(configuration.networking.dns_address, "networking.serviceSubnet")]
    for address, key in (*own, *((each, "dns.bindAddresses") for each in configuration.dns.bind_addresses)):
        for protocol in ("UDP", "TCP"):
            yield WantedSocket("DNS", protocol, address, 53, key)
    proxy = configuration.proxy
    for purpose, key, where in (
        ("healthz", "proxy.healthzBindAddress", proxy.healthz_bind_address),
        ("metrics", "proxy.metricsBindAddress", proxy.metrics_bind_address),
    ):
        address, _, port = where.rpartition(":")
        if address and port != "0":
            yield WantedSocket(purpose, "TCP", address, int(port), key)


def _outside(configuration: ClusterConfiguration) -> Iterator[WantedSocket]:
    for host in configuration.external_hosts:
        if host.is_served:
            here = configuration.plan.stand_in(host.address)
            yield WantedSocket(f"externalHosts {host.name}", "TCP", here, host.port, "externalHosts")


def _of_service(service: Service, configuration: ClusterConfiguration) -> Iterator[WantedSocket]:
    if service.is_headless or service.is_external_name:
        return
    own = [address for address in service.cluster_ips if address != HEADLESS]
    nodes = [*(() if configuration.plan.block else (LOCALHOST,)), *(node.address for node in configuration.nodes)]
    for port in service.ports:
        for address in (*own, *service.external_ips):
            yield WantedSocket(f"Service {service.key}", port.protocol, address, port.port)
        for address in nodes if port.node_port else ():
            yield WantedSocket(f"node port of Service {service.key}", port.protocol, address, port.node_port)
