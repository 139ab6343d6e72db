"""Options and kube-proxy's configuration together: where node ports answer, which pods are local, what goes first."""

from __future__ import annotations

from typing import Any

import pytest

from kubeproxy.config import ProxyConfig
from kubesvc.remote.proxy.kubeproxyconfig import KubeProxyConfiguration
from kubesvc.remote.proxy.settings import ProxyOptions, node_name_of, proxy_config

MACHINE = ("127.0.0.1", "192.168.0.101", "10.0.0.7", "::1", "fd00::7")


def config(options: ProxyOptions | None = None, **file: Any) -> ProxyConfig:
    return proxy_config(options or ProxyOptions(), KubeProxyConfiguration(**file), "node-1", MACHINE, 1000)


@pytest.mark.parametrize(
    ("file", "addresses", "localhost"),
    [
        pytest.param({}, ("primary",), True, id="usual"),
        pytest.param({"mode": "nftables"}, ("primary",), False, id="usual with nftables"),
        pytest.param({"localhost_node_ports": False}, ("primary",), False, id="not at localhost"),
        pytest.param({"bind_address": "10.0.0.7"}, ("10.0.0.7",), True, id="another primary address"),
        pytest.param({"node_port_addresses": ("primary",)}, ("primary",), False, id="primary"),
        pytest.param({"node_port_addresses": ("localhost",)}, (), True, id="localhost"),
        pytest.param({"node_port_addresses": ("10.0.0.0/8", "fd00::/16")}, ("10.0.0.7", "fd00::7"), False, id="ranges"),
        pytest.param({"node_port_addresses": ("all",)}, ("192.168.0.101", "10.0.0.7", "fd00::7"), True, id="all"),
    ],
)
def test_node_ports_answer_where_node_port_addresses_say(
    file: dict[str, Any], addresses: tuple[str, ...], localhost: bool
) -> None:
    found = config(**file)
    assert (found.node_port_addresses, found.localhost_node_ports) == (addresses, localhost)


@pytest.mark.parametrize(
    ("file", "cidrs"),
    [
        pytest.param({"cluster_cidrs": ("10.244.0.0/16",)}, ("10.244.0.0/16",), id="ClusterCIDR"),
        pytest.param({}, (), id="ClusterCIDR without a range"),
        pytest.param({"detect_local_mode": "NodeCIDR", "cluster_cidrs": ("10.244.0.0/16",)}, None, id="NodeCIDR"),
        pytest.param({"detect_local_mode": "BridgeInterface", "cluster_cidrs": ("10.244.0.0/16",)}, (), id="interface"),
    ],
)
def test_local_pods_are_those_of_detect_local_mode(file: dict[str, Any], cidrs: tuple[str, ...] | None) -> None:
    assert config(**file).local_cidrs == cidrs


def test_the_command_line_goes_before_the_file_and_the_file_before_the_machine() -> None:
    file = KubeProxyConfiguration(node_name="of-file", mode="userspace")
    assert node_name_of(ProxyOptions(node_name="given"), file, "Machine") == "given"
    assert node_name_of(ProxyOptions(), file, "Machine") == "of-file"
    assert node_name_of(ProxyOptions(), KubeProxyConfiguration(), " Machine\n") == "machine"
    assert config(ProxyOptions(mode="nftables"), mode="userspace").mode == "nftables"
    assert config().mode == "userspace"


def test_pods_are_not_followed_as_kube_proxys_role_may_not_list_them() -> None:
    assert not config().follows_pods


def test_texts_name_the_file_where_healthz_is_set() -> None:
    where = config().where_addresses_are_set.format("healthzBindAddress")
    assert where == "healthzBindAddress in the KubeProxyConfiguration of --config"
