"""Kubernetes objects as DNS sees them, and the cluster that the zone-file tables are asked about."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from tests.helpers.objects import build_endpoint, build_namespace, build_pod, build_service, build_slice

from kubeapi.meta import JSON
from kubeapi.scheme import ENDPOINTSLICES, NAMESPACES, PODS, SERVICES, Resource

Port = tuple[str, str, int | None]
"""Name, protocol, number."""

HTTP: Port = ("http", "TCP", 80)


def namespace(name: str) -> JSON:
    return build_namespace(name)


def service(name: str, *cluster_ips: str, ns: str = "shop", ports: Sequence[Port] = (HTTP,)) -> JSON:
    """A ClusterIP Service, or with "None" a headless one."""
    first, *_ = cluster_ips
    return build_service(name, ns, type="ClusterIP", clusterIP=first, clusterIPs=list(cluster_ips), ports=_ports(ports))


def external(name: str, target: str, ns: str = "shop") -> JSON:
    return build_service(name, ns, type="ExternalName", externalName=target, ports=_ports((HTTP,)))


def endpoint(*addresses: str, ready: bool | None = True, hostname: str = "", terminating: bool = False) -> JSON:
    conditions = {} if ready is None else {"ready": ready, "terminating": terminating}
    return build_endpoint(*addresses, **conditions, **({"hostname": hostname} if hostname else {}))


def endpoint_slice(
    name: str, of: str, *endpoints: JSON, ns: str = "shop", ports: Sequence[Port] = (("http", "TCP", 8080),)
) -> JSON:
    return build_slice(name, of, endpoints, ns, ports=_ports(ports))


def pod(name: str, ip: str, ns: str = "shop", phase: str = "Running", *, deleting: bool = False) -> JSON:
    metadata = {"deletionTimestamp": "2026-01-01T00:00:00Z"} if deleting else {}
    return build_pod(name, namespace=ns, metadata=metadata) | {"status": {"phase": phase, "podIP": ip}}


def _ports(ports: Iterable[Port]) -> list[JSON]:
    entries = []
    for name, protocol, number in ports:
        entry: JSON = {"protocol": protocol}
        entry |= {"name": name} if name else {}
        entry |= {"port": number} if number is not None else {}
        entries.append(entry)
    return entries


def resource_of(obj: JSON) -> Resource:
    return {each.kind: each for each in (NAMESPACES, SERVICES, ENDPOINTSLICES, PODS)}[obj["kind"]]


def cluster() -> list[JSON]:
    """The objects of the tables: one Service for each thing that DNS tells apart."""
    dns_ports: Sequence[Port] = (("dns", "UDP", 53), ("dns-tcp", "TCP", 53))
    return [
        *map(namespace, ("shop", "svc", "kube-system")),
        service("kube-dns", "10.96.0.10", ns="kube-system", ports=dns_ports),
        # cluster IPs
        service("cart", "10.96.0.20", ports=(HTTP, ("", "TCP", 9000))),
        endpoint_slice("cart-1", "cart", endpoint("10.244.0.1"), endpoint("10.244.0.2", hostname="blue")),
        service("dual", "10.96.0.30", "fd00:96::30"),
        service("v6", "fd00:96::31"),
        service("unnamed", "10.96.0.32", ports=(("", "TCP", 80),)),
        service("samename", "10.96.0.33", ports=(("dns", "UDP", 53), ("dns-tcp", "TCP", 53))),
        service("svc", "10.96.0.34"),
        service("svc", "10.96.0.35", ns="svc"),
        service("pod", "10.96.0.36", ns="svc"),
        service("orphan", "10.96.0.37", ns="nowhere"),
        # headless
        service("db", "None", ports=(("pg", "TCP", 5432),)),
        endpoint_slice("db-1", "db", endpoint("10.244.1.1", hostname="db-0"), ports=(("pg", "TCP", 15432),)),
        endpoint_slice(
            "db-2",
            "db",
            endpoint("10.244.1.2", ready=None),
            endpoint("10.244.1.3", ready=False),
            endpoint("10.244.1.1", hostname="db-0"),
            ports=(("pg", "TCP", 15432),),
        ),
        service("six", "None"),
        endpoint_slice("six-1", "six", endpoint("fd00:244::2"), endpoint("fd00:244:5::")),
        service("asleep", "None"),
        endpoint_slice("asleep-1", "asleep", endpoint("10.244.1.9", ready=False)),
        service("portless", "None", ports=()),
        endpoint_slice("portless-1", "portless", endpoint("10.244.1.20"), ports=()),
        service("nilport", "None"),
        endpoint_slice(
            "nilport-1", "nilport", endpoint("10.244.1.30"), ports=(("http", "TCP", 8080), ("x", "TCP", None))
        ),
        service("twins", "None"),
        endpoint_slice(
            "twins-1", "twins", endpoint("10.244.1.40", hostname="t"), endpoint("10.244.1.41", hostname="t")
        ),
        # external names
        external("ext", "Foo.Example.com"),
        external("dotted", "foo.example.com."),
        external("inside", "cart.shop.svc.cluster.local"),
        external("twice", "inside.shop.svc.cluster.local"),
        external("dangling", "missing.shop.svc.cluster.local"),
        external("self", "self.shop.svc.cluster.local"),
        external("ping", "pong.shop.svc.cluster.local"),
        external("pong", "ping.shop.svc.cluster.local"),
        external("literal", "192.0.2.1"),
        external("hosted", "k8s.service.com"),
        # pods
        pod("cart-a", "10.244.0.1"),
        pod("done", "10.244.0.8", phase="Succeeded"),
        pod("going", "10.244.0.9", deleting=True),
        pod("v6", "fd00:244::7"),
    ]
