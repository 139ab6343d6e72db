"""What Envoy is told: one listener before one backend, everything else as it comes. Pure."""

from __future__ import annotations

import json
from typing import Any

from benchmarks.suite.settings import BACKEND, ENVOY, FRONT_PORT, FRONTS

_TYPES = "type.googleapis.com/envoy.extensions"
_CLUSTER = "web"
_IDLE = "600s"
_BACKLOG = 4096
_PLENTY = 1_000_000
"""Envoy's circuit breakers are at 1,024 connections and requests by default, which nobody else has."""


def envoy(protocol: str, backend_port: int) -> str:
    """Return the configuration for a process with ``--concurrency 1``: no admin interface, no access log."""
    endpoint = {"endpoint": {"address": _address(BACKEND, backend_port)}}
    breakers = {"max_connections": _PLENTY, "max_pending_requests": _PLENTY, "max_requests": _PLENTY}
    cluster = {
        "name": _CLUSTER,
        "type": "STATIC",
        "connect_timeout": "5s",
        "circuit_breakers": {"thresholds": [breakers]},
        "load_assignment": {"cluster_name": _CLUSTER, "endpoints": [{"lb_endpoints": [endpoint]}]},
    }
    listener = _datagrams() if protocol == "udp" else _connections(protocol)
    return json.dumps({"static_resources": {"listeners": [listener], "clusters": [cluster]}}, indent=1)


def _address(address: str, port: int, protocol: str = "TCP") -> dict[str, Any]:
    return {"socket_address": {"address": address, "port_value": port, "protocol": protocol}}


def _connections(protocol: str) -> dict[str, Any]:
    made = _http() if protocol == "http" else _tcp()
    return {
        "name": "front",
        "address": _address(FRONTS[ENVOY], FRONT_PORT),
        "tcp_backlog_size": _BACKLOG,
        "filter_chains": [{"filters": [made]}],
    }


def _tcp() -> dict[str, Any]:
    config = {"stat_prefix": "front", "cluster": _CLUSTER, "idle_timeout": _IDLE}
    return _filter("network.tcp_proxy", "filters.network.tcp_proxy.v3.TcpProxy", config)


def _http() -> dict[str, Any]:
    route = {"match": {"prefix": "/"}, "route": {"cluster": _CLUSTER}}
    router = _filter("http.router", "filters.http.router.v3.Router", {})
    config = {
        "stat_prefix": "front",
        "route_config": {"virtual_hosts": [{"name": "all", "domains": ["*"], "routes": [route]}]},
        "http_filters": [router],
    }
    kind = "filters.network.http_connection_manager.v3.HttpConnectionManager"
    return _filter("network.http_connection_manager", kind, config)


def _datagrams() -> dict[str, Any]:
    route = _filter("udp_proxy.route", "filters.udp.udp_proxy.v3.Route", {"cluster": _CLUSTER})
    config = {
        "stat_prefix": "front",
        "matcher": {"on_no_match": {"action": route}},
        "idle_timeout": _IDLE,
    }
    made = _filter("udp_listener.udp_proxy", "filters.udp.udp_proxy.v3.UdpProxyConfig", config)
    return {
        "name": "front",
        "address": _address(FRONTS[ENVOY], FRONT_PORT, "UDP"),
        "udp_listener_config": {},
        "listener_filters": [made],
    }


def _filter(name: str, kind: str, config: dict[str, Any]) -> dict[str, Any]:
    return {"name": f"envoy.filters.{name}", "typed_config": {"@type": f"{_TYPES}.{kind}", **config}}
