"""What each peer is told, in its own language: the same front, the same backend, one thread. Pure."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from benchmarks.suite.settings import BACKEND, DNS_PORT, FRONT_PORT, FRONTS, HAPROXY, KUBESVC, NGINX, ZONE

IDLE_SECONDS = 600
RESPONSE = "x" * 128
_FILES_SPARE = 200
"""Descriptors that a proxy needs besides those of its connections, generously."""


def backend_nginx(port: int, files: int) -> str:
    """Return the configuration of the web server behind everybody; it answers from memory."""
    return _nginx(
        files,
        f"""
http {{
  access_log off; keepalive_requests 1000000000; keepalive_timeout {IDLE_SECONDS}s;
  client_body_temp_path body; proxy_temp_path proxy; fastcgi_temp_path fastcgi; uwsgi_temp_path uwsgi;
  scgi_temp_path scgi;
  server {{ listen {BACKEND}:{port} backlog=4096; location / {{ return 200 "{RESPONSE}"; }} }}
}}
""",
    )


def proxy_nginx(protocol: str, backend_port: int, files: int, module: str) -> str:
    """Return nginx' configuration; ``module`` is the path of the stream module, of no use for http."""
    listen = f"{FRONTS[NGINX]}:{FRONT_PORT}"
    if protocol == "http":
        return _nginx(
            files,
            f"""
http {{
  access_log off; keepalive_requests 1000000000; keepalive_timeout {IDLE_SECONDS}s;
  client_body_temp_path body; proxy_temp_path proxy; fastcgi_temp_path fastcgi; uwsgi_temp_path uwsgi;
  scgi_temp_path scgi;
  upstream web {{ server {BACKEND}:{backend_port}; keepalive 64; keepalive_requests 1000000000; }}
  server {{
    listen {listen} backlog=4096;
    location / {{ proxy_pass http://web; proxy_http_version 1.1; proxy_set_header Connection ""; }}
  }}
}}
""",
        )
    udp = " udp" if protocol == "udp" else " backlog=4096"
    return f"load_module {module};\n" + _nginx(
        files,
        f"""
stream {{
  server {{ listen {listen}{udp}; proxy_pass {BACKEND}:{backend_port}; proxy_timeout {IDLE_SECONDS}s; }}
}}
""",
    )


def _nginx(files: int, servers: str) -> str:
    return f"""\
daemon off; master_process off; pid nginx.pid;
events {{ worker_connections {files - _FILES_SPARE}; }}
{servers}"""


def haproxy(protocol: str, backend_port: int, files: int) -> str:
    """Return HAProxy's configuration: tcp or http mode."""
    return f"""\
global
  nbthread 1
  maxconn {(files - _FILES_SPARE) // 2}
defaults
  mode {protocol}
  timeout connect 5s
  timeout client {IDLE_SECONDS}s
  timeout server {IDLE_SECONDS}s
frontend front
  bind {FRONTS[HAPROXY]}:{FRONT_PORT} backlog 4096
  default_backend web
backend web
  server one {BACKEND}:{backend_port}
"""


def unbound(address: str, names: Mapping[str, str]) -> str:
    """Return unbound's configuration."""
    local = "\n".join(f'  local-data: "{name}. 5 IN A {at}"' for name, at in names.items())
    return f"""\
server:
  interface: {address}@{DNS_PORT}
  access-control: 127.0.0.0/8 allow
  do-daemonize: no
  num-threads: 1
  username: ""
  chroot: ""
  use-syslog: no
  pidfile: ""
  local-zone: "{ZONE}." static
{local}
remote-control:
  control-enable: no
"""


def coredns(address: str, kubeconfig: str) -> str:
    """Return what answers in kubeadm's Corefile, with kubesvc's TTL; no errors, metrics, health and the like."""
    return f"""\
.:{DNS_PORT} {{
  bind {address}
  kubernetes {ZONE} in-addr.arpa ip6.arpa {{
    kubeconfig {kubeconfig}
    pods insecure
    ttl 5
    fallthrough in-addr.arpa ip6.arpa
  }}
  cache 30
  loadbalance
}}
"""


def dnsmasq(address: str, names: Mapping[str, str], user: str) -> list[str]:
    """Return dnsmasq's command line."""
    records = [f"--host-record={name},{at}" for name, at in names.items()]
    return [
        "dnsmasq",
        "--no-daemon",
        "--conf-file=/dev/null",
        "--no-hosts",
        "--no-resolv",
        f"--user={user}",
        "--pid-file=",
        f"--listen-address={address}",
        "--bind-interfaces",
        f"--port={DNS_PORT}",
        f"--local=/{ZONE}/",
        "--local-ttl=5",
        f"--synth-domain=default.pod.{ZONE},127.0.0.0/8",
        *records,
    ]


CLUSTER: dict[str, Any] = {
    "apiVersion": "kubesvc.dev/v1alpha1",
    "kind": "ClusterConfiguration",
    "networking": {
        "serviceSubnet": "127.88.128.0/18",
        "podSubnet": "127.88.192.0/19",
        "loadBalancerSubnet": "127.88.224.0/24",
        "serviceNodePortRange": "23800-23899",
    },
    "nodes": [{"name": "node-1", "address": "127.88.225.1"}],
    "proxy": {"healthzBindAddress": "", "metricsBindAddress": ""},
    "dns": {"bindAddresses": [], "upstreams": []},
    "sandbox": "none",
}
"""A cluster beside the default one's addresses, so that both may run; it has no pods, and listens on the host alone."""


def service(name: str, address: str, port: dict[str, Any]) -> dict[str, Any]:
    """Return a Service without selector."""
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": name, "namespace": "default"},
        "spec": {"clusterIP": address, "ports": [port]},
    }


def endpoint_slice(service_name: str, port: int, protocol: str, addresses: tuple[str, ...]) -> dict[str, Any]:
    """Return the EndpointSlice of a Service."""
    return {
        "apiVersion": "discovery.k8s.io/v1",
        "kind": "EndpointSlice",
        "metadata": {
            "name": f"{service_name}-1",
            "namespace": "default",
            "labels": {"kubernetes.io/service-name": service_name},
        },
        "addressType": "IPv4",
        "ports": [{"port": port, "protocol": protocol}],
        "endpoints": [{"addresses": [each], "conditions": {"ready": True}} for each in addresses],
    }


def kubesvc(protocol: str, backend_port: int) -> str:
    """Return the cluster's manifests but for those of DNS (``zones``); JSON is YAML."""
    kind = "UDP" if protocol == "udp" else "TCP"
    port: dict[str, Any] = {"port": FRONT_PORT, "targetPort": backend_port, "protocol": kind}
    if protocol == "http":
        port["appProtocol"] = "http"
    web = service("web", FRONTS[KUBESVC], port), endpoint_slice("web", backend_port, kind, (BACKEND,))
    return "\n---\n".join(json.dumps(each) for each in (CLUSTER, *web))
