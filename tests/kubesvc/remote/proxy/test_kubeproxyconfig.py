"""kube-proxy's own configuration file: what is taken from it, what is refused, and what means nothing here."""

from __future__ import annotations

from pathlib import Path

import pytest

from kubesvc.remote.proxy.kubeproxyconfig import KubeProxyConfiguration, read_kube_proxy_configuration

HEAD = "apiVersion: kubeproxy.config.k8s.io/v1alpha1\nkind: KubeProxyConfiguration\n"
KUBEADM = Path(__file__).with_name("kubeadm.yaml")
"""As kubeadm writes it into the ConfigMap kube-proxy: every field, most of them empty."""


def read(text: str) -> KubeProxyConfiguration:
    reading = read_kube_proxy_configuration(HEAD + text, "kube-proxy.yaml")
    assert reading.faults == ()
    return reading.configuration


def faults(text: str) -> list[str]:
    return [str(each) for each in read_kube_proxy_configuration(text, "kube-proxy.yaml").faults]


def test_a_file_that_says_nothing_has_kube_proxys_defaults() -> None:
    assert read("") == KubeProxyConfiguration()


def test_what_means_something_here_is_taken() -> None:
    text = """
mode: nftables
hostnameOverride: " Node-1 "
clientConnection: {kubeconfig: /etc/kube-proxy/kubeconfig}
bindAddress: 192.168.0.101
healthzBindAddress: 127.0.0.1
metricsBindAddress: "[::1]:9000"
bindAddressHardFail: true
clusterCIDR: "10.244.0.0/16, fd00:10:244::/56"
detectLocalMode: NodeCIDR
nodePortAddresses: [primary, localhost, 10.0.0.0/8]
iptables: {localhostNodePorts: false}
nftables: {masqueradeAll: true, masqueradeBit: 14}
conntrack: {udpTimeout: 1m30s, udpStreamTimeout: 250s}
"""
    assert read(text) == KubeProxyConfiguration(
        mode="nftables",
        kubeconfig="/etc/kube-proxy/kubeconfig",
        node_name="node-1",
        bind_address="192.168.0.101",
        healthz_address=("127.0.0.1", 10256),
        metrics_address=("::1", 9000),
        must_bind=True,
        detect_local_mode="NodeCIDR",
        cluster_cidrs=("10.244.0.0/16", "fd00:10:244::/56"),
        node_port_addresses=("primary", "localhost", "10.0.0.0/8"),
        localhost_node_ports=False,
        masquerades_all=True,
        udp_seconds=90.0,
        udp_stream_seconds=250.0,
    )


def test_kubeadms_file_is_read_and_what_it_leaves_empty_is_not_named() -> None:
    reading = read_kube_proxy_configuration(KUBEADM.read_text(), str(KUBEADM))
    assert reading.faults == ()
    assert reading.configuration.cluster_cidrs == ("10.244.0.0/16",)
    assert reading.configuration.not_honoured == ()


@pytest.mark.parametrize(
    ("text", "named"),
    [
        pytest.param("mode: ipvs\nipvs: {scheduler: lc}", ("mode ipvs", "ipvs.scheduler"), id="another mode"),
        pytest.param("conntrack: {maxPerCore: 1, min: 2}", ("conntrack.maxPerCore", "conntrack.min"), id="conntrack"),
        pytest.param("featureGates: {NFTablesProxyMode: true}", ("featureGates.NFTablesProxyMode",), id="a gate"),
        pytest.param("iptables: {syncPeriod: 30s, minSyncPeriod: 0s}", ("iptables.syncPeriod",), id="a pause"),
        pytest.param("nftables: {masqueradeBit: 15}", ("nftables.masqueradeBit",), id="another mark"),
        pytest.param(
            "detectLocalMode: BridgeInterface\ndetectLocal: {bridgeInterface: cni0}",
            ("detectLocal.bridgeInterface", "detectLocalMode BridgeInterface"),
            id="by interface",
        ),
    ],
)
def test_a_field_that_means_nothing_here_is_named(text: str, named: tuple[str, ...]) -> None:
    assert read(text).not_honoured == named


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        pytest.param(
            HEAD + "clusterCidr: 10.0.0.0/8\n",
            'kube-proxy.yaml:3:1: clusterCidr: unknown field "clusterCidr"\n    did you mean "clusterCIDR"?',
            id="unknown",
        ),
        pytest.param(
            HEAD + "conntrack: {udpTimeOut: 1s}\n",
            'kube-proxy.yaml:3:13: conntrack.udpTimeOut: unknown field "conntrack.udpTimeOut"\n'
            '    did you mean "udpTimeout"?',
            id="unknown in a section",
        ),
        pytest.param(
            HEAD + "mode: iptable\n",
            'kube-proxy.yaml:3:1: mode: Unsupported value: "iptable": supported values: '
            '"", "iptables", "ipvs", "nftables", "userspace"\n    did you mean "iptables"?',
            id="mode",
        ),
        pytest.param(
            HEAD + "healthzBindAddress: localhost:10256\n",
            'kube-proxy.yaml:3:1: healthzBindAddress: Invalid value: "localhost:10256": '
            "must be an IP address and a port, (e.g. 0.0.0.0:10256)",
            id="no address",
        ),
        pytest.param(
            HEAD + "conntrack: {udpTimeout: 90}\n",
            'kube-proxy.yaml:3:13: conntrack.udpTimeout: Invalid value: 90: must be a duration, (e.g. "250s")',
            id="no duration",
        ),
        pytest.param(
            HEAD + "nodePortAddresses: [primry]\n",
            'kube-proxy.yaml:3:21: nodePortAddresses[0]: Unsupported value: "primry": supported values: '
            '"primary", "localhost", "all"\n    or a CIDR: 192.168.0.0/16',
            id="no address range",
        ),
        pytest.param(
            "apiVersion: v1\nkind: ConfigMap\n",
            'kube-proxy.yaml:2:1: kind: Unsupported value: "ConfigMap": supported values: "KubeProxyConfiguration"',
            id="another kind",
        ),
        pytest.param("---\n", "kube-proxy.yaml: must be one KubeProxyConfiguration; it has 0 documents", id="empty"),
    ],
)
def test_a_mistake_is_told_with_its_place_and_the_remedy(text: str, fault: str) -> None:
    assert fault in faults(text)
