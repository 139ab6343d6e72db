"""The answers at healthCheckNodePorts, by which load balancers find the nodes with local endpoints. Pure.

Follows k8s.io/kubernetes ``pkg/proxy/healthcheck/service_health.go``: 200 while the node has a ready endpoint and its
proxy is healthy, otherwise 503; terminating endpoints do not count, although they still serve.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from kubeapi.meta import ObjectKey
from kubehost.addresses import LOCALHOST
from kubeproxy.rules import Rules


class HealthCheckAddress(NamedTuple):
    """One address at which one node answers for one Service."""

    service: ObjectKey
    node: str
    address: str
    port: int


def health_check_addresses(rules: Rules, services: Iterable[ObjectKey]) -> Iterator[HealthCheckAddress]:
    """Yield the addresses where healthCheckNodePorts are answered: those of every node, and localhost for the first."""
    localhost = {LOCALHOST}.intersection(rules.nodes.addresses)
    for service in services:
        names = rules.by_service.get(service)
        port = rules.ports[names[0]].service_port.health_check_node_port if names else 0
        if port:
            for node in rules.nodes.all:
                for address in (*node.addresses, *(localhost if node.name == rules.nodes.first else ())):
                    yield HealthCheckAddress(service, node.name, address, port)


def count_local_endpoints(rules: Rules, service: ObjectKey, node: str) -> int:
    """Return how many ready endpoints of a Service are on ``node``; one with both IP families counts once."""
    endpoints = (each for name in rules.by_service.get(service, ()) for each in rules.ports[name].endpoints)
    return len({each.target or each.ip for each in endpoints if each.is_ready and each.node_name == node})


def answer(service: ObjectKey, local_endpoints: int, *, is_proxy_healthy: bool) -> bytes:
    """Return the whole HTTP response."""
    namespace, name, healthy = (json.dumps(each) for each in (*service, is_proxy_healthy))
    body = (
        f'{{\n\t"service": {{\n\t\t"namespace": {namespace},\n\t\t"name": {name}\n\t}},\n'
        f'\t"localEndpoints": {local_endpoints},\n\t"serviceProxyHealthy": {healthy}\n}}'
    )
    head = (
        f"HTTP/1.1 {'200 OK' if local_endpoints and is_proxy_healthy else '503 Service Unavailable'}",
        "Content-Type: application/json",
        "X-Content-Type-Options: nosniff",
        f"X-Load-Balancing-Endpoint-Weight: {local_endpoints}",
        f"Content-Length: {len(body)}",
        "Connection: close",
    )
    return ("\r\n".join(head) + "\r\n\r\n" + body).encode()
