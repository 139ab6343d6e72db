"""The works: what is measured between whom, and the addresses of all that takes part. Pure."""

from __future__ import annotations

from dataclasses import dataclass

DIRECT = "direct"
KUBESVC = "kubesvc"
UNCHANGED = "kubesvc unchanged"
HAPROXY = "haproxy"
NGINX = "nginx"
ENVOY = "envoy"
STREAMS = "asyncio streams"
AIOHTTP = "aiohttp"
DNSMASQ = "dnsmasq"
COREDNS = "coredns"
UNBOUND = "unbound"
USERSPACE = "kubesvc userspace"
LOOPBACK = "kubesvc on loopback"
HAPROXY_LOOPBACK = "haproxy on loopback"
MANY_SERVICES = 5_000
MANY = f"kubesvc, {MANY_SERVICES:,} Services"

BACKEND = "127.88.0.1"
WEB_PORT = 8080
BULK_PORT = 8081
ECHO_PORT = 8082
FRONT_PORT = 18080
"""Where every proxy listens, each at an address of its own; below the ephemeral ports, so no client can be on it."""
DNS_PORT = 15053
FRONTS = {
    KUBESVC: "127.88.128.11",
    HAPROXY: "127.88.1.1",
    NGINX: "127.88.1.2",
    ENVOY: "127.88.1.8",
    STREAMS: "127.88.1.3",
    AIOHTTP: "127.88.1.4",
    DNSMASQ: "127.88.1.5",
    COREDNS: "127.88.1.6",
    UNBOUND: "127.88.1.7",
}

ZONE = "cluster.local"
HOT_SERVICES = 100
CONNECTIONS = 64


@dataclass(frozen=True)
class Work:
    """What is measured. ``protocol`` is what the peers are set up for: tcp, http, udp or dns.

    ``reference`` is the peer that the others are compared with. One round where memory once taken is not given back.
    """

    name: str
    title: str
    unit: str
    protocol: str
    backend_port: int
    peers: tuple[str, ...]
    reference: str = HAPROXY
    is_once: bool = False


_TCP = (DIRECT, HAPROXY, KUBESVC, NGINX, ENVOY, STREAMS)

WORKS = (
    Work("keepalive", f"keep-alive requests, {CONNECTIONS} connections", "request", "tcp", WEB_PORT, _TCP),
    Work("connection", "one connection per request", "connection", "tcp", WEB_PORT, _TCP),
    Work("down", "bulk down", "MiB", "tcp", BULK_PORT, _TCP),
    Work("up", "bulk up", "MiB", "tcp", BULK_PORT, _TCP),
    Work("idle", "idle connections", "connection", "tcp", WEB_PORT, _TCP[1:], is_once=True),
    Work(
        "http",
        f"HTTP requests, {CONNECTIONS} connections",
        "request",
        "http",
        WEB_PORT,
        (DIRECT, HAPROXY, KUBESVC, NGINX, ENVOY, AIOHTTP),
    ),
    Work("udp", "datagrams and their answers", "pair", "udp", ECHO_PORT, (DIRECT, NGINX, KUBESVC, ENVOY), NGINX),
    Work("dns-hot", f"DNS, {HOT_SERVICES} names", "query", "dns", 0, (DNSMASQ, KUBESVC, COREDNS, UNBOUND), DNSMASQ),
    Work("dns-cold", "DNS, every name once", "query", "dns", 0, (DNSMASQ, KUBESVC, COREDNS, UNBOUND), DNSMASQ),
    Work(
        "dns-churn",
        f"DNS, {HOT_SERVICES} headless names, 20 endpoint changes a second, latency from change to answer",
        "query",
        "dns",
        0,
        (UNCHANGED, KUBESVC, COREDNS),
        UNCHANGED,
    ),
)

_BETWEEN_PODS = (DIRECT, KUBESVC, MANY, USERSPACE, HAPROXY, LOOPBACK, HAPROXY_LOOPBACK)
POD_WORKS = (
    Work("pods-keepalive", "pod to pod, keep-alive requests", "request", "tcp", WEB_PORT, _BETWEEN_PODS, DIRECT),
    Work("pods-connection", "pod to pod, one connection each", "connection", "tcp", WEB_PORT, _BETWEEN_PODS, DIRECT),
)
"""Works between pods in sandboxes; kubesvc is its nftables engine there, but where it says otherwise."""


def hot_names() -> dict[str, str]:
    """Return the names of Services that are asked for again and again, with their addresses."""
    return {f"svc-{each}.default.svc.{ZONE}": f"127.88.129.{each + 1}" for each in range(HOT_SERVICES)}


def cold_names(first: int, count: int) -> list[str]:
    """Return names of pods by address, of which there are 16 million; every one exists."""
    octets = ((each >> 16 & 255, each >> 8 & 255, each & 255) for each in range(first, first + count))
    return [f"127-{a}-{b}-{c}.default.pod.{ZONE}" for a, b, c in octets]
