"""The objects that the set asks about, as a real API server with both families takes them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from tests.helpers.objects import build_endpoint, build_namespace, build_service, build_slice

from kubeapi.meta import JSON

NAMESPACES = ("dns-one", "dns-two", "svc")
ZONE = "cluster.local"
_SINGLE: dict[str, Any] = {"ipFamilyPolicy": "SingleStack"}
_DUAL: dict[str, Any] = {"ipFamilyPolicy": "RequireDualStack", "ipFamilies": ["IPv4", "IPv6"]}
_HTTP = ({"name": "http", "port": 80, "protocol": "TCP"},)


def objects() -> list[JSON]:
    """All objects, namespaces first."""
    return [*map(build_namespace, NAMESPACES), *_cluster_ips(), *_headless(), *_aliases()]


def _service(name: str, ns: str = "dns-one", ports: Sequence[JSON] = _HTTP, **spec: Any) -> JSON:
    return build_service(name, ns, **{**_SINGLE, "ports": list(ports), **spec})


def _slice(name: str, endpoints: Iterable[JSON], ns: str = "dns-one", family: str = "IPv4", number: int = 1) -> JSON:
    port = {"name": "http", "port": 8080, "protocol": "TCP"}
    return {**build_slice(f"{name}-{number}", name, list(endpoints), ns, ports=[port]), "addressType": family}


def _cluster_ips() -> list[JSON]:
    many = [{"name": f"p{each}", "port": each, "protocol": "TCP"} for each in (1, 2, 3, 4)]
    both = [{"name": "dns", "port": 53, "protocol": "UDP"}, {"name": "dns-tcp", "port": 53, "protocol": "TCP"}]
    sctp = [{"name": "s", "port": 9, "protocol": "SCTP"}]
    return [
        _service("cart", clusterIP="10.96.9.1"),
        _slice("cart", [build_endpoint("10.244.9.1"), build_endpoint("10.244.9.2", hostname="blue")]),
        _service("dual", **{**_DUAL, "clusterIP": "10.96.9.2", "clusterIPs": ["10.96.9.2", "fd00:10:96::902"]}),
        _slice("dual", [build_endpoint("10.244.9.3")]),
        _slice("dual", [build_endpoint("fd00:10:244::903")], family="IPv6", number=2),
        _service("six", clusterIP="fd00:10:96::903", ipFamilies=["IPv6"]),
        _service("unnamed", clusterIP="10.96.9.4", ports=[{"port": 80, "protocol": "TCP"}]),
        _service("many", clusterIP="10.96.9.5", ports=many),
        _service("both", clusterIP="10.96.9.6", ports=both),
        _service("sctp", clusterIP="10.96.9.7", ports=sctp),
        _service("node", clusterIP="10.96.9.8", type="NodePort"),
        _service("balanced", clusterIP="10.96.9.9", type="LoadBalancer", externalIPs=["198.51.100.9"]),
        _service("idle", clusterIP="10.96.9.10"),
        _slice("idle", [build_endpoint("10.244.9.10", ready=False)]),
        _service("svc", clusterIP="10.96.9.11"),
        _service("svc", "svc", clusterIP="10.96.9.12"),
        _service("pod", "svc", clusterIP="10.96.9.13"),
        _service("cart", "dns-two", clusterIP="10.96.9.14"),
        _service("shared", clusterIP="10.96.9.15"),
        _slice("shared", [build_endpoint("10.244.9.1")]),
    ]


def _headless() -> list[JSON]:
    def headless(name: str, **spec: Any) -> JSON:
        return _service(name, **{"clusterIP": "None", **spec})

    nameless = {"addressType": "IPv4", "ports": []}
    return [
        headless("db"),
        _slice("db", [build_endpoint("10.244.8.1", hostname="db-0"), build_endpoint("10.244.8.2", hostname="db-1")]),
        _slice("db", [build_endpoint("10.244.8.3", ready=False), build_endpoint("10.244.8.4")], number=2),
        _slice("db", [build_endpoint("10.244.8.1", hostname="db-0")], number=3),
        headless("asleep"),
        _slice("asleep", [build_endpoint("10.244.8.9", ready=False)]),
        headless("empty"),
        headless("wide", ipFamilyPolicy="RequireDualStack"),
        _slice("wide", [build_endpoint("10.244.8.20")]),
        _slice(
            "wide", [build_endpoint("fd00:10:244::820"), build_endpoint("fd00:10:244:5::")], family="IPv6", number=2
        ),
        headless("portless", ports=[]),
        {**_slice("portless", [build_endpoint("10.244.8.30")]), **nameless},
        headless("twins"),
        _slice("twins", [build_endpoint(f"10.244.8.{each}", hostname="t") for each in (40, 41)]),
        headless("crowd"),
        _slice("crowd", [build_endpoint(f"10.244.7.{each}") for each in range(1, 61)]),
        headless("crowned"),
        _slice("crowned", [build_endpoint(f"10.244.6.{each}", hostname=f"pod-{each}") for each in range(1, 21)]),
        headless("leaving"),
        _slice("leaving", [build_endpoint("10.244.8.50", ready=False, serving=True, terminating=True)]),
        headless("unset"),
        _slice("unset", [{"addresses": ["10.244.8.60"]}]),
    ]


def _aliases() -> list[JSON]:
    within = f"svc.{ZONE}"
    targets = {
        "outside": "www.example.org",
        "unknown": "missing.example.org",
        "inside": f"cart.dns-one.{within}",
        "further": f"inside.dns-one.{within}",
        "to-dual": f"dual.dns-one.{within}",
        "dangling": f"missing.dns-one.{within}",
        "itself": f"itself.dns-one.{within}",
        "ping": f"pong.dns-one.{within}",
        "pong": f"ping.dns-one.{within}",
        "literal": "192.0.2.1",
    }
    return [build_service(name, "dns-one", type="ExternalName", externalName=to) for name, to in targets.items()]
