"""The files that pods find on this machine: their scripts, and in place of /etc resolv.conf, hosts and hostname."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from kubehost.addresses import LOCALHOST
from kubehost.network import Network
from kubelet.config import KubeletConfig
from kubelet.pod.names import hosts, read_names, resolv_conf
from kubelet.tools.scripts import node_scripts, tool_scripts

if TYPE_CHECKING:
    from kubelet.runtime.pods.object import PodObject


def write_tools(config: KubeletConfig, network: Network) -> None:
    """Write the scripts that are in front of every pod's PATH, if there is a cluster DNS server; OSError."""
    if config.cluster_dns is None:
        return
    # Imported here, as most clusters have sandboxes.
    from kubelet.images.serverhost import ServerHost

    shift = ServerHost(lambda port: network.bind(LOCALHOST, port)[1]).shift
    _write_scripts(config, tool_scripts(config.tools, config.cluster_dns, shift))


def write_node_tools(config: KubeletConfig) -> None:
    """Write the scripts of sandboxed pods in their nodes' network, if there are any; OSError."""
    _write_scripts(config, node_scripts(config.tools, [each.addresses[0] for each in config.nodes]))


def _write_scripts(config: KubeletConfig, scripts: Mapping[str, str]) -> None:
    if scripts:
        config.tool_dir.mkdir(parents=True, exist_ok=True)
    for name, script in scripts.items():
        path = config.tool_dir / name
        path.write_text(script)
        path.chmod(0o755)


def write_etc(config: KubeletConfig, pod: PodObject, addresses: tuple[str, ...], hostname: str) -> None:
    """Write a pod's files of /etc; if that fails, the scripts of a bare pod take the cluster's defaults. OSError."""
    names, namespace, folder = read_names(pod.obj), pod.spec.key.namespace, config.etc_dir(pod.spec.uid)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "hostname").write_text(f"{hostname}\n")
    dns = config.cluster_dns
    if dns is not None:
        text = resolv_conf(names, namespace, dns.address, dns.domain, config.host_resolv_conf)
        (folder / "resolv.conf").write_text(text)
    (folder / "hosts").write_text(hosts(names, namespace, config.domain, addresses, config.host_hosts))
