"""What the proxy says of itself to people: its settings, its flags and its versions. Pure.

Follows component-base ``configz`` and apiserver ``pkg/server/statusz`` and ``flagz``, which have the same warning. They
answer in plain text only.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime

from kubeproxy.config import ProxyConfig

GROUP = "kubeproxy.config.k8s.io"

_HEADER = """
kube-proxy {}
Warning: This endpoint is not meant to be machine parseable, has no formatting compatibility guarantees and is for \
debugging purposes only.
"""
_VERSION = "1.37"
"""Of the kube-proxy whose answers these are."""


def configz(config: ProxyConfig) -> str:
    """Return the settings as JSON, in the form of a KubeProxyConfiguration; only those that this proxy has."""
    addresses = config.node_port_addresses
    fields = {
        "kind": "KubeProxyConfiguration",
        "apiVersion": f"{GROUP}/v1alpha1",
        "hostnameOverride": config.node_name,
        "healthzBindAddress": _address(config.healthz_address),
        "metricsBindAddress": _address(config.metrics_address),
        "nodePortAddresses": list(addresses) if addresses is not None else None,
        "mode": config.mode,
        "conntrack": {
            "udpTimeout": _duration(config.udp_seconds),
            "udpStreamTimeout": _duration(config.udp_stream_seconds),
        },
        "minSyncPeriod": _duration(config.min_sync_seconds),
    }
    return json.dumps({GROUP: fields}, separators=(",", ":"))


def flagz(config: ProxyConfig) -> str:
    """Return the flags of kube-proxy that stand for this proxy's settings."""
    flags: Mapping[str, str] = {
        "healthz-bind-address": _address(config.healthz_address),
        "hostname-override": config.node_name,
        "metrics-bind-address": _address(config.metrics_address),
        "nodeport-addresses": f"[{','.join(config.node_port_addresses or ())}]",
        "proxy-mode": config.mode,
    }
    return _HEADER.format("flagz") + "".join(f"{name}={value}\n" for name, value in sorted(flags.items()))


def statusz(started: float, now: float, paths: Iterable[str]) -> str:
    """Return since when the proxy runs, its version and its paths; times are in seconds since the epoch."""
    begun = datetime.fromtimestamp(started, UTC).strftime("%a %b %e %H:%M:%S UTC %Y")
    shown = f"Binary version: {_VERSION}", f"Paths: {' '.join(sorted(paths))}"
    lines = (f"Started: {begun}", f"Up: {_uptime(now - started)}", *shown)
    return _HEADER.format("statusz") + "\n" + "\n".join(lines) + "\n"


def _uptime(seconds: float) -> str:
    """Return hours, minutes and seconds, as ``2 hr 05 min 09 sec``."""
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} hr {minutes:02} min {rest:02} sec"


def _address(address: tuple[str, int] | None) -> str:
    return f"{address[0]}:{address[1]}" if address is not None else ""


def _duration(seconds: float) -> str:
    return f"{seconds:g}s"
