"""From `kubesvc proxy`'s options and kube-proxy's configuration to the settings of one proxy. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from ipaddress import ip_address, ip_network

from kubeproxy.config import NFTABLES, PRIMARY, STREAM_SECONDS, UNREPLIED_SECONDS, USERSPACE, ProxyConfig
from kubesvc.remote.proxy.kubeproxyconfig import ALL, CLUSTER_CIDR, LOCALHOST, NODE_CIDR, KubeProxyConfiguration

MIN_SYNC_SECONDS = 0.1
"""Pause between two syncs while there are many changes; the first one is obeyed at once."""


@dataclass(frozen=True)
class ProxyOptions:
    """The options of `kubesvc proxy`, "" and None where not given; they go before the configuration's fields."""

    kubeconfig: str = ""
    context: str = ""
    node_name: str = ""
    mode: str | None = None
    config: str = ""
    is_setting_up: bool = False
    is_beside_kube_proxy: bool = False
    is_cleaning_up: bool = False


def node_name_of(options: ProxyOptions, file: KubeProxyConfiguration, hostname: str) -> str:
    """Return the name of the node: as it was given, else that of the machine in lower case, as kube-proxy takes it."""
    return options.node_name or file.node_name or hostname.strip().lower()


def proxy_config(
    options: ProxyOptions, file: KubeProxyConfiguration, node_name: str, machine: Iterable[str], listener_limit: int
) -> ProxyConfig:
    """Return the proxy's settings; ``machine`` are this machine's addresses."""
    machine = tuple(machine)
    mode = options.mode or file.mode or USERSPACE
    wanted = file.node_port_addresses
    return ProxyConfig(
        healthz_address=file.healthz_address,
        metrics_address=file.metrics_address,
        where_addresses_are_set="{} in the KubeProxyConfiguration of --config",
        node_name=node_name,
        node_port_addresses=tuple(dict.fromkeys(_node_port_addresses(file, machine))),
        localhost_node_ports=_has_localhost(wanted) or (mode == USERSPACE and file.localhost_node_ports and not wanted),
        own_addresses=machine,
        local_cidrs=_local_cidrs(file),
        follows_pods=False,
        udp_seconds=file.udp_seconds or UNREPLIED_SECONDS,
        udp_stream_seconds=file.udp_stream_seconds or STREAM_SECONDS,
        min_sync_seconds=(file.min_sync_seconds if mode == NFTABLES else 0.0) or MIN_SYNC_SECONDS,
        mode=mode,
        listener_limit=listener_limit,
        masquerades_all=file.masquerades_all,
    )


def has_kernel(config: ProxyConfig) -> bool:
    """Tell whether the kernel is to carry what it can."""
    return config.mode == NFTABLES


def _local_cidrs(file: KubeProxyConfiguration) -> tuple[str, ...] | None:
    if file.detect_local_mode == NODE_CIDR:
        return None
    return file.cluster_cidrs if file.detect_local_mode == CLUSTER_CIDR else ()


def _has_localhost(wanted: Iterable[str]) -> bool:
    return any(each in (LOCALHOST, ALL) for each in wanted)


def _node_port_addresses(file: KubeProxyConfiguration, machine: tuple[str, ...]) -> Iterator[str]:
    """Yield where node ports answer beside localhost, which is said apart."""
    for each in file.node_port_addresses or (PRIMARY,):
        if each == PRIMARY:
            yield file.bind_address or PRIMARY
        elif each == ALL:
            yield from (address for address in machine if not ip_address(address).is_loopback)
        elif each != LOCALHOST:
            network = ip_network(each, strict=False)
            yield from (address for address in machine if ip_address(address) in network)
