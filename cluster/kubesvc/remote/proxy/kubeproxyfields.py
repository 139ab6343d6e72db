"""The fields that a KubeProxyConfiguration has, and which of them mean something to this proxy. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

OTHER_MODES = ("iptables", "ipvs")
"""Modes of kube-proxy that this proxy has not."""
BY_INTERFACE = ("BridgeInterface", "InterfaceNamePrefix")
"""Values of detectLocalMode that need the interface by which a packet comes."""
TOP = (
    "apiVersion",
    "kind",
    "featureGates",
    "clientConnection",
    "logging",
    "hostnameOverride",
    "bindAddress",
    "healthzBindAddress",
    "metricsBindAddress",
    "bindAddressHardFail",
    "enableProfiling",
    "showHiddenMetricsForVersion",
    "mode",
    "iptables",
    "ipvs",
    "nftables",
    "winkernel",
    "detectLocalMode",
    "detectLocal",
    "clusterCIDR",
    "nodePortAddresses",
    "oomScoreAdj",
    "conntrack",
    "configSyncPeriod",
    "portRange",
    "windowsRunAsService",
)
_SYNC = ("syncPeriod", "minSyncPeriod")
SECTIONS: Mapping[str, tuple[str, ...]] = {
    "clientConnection": ("kubeconfig", "acceptContentTypes", "contentType", "qps", "burst"),
    "logging": ("format", "flushFrequency", "verbosity", "vmodule", "options"),
    "iptables": ("masqueradeBit", "masqueradeAll", "localhostNodePorts", *_SYNC),
    "ipvs": (*_SYNC, "scheduler", "excludeCIDRs", "strictARP", "tcpTimeout", "tcpFinTimeout", "udpTimeout"),
    "nftables": ("masqueradeBit", "masqueradeAll", *_SYNC),
    "winkernel": ("networkName", "sourceVip", "enableDSR", "rootHnsEndpointName", "forwardHealthCheckVip"),
    "detectLocal": ("bridgeInterface", "interfaceNamePrefix"),
    "conntrack": (
        "maxPerCore",
        "min",
        "tcpEstablishedTimeout",
        "tcpCloseWaitTimeout",
        "tcpBeLiberal",
        "udpTimeout",
        "udpStreamTimeout",
    ),
}
_HONOURED = frozenset(
    {
        "apiVersion",
        "kind",
        "hostnameOverride",
        "bindAddress",
        "healthzBindAddress",
        "metricsBindAddress",
        "bindAddressHardFail",
        "mode",
        "detectLocalMode",
        "clusterCIDR",
        "nodePortAddresses",
        "clientConnection.kubeconfig",
        "iptables.localhostNodePorts",
        "nftables.masqueradeAll",
        "nftables.minSyncPeriod",
        "conntrack.udpTimeout",
        "conntrack.udpStreamTimeout",
    }
)
_ZEROS = (None, "", "0", "0s", 0, False)
_USUAL = {"iptables.masqueradeBit": 14, "nftables.masqueradeBit": 14, "logging.format": "text"}
"""Values that are what this proxy does."""


def not_honoured(value: Mapping[str, Any]) -> Iterator[str]:
    """Yield the paths of fields that are set to something, and mean nothing here."""
    if value.get("mode") in OTHER_MODES:
        yield f"mode {value['mode']}"
    for path, each in _leaves(value, ""):
        if path not in _HONOURED and _USUAL.get(path) != each:
            yield path
    if value.get("detectLocalMode") in BY_INTERFACE:
        yield f"detectLocalMode {value['detectLocalMode']}"


def _leaves(value: Mapping[str, Any], path: str) -> Iterator[tuple[str, object]]:
    for name, each in value.items():
        here = f"{path}.{name}" if path else name
        if isinstance(each, dict):
            yield from _leaves(each, here)
        elif each not in _ZEROS and each != []:
            yield here, each
